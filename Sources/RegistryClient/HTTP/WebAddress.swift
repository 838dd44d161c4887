/// An `http` or `https` address, read strictly: no user information, no fragment, nothing that is not plain ASCII.
public struct WebAddress: Hashable, Sendable, CustomStringConvertible {
    /// Whether the connection is encrypted.
    public var isSecure: Bool
    /// Host name or address, lower case; an IPv6 address without its brackets.
    public var host: String
    /// The port, also where it is the usual one.
    public var port: Int
    /// Path with query, beginning with a slash.
    public var target: String

    /// An address from its parts.
    public init(isSecure: Bool, host: String, port: Int? = nil, target: String = "/") {
        self.isSecure = isSecure
        self.host = host.lowercased()
        self.port = port ?? (isSecure ? 443 : 80)
        self.target = target
    }

    /// Reads an absolute address; nil when it is none, or holds user information, white space or control characters.
    public init?(parsing text: String) {
        let bytes = Array(text.utf8)
        guard bytes.count <= 8192, bytes.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else { return nil }
        let lower = text.lowercased()
        let secure: Bool
        let rest: ArraySlice<UInt8>
        if lower.utf8.starts(with: "https://".utf8) {
            secure = true
            rest = bytes[8...]
        } else if lower.utf8.starts(with: "http://".utf8) {
            secure = false
            rest = bytes[7...]
        } else {
            return nil
        }
        let end = rest.firstIndex { $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: "?") || $0 == UInt8(ascii: "#") }
        let authority = rest[..<(end ?? rest.endIndex)]
        guard let (host, port) = Self.authority(authority) else { return nil }
        var target = rest[(end ?? rest.endIndex)...]
        if let fragment = target.firstIndex(of: UInt8(ascii: "#")) { target = target[..<fragment] }
        var text = String(decoding: target, as: UTF8.self)
        if target.first != UInt8(ascii: "/") { text = "/" + text }
        self.init(isSecure: secure, host: host, port: port, target: text)
    }

    /// Reads `HOST[:PORT]`, `[V6][:PORT]`; nil when it is neither.
    static func authority(_ bytes: ArraySlice<UInt8>) -> (host: String, port: Int?)? {
        var host = bytes
        var port: Int?
        if bytes.first == UInt8(ascii: "[") {
            guard let close = bytes.firstIndex(of: UInt8(ascii: "]")) else { return nil }
            host = bytes[(bytes.startIndex + 1)..<close]
            let rest = bytes[(close + 1)...]
            if !rest.isEmpty {
                guard rest.first == UInt8(ascii: ":"), let number = Self.port(rest.dropFirst()) else { return nil }
                port = number
            }
            guard !host.isEmpty, host.allSatisfy({ isHex($0) || $0 == UInt8(ascii: ":") || $0 == UInt8(ascii: ".") })
            else { return nil }
        } else {
            if let colon = bytes.firstIndex(of: UInt8(ascii: ":")) {
                guard let number = Self.port(bytes[(colon + 1)...]) else { return nil }
                port = number
                host = bytes[..<colon]
            }
            guard !host.isEmpty, host.count <= 255,
                host.allSatisfy({ isWord($0) || $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: "-") })
            else { return nil }
        }
        return (String(decoding: host, as: UTF8.self), port)
    }

    private static func port(_ bytes: ArraySlice<UInt8>) -> Int? {
        guard !bytes.isEmpty, bytes.count <= 5, bytes.allSatisfy({ (0x30...0x39).contains($0) }),
            let number = Int(String(decoding: bytes, as: UTF8.self)), (1...65535).contains(number)
        else { return nil }
        return number
    }

    private static func isHex(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x46, 0x61...0x66: true
        default: false
        }
    }

    private static func isWord(_ byte: UInt8) -> Bool {
        switch byte | 0x20 {
        case UInt8(ascii: "a")...UInt8(ascii: "z"): byte >= 0x41
        default: (0x30...0x39).contains(byte) || byte == UInt8(ascii: "_")
        }
    }

    /// The address that a `Location` header names, seen from this one: absolute, or a path; nil for anything else.
    public func resolving(_ location: String) -> WebAddress? {
        let bytes = location.utf8
        guard bytes.count <= 8000, bytes.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else { return nil }
        if bytes.starts(with: "//".utf8) { return WebAddress(parsing: (isSecure ? "https:" : "http:") + location) }
        if bytes.first == UInt8(ascii: "/") {
            var next = self
            // What stands behind "#" is for whoever shows the page, and is not sent.
            next.target = String(decoding: bytes.prefix { $0 != UInt8(ascii: "#") }, as: UTF8.self)
            return next
        }
        return WebAddress(parsing: location)
    }

    /// Host and port as they stand in an address.
    public var authority: String {
        let name = host.utf8.contains(UInt8(ascii: ":")) ? "[\(host)]" : host
        return port == (isSecure ? 443 : 80) ? name : "\(name):\(port)"
    }

    /// Scheme, host and port: what credentials are bound to.
    public var origin: String { "\(isSecure ? "https" : "http")://\(authority)" }

    /// The text form.
    public var description: String { origin + target }

    /// The same, without the query, in which storage services put secrets.
    public var shown: String {
        origin + String(decoding: target.utf8.prefix { $0 != UInt8(ascii: "?") }, as: UTF8.self)
    }

    /// Whether this host is the machine itself, whatever its name service says.
    public var isLoopback: Bool { Self.isLoopback(host) }

    static func isLoopback(_ host: String) -> Bool {
        if host == "localhost" || host == "::1" { return true }
        let parts = host.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        return parts.count == 4 && parts.first.map { $0.elementsEqual("127".utf8) } == true
            && parts.allSatisfy { part in
                !part.isEmpty && part.count <= 3 && part.allSatisfy { (0x30...0x39).contains($0) }
            }
    }

    /// The same place with another path.
    func with(target: String) -> WebAddress {
        var copy = self
        copy.target = target
        return copy
    }

    /// With more in its query.
    func adding(query: [(String, String)]) -> WebAddress {
        var copy = self
        for (name, value) in query {
            copy.target += copy.target.utf8.contains(UInt8(ascii: "?")) ? "&" : "?"
            copy.target += "\(Self.escaped(name))=\(Self.escaped(value))"
        }
        return copy
    }

    /// Percent-encoded for a query or a form (RFC 3986's unreserved characters stay).
    static func escaped(_ text: String) -> String {
        let digits = Array("0123456789ABCDEF".utf8)
        var result = [UInt8]()
        for byte in text.utf8 {
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."),
                UInt8(ascii: "~"):
                result.append(byte)
            default: result += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            }
        }
        return String(decoding: result, as: UTF8.self)
    }
}
