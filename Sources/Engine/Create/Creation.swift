import ContainerNetwork
import Glibc
import ImageStore
import LinuxKernel
import Netlink
import OCI

/// The lock of the volumes as an optional object.
private final class VolumesLock {
    private let lock: FileLock
    init(_ volumes: VolumeStore) throws(EngineError) { lock = try volumes.lock(shared: true) }
}

/// A container that exists on disk and whose lock its creator holds.
public struct CreatedContainer: ~Copyable {
    public let record: ContainerRecord
    public let directory: ContainerDirectory
    let lock: FileLock
}

extension Engine {
    /// Creates a container: name, id range, directories, records. Nothing is mounted and no process exists yet.
    ///
    /// - Throws: ``EngineError`` with Docker's exit status; nothing is left then.
    public func create(_ request: ContainerRequest) throws(EngineError) -> CreatedContainer {
        let image: StoredImage
        do throws(ImageStoreError) { image = try images.resolve(request.image) } catch {
            throw EngineError("\(error)", exitCode: 125)
        }
        let id = ContainerID.make()
        var request = request
        if settings.usesInit { request.usesInit = true }
        let shared = try resolveNetworks(&request)
        let usesVolumes =
            !image.configuration.config.volumes.isEmpty || !request.volumesFrom.isEmpty
            || request.mounts.contains { if case .volume = $0.source { true } else { false } }
        // Nobody removes a volume between its making and the record that names it.
        let volumesLock = try usesVolumes ? VolumesLock(volumes) : nil
        defer { withExtendedLifetime(volumesLock) {} }
        var record = try RecordBuilder(
            request: request, image: image, id: id, volumes: volumes, layers: images.layerDirectories(of: image),
            borrowed: try borrowedMounts(request.volumesFrom)
        ).build()
        let directory = ContainerDirectory(roots: roots, id: id)
        // The lock comes before anything is visible: a command that meets the half-made container leaves it alone.
        guard let lock = try directory.lock() else { throw EngineError("container id \(id) is in use", exitCode: 125) }
        do throws(EngineError) {
            try claimName(request.name, &record)
            try directory.make()
            do throws(ImageStoreError) { try images.lease(layersOf: image, holder: id) } catch {
                throw EngineError("\(error)", exitCode: 125)
            }
            if let shared {
                // The network namespace belongs to the other container's user namespace, and so must this one be in it.
                record.idRange = shared.record.idRange
                record.security.usesHostUsers = shared.record.security.usesHostUsers
                record.hostname = shared.record.hostname
            } else if !request.usesHostUsers {
                record.idRange = try IDRanges.claim(for: directory.path, highest: max(image.highestID, 65535))
            }
            try makeOverlayDirectories(record, directory, images.layerDirectories(of: image))
            try fillVolumes(record, image)
            try directory.write(record)
            // What somebody keeps without starting it is told from what a killed `run` left by its state.
            if request.isKept { try directory.write(ContainerState()) }
        } catch {
            try? discard(record, directory)
            throw EngineError(error.description, exitCode: 125)
        }
        report("create", record)
        return CreatedContainer(record: record, directory: directory, lock: lock)
    }

    /// The mounts of other containers, tmpfs left out, as Docker's `--volumes-from` takes them over.
    private func borrowedMounts(
        _ sources: [(container: String, isReadOnly: Bool?)]
    ) throws(EngineError) -> [ContainerMount] {
        var result = [ContainerMount]()
        for source in sources {
            for mount in try inspect(source.container).record.mounts where mount.kind != .tmpfs {
                var mount = mount
                // It is that container's to remove.
                mount.isAnonymous = false
                mount.copiesContent = false
                mount.isReadOnly = source.isReadOnly ?? mount.isReadOnly
                result.removeAll { $0.destination == mount.destination }
                result.append(mount)
            }
        }
        return result
    }

    private func claimName(_ wanted: String?, _ record: inout ContainerRecord) throws(EngineError) {
        if let wanted {
            guard ContainerName.isValid(wanted) else {
                throw EngineError(
                    "Invalid container name (\(ContainerRegistry.printable(wanted))), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed"
                )
            }
            return try containers.claim(name: wanted, id: record.id)
        }
        for attempt in 0... {
            // Pairs of words run out one day; then a number follows.
            let name = ContainerName.random() + (attempt < 8 ? "" : String(UInt32.random(in: 0..<1_000_000)))
            do throws(EngineError) { try containers.claim(name: name, id: record.id) } catch {
                if attempt < 16 { continue }
                throw error
            }
            record.name = name
            return
        }
    }

    private func makeOverlayDirectories(
        _ record: ContainerRecord, _ directory: ContainerDirectory, _ layers: [LayerDirectory]
    ) throws(EngineError) {
        // The merged root shows the upper directory's owner and mode: they are those of the image's root.
        let base = record.idRange?.base ?? 0
        let root = layers.last { $0.definesRoot }.flatMap { try? Files.status($0.path) }
        let uid = base + (root?.uid ?? 0), gid = base + (root?.gid ?? 0)
        try attempt("make", directory.upperDirectory) { () throws(Errno) in
            try Files.makeDirectory(directory.upperDirectory, mode: 0o755)
            if uid != 0 || gid != 0 {
                try Files.changeOwner(at: WorkingDirectory.rawValue, directory.upperDirectory, uid: uid, gid: gid)
            }
            if let root, root.permissions != 0o755 {
                try Files.changeMode(at: WorkingDirectory.rawValue, directory.upperDirectory, mode: root.permissions)
            }
            try Files.makeDirectory(directory.workDirectory, mode: 0o700)
        }
    }

    /// Removes a container that its creator could not start; the creator's lock is released with it.
    public func discard(_ container: consuming CreatedContainer) {
        try? discard(container.record, container.directory)
    }
}
