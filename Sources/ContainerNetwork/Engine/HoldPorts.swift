import LinuxKernel
import Netlink

extension NetworkEngine {
    /// Binds the endpoint's host ports, so that no other program and no other engine can have them, and chooses those that
    /// were left open. The process that is to stand for the container (its monitor) calls this, or is handed the result.
    ///
    /// - Parameter ownerName: gives the name of one of this engine's containers, for the message about a clash.
    /// - Throws: ``NetworkError``; for a port that is taken it says by which container or process.
    public func holdPorts(_ endpoint: inout Endpoint, ownerName: (String) -> String?) throws(NetworkError) -> HeldPorts
    {
        var held = HeldPorts()
        if endpoint.ports.isEmpty { return held }
        var inodes = [UInt64]()
        for index in endpoint.ports.indices {
            let request = endpoint.ports[index].request
            let socket: PortSocket
            do throws(Errno) {
                guard let bound = try hold(request) else {
                    // Nobody can bind it, so nobody can be asked for a free one either.
                    guard endpoint.ports[index].hostPort != 0 else { throw Errno(rawValue: 93 /* EPROTONOSUPPORT */) }
                    inodes.append(0)
                    continue
                }
                socket = bound
            } catch {
                throw clash(request, error, ownerName: ownerName)
            }
            endpoint.ports[index].hostPort = socket.port
            inodes.append((try? socket.descriptor.status().inode) ?? 0)
            held.add(socket.intoDescriptor())
        }
        // The record first: it leads to the notes.
        let others = endpoints.read(endpoint.containerID).filter { $0.network != endpoint.network }
        try endpoints.write(others + [endpoint], of: endpoint.containerID)
        for (port, inode) in zip(endpoint.ports, inodes) {
            try claims.notePort(port, inode: inode, containerID: endpoint.containerID)
        }
        return held
    }

    /// The first port of the request that can be bound; nil for a protocol the kernel does not know: such a port cannot be
    /// taken by anybody else either.
    private func hold(_ request: PortRequest) throws(Errno) -> PortSocket? {
        let address = request.hostAddress.bytes
        var last = Errno.addressInUse
        for port in request.hostPorts ?? 0...0 {
            do throws(Errno) {
                return try PortSocket(request.portProtocol.transport, address: address, port: port)
            } catch {
                if error == Errno(rawValue: 93 /* EPROTONOSUPPORT */), request.portProtocol == .sctp { return nil }
                guard error == .addressInUse else { throw error }
                last = error
            }
            // Perhaps only connections in TIME_WAIT stand in the way. One process at a time looks.
            guard request.portProtocol == .tcp, port != 0, let guardian = try? claims.portLock() else { continue }
            defer { withExtendedLifetime(guardian) {} }
            do throws(Errno) {
                return try PortSocket(.tcp, address: address, port: port, retryTimeWait: true)
            } catch { last = error }
        }
        throw last
    }

    private func clash(_ request: PortRequest, _ error: Errno, ownerName: (String) -> String?) -> NetworkError {
        func failure(_ cause: String, _ remedy: String) -> NetworkError {
            NetworkError(operation: "publish", object: "\(request)", cause: cause, remedy: remedy)
        }
        switch error {
        case .addressNotAvailable:
            return failure(
                "\(request.hostAddress) is no address of this host", "use one that `ip address` shows, or 0.0.0.0")
        case .accessDenied, .notPermitted:
            return failure("binding the port is not permitted", "use a port from 1024 on, or run as root")
        case .addressInUse: break
        default: return failure("\(error)", "")
        }
        guard let wanted = request.hostPorts else {
            return failure("no port is free", "stop containers or programs that are not needed")
        }
        let port = wanted.lowerBound
        if wanted.count > 1 {
            return failure("all ports from \(port) to \(wanted.upperBound) are taken", "choose another range")
        }
        let owner = owner(of: port, request, ownerName: ownerName) ?? "another program"
        return failure("port \(port) is taken by \(owner)", "stop that one or choose another host port")
    }

    private func owner(of port: UInt16, _ request: PortRequest, ownerName: (String) -> String?) -> String? {
        let sockets = PortOwners.sockets(on: port, request.portProtocol, at: request.hostAddress)
        let noted = claims.owners(of: port, request.portProtocol, at: request.hostAddress)
        // A held TCP port never listens and is in no list of the kernel's; a held UDP port is listed with its inode. So a
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
