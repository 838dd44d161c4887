import LinuxKernel
import Netlink

/// Reads the network of a process: inside by entering its namespace for a moment, outside from the host's.
struct NetworkReading {
    let tables: [String]

    func part(_ folder: borrowing ProcessFolder, isHost: Bool, members: [Int32]) -> NetworkPart {
        var part = NetworkPart(isHost: isHost)
        if isHost { return part }
        inside(folder, &part)
        outside(folder, &part)
        listen(folder, members, &part)
        publish(&part)
        return part
    }

    private func inside(_ folder: borrowing ProcessFolder, _ part: inout NetworkPart) {
        let links: [LinkInfo]
        let addresses: [AddressInfo]
        do {
            let file = try folder.namespaceFile("net")
            let visit = try NetworkNamespaceVisit(entering: file)
            var connection: RouteConnection
            do { connection = try RouteConnection(opening: .route) } catch {
                visit.leave()
                throw error
            }
            // The socket stays the namespace's.
            visit.leave()
            links = try connection.links()
            addresses = try connection.addresses()
        } catch {
            part.gaps.append("the interfaces: \(error)")
            return
        }
        part.interfaces = links.map { link in
            NetworkPart.Interface(
                index: link.index, name: link.name, kind: link.kind, macAddress: link.macAddress?.description ?? "",
                isUp: link.isUp, addresses: addresses.filter { $0.index == link.index }.map(\.network),
                hostEnd: nil, bridge: nil)
        }
    }

    /// Finds the host's ends of veth pairs, by number and by the namespace their other end is in.
    private func outside(_ folder: borrowing ProcessFolder, _ part: inout NetworkPart) {
        guard part.interfaces.contains(where: { $0.kind == "veth" || $0.kind == "macvlan" }) else { return }
        do {
            var connection = try RouteConnection(opening: .route)
            let file = try folder.namespaceFile("net")
            let number = try connection.namespaceNumber(of: file)
            let links = try connection.links()
            for place in part.interfaces.indices where part.interfaces[place].kind == "veth" {
                let inner = part.interfaces[place].index
                guard
                    let end = links.first(where: {
                        $0.kind == "veth" && $0.peer == inner && number != nil && $0.peerNamespace == number
                    })
                else { continue }
                part.interfaces[place].hostEnd = end.name
                part.interfaces[place].bridge = end.master.flatMap { master in links.first { $0.index == master }?.name
                }
            }
        } catch {
            part.gaps.append("the host's ends: \(error)")
        }
    }

    private func listen(_ folder: borrowing ProcessFolder, _ members: [Int32], _ part: inout NetworkPart) {
        var sockets: [ListeningSocket] = []
        for (file, proto) in [("tcp", "tcp"), ("tcp6", "tcp"), ("udp", "udp"), ("udp6", "udp")] {
            guard let text = try? folder.read("net/\(file)") else { continue }
            sockets += ListeningSocket.all(parsing: text, proto: proto)
        }
        guard !sockets.isEmpty else { return }
        var holders: [UInt64: (Int32, String)] = [:]
        for member in members.prefix(200) {
            guard let process = try? ProcessFolder(member) else { continue }
            for entry in process.entries("fd") {
                guard let target = try? process.link("fd/\(entry.name.description)"),
                    PathText.begins(target, with: "socket:["),
                    let inode = KernelText.number(target.utf8.dropFirst(8).dropLast()), holders[inode] == nil
                else { continue }
                holders[inode] = (member, ProcessInformation.name(of: member) ?? "ended")
            }
        }
        part.listeners = sockets.map {
            NetworkPart.Listener(socket: $0, pid: holders[$0.inode]?.0, process: holders[$0.inode]?.1)
        }
    }

    /// What leads from the host's ports to the addresses of the namespace.
    private func publish(_ part: inout NetworkPart) {
        let own = Set(part.interfaces.flatMap { $0.addresses.map(\.address) })
        guard !own.isEmpty else { return }
        var found: [NetworkPart.Way] = []
        do {
            var connection = try FilterConnection(opening: .netfilter)
            for table in tables {
                for map in PublishedElements.maps {
                    let name = TableName(.inet, table)
                    guard let elements = try connection.elements(of: map.name, in: name) else { continue }
                    found += elements.compactMap {
                        PublishedElements.way(
                            $0, isIPv6: map.isIPv6, hasAddress: map.hasAddress,
                            by: "nft table \(table), map \(map.name)")
                    }
                }
            }
        } catch {
            part.gaps.append("the published ports: \(error)")
        }
        for pid in ProcessFolder.all() where ProcessInformation.name(of: pid) == "docker-proxy" {
            // Anybody may call a program so; only root's pass the host's ports on.
            guard let folder = try? ProcessFolder(pid), let status = try? folder.read("status"),
                ProcessStatus(parsing: status).users.dropFirst().first == 0, let text = try? folder.read("cmdline")
            else { continue }
            let arguments = text.split(separator: 0).map { String(decoding: $0, as: UTF8.self) }
            if let way = ForwarderArguments.way(arguments, pid: pid) { found.append(way) }
        }
        part.ways = found.filter { own.contains($0.address) }.sorted {
            ($0.proto, $0.hostPort, $0.hostAddress.description) < ($1.proto, $1.hostPort, $1.hostAddress.description)
        }
    }
}
