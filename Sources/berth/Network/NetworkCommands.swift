import CommandLine
import ContainerNetwork
import Netlink

/// What a `network` command was asked for.
enum NetworkRequestOptions: Sendable {
    case create(NetworkRequest)
    case list(NetworkListOptions)
    case inspect(names: [String], format: String?)
    case remove(names: [String], force: Bool)
    case connect(container: String, Attachment)
    case disconnect(container: String, network: String, force: Bool)
    case prune(force: Bool, filters: [NetworkFilter])
    case check(repair: Bool)
    case port(container: String, wanted: String?)
}

/// What `network ls` was asked for.
struct NetworkListOptions: Sendable {
    var quiet = false
    var truncates = true
    var format = ""
    var filters: [NetworkFilter] = []
}

/// `berth network …`.
enum NetworkCommands {
    static let group = Command(
        group: "network", summary: "Manage networks",
        subcommands: [connect, create, disconnect, inspect, list, prune, remove, check])

    private static let create = Command(
        "create", identifier: "network create", summary: "Create a network", usage: "[OPTIONS] NETWORK",
        operands: .exactly(1),
        examples: [
            .init("berth network create --ipv6 app", "a bridge network with IPv4 and IPv6 subnets of Berth's choice"),
            .init(
                "berth network create --internal --opt icc=false vault",
                "no way out, and members cannot see one another"),
        ],
        flags: {
            [
                .notYet("attachable", nil, .boolean, "Enable manual container attachment", harmless: ["false"]),
                Flag("aux-address", nil, .list("map"), "Auxiliary IPv4 or IPv6 addresses used by Network driver"),
                .notYet("config-from", nil, .string, "The network from which to copy the configuration"),
                .notYet("config-only", nil, .boolean, "Create a configuration only network"),
                Flag("driver", "d", .string, "Driver to manage the Network (bridge or macvlan)", default: "bridge"),
                Flag("gateway", nil, .commaList, "IPv4 or IPv6 Gateway for the master subnet"),
                .notYet("ingress", nil, .boolean, "Create swarm routing-mesh network", harmless: ["false"]),
                Flag("internal", nil, .boolean, "Restrict external access to the network"),
                Flag("ip-range", nil, .commaList, "Allocate container ip from a sub-range"),
                .notYet("ipam-driver", nil, .string, "IP Address Management Driver", harmless: ["", "default"]),
                .notYet("ipam-opt", nil, .list("map"), "Set IPAM driver specific options"),
                Flag("ipv4", nil, .boolean, "Enable or disable IPv4 address assignment", default: "true"),
                Flag("ipv6", nil, .boolean, "Enable or disable IPv6 address assignment"),
                Flag("label", nil, .list("list"), "Set metadata on a network"),
                Flag("opt", "o", .list("map"), "Set driver specific options"),
                .notYet("scope", nil, .string, "Control the network's scope", harmless: ["", "local"]),
                Flag("subnet", nil, .commaList, "Subnet in CIDR format that represents a network segment"),
            ]
        })

    private static let list = Command(
        "ls", aliases: ["list"], identifier: "network ls", summary: "List networks", usage: "[OPTIONS]",
        operands: .none,
        flags: {
            [
                Flag(
                    "filter", "f", .list("filter"), "Provide filter values (e.g. \"driver=bridge\")",
                    check: NetworkFilter.check),
                Flag("format", nil, .string, "Format output using a custom template"),
                Flag("no-trunc", nil, .boolean, "Do not truncate the output"),
                Flag("quiet", "q", .boolean, "Only display network IDs"),
            ]
        })

    private static let inspect = Command(
        "inspect", identifier: "network inspect", summary: "Display detailed information on one or more networks",
        usage: "[OPTIONS] NETWORK [NETWORK...]", operands: .atLeast(1),
        flags: {
            [
                Flag("format", "f", .string, "Format output using a custom template"),
                Flag("verbose", "v", .boolean, "Verbose output for diagnostics", support: .always),
            ]
        })

    private static let remove = Command(
        "rm", aliases: ["remove"], identifier: "network rm", summary: "Remove one or more networks",
        usage: "[OPTIONS] NETWORK [NETWORK...]", operands: .atLeast(1),
        flags: { [Flag("force", "f", .boolean, "Do not error if the network does not exist")] })

    private static let connect = Command(
        "connect", identifier: "network connect", summary: "Connect a container to a network",
        usage: "[OPTIONS] NETWORK CONTAINER", operands: .exactly(2),
        flags: {
            [
                Flag("alias", nil, .list("strings"), "Add network-scoped alias for the container"),
                .notYet("driver-opt", nil, .list("strings"), "Driver options for the network"),
                .notYet(
                    "gw-priority", nil, .integer, "Highest gw-priority provides the default gateway", harmless: ["0"]),
                Flag("ip", nil, .string, "IPv4 address (e.g., \"172.30.100.104\")"),
                Flag("ip6", nil, .string, "IPv6 address (e.g., \"2001:db8::33\")"),
                .notYet("link", nil, .list("list"), "Add link to another container"),
                .notYet("link-local-ip", nil, .list("strings"), "Add a link-local address for the container"),
            ]
        })

