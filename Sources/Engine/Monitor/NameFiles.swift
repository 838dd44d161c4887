import Glibc
import LinuxKernel

/// `/etc/hosts`, `/etc/hostname` and `/etc/resolv.conf` as Docker makes them, kept in the container's directory and
/// bound into it; they belong to the container's root, which may edit them.
struct NameFiles {
    let record: ContainerRecord
    let directory: ContainerDirectory
    /// The container's address, nil without a network of its own.
    let address: String?
    let gateway: String?

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
        if let address {
            let full = record.domainname.isEmpty ? record.hostname : "\(record.hostname).\(record.domainname) \(record.hostname)"
            text += "\(address)\t\(full)\n"
        }
        return text
    }

    private var extraLines: String {
        record.extraHosts.compactMap { entry in
            // NAME:ADDRESS or NAME=ADDRESS; an IPv6 address holds colons itself.
            guard let separator = entry.firstIndex(where: { $0 == ":" || $0 == "=" }) else { return nil }
            var target = String(entry[entry.index(after: separator)...])
            if target == "host-gateway" { target = gateway ?? "127.0.0.1" }
            if target.hasPrefix("["), target.hasSuffix("]") { target = String(target.dropFirst().dropLast()) }
            return "\(target)\t\(entry[..<separator])\n"
        }.joined()
    }

    /// The host's resolvers, without those that only the host's own loopback reaches.
    private var resolver: String {
        let host = (try? Files.read("/etc/resolv.conf")).map { String(decoding: $0, as: UTF8.self) } ?? ""
        if !record.dns.isEmpty {
            return record.dns.map { "nameserver \($0)\n" }.joined()
                + host.split(separator: "\n").filter { $0.hasPrefix("search") || $0.hasPrefix("options") }.map { $0 + "\n" }.joined()
        }
        if record.network == "host" { return host }
        var lines = [String]()
        var hasServer = false
        for line in host.split(separator: "\n") {
            let words = line.split(whereSeparator: { $0 == " " || $0 == "\t" })
            if words.first == "nameserver", words.count > 1 {
                if words[1].hasPrefix("127.") || words[1] == "::1" { continue }
                hasServer = true
            }
            lines.append(String(line))
        }
        if !hasServer { lines += ["nameserver 8.8.8.8", "nameserver 8.8.4.4"] }
        return lines.joined(separator: "\n") + "\n"
    }
}
