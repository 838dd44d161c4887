import LinuxKernel
import Netlink

extension NetworkEngine {
    /// Connects a running container to one network more.
    ///
    /// - Parameters:
    ///   - isRunning: asked once the container's endpoints are locked: its monitor takes them back only afterwards.
    ///   - namespace: a pidfd of a process in the container's network namespace. The caller must have a single thread.
    /// - Returns: the new endpoint and what stands in its way.
    public func attach(
        containerID: String, _ attachment: Attachment, names containerNames: [String],
        namespace: borrowing FileDescriptor, isRunning: () -> Bool
    ) throws(NetworkError) -> (endpoint: Endpoint, warnings: [NetworkWarning]) {
        try Self.checkName(containerID, "container ID")
        try Self.checkName(attachment.network, "network name")
        let record = try ensureClaimed(attachment.network)
        let mine = try lock(container: containerID)
        defer { withExtendedLifetime(mine) {} }
        guard isRunning() else {
            throw NetworkError(
                operation: "connect to network", object: record.name, cause: "the container has ended meanwhile")
        }
        let others = endpoints.read(containerID)
        guard !others.contains(where: { $0.network == record.name }) else {
            throw NetworkError(
                operation: "connect to network", object: record.name, cause: "the container is connected to it already",
                remedy: "disconnect it first to change its addresses")
        }
        var inside = try ContainerNamespace(namespace, groups: nil, container: containerID, isNew: false)
        let present = Set(try inside.interfaces())
        var number = 0
        while present.contains("eth\(number)") { number += 1 }
        var drafts = [
            try draft(containerID, attachment, record, names: containerNames, interface: "eth\(number)")
        ]
        // The first way out is the default route; one more changes nothing.
        if record.allowsOutside {
            let has4 = others.contains { $0.v4?.isDefaultRoute == true },
                has6 = others.contains { $0.v6?.isDefaultRoute == true }
            if !has4, drafts[0].v4?.gateway != nil { drafts[0].v4?.isDefaultRoute = true }
            if !has6, drafts[0].v6?.gateway != nil { drafts[0].v6?.isDefaultRoute = true }
        }
        try take(&drafts, [attachment], [record], keeping: others)
        var links = try HostLinks()
        var warnings = [NetworkWarning]()
        do throws(NetworkError) {
            try join(&drafts, keeping: others, &inside, &links, &warnings)
        } catch {
            links.removeLinks(of: drafts[0], inside: &inside)
            try? disconnect(drafts[0])
            giveBack(drafts[0])
            try? endpoints.writeOrRemove(others, of: containerID)
            throw error
        }
        return (drafts[0], warnings)
    }

    /// Disconnects a running container from a network. Default routes and published ports move to another of its networks
    /// where one will do.
    ///
    /// - Parameter namespace: a pidfd of a process in the container's network namespace. The caller must have a single
    ///   thread.
    /// - Returns: the endpoint that was, and those that are left.
    public func detach(
        containerID: String, network: String, namespace: borrowing FileDescriptor
    ) throws(NetworkError) -> (gone: Endpoint, left: [Endpoint]) {
        try Self.checkName(containerID, "container ID")
        let mine = try lock(container: containerID)
        defer { withExtendedLifetime(mine) {} }
        var all = endpoints.read(containerID)
        guard let place = all.firstIndex(where: { $0.network == network }) else {
            throw NetworkError(
                operation: "disconnect from network", object: network, cause: "the container is not connected to it",
                remedy: "`berth inspect` shows its networks")
        }
        let gone = all.remove(at: place)
        var records = [NetworkRecord]()
        for endpoint in all { if let record = try networks.read(endpoint.network) { records.append(record) } }
        var inside = try ContainerNamespace(namespace, groups: nil, container: containerID, isNew: false)
        if gone.isConnected { try disconnect(gone) }
        try inside.remove(gone)
        let before = all
        if records.count == all.count {
            try movePorts(of: gone, to: &all, records)
            try chooseRoutes(&all, records)
        }
        try endpoints.writeOrRemove(all, of: containerID)
        giveBack(gone)
        let kept = all.flatMap(\.ports).map(\.hostKey)
        for port in gone.ports where !kept.contains(port.hostKey) { claims.forgetPort(port, of: containerID) }
        for (old, new) in zip(before, all) {
            for six in [false, true] {
                let had = (six ? old.v6 : old.v4)?.isDefaultRoute ?? false
                let has = (six ? new.v6 : new.v4)?.isDefaultRoute ?? false
                if has, !had { try inside.addDefaultRoutes(new, six: six) }
            }
        }
        if let publisher = all.first(where: { !$0.ports.isEmpty && !gone.ports.isEmpty }) {
            let guardian = try lock()
            defer { withExtendedLifetime(guardian) {} }
            _ = try apply(publisher.ports.compactMap { publisher.publication($0) }, bridge: publisher.bridge)
        }
        return (gone, all)
    }

    /// The ports of an endpoint that goes are published by the next that can. The monitor holds the sockets as before.
    private func movePorts(
        of gone: Endpoint, to all: inout [Endpoint], _ records: [NetworkRecord]
    ) throws(NetworkError) {
        guard !gone.ports.isEmpty,
            let next = all.indices.first(where: { records[$0].driver == .bridge && records[$0].allowsOutside })
        else { return }
        all[next].ports = gone.ports.compactMap { port in
            var port = port
            if port.hostAddress.bitCount == 32 { return all[next].v4 == nil ? nil : port }
            if port.way != .kernel || port.request.portProtocol == .tcp {
                port.way =
                    all[next].v6 == nil || port.hostAddress.isLoopback
                    ? .monitor : port.way == .monitor ? .kernelAndMonitor : port.way
            } else if all[next].v6 == nil {
                return nil
            }
            return port
        }
    }
}
