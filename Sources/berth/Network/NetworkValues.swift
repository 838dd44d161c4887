import CommandLine
import ContainerNetwork
import Netlink

/// Values of the network flags.
enum NetworkValues {
    static func address(_ text: String?, six: Bool) throws(ValueError) -> IPAddress? {
        guard let text, !text.isEmpty else { return nil }
        guard let address = IPAddress(text), (address.bitCount == 128) == six else {
            throw ValueError("invalid IPv\(six ? 6 : 4) address: \(quoted(text))")
        }
        return address
    }

    static func subnet(_ text: String) throws(ValueError) -> IPNetwork {
        guard let subnet = IPNetwork(text) else { throw ValueError("invalid CIDR address: \(quoted(text))") }
        return subnet
    }

    static func hardwareAddress(_ text: String?) throws(ValueError) -> MACAddress? {
        guard let text, !text.isEmpty else { return nil }
        guard let address = MACAddress(text), address.isUnicast else {
            throw ValueError("\(quoted(text)) is not a valid mac address")
        }
        return address
    }

    /// `--network NAME`, or `name=NAME,ip=ADDRESS,alias=NAME,…`.
    static func attachment(_ text: String) throws(ValueError) -> Attachment {
        guard ByteText.holds(text, "=") else {
            guard !text.isEmpty else { throw ValueError("no name set for network") }
            return Attachment(network: text == "default" ? NetworkEngine.defaultNetwork : text)
        }
        var attachment = Attachment(network: "")
        for field in try CommaFields.parse(text) {
            guard let (key, value) = ByteText.cut(field, at: "=") else {
                throw ValueError("invalid field \(quoted(field)): write KEY=VALUE")
            }
            switch key.lowercased() {
            case "name": attachment.network = value == "default" ? NetworkEngine.defaultNetwork : value
            case "alias": attachment.aliases.append(value)
            case "ip": attachment.address4 = try address(value, six: false)
            case "ip6": attachment.address6 = try address(value, six: true)
            case "mac-address": attachment.macAddress = try hardwareAddress(value)
            default:
                throw ValueError(
                    "the field \(quoted(key)) of --network is not supported: there are name, alias, ip, ip6, mac-address"
                )
            }
        }
        guard !attachment.network.isEmpty else { throw ValueError("network name must be set") }
        return attachment
    }

    /// Reads the network flags of `run` and `create`.
    ///
    /// - Returns: the mode (the first network, `none`, `host` or `container:NAME`) and the networks.
    static func networking(_ flags: FlagValues) throws(ValueError) -> (
        mode: String, networking: ContainerNetworkingOptions
    ) {
        var options = ContainerNetworkingOptions()
        for text in flags.list("network") + flags.list("net") { options.attachments.append(try attachment(text)) }
        if options.attachments.isEmpty { options.attachments = [Attachment(network: NetworkEngine.defaultNetwork)] }
        let mode = options.attachments[0].network
        let special = options.attachments.first {
            ["none", "host"].contains($0.network) || ByteText.begins($0.network, with: "container:")
        }
        let isBare =
            flags.list("network-alias").isEmpty && flags.string("ip") == nil && flags.string("ip6") == nil
            && flags.string("mac-address") == nil
        if let special {
            guard options.attachments.count == 1 else {
                throw ValueError(
                    "conflicting options: the network \(printable(special.network)) cannot be combined with others")
            }
            guard isBare, special.aliases.isEmpty, special.address4 == nil, special.address6 == nil else {
                throw ValueError(
                    "conflicting options: the network \(printable(special.network)) has no addresses or aliases of the container's own"
                )
            }
            if ByteText.begins(mode, with: "container:") {
                for name in [
                    "hostname", "domainname", "dns", "dns-search", "dns-option", "add-host", "publish", "expose",
                ]
                where flags.isGiven(name) {
                    throw ValueError("conflicting options: --\(name) and the network of another container")
                }
            }
            options.attachments = []
        } else {
            // The plain flags mean the first network, as with Docker.
            options.attachments[0].aliases += flags.list("network-alias")
            if let address = try address(flags.string("ip"), six: false) { options.attachments[0].address4 = address }
            if let address = try address(flags.string("ip6"), six: true) { options.attachments[0].address6 = address }
            if let address = try hardwareAddress(flags.string("mac-address")) {
                options.attachments[0].macAddress = address
            }
        }
        if flags.isGiven("dns-search") { options.searchDomains = flags.list("dns-search") }
        if flags.isGiven("dns-option") { options.resolverOptions = flags.list("dns-option") }
        for word in (options.searchDomains ?? []) + (options.resolverOptions ?? [])
        where !ResolverConfiguration.isPlain(word) {
            throw ValueError("\(quoted(word)) cannot stand in resolv.conf")
        }
        return (mode, options)
    }
}

/// The networks of a container and its names, as asked for on the command line.
struct ContainerNetworkingOptions: Sendable, Equatable {
    var attachments: [Attachment] = []
    var searchDomains: [String]?
    var resolverOptions: [String]?
}
