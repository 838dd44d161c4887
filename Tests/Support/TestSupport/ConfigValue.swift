/// A JSON value that a test builds and changes: `config["linux"]["sysctl"]["a"] = "b"`.
public indirect enum ConfigValue: Sendable, ExpressibleByStringLiteral, ExpressibleByIntegerLiteral,
    ExpressibleByBooleanLiteral, ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral,
    ExpressibleByStringInterpolation
{
    case null
    case bool(Bool)
    case integer(Int)
    case string(String)
    case array([ConfigValue])
    case object([String: ConfigValue])

    public init(stringLiteral value: String) { self = .string(value) }
    public init(integerLiteral value: Int) { self = .integer(value) }
    public init(booleanLiteral value: Bool) { self = .bool(value) }
    public init(arrayLiteral elements: ConfigValue...) { self = .array(elements) }
    public init(dictionaryLiteral elements: (String, ConfigValue)...) {
        self = .object(Dictionary(elements, uniquingKeysWith: { $1 }))
    }

    /// A member; setting one in something else makes that an object.
    public subscript(key: String) -> ConfigValue {
        get { if case .object(let members) = self { members[key] ?? .null } else { .null } }
        set {
            var members: [String: ConfigValue] = [:]
            if case .object(let old) = self { members = old }
            members[key] = newValue
            self = .object(members)
        }
    }

    /// Adds an element; something else becomes an array.
    public mutating func append(_ element: ConfigValue) {
        if case .array(let old) = self { self = .array(old + [element]) } else { self = .array([element]) }
    }

    /// The elements of an array.
    public var elements: [ConfigValue] { if case .array(let elements) = self { elements } else { [] } }

    /// The JSON text.
    public var text: String {
        switch self {
        case .null: return "null"
        case .bool(let value): return value ? "true" : "false"
        case .integer(let value): return "\(value)"
        case .string(let value): return Self.quote(value)
        case .array(let elements): return "[" + elements.map(\.text).joined(separator: ",") + "]"
        case .object(let members):
            let parts = members.sorted { $0.key < $1.key }.map { Self.quote($0.key) + ":" + $0.value.text }
            return "{" + parts.joined(separator: ",") + "}"
        }
    }

    private static func quote(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case _ where scalar.value < 0x20:
                let digits = String(scalar.value, radix: 16)
                result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }
}
