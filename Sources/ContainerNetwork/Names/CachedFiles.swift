import Glibc
import LinuxKernel
import Netlink

/// What tells that a file was replaced or written, or a directory's entries were.
struct FileVersion: Equatable {
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

    /// Whether the file was written so long ago that a later change has another time.
    func isOlder(thanMilliseconds age: Int) -> Bool {
        var now = timespec()
        guard clock_gettime(CLOCK_REALTIME, &now) == 0 else { return false }
        return (now.tv_sec - seconds) * 1000 + (now.tv_nsec - nanoseconds) / 1_000_000 > age
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

/// The addresses behind names, read again only when the name's directory has changed, which is looked at once for all questions
/// that came together.
public final class CachedNames {
    /// How many names are remembered.
    static let limit = 512

    private struct Entry {
        var version: FileVersion
        var addresses: [IPAddress]
        /// The number of the look that found it unchanged.
        var seen: UInt64
    }

    private struct Key: Hashable {
        var network: String
        var name: String
    }

    private let index: NameIndex
    private var entries: [Key: Entry] = [:]
    private var looks: UInt64 = 0

    init(_ index: NameIndex) { self.index = index }

    /// From now on what was found before is looked at again.
    func look() { looks &+= 1 }

    /// The addresses of everybody called so in the network; nil when nobody is.
    func addresses(_ key: String, in network: String) -> [IPAddress]? {
        let place = Key(network: network, name: key)
        if let entry = entries[place], entry.seen == looks { return entry.addresses }
        guard let version = FileVersion(index.folder(key, in: network)) else {
            entries[place] = nil
            return nil
        }
        if let entry = entries[place], entry.version == version {
            entries[place]?.seen = looks
            return entry.addresses
        }
        guard let found = index.addresses(key, in: network)?.flatMap(\.addresses) else {
            entries[place] = nil
            return nil
        }
        // A change within the same tick of the kernel's clock would leave the same time.
        if version.isOlder(thanMilliseconds: 100) {
            if entries.count >= Self.limit { entries.removeAll() }
            entries[place] = Entry(version: version, addresses: found, seen: looks)
        }
        return found
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
