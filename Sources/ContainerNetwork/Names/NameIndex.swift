import LinuxKernel
import Netlink

/// Who is called what in which network: `names/NETWORK/NAME/CONTAINERID`, a symbolic link whose text holds the addresses. A
/// look-up opens one small directory, however many containers there are.
struct NameIndex: Sendable {
    /// The directory of all networks.
    let directory: String

    /// A name as it is looked up: small ASCII letters. Nil for one that no container can have.
    static func key(_ name: String) -> String? {
        let bytes = name.utf8.map { (0x41...0x5A).contains($0) ? $0 + 32 : $0 }
        let fits =
            (1...253).contains(bytes.count) && bytes.first != UInt8(ascii: ".")
            && bytes.allSatisfy {
                (0x61...0x7A).contains($0) || (0x30...0x39).contains($0) || $0 == 0x2D || $0 == 0x2E || $0 == 0x5F
            }
        return fits ? String(decoding: bytes, as: UTF8.self) : nil
    }

    /// The directory of everybody called so.
    func folder(_ key: String, in network: String) -> String { path(network, key) }

    private func path(_ network: String, _ key: String) -> String { "\(directory)/\(network)/\(key)" }

    /// Enters a container's names. Its record leads to them.
    func add(_ endpoint: Endpoint) throws(NetworkError) {
        let target = endpoint.addresses.map { "\($0.address)" }.joined(separator: " ")
        for key in Set(endpoint.names.compactMap { Self.key($0) }) {
            let folder = path(endpoint.network, key)
            do throws(Errno) {
                // Somebody who leaves may remove the directory between the two steps.
                for attempt in 0..<8 {
                    do throws(Errno) { try Files.makeDirectory(folder, mode: 0o700) } catch {
                        if error == .noSuchFile {
                            try Files.makeDirectories("\(directory)/\(endpoint.network)", mode: 0o700)
                            continue
                        }
                        if error != .fileExists { throw error }
                    }
                    do throws(Errno) {
                        try Files.symbolicLink("\(folder)/\(endpoint.containerID)", target: target)
                        break
                    } catch {
                        if error == .fileExists { try? Files.unlink("\(folder)/\(endpoint.containerID)") }
                        if attempt == 7 || error != .noSuchFile && error != .fileExists { throw error }
                    }
                }
            } catch { throw NetworkError("enter the name", key, error) }
        }
    }

    /// Removes a container's names.
    func remove(_ endpoint: Endpoint) {
        for key in Set(endpoint.names.compactMap { Self.key($0) }) {
            let folder = path(endpoint.network, key)
            try? Files.unlink("\(folder)/\(endpoint.containerID)")
            // Fails while another container has the name.
            try? Files.unlink(folder, directory: true)
        }
    }

    /// The addresses of everybody called so in the network; nil when nobody is.
    func addresses(_ key: String, in network: String) -> [(containerID: String, addresses: [IPAddress])]? {
        guard let opened = try? Files.open(path(network, key), [.readOnly, .directory]),
            let entries = try? opened.directoryEntries(), !entries.isEmpty
        else { return nil }
        return entries.compactMap { entry in
            let name = entry.name.description
            guard let target = try? Files.readLink(at: opened.rawValue, name) else { return nil }
            return (name, target.description.utf8.split(separator: 32).compactMap { IPAddress(Substring($0)) })
        }
    }

    /// Removes what dead containers left.
    func sweep(where isDead: (String) -> Bool) {
        for network in Self.names(directory) {
            for key in Self.names("\(directory)/\(network)") {
                let folder = path(network, key)
                for container in Self.names(folder) where isDead(container) {
                    try? Files.unlink("\(folder)/\(container)")
                }
                try? Files.unlink(folder, directory: true)
            }
        }
    }

    /// Everything that is entered, for checks.
    func all() -> [(network: String, key: String, containerID: String)] {
        Self.names(directory).flatMap { network in
            Self.names("\(directory)/\(network)").flatMap { key in
                Self.names(path(network, key)).map { (network, key, $0) }
            }
        }
    }

    private static func names(_ path: String) -> [String] {
        guard let opened = try? Files.open(path, [.readOnly, .directory]), let entries = try? opened.directoryEntries()
        else { return [] }
        return entries.map(\.name.description)
    }
}
