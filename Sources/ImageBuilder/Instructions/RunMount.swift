/// One `--mount` of RUN (Dockerfile reference, "RUN --mount").
public struct RunMount: Equatable, Sendable {
    public enum Kind: String, Sendable, CaseIterable {
        case bind, cache, tmpfs, secret, ssh
    }

    public enum Sharing: String, Sendable, CaseIterable {
        case shared, `private`, locked
    }

    public var kind = Kind.bind
    /// Stage, image or named context; nil means the build context, for a cache an empty directory.
    public var from: String?
    public var source: String?
    public var target: String?
    public var isReadOnly = true
    public var id: String?
    public var sharing: Sharing?
    /// Secret and ssh: it is an error when there is none.
    public var isRequired = false
    public var mode: UInt32?
    public var uid: UInt32?
    public var gid: UInt32?
    /// tmpfs: bytes at most.
    public var size: Int64?
    /// Secret: the variable that gets its value.
    public var variable: String?

    private static let keys = [
        "type", "from", "source", "src", "target", "dst", "destination", "readonly", "ro", "readwrite", "rw", "id",
        "sharing", "required", "mode", "uid", "gid", "size", "env",
    ]

    /// What can be told without variables: a key that is none, a `from` with a variable.
    static func check(_ text: String, at range: SourceRange) throws(BuildError) {
        for (key, value) in try fields(text, range) {
            guard keys.contains(key) else { throw unknown(key, text, range) }
            if key == "from", value?.utf8.contains(UInt8(ascii: "$")) == true {
                throw .syntax(
                    "'from' of a mount does not support variable expansion", remedy: "define an alias stage instead",
                    at: range.highlighting(text))
            }
        }
    }

    /// Reads the value of a `--mount`.
    ///
    /// - Parameter expand: expands variables in a field's value.
    init(
        _ text: String, at range: SourceRange, expand: (String) throws(BuildError) -> String
    ) throws(BuildError) {
        let place = range.highlighting(text)
        func refuse(_ cause: String, _ remedy: String = "") -> BuildError { .syntax(cause, remedy: remedy, at: place) }
        var isReadOnly: Bool?
        for (key, written) in try Self.fields(text, range) {
            let value = try written.map { (text: String) throws(BuildError) in try expand(text) }
            if value == nil, !["readonly", "ro", "readwrite", "rw", "required"].contains(key) {
                if Self.keys.contains(key) { throw refuse("the field \(quote(key)) of a mount must be KEY=VALUE") }
                throw Self.unknown(key, text, range)
            }
            func boolean() throws(BuildError) -> Bool {
                switch value {
                case nil, "1", "t", "T", "true", "TRUE", "True": return true
                case "0", "f", "F", "false", "FALSE", "False": return false
                default: throw refuse("invalid value for \(key): \(quote(value ?? ""))", "it is true or false")
                }
            }
            func number(radix: Int) throws(BuildError) -> UInt32 {
                guard let value, value.utf8.allSatisfy(ByteClass.isDigit), let number = UInt32(value, radix: radix)
                else {
                    throw refuse("invalid value \(quote(value ?? "")) for \(key)")
                }
                return number
            }
            switch key {
            case "type":
                guard let kind = Kind(rawValue: (value ?? "").lowercased()) else {
                    throw refuse(
                        "unsupported mount type \(quote(value ?? ""))",
                        Suggestion.text(for: value ?? "", among: Kind.allCases.map(\.rawValue))
                            ?? "it is bind, cache, tmpfs, secret or ssh")
                }
                self.kind = kind
            case "from": from = value
            case "source", "src": source = value
            case "target", "dst", "destination": target = value
            case "readonly", "ro": isReadOnly = try boolean()
            case "readwrite", "rw": isReadOnly = !(try boolean())
            case "id": id = value
            case "env": variable = value
            case "sharing":
                guard let sharing = Sharing(rawValue: (value ?? "").lowercased()) else {
                    throw refuse("unsupported sharing value \(quote(value ?? ""))", "it is shared, private or locked")
                }
                self.sharing = sharing
            case "required": isRequired = try boolean()
            case "mode": mode = try number(radix: 8)
            case "uid": uid = try number(radix: 10)
            case "gid": gid = try number(radix: 10)
            case "size":
                guard let size = Self.bytes(value ?? "") else {
                    throw refuse("invalid value \(quote(value ?? "")) for size")
                }
                self.size = size
            default: throw Self.unknown(key, text, range)
            }
        }
        self.isReadOnly = isReadOnly ?? (kind != .cache && kind != .tmpfs)
        if let problem { throw refuse(problem) }
    }

