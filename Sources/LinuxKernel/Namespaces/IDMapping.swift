import CLinux
import Glibc

/// One line of `/proc/PID/uid_map`: `size` ids from `inside` in the namespace are `outside` ids of the parent's.
public struct IDMapping: Equatable, Sendable {
    public var inside: UInt32
    public var outside: UInt32
    public var size: UInt32

    /// A range of ids.
    public init(inside: UInt32, outside: UInt32, size: UInt32) {
        self.inside = inside
        self.outside = outside
        self.size = size
    }
}

extension [IDMapping] {
    /// The text that `uid_map` and `gid_map` take in one write.
    public var mapText: String { map { "\($0.inside) \($0.outside) \($0.size)\n" }.joined() }

    /// Reads what the kernel shows of a map; lines that are none are left out.
    public init(mapText text: [UInt8]) {
        self = text.split(separator: 10).compactMap { line in
            let numbers = line.split(separator: 32).compactMap { UInt32(String(decoding: $0, as: UTF8.self)) }
            return numbers.count == 3 ? IDMapping(inside: numbers[0], outside: numbers[1], size: numbers[2]) : nil
        }
    }

    /// The id outside for one inside, if it is mapped.
    public func outside(of inside: UInt32) -> UInt32? {
        for mapping in self where inside >= mapping.inside && inside - mapping.inside < mapping.size {
            return mapping.outside + (inside - mapping.inside)
        }
        return nil
    }
}

/// A user namespace that exists only for its id mapping, to make idmapped mounts with (`mount_setattr(2)`).
public enum UserNamespace {
    /// Makes the namespace with these mappings and returns a descriptor of it. Needs CAP_SETUID and CAP_SETGID; a
    /// process that ends at once is its birth helper.
    public static func make(uids: [IDMapping], gids: [IDMapping]) throws(Errno) -> FileDescriptor {
        let pair = try SocketPair(.stream)
        let theirNumber = pair.second.rawValue
        let ourNumber = pair.first.rawValue
        var options = CloneOptions()
        options.namespaces = .user
        let child = try ProcessClone.run(options) {
            var byte: UInt8 = 0
            // Our copy of the parent's end must go, or its close would not be seen here.
            close(ourNumber)
            _ = Glibc.read(theirNumber, &byte, 1)
            return 0
        }
        defer {
            try? child.send(signal: SIGKILL)
            _ = try? child.wait()
        }
        try write(uids: uids, gids: gids, pid: child.pid)
        return try open(of: child)
    }

    /// Writes a new user namespace's maps from outside.
    public static func write(uids: [IDMapping], gids: [IDMapping], pid: Int32) throws(Errno) {
        try Files.writeKernelFile("/proc/\(pid)/uid_map", uids.mapText)
        try Files.writeKernelFile("/proc/\(pid)/gid_map", gids.mapText)
    }

    /// A descriptor of a process's user namespace.
    public static func open(of process: borrowing ChildHandle) throws(Errno) -> FileDescriptor {
        let direct = berth_pidfd_get_user_namespace(process.pidfd.rawValue)
        if direct >= 0 { return FileDescriptor(owning: Int32(direct)) }
        // Kernels before 6.11 have no such request on a pidfd.
        return try Files.open("/proc/\(process.pid)/ns/user", .readOnly)
    }
}
