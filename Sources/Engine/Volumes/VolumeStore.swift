import Glibc
import JSON
import LinuxKernel

/// A volume as `volume.json` beside its content describes it.
public struct VolumeRecord: Sendable, Equatable {
    public var name: String
    /// RFC 3339.
    public var created: String
    public var labels: [String: String] = [:]
    /// Whether it was made for one container without a name of its own.
    public var isAnonymous = false
    /// Where its content is.
    public var mountpoint: String

    /// In the shape of `docker volume inspect`.
    public var json: JSONValue {
        [
            "CreatedAt": .string(created), "Driver": "local",
            "Labels": labels.isEmpty && !isAnonymous
                ? .null : JSONValue(isAnonymous ? labels.merging(["com.docker.volume.anonymous": ""]) { $1 } : labels),
            "Mountpoint": .string(mountpoint), "Name": .string(name), "Options": nil, "Scope": "local",
        ]
    }
}

/// Named directories that outlive containers. What root of a container writes there is root's on disk, whatever the
/// container's own id range: volumes are shown through an id map.
public struct VolumeStore: Sendable {
    let path: String

    /// Docker's rule for names, with which no path can be built.
    public static func isValid(_ name: String) -> Bool { ContainerName.isValid(name) }

    private static func invalid(_ name: String) -> EngineError {
        EngineError(
            "\"\(ContainerRegistry.printable(name))\" is no valid volume name: letters, digits, _, . and - are allowed",
            exitCode: 125)
    }

    /// The directory of a volume, made when missing.
    func directory(
        _ name: String, labels: [String: String] = [:], isAnonymous: Bool = false
    ) throws(EngineError) -> (path: String, isNew: Bool) {
        guard Self.isValid(name) else { throw Self.invalid(name) }
        let data = "\(path)/\(name)/_data"
        if Files.exists(data) { return (data, false) }
        try attempt("make volume", name) { () throws(Errno) in
            do throws(Errno) { try Files.makeDirectory("\(path)/\(name)", mode: 0o701) } catch {
                if error != .fileExists { throw error }
            }
            // What describes it first: a volume is there once its content has a place.
            let description: JSONValue = [
                "created": .string(WallClock.now()), "labels": JSONValue(labels), "anonymous": .bool(isAnonymous),
            ]
            try Files.replace("\(path)/\(name)/volume.json", with: description.serialized(), mode: 0o600)
            do throws(Errno) { try Files.makeDirectory(data, mode: 0o755) } catch {
                if error != .fileExists { throw error }
            }
        }
        return (data, true)
    }

    /// The volume of a name; nil when there is none.
    public func find(_ name: String) -> VolumeRecord? {
        guard Self.isValid(name), let status = try? Files.status("\(path)/\(name)/_data") else { return nil }
        var record = VolumeRecord(
            name: name, created: WallClock.text(seconds: status.modificationSeconds, nanoseconds: 0),
            mountpoint: "\(path)/\(name)/_data")
        if let bytes = try? Files.read("\(path)/\(name)/volume.json"),
            let object = try? JSONValue(parsing: bytes).objectValue
        {
            record.created = (try? object.string("created")) ?? record.created
            record.labels = (try? object.stringMap("labels")) ?? [:]
            record.isAnonymous = (try? object.bool("anonymous")) ?? false
        } else {
            // From before volumes were described.
            record.isAnonymous = ContainerID.isID(name)
        }
        return record
    }

    /// All of them, by name.
    public func all() -> [VolumeRecord] {
        ContainerRegistry.entries(path).sorted().compactMap { find($0) }
    }

    /// Removes a volume with its content.
    func remove(_ name: String) throws(EngineError) {
        guard Self.isValid(name), Files.exists("\(path)/\(name)") else {
            throw EngineError("get \(ContainerRegistry.printable(name)): no such volume")
        }
        // Another name first, so that nobody finds half of it.
        let gone = "\(path)/.\(ContainerID.make().prefix(16))"
        try attempt("remove volume", name) { () throws(Errno) in
            try Files.rename("\(path)/\(name)", to: WorkingDirectory.rawValue, gone)
            try Files.removeTree(gone)
        }
    }

    /// Takes away what a killed removal left.
    func sweep() {
        for name in ContainerRegistry.entries(path) where name.utf8.first == UInt8(ascii: ".") {
            try? Files.removeTree("\(path)/\(name)")
        }
    }

    /// Held shared while a container that uses volumes is made, and alone while volumes are removed.
    func lock(shared: Bool) throws(EngineError) -> FileLock {
        try attempt("lock", "the volumes") { () throws(Errno) in try FileLock(path + ".lock", shared: shared) }
    }
}
