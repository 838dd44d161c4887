import ContainerNetwork
import LinuxKernel
import Netlink

/// A container's networks, as its monitor looks after them: leased and held before the container is made, connected while its
/// first process waits, served while it runs.
struct MonitorNetwork {
    /// What is needed to connect, without the sockets.
    struct Plan {
        let engine: NetworkEngine
        let record: ContainerRecord
        let endpoints: [Endpoint]

        /// Connects the container whose first process this is.
        func connect(_ process: borrowing FileDescriptor) throws(NetworkError) -> Connection {
            if !record.joinsNetworks {
                // `none`: the loopback interface alone.
                if record.network == "none" { try engine.setUpLoopbackOnly(namespace: process, groups: groups) }
                return Connection()
            }
            return try engine.connect(
                endpoints, namespace: process, groups: groups, resolver: !record.networking.servesNames)
        }

        private var groups: ClosedRange<UInt32>? { record.idRange.map { $0.base...($0.base + $0.size - 1) } }
    }

    private let engine: Engine
    private let record: ContainerRecord
    private(set) var endpoints: [Endpoint] = []
    private var sockets: [SharedDescriptor] = []
    private var listeners: [HeldPorts.Listener] = []

    /// Leases addresses and holds ports.
    init(_ engine: Engine, _ record: ContainerRecord) throws {
        self.engine = engine
        self.record = record
        if !record.joinsNetworks { return }
        var all = try engine.networks.lease(
            containerID: record.id, attachments: record.attachments, names: record.networkNames,
            ports: record.attachments.isEmpty ? [] : try record.ports.map(Self.portRequest))
        let registry = engine.containers
        let held = try engine.networks.holdPorts(&all) { registry.name(of: $0) }
        listeners = held.listeners
        sockets = held.release().map { SharedDescriptor(FileDescriptor(owning: $0)) }
        endpoints = all
    }

    var plan: Plan { Plan(engine: engine.networks, record: record, endpoints: endpoints) }

    /// What the state says of the networks.
    func describe(_ state: inout ContainerState) {
        state.ports = endpoints.flatMap(\.ports).map(ContainerRecord.Port.init)
        guard let first = endpoints.first(where: { $0.v4?.isDefaultRoute == true }) ?? endpoints.first else { return }
        state.hardwareAddress = first.macAddress.description
        guard let own = first.v4 ?? first.v6 else { return }
        state.address = own.address.description
        state.prefixLength = own.network.prefixLength
        state.gateway = own.gateway?.description ?? ""
    }

    /// What the monitor does for the networks while the container runs; nil when there is nothing.
    func services(_ connection: Connection) throws -> NetworkServices? {
        guard !endpoints.isEmpty else { return nil }
        let services = try NetworkServices()
        let networks = engine.networks
        if let resolver = connection.resolver {
            let server = try NameServer(
                NameLookup(networks, containerID: record.id), resolver, servers: record.dns.compactMap { IPAddress($0) }
            )
            try services.add(server.number) { server.serve() }
        }
        if !listeners.isEmpty {
            let relay = try PortRelay(networks, containerID: record.id, listeners)
            try services.add(relay.number) { relay.serve() }
        }
        let watch = try RuleWatch(networks)
        try services.add(watch.number) { watch.serve() }
        return services
    }

    /// Gives the ports up.
    mutating func close() { sockets = [] }

    private static func portRequest(_ port: ContainerRecord.Port) throws -> PortRequest {
        let address = IPAddress(port.hostAddress)
        guard let proto = PortProtocol(rawValue: port.proto), address != nil || port.hostAddress.isEmpty else {
            throw EngineError("the published port \(port.hostAddress):\(port.hostPort) makes no sense", exitCode: 125)
        }
        var request = PortRequest(
            hostAddress: address, hostPort: port.hostPort, containerPort: port.containerPort, portProtocol: proto)
        if port.hostPort > 0, port.lastHostPort > port.hostPort {
            request.hostPorts = port.hostPort...port.lastHostPort
        }
        return request
    }
}

extension ContainerRecord.Port {
    /// As it is really published.
    init(_ port: PublishedPort) {
        self.init(
            hostAddress: port.hostAddress.description, hostPort: port.hostPort,
            containerPort: port.request.containerPort, proto: port.request.portProtocol.rawValue)
    }
}
