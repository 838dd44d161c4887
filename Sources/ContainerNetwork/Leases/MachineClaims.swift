import LinuxKernel
import Netlink

/// What all engines of one machine share: who has which subnet and which host port. A claim is a symbolic link whose text
/// says whose it is. The directory dies with the boot.
struct MachineClaims: Sendable {
    /// The machine-wide directory.
    let directory: String
    /// The state directory of this engine, which names it to the others.
    let stateRoot: String
    /// The inode of the network namespace whose ports are meant: engines in different ones may hold the same.
    let namespace: UInt64

    init(directory: String, stateRoot: String, namespace: UInt64 = MachineClaims.currentNamespace) {
        self.directory = directory
        self.stateRoot = stateRoot
        self.namespace = namespace
    }

    /// The calling thread's network namespace, 0 where procfs does not tell.
    static var currentNamespace: UInt64 {
        (try? Files.status("/proc/thread-self/ns/net", followLink: true))?.inode ?? 0
    }

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

    // Subnets: HASH-NETWORK and HASH.6-NETWORK -> "SUBNET STATEROOT"

    private func subnetName(_ network: String, isSix: Bool) -> String {
        "\(subnets)/\(StableHash.word(stateRoot, length: 12))\(isSix ? ".6" : "")-\(network)"
    }

    /// Claims the subnets of a network of this engine, in place of what it had claimed before. Under ``lock()``.
    func claimSubnets(_ plans: [AddressPlan], for network: String) throws(NetworkError) {
        giveBackSubnets(of: network)
        for plan in plans {
            let path = subnetName(network, isSix: plan.subnet.address.bitCount == 128)
            do throws(Errno) { try Files.symbolicLink(path, target: "\(plan.subnet) \(stateRoot)") } catch {
                throw NetworkError("claim the subnet", "\(plan.subnet)", error)
            }
        }
    }

    /// Gives back what a network of this engine has claimed.
    func giveBackSubnets(of network: String) {
        for isSix in [false, true] { try? Files.unlink(subnetName(network, isSix: isSix)) }
    }

    /// Whether this engine has claimed these subnets for the network.
    func hasClaimed(_ plans: [AddressPlan], for network: String) -> Bool {
        plans.allSatisfy { plan in
            let path = subnetName(network, isSix: plan.subnet.address.bitCount == 128)
            return (try? Files.readLink(path))?.description == "\(plan.subnet) \(stateRoot)"
        }
    }

    /// The subnets other networks have claimed. A claim whose network's record is gone is stale and removed.
    func otherSubnets(than network: String) -> [(subnet: IPNetwork, owner: String)] {
        let own = [subnetName(network, isSix: false), subnetName(network, isSix: true)]
        return list(subnets).compactMap { name -> (IPNetwork, String)? in
            let path = "\(subnets)/\(name)"
            guard !own.contains(path), let text = (try? Files.readLink(path))?.description,
                let space = text.utf8.firstIndex(of: 32), let subnet = IPNetwork(String(text[..<space])),
                let hyphen = name.utf8.firstIndex(of: UInt8(ascii: "-"))
            else { return nil }
            let owner = String(text[text.utf8.index(after: space)...])
            let its = name[name.utf8.index(after: hyphen)...]
            if Files.exists("\(owner)/networks/\(its).json") {
                return (subnet, "network \(its) of the engine at \(owner)")
            }
            try? Files.unlink(path)
            return nil
        }
    }

    /// Claims of this engine for networks that are no more.
    func staleSubnets(networks: Set<String>) -> [String] {
        let own = StableHash.word(stateRoot, length: 12)
        return list(subnets).filter { name in
            guard PathText.begins(name, with: own), let hyphen = name.utf8.firstIndex(of: UInt8(ascii: "-")) else {
                return false
            }
            return !networks.contains(String(name[name.utf8.index(after: hyphen)...]))
        }
    }

    /// Removes a claim that ``staleSubnets(networks:)`` gave.
    func removeSubnetClaim(_ name: String) { try? Files.unlink("\(subnets)/\(name)") }

    /// Whether any network of any engine has a claim.
    var hasSubnets: Bool { !list(subnets).isEmpty }

