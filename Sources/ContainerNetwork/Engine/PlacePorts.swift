import LinuxKernel
import Netlink

extension NetworkEngine {
    /// Puts the ports at the first endpoint that can publish them, on every address that they are to be reachable by.
    func place(_ requests: [PortRequest], of drafts: inout [Endpoint], _ records: [NetworkRecord]) throws(NetworkError)
    {
        guard let first = requests.first else { return }
        guard let index = records.firstIndex(where: { $0.driver == .bridge && $0.allowsOutside }) else {
            let name = records.first?.name ?? ""
            throw NetworkError(
                operation: "publish", object: "\(first)",
                cause: records.first?.driver == .macvlan
                    ? "network \(name) is of the driver macvlan, where containers have addresses of their own outside"
                    : "network \(name) is internal: nobody outside can reach it",
                remedy: "connect the container to a bridge network as well, or leave -p out")
        }
        var ports = [PublishedPort]()
        for request in requests {
            guard request.containerPort != 0 else {
                throw NetworkError(
                    operation: "publish", object: "\(request)", cause: "there is no port 0 in a container",
                    remedy: "give its number")
            }
            ports += try publications(of: request, drafts[index], records[index])
        }
        try Self.checkDistinct(ports)
        drafts[index].ports = ports
    }

    /// One port on each address of the host that the request means.
    private func publications(
        of request: PortRequest, _ endpoint: Endpoint, _ record: NetworkRecord
    ) throws(NetworkError) -> [PublishedPort] {
        func refusal(_ cause: String, _ remedy: String) -> NetworkError {
            NetworkError(operation: "publish", object: "\(request)", cause: cause, remedy: remedy)
        }
        let known = request.hostPorts.flatMap { $0.lowerBound == $0.upperBound ? $0.lowerBound : nil } ?? 0
        var result = [PublishedPort]()
        for address in addresses(for: request, record) {
            var port = PublishedPort(request: request, hostAddress: address, hostPort: known)
            if address.bitCount == 32 {
                if endpoint.v4 == nil {
                    if request.hostAddress == nil { continue }
                    throw refusal("network \(record.name) has no IPv4", "publish on an IPv6 address")
                }
            } else if endpoint.v6 == nil || address.isLoopback {
                // The kernel cannot redirect [::1], nor turn IPv6 into IPv4.
                if request.portProtocol != .tcp {
                    if request.hostAddress == nil { continue }
                    throw refusal(
                        address.isLoopback
                            ? "only TCP can be published on \(address), which the kernel does not redirect"
                            : "network \(record.name) has no IPv6, and only TCP can be passed on to IPv4",
                        address.isLoopback
                            ? "publish on 127.0.0.1" : "create the network with --ipv6, or publish on an IPv4 address")
                }
                port.way = .monitor
            } else if address.isAny, request.portProtocol == .tcp {
                port.way = .kernelAndMonitor
            }
            result.append(port)
        }
        if result.isEmpty { throw refusal("no address of the host will do", "name one") }
        return result
    }

    private func addresses(for request: PortRequest, _ record: NetworkRecord) -> [IPAddress] {
        if let address = request.hostAddress { return [address] }
        let six = HostSettings.hasIPv6
        let loopback6 = IPAddress.v6(high: 0, low: 1)
        switch record.publishAddress ?? settings.publishAddress {
        case nil, .anyV6?: return six ? [.anyV4, .anyV6] : [.anyV4]
        case .v4(0x7F00_0001)?, loopback6?:
            return six ? [.v4(0x7F00_0001), loopback6] : [.v4(0x7F00_0001)]
        case let address?: return [address]
        }
    }

    /// Refuses a host port that is asked for twice.
    static func checkDistinct(_ ports: [PublishedPort]) throws(NetworkError) {
        var seen = [UInt64: [IPAddress]]()
        for port in ports where port.hostPort != 0 {
            let address = port.hostAddress
            let key =
                UInt64(port.request.portProtocol.number) << 17 | (address.bitCount == 128 ? 1 << 16 : 0)
                | UInt64(port.hostPort)
            for other in seen[key] ?? [] where other == address || other.isAny || address.isAny {
                throw NetworkError(
                    operation: "publish", object: "\(port.request)",
                    cause: "host port \(port.hostPort) is asked for twice",
                    remedy: "leave one of them out")
            }
            seen[key, default: []].append(address)
        }
    }
}