    /// What does not go together.
    private var problem: String? {
        let takesOwner = kind == .secret || kind == .ssh || kind == .cache
        if !takesOwner {
            if mode != nil { return "mode is not allowed for a \(kind) mount" }
            if uid != nil { return "uid is not allowed for a \(kind) mount" }
            if gid != nil { return "gid is not allowed for a \(kind) mount" }
        }
        if isRequired, kind != .secret, kind != .ssh { return "required is not allowed for a \(kind) mount" }
        if size != nil, kind != .tmpfs { return "size is not allowed for a \(kind) mount" }
        if sharing != nil, kind != .cache { return "sharing is not allowed for a \(kind) mount" }
        if variable != nil, kind != .secret { return "env is not allowed for a \(kind) mount" }
        switch kind {
        case .secret:
            if from != nil { return "a secret mount has no from" }
            if source == nil, target == nil, id == nil { return "a secret mount needs an id or a target" }
            if source != nil, id != nil { return "a secret mount has either a source or an id" }
        case .bind, .cache, .tmpfs: if target?.isEmpty ?? true { return "a \(kind) mount needs a target" }
        case .ssh: break
        }
        return nil
    }

    private static func unknown(_ key: String, _ text: String, _ range: SourceRange) -> BuildError {
        .syntax(
            "unexpected key \(quote(key)) in a mount", remedy: Suggestion.text(for: key, among: keys) ?? "",
            at: range.highlighting(text))
    }

    /// The fields between commas (RFC 4180), keys in lower case.
    private static func fields(_ text: String, _ range: SourceRange) throws(BuildError) -> [(String, String?)] {
        var fields = [[UInt8]]()
        var field = [UInt8]()
        var isQuoted = false
        var bytes = Array(text.utf8)[...]
        while let byte = bytes.popFirst() {
            if isQuoted {
                if byte != 34 {
                    field.append(byte)
                } else if bytes.first == 34 {
                    field.append(34)
                    bytes = bytes.dropFirst()
                } else {
                    isQuoted = false
                }
            } else if byte == 44 {
                fields.append(field)
                field = []
            } else if byte == 34, field.isEmpty {
                isQuoted = true
            } else {
                field.append(byte)
            }
        }
        guard !isQuoted else { throw .syntax("a quote in a mount is not closed", at: range.highlighting(text)) }
        fields.append(field)
        return fields.map { field in
            let key = field.prefix { $0 != 61 }
            let value = key.count < field.count ? String(decoding: field[(key.count + 1)...], as: UTF8.self) : nil
            return (String(decoding: key, as: UTF8.self).lowercased(), value)
        }
    }

    /// `64m`, `1g`, `512`.
    static func bytes(_ text: String) -> Int64? {
        var digits = Array(text.lowercased().utf8)
        if digits.last == UInt8(ascii: "b") { digits.removeLast() }
        if digits.last == UInt8(ascii: "i") { digits.removeLast() }
        let shifts: [UInt8: Int64] = [107: 10, 109: 20, 103: 30, 116: 40]
        var shift: Int64 = 0
        if let last = digits.last, let value = shifts[last] {
            shift = value
            digits.removeLast()
        }
        guard !digits.isEmpty, digits.allSatisfy(ByteClass.isDigit),
            let number = Int64(String(decoding: digits, as: UTF8.self))
        else { return nil }
        let (result, overflow) = number.multipliedReportingOverflow(by: Int64(1) << shift)
        return overflow ? nil : result
    }
}
