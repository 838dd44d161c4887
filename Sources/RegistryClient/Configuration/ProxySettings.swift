/// Proxies as the environment names them: HTTP_PROXY, HTTPS_PROXY, NO_PROXY and their lower-case forms, read as Go's
/// programs read them.
public struct ProxySettings: Equatable, Sendable {
    /// One proxy.
    public struct Proxy: Hashable, Sendable {
        /// Its host.
        public var host: String
        /// Its port.
        public var port: Int
        /// The value of a `Proxy-Authorization` header, where the address has a name and password in it.
        public var authorization: String?
    }

    private var plain: Proxy?
    private var secure: Proxy?
    private var exceptions: [String]

    /// Reads the environment.
    ///
    /// - Throws: ``RegistryError`` on an address that is none, or of a kind that is not supported (SOCKS).
    public init(variable: (String) -> String?) throws(RegistryError) {
        func value(_ name: String) -> String {
            if let upper = variable(name), !upper.isEmpty { return upper }
            return variable(name.lowercased()) ?? ""
        }
        // In a CGI program HTTP_PROXY is a request's header "Proxy:".
        plain = variable("REQUEST_METHOD") == nil ? try Self.proxy(value("HTTP_PROXY"), "HTTP_PROXY") : nil
        secure = try Self.proxy(value("HTTPS_PROXY"), "HTTPS_PROXY")
        exceptions = value("NO_PROXY").split(separator: ",").map { part in
            String(part.drop { $0 == " " }.prefix { $0 != " " }).lowercased()
        }
    }

    private static func proxy(_ text: String, _ name: String) throws(RegistryError) -> Proxy? {
        if text.isEmpty { return nil }
        func refuse(_ cause: String) -> RegistryError {
            RegistryError(.invalidName, operation: "use the proxy of", object: name, cause: cause)
        }
        var rest = Array(text.utf8)[...]
        if let mark = text.firstRange(of: "://") {
            guard text[..<mark.lowerBound].lowercased() == "http" else {
                throw refuse("only proxies that are reached over http:// are supported")
            }
            rest = Array(text[mark.upperBound...].utf8)[...]
        }
        rest = rest.prefix { $0 != UInt8(ascii: "/") }
        var authorization: String?
        if let at = rest.lastIndex(of: UInt8(ascii: "@")) {
            let user = String(decoding: rest[..<at], as: UTF8.self)
            authorization = "Basic " + Base64.encode(unescaped(user))
            rest = rest[(at + 1)...]
        }
        guard let (host, port) = WebAddress.authority(rest) else { throw refuse("it is no http://HOST:PORT") }
        return Proxy(host: host, port: port ?? 80, authorization: authorization)
    }

    private static func unescaped(_ text: String) -> String {
        var result = [UInt8]()
        var bytes = Array(text.utf8)[...]
        while let byte = bytes.popFirst() {
            if byte == UInt8(ascii: "%"), bytes.count >= 2,
                let value = UInt8(String(decoding: bytes.prefix(2), as: UTF8.self), radix: 16)
            {
                result.append(value)
                bytes = bytes.dropFirst(2)
            } else {
                result.append(byte)
            }
        }
        return String(decoding: result, as: UTF8.self)
    }

    /// The proxy for an address; nil for none. The machine itself is never reached through one.
    public func proxy(for address: WebAddress) -> Proxy? {
        guard let proxy = address.isSecure ? secure : plain, !address.isLoopback, !isException(address) else {
            return nil
        }
        return proxy
    }

    private func isException(_ address: WebAddress) -> Bool {
        for exception in exceptions where !exception.isEmpty {
            if exception == "*" { return true }
            if let (network, bits) = Self.network(exception), let host = Self.address(address.host) {
                if bits == 0 || host >> UInt32(32 - bits) == network >> UInt32(32 - bits) { return true }
                continue
            }
            guard let (name, port) = WebAddress.authority(Array(exception.utf8)[...].drop { $0 == UInt8(ascii: ".") })
            else { continue }
            if let port, port != address.port { continue }
            if address.host == name || address.host.utf8.suffix(name.utf8.count + 1).elementsEqual(".\(name)".utf8) {
                return true
            }
        }
        return false
    }

    private static func address(_ text: String) -> UInt32? {
        let parts = text.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard parts.count == 4 else { return nil }
        var result: UInt32 = 0
        for part in parts {
            guard let number = UInt8(String(decoding: part, as: UTF8.self)) else { return nil }
            result = result << 8 | UInt32(number)
        }
        return result
    }

    private static func network(_ text: String) -> (UInt32, Int)? {
        let parts = text.utf8.split(separator: UInt8(ascii: "/"))
        guard parts.count == 2, let network = address(String(decoding: parts[0], as: UTF8.self)),
            let bits = Int(String(decoding: parts[1], as: UTF8.self)), (0...32).contains(bits)
        else { return nil }
        return (network, bits)
    }
}
