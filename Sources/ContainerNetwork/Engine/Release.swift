import LinuxKernel
import Netlink

extension NetworkEngine {
    /// Takes back everything a container has: elements, neighbour entries, names, port notes, addresses, record. The veth
    /// pairs go with the container's namespace, by the kernel, some 20 ms after its last process.
    ///
    /// A container that has nothing is fine, and so is one whose release somebody killed half way.
    public func release(containerID: String) throws(NetworkError) {
        try Self.checkName(containerID, "container ID")
        guard Files.exists(endpoints.directory) else { return }
        let mine = try lock(container: containerID)
        defer { withExtendedLifetime(mine) {} }
        let own = endpoints.read(containerID)
        let connected = own.filter(\.isConnected)
        if !connected.isEmpty { try disconnect(connected) }
        for endpoint in own { for port in endpoint.ports { claims.forgetPort(port, of: containerID) } }
        // Addresses go before the record that leads to them. One that was never leased, or is somebody else's by now, stays.
        for endpoint in own { giveBack(endpoint) }
        try endpoints.remove(containerID)
    }

    /// Takes an endpoint out of the kernel's tables.
    func disconnect(_ endpoint: Endpoint) throws(NetworkError) { try disconnect([endpoint]) }

    /// Takes endpoints of one container out of the kernel's tables, and out of the names.
    func disconnect(_ endpoints: [Endpoint]) throws(NetworkError) {
        for endpoint in endpoints { nameIndex.remove(endpoint) }
        let bridged = endpoints.filter { $0.driver == .bridge }
        if bridged.isEmpty { return }
        var links = try HostLinks()
        try links.forgetNeighbours(bridged)
        let guardian = try lock()
        defer { withExtendedLifetime(guardian) {} }
        var loader = try loader()
        // A port that another container holds by now is published to that one: its element stays.
        try loader.remove(
            bridged.flatMap { endpoint in
                endpoint.ruleElements.filter { element in
                    guard case .published(let port, _) = element else { return true }
                    return !claims.isNoted(port, ofAnotherThan: endpoint.containerID)
                }
            })
        // A redirection outlives its rule as long as packets come or the connection is not seen to end: whoever keeps
        // sending would reach the next container that gets the address.
        for endpoint in bridged where !endpoint.ports.isEmpty { try loader.forgetConnections(of: endpoint) }
        // Under the same lock: a monitor that heals a flush right now would else bring the elements back from the record.
        for containerID in Set(bridged.map(\.containerID)) {
            var all = self.endpoints.read(containerID)
            let gone = all.indices.filter { index in bridged.contains { $0.identifier == all[index].identifier } }
            if gone.isEmpty { continue }
            for index in gone { all[index].isConnected = false }
            try self.endpoints.write(all, of: containerID)
        }
    }

    private func giveBackAddresses(where isDead: (String) -> Bool) {
        for network in networks.names() {
            let leases = leases(of: network)
            for lease in leases.all() where isDead(lease.containerID) {
                leases.giveBack(lease.address, of: lease.containerID)
            }
        }
    }

    /// Takes back what dead containers left, and heals the rules when somebody flushed them while containers run.
    ///
    /// - Parameter isAlive: whether a container, by its ID, runs or is being started. It is asked without any lock held.
    /// - Returns: the containers whose leftovers were found.
    @discardableResult
    public func reconcile(isAlive: (String) -> Bool) throws(NetworkError) -> [String] {
        var dead = [String]()
        var hasLiving = false
        for containerID in endpoints.containerIDs() {
            if isAlive(containerID) {
                hasLiving = hasLiving || endpoints.read(containerID).contains { $0.isConnected }
            } else {
                try release(containerID: containerID)
                dead.append(containerID)
            }
        }
        sweep()
        giveBackAddresses { owner in !Files.exists("\(endpoints.directory)/\(owner).json") && !isAlive(owner) }
        nameIndex.sweep { !Files.exists("\(endpoints.directory)/\($0).json") && !isAlive($0) }
        if hasLiving { try heal() }
        return dead
    }

    /// Removes the halves of records that killed processes were writing. Every command that lists something may call it: it
    /// costs two looks into directories.
    public func sweep() {
        endpoints.removeTemporaries()
        guard Temporaries.exist(in: networks.directory), let guardian = try? lock() else { return }
        defer { withExtendedLifetime(guardian) {} }
        Temporaries.remove(in: networks.directory)
    }

    /// Loads the rules anew when they are not what they should be and somebody is connected: a monitor that is still on its way
    /// out must not bring back what `system reset` has removed.
    ///
    /// - Returns: whether that was necessary.
    @discardableResult
    public func heal() throws(NetworkError) -> Bool {
        let guardian = try lock()
        defer { withExtendedLifetime(guardian) {} }
        var loader = try loader()
        if try loader.isCurrent() { return false }
        let isNeeded = endpoints.containerIDs().contains { id in endpoints.read(id).contains { $0.isConnected } }
        guard isNeeded else { return false }
        try loader.load(allElements())
        return true
    }

    /// Removes everything this engine has in the kernel and in the machine-wide claims, and its records. For tests and
    /// for `system reset`; no container may be running.
    public func removeAll() throws(NetworkError) {
        guard Files.exists(runRoot) else { return try removeKernelObjects() }
        let guardian = try lock()
        defer { withExtendedLifetime(guardian) {} }
        try removeKernelObjects()
        claims.giveBackAll()
        if !claims.hasSubnets {
            if claims.takeForwardingNote() { try? Files.writeKernelFile("/proc/sys/net/ipv4/ip_forward", "0") }
            if let interfaces = claims.takeForwarding6Note() { HostSettings.disableForwarding6(interfaces) }
        }
        for path in [
            "\(runRoot)/endpoints", "\(runRoot)/addresses", "\(runRoot)/ready", "\(runRoot)/names",
            "\(stateRoot)/networks",
        ] {
            do throws(Errno) { try Files.removeTree(path) } catch { throw NetworkError("remove", path, error) }
        }
    }

    private func removeKernelObjects() throws(NetworkError) {
        var loader = try loader()
        try loader.removeTables()
        var links = try HostLinks()
        for port in try links.names(startingWith: names.portPrefix) { try links.removeLink(port) }
        var bridges: Set<String> = [names.defaultBridge]
        for name in networks.names() {
            if let record = try? networks.read(name), record.driver == .bridge { bridges.insert(record.bridge) }
        }
        for bridge in bridges.sorted() { try links.removeOldBridge(bridge) }
    }
}
