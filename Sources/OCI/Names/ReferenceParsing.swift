extension Reference {
    /// Reads a name as a user writes it (`ubuntu`, `ghcr.io/org/app:1.2`, `app@sha256:…`) and completes it with
    /// Docker's defaults for registry and `library/`. The tag stays absent when it is: see ``withDefaultTag``.
    ///
    /// - Throws: ``OCIError`` with one sentence on what breaks the grammar.
    public init(parsing text: String) throws(OCIError) {
        func refuse(_ cause: String, _ remedy: String = "") -> OCIError {
            OCIError(operation: "read the image reference", object: "\"\(text)\"", cause: cause, remedy: remedy)
        }
        guard !text.isEmpty else { throw refuse("invalid reference format: the name is empty") }
        if text.utf8.count == 64, text.utf8.allSatisfy(isLowerHexadecimal) {
            throw refuse("a repository name cannot be 64 hexadecimal digits, which are an image ID")
        }
        let (domain, remainder) = Self.splitDomain(text)
        guard ReferenceGrammar.isDomain(domain.utf8[...]) else {
            throw refuse("invalid reference format: \"\(printable(domain))\" is not a registry host")
        }

        // name [":" tag] ["@" digest]; neither ":" nor "@" can stand in a path.
        let bytes = remainder.utf8
        let nameEnd = bytes.firstIndex { $0 == UInt8(ascii: ":") || $0 == UInt8(ascii: "@") } ?? bytes.endIndex
        let path = remainder[..<nameEnd]
        var rest = remainder[nameEnd...]
        var tag: String?
        var digest: Digest?
        if rest.utf8.first == UInt8(ascii: ":") {
            let end = rest.utf8.firstIndex(of: UInt8(ascii: "@")) ?? rest.endIndex
            let value = rest[rest.index(after: rest.startIndex)..<end]
            guard ReferenceGrammar.isTag(value.utf8) else {
                throw refuse("invalid reference format: \(ReferenceGrammar.tagRule)")
            }
            tag = String(value)
            rest = rest[end...]
        }
        if rest.utf8.first == UInt8(ascii: "@") {
            do throws(OCIError) { digest = try Digest(parsing: String(rest.dropFirst())) } catch {
                throw refuse("invalid reference format: in its digest, \(error.cause)")
            }
        }
        guard ReferenceGrammar.isPath(path.utf8) else {
            if path.utf8.contains(where: { (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains($0) }) {
                throw refuse("invalid reference format: the repository name must be lower case")
            }
            throw refuse("invalid reference format: \(ReferenceGrammar.pathRule)")
        }
        guard path.utf8.count <= 255 else { throw refuse("the repository name is longer than 255 characters") }
        self.init(domain: domain, path: String(path), tag: tag, digest: digest)
    }

    /// Docker's rule for what is a registry: the part before the first slash, if it has a dot, a colon or an upper-case
    /// letter, or is `localhost`.
    private static func splitDomain(_ text: String) -> (domain: String, remainder: String) {
        guard let slash = text.utf8.firstIndex(of: UInt8(ascii: "/")) else { return (defaultDomain, "library/" + text) }
        let first = String(text[..<slash])
        var domain = defaultDomain
        var remainder = text
        let looksLikeHost = first.utf8.contains {
            $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: ":") || (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains($0)
        }
        if looksLikeHost || first == "localhost" {
            domain = first == "index.docker.io" ? defaultDomain : first
            remainder = String(text[text.index(after: slash)...])
        }
        if domain == defaultDomain, !remainder.utf8.contains(UInt8(ascii: "/")) { remainder = "library/" + remainder }
        return (domain, remainder)
    }
}

/// The regular expressions of distribution's `reference/regexp.go` as hand-written recognisers over bytes.
enum ReferenceGrammar {
    static let tagRule =
        "a tag has 1 to 128 letters, digits, \"_\", \".\" and \"-\", and starts with none of the last two"
    static let pathRule =
        "a repository name has lower-case letters and digits, with single \".\" or \"_\", \"__\" or any number of \"-\" between them"

    static func isLower(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) || isDigit(byte)
    }
    static func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }
    static func isAlphanumeric(_ byte: UInt8) -> Bool {
        isLower(byte) || (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte)
    }

    /// `[\w][\w.-]{0,127}`.
    static func isTag(_ text: Substring.UTF8View) -> Bool {
        guard let first = text.first, isAlphanumeric(first) || first == UInt8(ascii: "_"), text.count <= 128 else {
            return false
        }
        return text.allSatisfy {
            isAlphanumeric($0) || $0 == UInt8(ascii: "_") || $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: "-")
        }
    }

    /// Components joined by slashes, each `[a-z0-9]+((?:[._]|__|-+)[a-z0-9]+)*`.
    static func isPath(_ text: Substring.UTF8View) -> Bool {
        text.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false).allSatisfy(isPathComponent)
    }

    private static func isPathComponent(_ text: Substring.UTF8View) -> Bool {
        guard let first = text.first, let last = text.last, isLower(first), isLower(last) else { return false }
        var separator = [UInt8]()
        for byte in text {
            if isLower(byte) {
                if !isSeparator(separator) { return false }
                separator.removeAll(keepingCapacity: true)
            } else {
                separator.append(byte)
            }
        }
        return true
    }

    private static func isSeparator(_ run: [UInt8]) -> Bool {
        switch run.count {
        case 0: true
        case 1: run[0] == UInt8(ascii: ".") || run[0] == UInt8(ascii: "_") || run[0] == UInt8(ascii: "-")
        default:
            run.allSatisfy { $0 == UInt8(ascii: "-") } || (run.count == 2 && run.allSatisfy { $0 == UInt8(ascii: "_") })
        }
    }

    /// A host name, an IPv4 address or an IPv6 address in brackets, and an optional port.
    static func isDomain(_ text: Substring.UTF8View) -> Bool {
        var host = text
        if text.first == UInt8(ascii: "[") {
            guard let end = text.firstIndex(of: UInt8(ascii: "]")) else { return false }
            let address = text[text.index(after: text.startIndex)..<end]
            let hexadecimal = { (byte: UInt8) in
                isLowerHexadecimal(byte) || (UInt8(ascii: "A")...UInt8(ascii: "F")).contains(byte)
            }
            guard !address.isEmpty, address.allSatisfy({ hexadecimal($0) || $0 == UInt8(ascii: ":") }) else {
                return false
            }
            let rest = text[text.index(after: end)...]
            return rest.isEmpty || isPort(rest)
        }
        if let colon = text.firstIndex(of: UInt8(ascii: ":")) {
            guard isPort(text[colon...]) else { return false }
            host = text[..<colon]
        }
        return host.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false).allSatisfy { label in
            guard let first = label.first, let last = label.last else { return false }
            return isAlphanumeric(first) && isAlphanumeric(last)
                && label.allSatisfy { isAlphanumeric($0) || $0 == UInt8(ascii: "-") }
        }
    }

    private static func isPort(_ text: Substring.UTF8View) -> Bool {
        let digits = text.dropFirst()
        return text.first == UInt8(ascii: ":") && !digits.isEmpty && digits.allSatisfy(isDigit)
    }
}
