import Glibc
import LinuxKernel
import Netlink

/// What tells that a file was replaced or written.
private struct FileVersion: Equatable {
    var inode: UInt64
    var seconds: Int
    var nanoseconds: Int

    init?(_ path: String) {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        inode = UInt64(status.st_ino)
        seconds = status.st_mtim.tv_sec
        nanoseconds = status.st_mtim.tv_nsec
    }
}

/// A container's endpoints, read again only when its record was replaced.
struct CachedEndpoints {
    private let engine: NetworkEngine
    private let containerID: String
    private let path: String
    private var version: FileVersion?
    private var endpoints: [Endpoint] = []

    init(_ engine: NetworkEngine, containerID: String) {
        self.engine = engine
        self.containerID = containerID
        path = "\(engine.endpoints.directory)/\(containerID).json"
    }

    mutating func value() -> [Endpoint] {
        let now = FileVersion(path)
        if now == nil || now != version {
            endpoints = engine.endpoints.read(containerID)
            version = now
        }
        return endpoints
    }
}

/// The servers that questions go on to: the user's, or those in the host's `resolv.conf`, which may change while the
/// container runs. Asked from the host's side, so that servers on the host's own loopback interface will do.
final class Upstreams {
    private let fixed: [IPAddress]
    private var version: FileVersion?
    private var read: [IPAddress] = []

    init(_ fixed: [IPAddress]) { self.fixed = fixed }

    func servers() -> [IPAddress] {
        if !fixed.isEmpty { return fixed }
        let now = FileVersion("/etc/resolv.conf")
        if now == nil || now != version {
            let bytes = (try? Files.read("/etc/resolv.conf", limit: 1 << 20)) ?? []
            read = ResolverConfiguration(bytes).servers
            // resolv.conf(5): without a server the one on this host is asked.
            if read.isEmpty { read = [.v4(0x7F00_0001)] }
            version = now
        }
        return read
    }
}