    private static let disconnect = Command(
        "disconnect", identifier: "network disconnect", summary: "Disconnect a container from a network",
        usage: "[OPTIONS] NETWORK CONTAINER", operands: .exactly(2),
        flags: { [Flag("force", "f", .boolean, "Force the container to disconnect from a network")] })

    private static let prune = Command(
        "prune", identifier: "network prune", summary: "Remove all unused networks", usage: "[OPTIONS]",
        operands: .none,
        flags: {
            [
                Flag(
                    "filter", nil, .list("filter"), "Provide filter values (e.g. \"until=<timestamp>\")",
                    check: NetworkFilter.checkPrune),
                Flag("force", "f", .boolean, "Do not prompt for confirmation"),
            ]
        })

    private static let check = Command(
        "check", identifier: "network check", summary: "Compare what the kernel has with what it should have",
        usage: "[OPTIONS]", operands: .none,
        flags: { [Flag("repair", nil, .boolean, "Put right what can be put right")] })

    static let port = Command(
        "port", identifier: "container port", summary: "List port mappings or a specific mapping for the container",
        usage: "CONTAINER [PRIVATE_PORT[/PROTO]]", operands: .between(1, 2), fullNames: ["container port", "port"])

    /// The options of a command line whose flags have been checked one by one.
    static func options(_ invocation: Invocation) throws(UsageError) -> NetworkRequestOptions {
        let flags = invocation.flags, operands = invocation.operands
        do throws(ValueError) {
            switch invocation.command.identifier {
            case "network create": return .create(try creation(operands[0], flags))
            case "network ls":
                return .list(
                    NetworkListOptions(
                        quiet: flags.flag("quiet"), truncates: !flags.flag("no-trunc"),
                        format: flags.string("format") ?? "",
                        filters: try NetworkFilter.read(flags.list("filter"))))
            case "network inspect": return .inspect(names: operands, format: flags.string("format"))
            case "network rm": return .remove(names: operands, force: flags.flag("force"))
            case "network connect":
                var attachment = Attachment(network: operands[0])
                attachment.aliases = flags.list("alias")
                attachment.address4 = try NetworkValues.address(flags.string("ip"), six: false)
                attachment.address6 = try NetworkValues.address(flags.string("ip6"), six: true)
                return .connect(container: operands[1], attachment)
            case "network disconnect":
                return .disconnect(container: operands[1], network: operands[0], force: flags.flag("force"))
            case "network prune":
                return .prune(force: flags.flag("force"), filters: try NetworkFilter.read(flags.list("filter")))
            case "network check": return .check(repair: flags.flag("repair"))
            default: return .port(container: operands[0], wanted: operands.count > 1 ? operands[1] : nil)
            }
        } catch {
            let words = invocation.path.joined(separator: " ")
            throw UsageError("\(invocation.path[0]): \(printable(error.description))", command: words)
        }
    }

    private static func creation(_ name: String, _ flags: FlagValues) throws(ValueError) -> NetworkRequest {
        var request = NetworkRequest(name: name)
        let driver = flags.string("driver") ?? "bridge"
        guard let known = NetworkRecord.Driver(rawValue: driver) else {
            throw ValueError("the network driver \(quoted(driver)) is not supported: there are bridge and macvlan")
        }
        request.driver = known
        for text in flags.commaList("subnet") { request.subnets.append(try NetworkValues.subnet(text)) }
        for text in flags.commaList("ip-range") { request.ranges.append(try NetworkValues.subnet(text)) }
        for text in flags.commaList("gateway") {
            guard let address = IPAddress(text) else { throw ValueError("invalid gateway: \(quoted(text))") }
            request.gateways.append(address)
        }
        for text in flags.list("aux-address") {
            guard let (word, value) = ByteText.cut(text, at: "="), !word.isEmpty, let address = IPAddress(value) else {
                throw ValueError("invalid auxiliary address \(quoted(text)): write NAME=ADDRESS")
            }
            request.reserved[word] = address
        }
        request.usesIPv4 = flags.flag("ipv4", default: true)
        request.usesIPv6 =
            flags.flag("ipv6") || !flags.isGiven("ipv6") && request.subnets.contains { $0.address.bitCount == 128 }
        request.isInternal = flags.flag("internal")
        for text in flags.list("label") {
            let parts = ByteText.fields(text, by: "=", limit: 2)
            guard !parts[0].isEmpty else { throw ValueError("invalid label \(quoted(text))") }
            request.labels[parts[0]] = parts.count == 2 ? parts[1] : ""
        }
        for text in flags.list("opt") {
            guard let (key, value) = ByteText.cut(text, at: "="), !key.isEmpty else {
                throw ValueError("invalid option \(quoted(text)): write NAME=VALUE")
            }
            request.options[key] = value
        }
        return request
    }
}
