import LinuxKernel
import Netlink

/// What one container may know of names: those of its own networks, and nothing of others.
public struct NameLookup: Sendable {
    /// What a question comes to.
    public enum Outcome: Sendable, Equatable {
        /// It is answered here; nothing for a name that has no such record.
        case records([DNSAnswer.Record])
        /// Here it is known that there is no such name.
        case noSuchName
        /// Somebody else may know.
        case elsewhere
    }

    let engine: NetworkEngine
    let containerID: String

    /// A container's view.
    public init(_ engine: NetworkEngine, containerID: String) {
        self.engine = engine
        self.containerID = containerID
    }

    /// The networks the container is in this moment.
    public func endpoints() -> [Endpoint] { engine.endpoints.read(containerID) }

    /// Answers a question.
    ///
    /// - Parameters:
    ///   - own: the container's endpoints.
    ///   - names: remembers what was looked up; without it every look-up reads the directory.
    public func answer(_ query: DNSQuery, own: [Endpoint], names: CachedNames? = nil) -> Outcome {
        if query.type == DNSType.pointer, let address = query.reverseAddress { return pointer(address, own) }
        guard let name = query.name, let key = NameIndex.key(name) else { return .elsewhere }
        // RFC 6761 section 6.3: nobody else is asked for it.
        if key == "localhost" || key.utf8.reversed().starts(with: ".localhost".utf8.reversed()) {
            let all: [IPAddress] = [.v4(0x7F00_0001), .v6(high: 0, low: 1)]
            return .records(Self.matching(all, query.type))
        }
        var found = [IPAddress]()
        var isKnown = false
        for endpoint in own {
            let entries =
                if let names { names.addresses(key, in: endpoint.network) } else {
                    engine.nameIndex.addresses(key, in: endpoint.network)?.flatMap(\.addresses)
                }
            guard let entries else { continue }
            isKnown = true
            for address in entries where !found.contains(address) { found.append(address) }
        }
        guard isKnown else { return .elsewhere }
        // Several answer to a name: each first in turn.
        var records = Self.matching(found, query.type)
        if records.count > 1 { records.shuffle() }
        return .records(records)
    }

    private static func matching(_ addresses: [IPAddress], _ type: UInt16) -> [DNSAnswer.Record] {
        addresses.filter { address in
            switch type {
            case DNSType.address4: address.bitCount == 32
            case DNSType.address6: address.bitCount == 128
            case DNSType.any: true
            default: false
            }
        }.map { .address($0) }
    }

    /// The name behind an address. Whose address lies in one of the container's networks and is nobody's has none; others
    /// are not known here.
    private func pointer(_ address: IPAddress, _ own: [Endpoint]) -> Outcome {
        guard let endpoint = own.first(where: { $0.addresses.contains { $0.network.contains(address) } }) else {
            return .elsewhere
        }
        guard let owner = engine.leases(of: endpoint.network).owner(of: address),
            let its = engine.endpoints.read(owner).first(where: { $0.network == endpoint.network }),
            let name = its.names.compactMap({ NameIndex.key($0) }).first
        else { return .noSuchName }
        return .records([.pointer("\(name).\(endpoint.network)")])
    }
}
