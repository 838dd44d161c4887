import LinuxKernel
import Netlink

/// What all engines of one machine share: who has which subnet and which host port. A claim is a symbolic link whose text
/// says whose it is. The directory dies with the boot.
struct MachineClaims: Sendable {
    /// The machine-wide directory.
    let directory: String
    /// The state directory of this engine, which names it to the others.
    let stateRoot: String

    private var subnets: String { "\(directory)/subnets" }
    private var ports: String { "\(directory)/ports" }

    /// Makes the directories. Other users' engines do not share them (rootless engines have a root of their own).
    func prepare() throws(NetworkError) {
        do throws(Errno) {
            try Files.makeDirectories(subnets, mode: 0o755)
            try Files.makeDirectories(ports, mode: 0o755)
        } catch { throw NetworkError("make the directory for claims", directory, error) }
    }

    /// The machine-wide lock, for choosing a subnet.
    func lock() throws(NetworkError) -> FileLock {
        do throws(Errno) { return try FileLock("\(directory)/lock") } catch {
            throw NetworkError("lock the claims in", directory, error)
        }
    }

    /// The machine-wide lock for the second way of holding a TCP port (``PortSocket``).
    func portLock() throws(NetworkError) -> FileLock {
        do throws(Errno) { return try FileLock("\(directory)/ports.lock") } catch {
            throw NetworkError("lock the claims in", directory, error)
        }
    }

    // Subnets: HASH-NETWORK -> "SUBNET STATEROOT"

    private func subnetName(_ network: String) -> String {
        "\(subnets)/\(StableHash.word(stateRoot, length: 12))-\(network)"
    }

    /// Claims a subnet for a network of this engine, in place of what it had claimed before. Under ``lock()``.
    func claimSubnet(_ subnet: IPNetwork, for network: String) throws(NetworkError) {
        try? Files.unlink(subnetName(network))
        do throws(Errno) { try Files.symbolicLink(subnetName(network), target: "\(subnet) \(stateRoot)") } catch {
            throw NetworkError("claim the subnet", "\(subnet)", error)
        }
    }

    /// The subnets other networks have claimed. A claim whose network's record is gone is stale and removed.
    func otherSubnets(than network: String) -> [(subnet: IPNetwork, owner: String)] {
        list(subnets).compactMap { name -> (IPNetwork, String)? in
            let path = "\(subnets)/\(name)"
            guard path != subnetName(network), let text = (try? Files.readLink(path))?.description,
                let space = text.firstIndex(of: " "), let subnet = IPNetwork(String(text[..<space])),
                let hyphen = name.firstIndex(of: "-")
            else { return nil }
            let owner = String(text[text.index(after: space)...])
            let its = name[name.index(after: hyphen)...]
            if Files.exists("\(owner)/networks/\(its).json") {
                return (subnet, "network \(its) of the engine at \(owner)")
            }
            try? Files.unlink(path)
            return nil
        }
    }

    /// Whether any network of any engine has a claim.
    var hasSubnets: Bool { !list(subnets).isEmpty }

    /// Gives back every claim of this engine.
    func giveBackAll() {
        let own = StableHash.word(stateRoot, length: 12) + "-"
        for name in list(subnets) where name.hasPrefix(own) { try? Files.unlink("\(subnets)/\(name)") }
        for name in list(ports) where portOwner("\(ports)/\(name)")?.stateRoot == stateRoot {
            try? Files.unlink("\(ports)/\(name)")
        }
    }

    // Ports: PROTOCOL-PORT-ADDRESS -> "INODE CONTAINERID STATEROOT". The bound socket is the lease; this only tells who.

    /// Who claims a port.
    struct PortOwner: Equatable {
        /// The inode of the socket that holds the port.
        var inode: UInt64
        /// The container.
        var containerID: String
        /// The state directory of the container's engine.
        var stateRoot: String
    }

    private func portName(_ port: PublishedPort) -> String {
        "\(ports)/\(port.request.portProtocol.rawValue)-\(port.hostPort)-\(port.request.hostAddress)"
    }

    /// Notes that a container of this engine holds a port. It does (the socket is bound), so an older note is wrong.
    func notePort(_ port: PublishedPort, inode: UInt64, containerID: String) throws(NetworkError) {
        let path = portName(port)
        let text = "\(inode) \(containerID) \(stateRoot)"
        do throws(Errno) {
            do throws(Errno) { try Files.symbolicLink(path, target: text) } catch {
                guard error == .fileExists else { throw error }
                let temporary = "\(path).\(containerID).tmp"
                try? Files.unlink(temporary)
                try Files.symbolicLink(temporary, target: text)
                try Files.rename(temporary, to: WorkingDirectory.rawValue, path)
            }
        } catch { throw NetworkError("note the owner of port", "\(port.hostText)", error) }
    }

    /// Whether the port is noted as this container's.
    func isNoted(_ port: PublishedPort, of containerID: String) -> Bool {
        guard let owner = portOwner(portName(port)) else { return false }
        return owner.containerID == containerID && owner.stateRoot == stateRoot
    }

    /// Whether the port is noted as somebody else's.
    func isNoted(_ port: PublishedPort, ofAnotherThan containerID: String) -> Bool {
        guard let owner = portOwner(portName(port)) else { return false }
        return owner.containerID != containerID || owner.stateRoot != stateRoot
    }

    /// Removes the note, unless it is somebody else's by now.
    func forgetPort(_ port: PublishedPort, of containerID: String) {
        if isNoted(port, of: containerID) { try? Files.unlink(portName(port)) }
    }

    /// Who holds a port that collides with this one: the same number on an overlapping address.
    func owners(of port: UInt16, _ portProtocol: PortProtocol, at address: IPAddress) -> [PortOwner] {
        let start = "\(portProtocol.rawValue)-\(port)-"
        return list(ports).compactMap { name -> PortOwner? in
            guard name.hasPrefix(start), let other = IPAddress(name.dropFirst(start.count)),
                other == address || other.isAny || address.isAny
            else { return nil }
            return portOwner("\(ports)/\(name)")
        }
    }

    private func portOwner(_ path: String) -> PortOwner? {
        guard let text = (try? Files.readLink(path))?.description else { return nil }
        let words = text.split(separator: " ", maxSplits: 2, omittingEmptySubsequences: false)
        guard words.count == 3, let inode = UInt64(words[0]) else { return nil }
        return PortOwner(inode: inode, containerID: String(words[1]), stateRoot: String(words[2]))
    }

    private func list(_ path: String) -> [String] {
        guard let opened = try? Files.open(path, [.readOnly, .directory]), let entries = try? opened.directoryEntries()
        else { return [] }
        return entries.map(\.name.description).sorted()
    }
}