    /// Gives back every claim of this engine.
    func giveBackAll() {
        let own = StableHash.word(stateRoot, length: 12)
        for name in list(subnets)
        where PathText.begins(name, with: own + "-") || PathText.begins(name, with: own + ".6-") {
            try? Files.unlink("\(subnets)/\(name)")
        }
        for name in list(ports) where portOwner("\(ports)/\(name)")?.stateRoot == stateRoot {
            try? Files.unlink("\(ports)/\(name)")
        }
    }

    // Ports: PROTOCOL-PORT-ADDRESS-NAMESPACE -> "INODE CONTAINERID STATEROOT". The bound socket is the lease; this only tells who.

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
        "\(ports)/\(port.request.portProtocol.rawValue)-\(port.hostPort)-\(port.hostAddress)-\(namespace)"
    }

    /// Notes that a container of this engine holds a port. It does (the socket is bound), so an older note is wrong.
    func notePort(_ port: PublishedPort, inode: UInt64, containerID: String) throws(NetworkError) {
        let path = portName(port)
        let text = "\(inode) \(containerID) \(stateRoot)"
        do throws(Errno) {
            do throws(Errno) { try Files.symbolicLink(path, target: text) } catch {
                guard error == .fileExists else { throw error }
                let temporary = temporaryName(path, containerID)
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

    /// Whether the port is noted as that of another container of this engine, whose element in the rules is the same one.
    func isNoted(_ port: PublishedPort, ofAnotherThan containerID: String) -> Bool {
        guard let owner = portOwner(portName(port)) else { return false }
        return owner.containerID != containerID && owner.stateRoot == stateRoot
    }

    /// Removes the note, unless it is somebody else's by now.
    func forgetPort(_ port: PublishedPort, of containerID: String) {
        let path = portName(port)
        // Killed while it replaced another's note, it has left the replacement.
        let isOwn = isNoted(port, of: containerID)
        try? Files.unlink(isOwn ? path : temporaryName(path, containerID))
    }

    private func temporaryName(_ path: String, _ containerID: String) -> String { "\(path).\(containerID).tmp" }

    /// The containers of this engine that ports are noted for, with the notes' names.
    func ownPortNotes() -> [(name: String, containerID: String)] {
        list(ports).compactMap { name in
            guard let owner = portOwner("\(ports)/\(name)"), owner.stateRoot == stateRoot else { return nil }
            return (name, owner.containerID)
        }
    }

    /// Removes a note that ``ownPortNotes()`` gave.
    func removePortNote(_ name: String) { try? Files.unlink("\(ports)/\(name)") }

    /// Who holds a port that collides with this one: the same number on an overlapping address.
    func owners(of port: UInt16, _ portProtocol: PortProtocol, at address: IPAddress) -> [PortOwner] {
        let start = "\(portProtocol.rawValue)-\(port)-", end = "-\(namespace)"
        return list(ports).compactMap { name -> PortOwner? in
            guard PathText.begins(name, with: start), name.hasSuffix(end),
                let other = IPAddress(name.dropFirst(start.count).dropLast(end.count)),
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

// What engines changed on the host, so that the last one to go can change it back.
extension MachineClaims {
    private var forwardingPath: String { "\(directory)/forwarding-was-off" }
    private var forwarding6Path: String { "\(directory)/forwarding6-was-off" }

    /// Remembers that an engine switched IPv4 forwarding on.
    func noteForwardingEnabled() { try? Files.replace(forwardingPath, with: []) }

    /// Whether an engine switched IPv4 forwarding on; forgets it.
    func takeForwardingNote() -> Bool {
        guard Files.exists(forwardingPath) else { return false }
        try? Files.unlink(forwardingPath)
        return true
    }

    /// Remembers that an engine switched IPv6 forwarding on, and for which interfaces `accept_ra` was changed.
    func noteForwarding6Enabled(_ interfaces: [String]) {
        try? Files.replace(forwarding6Path, with: Array(interfaces.map { $0 + "\n" }.joined().utf8))
    }

    /// The interfaces of that note, nil when there is none; forgets it.
    func takeForwarding6Note() -> [String]? {
        guard let bytes = try? Files.read(forwarding6Path, limit: 1 << 20) else { return nil }
        try? Files.unlink(forwarding6Path)
        return bytes.split(separator: 10).map { String(decoding: $0, as: UTF8.self) }
    }
}
