import ContainerNetwork
import Glibc
import LinuxKernel
import Netlink

/// `/etc/hosts`, `/etc/hostname` and `/etc/resolv.conf` as Docker makes them, kept in the container's directory and
/// bound into it; they belong to the container's root, which may edit them.
struct NameFiles {
    let record: ContainerRecord
    let directory: ContainerDirectory
    /// The container's places in networks, none without a network of its own.
    let endpoints: [Endpoint]

    func write() throws(EngineError) {
        let owner = record.idRange?.base ?? 0
        for (name, text) in [("hosts", hosts), ("hostname", record.hostname + "\n"), ("resolv.conf", resolver)] {
            let path = "\(directory.path)/\(name)"
            try attempt("write", path) { () throws(Errno) in
                try Files.replace(path, with: Array(text.utf8), mode: 0o644)
                if owner != 0 { try Files.changeOwner(at: WorkingDirectory.rawValue, path, uid: owner, gid: owner) }
            }
        }
    }

    private var hosts: String {
        if record.network == "host", let bytes = try? Files.read("/etc/hosts") {
            return String(decoding: bytes, as: UTF8.self) + extraLines
        }
        var text = """
            127.0.0.1\tlocalhost
            ::1\tlocalhost ip6-localhost ip6-loopback
            fe00::\tip6-localnet
            ff00::\tip6-mcastprefix
            ff02::1\tip6-allnodes
            ff02::2\tip6-allrouters

            """
        text += extraLines
        for endpoint in endpoints { text += Self.lines(endpoint, record) }
        return text
    }

    /// A container's own lines for one network.
    static func lines(_ endpoint: Endpoint, _ record: ContainerRecord) -> String {
        let full =
            record.domainname.isEmpty ? record.hostname : "\(record.hostname).\(record.domainname) \(record.hostname)"
        return endpoint.addresses.map { "\($0.address)\t\(full)\n" }.joined()
    }

    /// Adds and removes lines of a running container's hosts file: in place, since the file itself is bound into it. Lines
    /// that the container wrote stay.
    static func change(_ directory: ContainerDirectory, removing old: String, adding new: String) throws(EngineError) {
        let path = "\(directory.path)/hosts"
        try attempt("write", path) { () throws(Errno) in
            let text = String(decoding: try Files.read(path, limit: 4 << 20), as: UTF8.self)
            let gone = Set(old.utf8.split(separator: 10).map { Array($0) })
            var bytes = [UInt8]()
            for line in text.utf8.split(separator: 10) where !gone.contains(Array(line)) { bytes += Array(line) + [10] }
            bytes += Array(new.utf8)
            // Shortened last: whoever is killed in between leaves lines too many, never too few.
            let file = try Files.open(path, [.writeOnly, .noFollow])
            try file.writeAll(bytes)
            try file.setSize(Int64(bytes.count))
        }
    }

    /// The host's side as the container reaches it (`host-gateway`).
    private var hostGateway: String {
        let own = endpoints.flatMap(\.addresses)
        return (own.first { $0.isDefaultRoute } ?? own.first)?.gateway?.description ?? "127.0.0.1"
    }

    private var extraLines: String {
        record.extraHosts.compactMap { entry in
            // NAME:ADDRESS or NAME=ADDRESS; an IPv6 address holds colons itself.
            guard let separator = entry.firstIndex(where: { $0 == ":" || $0 == "=" }) else { return nil }
            var target = String(entry[entry.index(after: separator)...])
            if target == "host-gateway" { target = hostGateway }
            if target.hasPrefix("["), target.hasSuffix("]") { target = String(target.dropFirst().dropLast()) }
            return "\(target)\t\(entry[..<separator])\n"
        }.joined()
    }

    /// Where there is a network: the resolver of the container's own monitor, which asks the host's servers. Elsewhere the
    /// host's file.
    private var resolver: String {
        let bytes = (try? Files.read("/etc/resolv.conf", limit: 1 << 20)) ?? []
        let changes =
            !record.dns.isEmpty || record.networking.searchDomains != nil || record.networking.resolverOptions != nil
        if endpoints.isEmpty, !changes { return String(decoding: bytes, as: UTF8.self) }
        var configuration = ResolverConfiguration(bytes)
        if let domains = record.networking.searchDomains {
            configuration.searchDomains = domains == ["."] ? [] : domains
        }
        if let options = record.networking.resolverOptions { configuration.options = options }
        let asked = record.dns.compactMap { IPAddress($0) }
        if !asked.isEmpty { configuration.servers = asked }
        if !endpoints.isEmpty, record.networking.servesNames {
            // The host's own loopback interface is out of reach.
            configuration.servers.removeAll { $0.isLoopback }
        } else if !endpoints.isEmpty {
            configuration.servers = [ResolverSockets.address]
            // As Docker: a name without a dot is a container's before it is anything else.
            if !configuration.options.contains(where: { PathText.begins($0, with: "ndots:") }) {
                configuration.options.append("ndots:0")
            }
        }
        return configuration.text
    }
}
