/// A JSON value (RFC 8259). Integers keep their exact value; objects keep the order of their members.
public enum JSONValue: Equatable, Sendable {
    case null
    case bool(Bool)
    /// A number without fraction and exponent that fits 64 signed bits.
    case integer(Int64)
    /// A larger whole number that fits 64 unsigned bits (seccomp arguments need them).
    case unsigned(UInt64)
    case double(Double)
    case string(String)
    case array([JSONValue])
    case object(JSONObject)

    /// A whole number of any width.
    public init(_ number: some BinaryInteger) {
        if let small = Int64(exactly: number) { self = .integer(small) } else { self = .unsigned(UInt64(clamping: number)) }
    }

    /// An array of strings.
    public init(_ strings: some Sequence<String>) { self = .array(strings.map { .string($0) }) }

    /// An object from a map of strings, sorted by key so that equal maps make equal bytes.
    public init(_ map: [String: String]) {
        self = .object(JSONObject(map.sorted { $0.key < $1.key }.map { ($0.key, .string($0.value)) }))
    }

    /// The string, if it is one.
    public var stringValue: String? { if case .string(let s) = self { s } else { nil } }
    /// The boolean, if it is one.
    public var boolValue: Bool? { if case .bool(let b) = self { b } else { nil } }
    /// The elements, if it is an array.
    public var arrayValue: [JSONValue]? { if case .array(let a) = self { a } else { nil } }
    /// The members, if it is an object.
    public var objectValue: JSONObject? { if case .object(let o) = self { o } else { nil } }
    /// The number, if it is whole and fits `Integer`.
    public func integerValue<Integer: FixedWidthInteger>(as type: Integer.Type = Integer.self) -> Integer? {
        switch self {
        case .integer(let n): Integer(exactly: n)
        case .unsigned(let n): Integer(exactly: n)
        default: nil
        }
    }
    /// The number, if it is one.
    public var doubleValue: Double? {
        switch self {
        case .integer(let n): Double(n)
        case .unsigned(let n): Double(n)
        case .double(let n): n
        default: nil
        }
    }

    /// The member with this key, when this is an object that has one.
    public subscript(key: String) -> JSONValue? { objectValue?[key] }

    /// What to call this kind of value in a message.
    public var kindName: String {
        switch self {
        case .null: "null"
        case .bool: "a boolean"
        case .integer, .unsigned, .double: "a number"
        case .string: "a string"
        case .array: "an array"
        case .object: "an object"
        }
    }
}

/// The members of a JSON object in their order. A key that stands twice in the input has its last value (as Go and
/// JavaScript read it).
public struct JSONObject: Equatable, Sendable {
    /// Keys and values in order.
    public private(set) var members: [(key: String, value: JSONValue)]

    /// An object with these members; of equal keys the last wins.
    public init(_ members: [(String, JSONValue)] = []) {
        self.members = []
        self.members.reserveCapacity(members.count)
        if members.count <= 16 {
            for (key, value) in members { self[key] = value }
        } else {
            var places = [String: Int](minimumCapacity: members.count)
            for (key, value) in members {
                if let place = places[key] { self.members[place].value = value } else {
                    places[key] = self.members.count
                    self.members.append((key, value))
                }
            }
        }
    }

    /// The member with this key; setting nil removes it.
    public subscript(key: String) -> JSONValue? {
        get {
            for member in members where member.key == key { return member.value }
            return nil
        }
        set {
            if let place = members.firstIndex(where: { $0.key == key }) {
                if let newValue { members[place].value = newValue } else { members.remove(at: place) }
            } else if let newValue {
                members.append((key, newValue))
            }
        }
    }

    /// The keys in order.
    public var keys: [String] { members.map(\.key) }
    /// Whether there is no member.
    public var isEmpty: Bool { members.isEmpty }

    /// Equal keys with equal values, in any order.
    public static func == (a: JSONObject, b: JSONObject) -> Bool {
        guard a.members.count == b.members.count else { return false }
        return a.members.allSatisfy { b[$0.key] == $0.value }
    }
}

extension JSONValue: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByBooleanLiteral,
    ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral, ExpressibleByNilLiteral
{
    public init(stringLiteral value: String) { self = .string(value) }
    public init(integerLiteral value: Int64) { self = .integer(value) }
    public init(booleanLiteral value: Bool) { self = .bool(value) }
    public init(arrayLiteral elements: JSONValue...) { self = .array(elements) }
    public init(dictionaryLiteral elements: (String, JSONValue)...) { self = .object(JSONObject(elements)) }
    public init(nilLiteral: ()) { self = .null }
}
