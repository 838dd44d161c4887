import Foundation

/// A JSON document of the program under test, read by an independent parser.
public struct JSON: @unchecked Sendable {
    // Only values that JSONSerialization makes, and none is changed.
    private let value: Any?

    private init(value: Any?) { self.value = value }

    /// Parses a text.
    public init(_ text: String) throws {
        value = try JSONSerialization.jsonObject(with: Data(text.utf8), options: [.fragmentsAllowed])
    }

    /// A member of an object; an absent value without one.
    public subscript(key: String) -> JSON { JSON(value: (value as? [String: Any])?[key]) }
    /// An element of an array.
    public subscript(index: Int) -> JSON {
        guard let array = value as? [Any], array.indices.contains(index) else { return JSON(value: nil) }
        return JSON(value: array[index])
    }

    public var string: String? { value as? String }
    public var int: Int? { (value as? NSNumber)?.intValue }
    public var bool: Bool? { (value as? NSNumber)?.boolValue }
    public var array: [JSON]? { (value as? [Any])?.map { JSON(value: $0) } }
    /// How many elements an array has; 0 for anything else.
    public var count: Int { array?.count ?? 0 }
    public var keys: [String] { (value as? [String: Any]).map { $0.keys.sorted() } ?? [] }
    public var isPresent: Bool { value != nil && !(value is NSNull) }
}
