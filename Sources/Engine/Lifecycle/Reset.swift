import ContainerNetwork
import ControlGroups
import Glibc
import ImageStore
import LinuxKernel
import OCI

extension Engine {
    /// Removes an image by Docker's rules: not while containers use it.
    ///
    /// - Parameter platforms: only the images for these; all where there are none.
    public func removeImage(_ name: String, platforms: [Platform] = [], force: Bool) throws -> [RemovalEvent] {
        let containers = try list()
        let usedBy = { (id: Digest) in
            containers.filter { $0.record.imageID == id.description }
                .map { ImageUse(container: ContainerID.short($0.record.id), isRunning: $0.state.status == .running) }
        }
        if platforms.isEmpty { return try images.remove(name, force: force, usedBy: usedBy) }
        var events = [RemovalEvent]()
        for platform in platforms {
            events += try images.remove(name, platform: platform, force: force, usedBy: usedBy)
        }
        return events
    }

    /// Removes everything of this engine: containers, images, volumes, networks, and its directories.
    public func reset() throws(EngineError) {
        for id in containers.ids() { try remove(id, force: true, volumes: true) }
        sweep()
        do {
            try networks.removeAll()
            let group = try ControlGroup.open(host: HostControlGroups.detect(), path: roots.controlGroupParent)
            if group.exists { try group.remove() }
        } catch {
            throw EngineError("\(error)")
        }
        try attempt("remove", roots.state) { () throws(Errno) in
            try Files.removeTree(roots.run)
            do throws(Errno) { try Files.removeTree(roots.state) } catch {
                // A root that is a mount point is empty now, and stays as somebody's mount.
                guard error == .busy else { throw error }
            }
        }
        // What somebody made who was starting a container meanwhile: from now on nobody can.
        do throws(NetworkError) { try networks.removeAll() } catch { throw EngineError(error.description) }
    }

    /// `v1`, `v2` or `hybrid`.
    public var controlGroupLayout: String { (try? HostControlGroups.detect().layout.rawValue) ?? "none" }
}
