import LinuxKernel
import Netlink

/// Puts rules and elements into the kernel. Every call is made under the engine's lock.
struct RuleLoader: ~Copyable {
    private let text: RuleText
    private var socket: LastingFilterSocket

    init(_ text: RuleText) throws(NetworkError) {
        self.text = text
        socket = try Self.open()
    }

    private static func open() throws(NetworkError) -> LastingFilterSocket {
        do throws(NetlinkError) { return try LastingFilterSocket() } catch { throw NetworkError(error) }
    }

    /// Whether the tables are there, with the rules of this version.
    mutating func isCurrent() throws(NetworkError) -> Bool {
        let version = text.versionChain
        do throws(NetlinkError) {
            // The rule in the chain counts as a use: none means somebody flushed the table.
            return try socket.connection.chains(text.tables.map { ($0, version) }).allSatisfy {
                ($0?.useCount ?? 0) > 0
            }
        } catch { throw NetworkError(error) }
    }

    /// Adds elements in one transaction.
    ///
    /// - Returns: false when the kernel's tables are not what they should be (a set is missing, a key has another
    ///   value): then everything is to be loaded anew.
    mutating func add(_ elements: [RuleElement]) throws(NetworkError) -> Bool {
        var batch = NetlinkBatch.tableTransaction()
        for (table, part) in byTable(elements) { batch.addElements(part, to: table) }
        do throws(NetlinkError) { try socket.connection.run(batch) } catch {
            switch error.cause {
            case .noSuchFile, .fileExists, .busy: return false
            default: throw NetworkError(error)
            }
        }
        return true
    }

    /// Removes elements; those that are not there are fine.
    mutating func remove(_ elements: [RuleElement]) throws(NetworkError) {
        if elements.isEmpty { return }
        do throws(NetlinkError) {
            var batch = NetlinkBatch.tableTransaction()
            for (table, part) in byTable(elements) { batch.removeElements(part, from: table) }
            do throws(NetlinkError) { return try socket.connection.run(batch) } catch {
                guard error.cause == .noSuchFile else { throw error }
            }
            // One that is missing fails the transaction: each by itself.
            for element in elements {
                var single = NetlinkBatch.tableTransaction()
                for (table, part) in byTable([element]) { single.removeElements(part, from: table) }
                do throws(NetlinkError) { try socket.connection.run(single) } catch {
                    if error.cause != .noSuchFile { throw error }
                }
            }
        } catch { throw NetworkError(error) }
    }

    /// Forgets the connections a container answers, and those it has begun. A kernel that cannot select them keeps them until
    /// they time out.
    ///
    /// The kernel's whole table of connections is walked, milliseconds for an empty one: not for an address that the rules
    /// have seen no connection of.
    mutating func forgetConnections(of endpoint: Endpoint) throws(NetworkError) {
        for own in endpoint.addresses {
            guard try hasConnections(own.address) else { continue }
            do throws(NetlinkError) { try socket.connection.forgetConnections(of: own.address) } catch {
                if error.cause != .invalidArgument && error.cause != .notSupported { throw NetworkError(error) }
            }
        }
    }

    private mutating func hasConnections(_ address: IPAddress) throws(NetworkError) -> Bool {
        let six = address.bitCount == 128 ? "6" : ""
        let table = text.tables[0]
        do throws(NetlinkError) {
            let found = try socket.connection.contain(
                [("reached\(six)", address.bytes), ("counted\(six)", address.bytes)], in: table)
            if found[0] {
                var batch = NetlinkBatch.tableTransaction()
                batch.removeElements([SetElement(set: "reached\(six)", key: address.bytes)], from: table)
                do throws(NetlinkError) { try socket.connection.run(batch) } catch {
                    if error.cause != .noSuchFile { throw error }
                }
            }
            if found.contains(true) { return true }
        } catch { throw NetworkError(error) }
        // Rules that somebody has flushed have forgotten what they saw.
        return try !isCurrent()
    }

    /// Replaces both tables in one transaction by `nft`, which alone can compile rules.
    mutating func load(_ elements: [RuleElement]) throws(NetworkError) {
        let operation = "load the firewall rules of table"
        let name = text.tables[0].name
        guard let program = ChildProcess.find("nft") else {
            throw NetworkError(
                operation: operation, object: name, cause: "the program nft is not installed",
                remedy: "install nftables (on Debian: apt-get install nftables)")
        }
        let result: ChildProcess.Result
        do throws(Errno) {
            result = try ChildProcess.run(
                program, ["-f", "-"], input: Array(text.script(elements).utf8), timeLimit: 60_000)
        } catch { throw NetworkError(operation, name, error) }
        guard result.status == 0 else {
            let said = String(decoding: result.errorOutput.prefix(400).split(separator: 10).first ?? [], as: UTF8.self)
            throw NetworkError(
                operation: operation, object: name, cause: "nft ended with \(result.status): \(said)",
                remedy: "check that the kernel has nf_tables with NAT and that this runs as root")
        }
    }

    /// What the kernel has in a set or map.
    mutating func elements(of set: String, _ family: TableFamily) throws(NetworkError) -> [SetElement] {
        do throws(NetlinkError) {
            return try socket.connection.elements(of: set, in: TableName(family, text.names.table)) ?? []
        } catch { throw NetworkError(error) }
    }

    /// Removes both tables.
    mutating func removeTables() throws(NetworkError) {
        for table in text.tables {
            var batch = NetlinkBatch.tableTransaction()
            batch.removeTable(table)
            do throws(NetlinkError) { try socket.connection.run(batch) } catch {
                if error.cause != .noSuchFile { throw NetworkError(error) }
            }
        }
    }

    /// What other firewalls do that keeps containers from the network.
    mutating func foreignObstacles(bridge: String) -> [NetworkWarning] {
        guard let chains = try? socket.connection.allChains() else { return [] }
        var known = [String: [RuleInfo]]()
        for chain in chains where chain.hook == 2 && chain.policy == 1 && chain.table != text.tables[0].name {
            let rules = try? socket.connection.rules(family: chain.family, table: chain.table)
            known["\(chain.family) \(chain.table)"] = rules
        }
        return ForeignFirewalls.obstacles(chains, ownTable: text.tables[0].name, bridge: bridge) {
            known["\($0) \($1)"] ?? []
        }
            + ForeignFirewalls.legacyObstacles(bridge: bridge) { LegacyTables.dropsForwarded(six: $0) }
    }

    /// The elements of each table, those of one set together.
    private func byTable(_ elements: [RuleElement]) -> [(TableName, [SetElement])] {
        text.tables.map { table in
            var sets = [String: [SetElement]]()
            for element in elements where element.family == table.family {
                sets[element.set, default: []].append(element.setElement)
            }
            return (table, sets.sorted { $0.key < $1.key }.flatMap(\.value))
        }
    }
}
