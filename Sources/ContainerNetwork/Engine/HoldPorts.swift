import LinuxKernel
import Netlink

extension NetworkEngine {
    /// Binds the endpoints' host ports, so that no other program and no other engine can have them, and chooses those that
    /// were left open. The process that is to stand for the container (its monitor) calls this.
    ///
    /// - Parameter ownerName: gives the name of one of this engine's containers, for the message about a clash.
    /// - Throws: ``NetworkError``; for a port that is taken it says by which container or process.
    public func holdPorts(
        _ all: inout [Endpoint], ownerName: (String) -> String?
    ) throws(NetworkError) -> HeldPorts {
        guard let place = all.firstIndex(where: { !$0.ports.isEmpty }) else { return .none() }
        var held = HeldPorts()
        var inodes = [UInt64]()
        var start = 0
        while start < all[place].ports.count {
            // The same request on several addresses: the same port on all of them.
            let request = all[place].ports[start].request
            var end = start + 1
            while end < all[place].ports.count, all[place].ports[end].request == request, request.hostAddress == nil {
                end += 1
            }
            let sockets = try hold(all[place].ports[start..<end], ownerName: ownerName)
            for (index, number) in zip(start..<end, sockets.numbers) {
                if let port = sockets.port { all[place].ports[index].hostPort = port }
                let port = all[place].ports[index]
                guard let number else {
                    inodes.append(0)
                    continue
                }
                let socket = FileDescriptor(owning: number)
                inodes.append((try? socket.status().inode) ?? 0)
                held.add(socket, listensFor: port.way == .kernel ? nil : port)
            }
            start = end
        }
        // The record first: it leads to the notes.
        try endpoints.write(all, of: all[place].containerID)
        for (port, inode) in zip(all[place].ports, inodes) {
            try claims.notePort(port, inode: inode, containerID: all[place].containerID)
        }
        return held
    }

    /// Holds the ports of one endpoint.
    public func holdPorts(_ endpoint: inout Endpoint, ownerName: (String) -> String?) throws(NetworkError) -> HeldPorts
    {
        var all = [endpoint]
        let held = try holdPorts(&all, ownerName: ownerName)
        endpoint = all[0]
        return held
    }

    /// Binds one request's port on each of its addresses.
    ///
    /// - Returns: the sockets' numbers, now the caller's, nil for a protocol the kernel does not know; and the port.
    private func hold(
        _ ports: ArraySlice<PublishedPort>, ownerName: (String) -> String?
    ) throws(NetworkError) -> (numbers: [Int32?], port: UInt16?) {
        guard let first = ports.first else { return ([], nil) }
        let request = first.request
        // A port that the kernel chooses on the first address may be taken on the second.
        let wanted = request.hostPorts.map { Array($0) } ?? [UInt16](repeating: 0, count: ports.count > 1 ? 32 : 1)
        var last = (error: Errno.addressInUse, port: first)
        for choice in wanted {
            var numbers = [Int32?]()
            var chosen = choice
            var failed = false
            for port in ports {
                do throws(Errno) {
                    guard let socket = try bind(port, chosen) else {
                        // Nobody can bind it, so nobody can be asked for a free one either.
                        guard chosen != 0 else { throw Errno(rawValue: 93 /* EPROTONOSUPPORT */) }
                        numbers.append(nil)
                        continue
                    }
                    chosen = socket.port
                    numbers.append(socket.intoDescriptor().release())
                } catch {
                    for number in numbers { if let number { _ = FileDescriptor(owning: number) } }
                    last = (error, port)
                    failed = true
                    break
                }
            }
            if !failed { return (numbers, chosen) }
            guard last.error == .addressInUse else { break }
        }
        throw clash(last.port, last.error, ownerName: ownerName)
    }

    /// Binds a port; nil for a protocol the kernel does not know: such a port cannot be taken by anybody else either.
    private func bind(_ published: PublishedPort, _ port: UInt16) throws(Errno) -> PortSocket? {
        let address = published.hostAddress.bytes
        let transport = published.request.portProtocol.transport
        let listens = published.way != .kernel
        do throws(Errno) {
            return try PortSocket(transport, address: address, port: port, listens: listens)
        } catch {
            if error == Errno(rawValue: 93 /* EPROTONOSUPPORT */), transport == .sctp { return nil }
            guard error == .addressInUse, transport == .tcp, port != 0 else { throw error }
            // Perhaps only connections in TIME_WAIT stand in the way. One process at a time looks.
            guard let guardian = try? claims.portLock() else { throw error }
            defer { withExtendedLifetime(guardian) {} }
            return try PortSocket(.tcp, address: address, port: port, retryTimeWait: true, listens: listens)
        }
    }

    private func clash(_ published: PublishedPort, _ error: Errno, ownerName: (String) -> String?) -> NetworkError {
        let request = published.request
        func failure(_ cause: String, _ remedy: String) -> NetworkError {
            var shown = request
            shown.hostAddress = published.hostAddress
            return NetworkError(operation: "publish", object: "\(shown)", cause: cause, remedy: remedy)
        }
        switch error {
        case .addressNotAvailable:
            return failure(
                "\(published.hostAddress) is no address of this host", "use one that `ip address` shows, or 0.0.0.0")
        case .accessDenied, .notPermitted:
            return failure("binding the port is not permitted", "use a port from 1024 on, or run as root")
        case .addressInUse: break
        default: return failure("\(error)", "")
        }
        guard let wanted = request.hostPorts else {
            return failure("no port is free", "stop containers or programs that are not needed")
        }
        let port = wanted.lowerBound
        if wanted.upperBound > port {
            return failure("all ports from \(port) to \(wanted.upperBound) are taken", "choose another range")
        }
        let owner = owner(of: port, published, ownerName: ownerName) ?? "another program"
        return failure("port \(port) is taken by \(owner)", "stop that one or choose another host port")
    }

    private func owner(of port: UInt16, _ published: PublishedPort, ownerName: (String) -> String?) -> String? {
        let sockets = PortOwners.sockets(on: port, published.request.portProtocol, at: published.hostAddress)
        let noted = claims.owners(of: port, published.request.portProtocol, at: published.hostAddress)
        // A held TCP port is in no list of the kernel's unless it listens; a held UDP port is listed with its inode. So a
        // listed socket that no container noted is the real owner, and a note beside it is out of date.
        if let foreign = sockets.first(where: { row in !noted.contains { $0.inode == row.inode } }) {
            return PortOwners.process(holding: foreign.inode).map { "process \($0)" }
                ?? "a process that cannot be seen here"
        }
        guard let owner = noted.first else { return nil }
        if owner.stateRoot != stateRoot {
            return "container \(owner.containerID.prefix(12)) of the engine at \(owner.stateRoot)"
        }
        let short = owner.containerID.prefix(12)
        return ownerName(owner.containerID).map { "container \($0) (\(short))" } ?? "container \(short)"
    }
}
