import JSON
import LinuxKernel
import OCI

/// `registries.json`: mirrors, insecure registries and limits. One file, documented in docs/registries.md.
public struct RegistrySettings: Equatable, Sendable {
    /// What is set for one registry.
    public struct Registry: Equatable, Sendable {
        /// Hosts that are asked before it when something is pulled, in order.
        public var mirrors: [Mirror] = []
        /// Plain HTTP and certificates nobody has signed are accepted.
        public var isInsecure = false

        /// Nothing set.
        public init() {}
    }

    /// A host that has what another registry has.
    public struct Mirror: Equatable, Sendable {
        /// Host and port.
        public var host: String
        /// What stands before the repository's name there; empty for none.
        public var prefix: String
        /// Plain HTTP and certificates nobody has signed are accepted.
        public var isInsecure: Bool
    }

    /// By registry (`docker.io`, `registry.example:5000`).
    public var registries: [String: Registry] = [:]
    /// A connection that gives nothing, or less than 1 KiB a second, for this many seconds is given up.
    public var stallSeconds = 60
    /// How often a request or a download is tried again.
    public var retries = 5
    /// Layers that are fetched at the same time.
    public var parallelTransfers = 4

    /// What counts without a file.
    public init() {}

    /// Reads `ROOT/registries.json`, or the one BERTH_CONFIG names, or `/etc/berth/registries.json`; the first that is
    /// there.
    public static func read(root: String?, variable: (String) -> String?) throws(RegistryError) -> RegistrySettings {
        var paths = ["/etc/berth/registries.json"]
        if let root { paths.insert("\(root)/registries.json", at: 0) }
        // What is named must be there.
        let named = variable("BERTH_CONFIG").flatMap { $0.isEmpty ? nil : $0 }
        if let named { paths = [named] }
        for path in paths {
            let bytes: [UInt8]
            do throws(Errno) { bytes = try Files.read(path, limit: 4 << 20) } catch {
                guard named == nil, error == .noSuchFile || error == .notDirectory else {
                    throw RegistryError(.invalidName, operation: "read", object: path, cause: "\(error)")
                }
                continue
            }
            return try parse(bytes, path)
        }
        return RegistrySettings()
    }

    /// Reads the file's text. A member that is not known is an error: a slip of the pen must not pass for a setting.
    public static func parse(_ bytes: [UInt8], _ path: String) throws(RegistryError) -> RegistrySettings {
        do throws(JSONError) {
            guard let object = try JSONValue(parsing: bytes).objectValue else {
                throw JSONError(problem: "it is no JSON object")
            }
            return try RegistrySettings(json: object)
        } catch {
            throw RegistryError(
                .invalidName, operation: "read", object: path, cause: "\(error)", remedy: "see docs/registries.md")
        }
    }

    private init(json: JSONObject) throws(JSONError) {
        try json.allowing([
            "registries", "insecure-registries", "registry-mirrors", "stall-seconds", "retries",
            "parallel-transfers",
        ])
        func number(_ key: String, _ range: ClosedRange<Int>) throws(JSONError) -> Int? {
            guard let value = try json.integer(key, as: Int.self) else { return nil }
            guard range.contains(value) else {
                throw JSONError(path: [key], problem: "must be \(range.lowerBound) to \(range.upperBound)")
            }
            return value
        }
        stallSeconds = try number("stall-seconds", 1...3600) ?? 60
        retries = try number("retries", 0...20) ?? 5
        parallelTransfers = try number("parallel-transfers", 1...16) ?? 4
        for member in try json.object("registries")?.members ?? [] {
            do throws(JSONError) {
                guard Self.isHost(member.key) else { throw JSONError(problem: "is no registry's HOST[:PORT]") }
                guard let object = member.value.objectValue else { throw JSONError(problem: "must be an object") }
                registries[member.key] = try Registry(json: object)
            } catch {
                throw error.inside(member.key).inside("registries")
            }
        }
        // The two that Docker's daemon.json has.
        for host in try json.strings("insecure-registries") ?? [] {
            guard Self.isHost(host) else {
                throw JSONError(path: ["insecure-registries"], problem: "\"\(printable(host))\" is no HOST[:PORT]")
            }
            registries[host, default: Registry()].isInsecure = true
        }
        for text in try json.strings("registry-mirrors") ?? [] {
            registries[Reference.defaultDomain, default: Registry()].mirrors.append(try Mirror(text))
        }
    }

    static func isHost(_ text: String) -> Bool { WebAddress.authority(Array(text.utf8)[...]) != nil }
}

extension RegistrySettings.Registry {
    fileprivate init(json: JSONObject) throws(JSONError) {
        try json.allowing(["mirrors", "insecure"])
        isInsecure = try json.bool("insecure") ?? false
        for text in try json.strings("mirrors") ?? [] { mirrors.append(try RegistrySettings.Mirror(text)) }
    }
}

extension RegistrySettings.Mirror {
    /// `HOST[:PORT][/PREFIX]`, with `http://` in front for one without encryption.
    init(_ text: String) throws(JSONError) {
        let hasScheme = ["http://", "https://"].contains { text.utf8.starts(with: $0.utf8) }
        guard let address = WebAddress(parsing: hasScheme ? text : "https://\(text)"),
            !address.target.utf8.contains(UInt8(ascii: "?"))
        else {
            throw JSONError(path: ["mirrors"], problem: "\"\(printable(text))\" is no [http://]HOST[:PORT][/PREFIX]")
        }
        isInsecure = !address.isSecure
        host = address.authority
        prefix = PathText.names(address.target).joined(separator: "/")
    }
}

extension JSONObject {
    fileprivate func allowing(_ known: Set<String>) throws(JSONError) {
        for key in keys where !known.contains(key) {
            throw JSONError(path: [printable(key)], problem: "is not a known setting")
        }
    }
}
