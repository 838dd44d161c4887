// Typed access to members. A missing member and an explicit null are both "absent" (as Go reads them); a member of
// the wrong type is an error that names its path.

extension JSONObject {
    /// The member, unless it is missing or null.
    public func present(_ key: String) -> JSONValue? {
        guard let value = self[key], value != .null else { return nil }
        return value
    }

    private func typed<T>(_ key: String, _ expected: String, _ convert: (JSONValue) -> T?) throws(JSONError) -> T? {
        guard let value = present(key) else { return nil }
        guard let result = convert(value) else {
            throw JSONError(path: [key], problem: "\(expected) was expected, not \(value.kindName)")
        }
        return result
    }

    /// The string member, nil when absent.
    public func string(_ key: String) throws(JSONError) -> String? { try typed(key, "a string") { $0.stringValue } }
    /// The boolean member, nil when absent.
    public func bool(_ key: String) throws(JSONError) -> Bool? { try typed(key, "a boolean") { $0.boolValue } }
    /// The array member, nil when absent.
    public func array(_ key: String) throws(JSONError) -> [JSONValue]? { try typed(key, "an array") { $0.arrayValue } }
    /// The object member, nil when absent.
    public func object(_ key: String) throws(JSONError) -> JSONObject? { try typed(key, "an object") { $0.objectValue } }
    /// The number member, nil when absent.
    public func double(_ key: String) throws(JSONError) -> Double? { try typed(key, "a number") { $0.doubleValue } }

    /// The whole-number member, nil when absent; out of the type's range is an error.
    public func integer<Integer: FixedWidthInteger & Sendable>(
        _ key: String, as type: Integer.Type = Integer.self
    ) throws(JSONError) -> Integer? {
        try typed(key, "a whole number from \(Integer.min) to \(Integer.max)") { $0.integerValue(as: Integer.self) }
    }

    /// The array-of-strings member, nil when absent.
    public func strings(_ key: String) throws(JSONError) -> [String]? {
        guard let elements = try array(key) else { return nil }
        var result = [String]()
        for (index, element) in elements.enumerated() {
            guard let text = element.stringValue else {
                throw JSONError(path: [key, String(index)], problem: "a string was expected, not \(element.kindName)")
            }
            result.append(text)
        }
        return result
    }

    /// The map-of-strings member, nil when absent.
    public func stringMap(_ key: String) throws(JSONError) -> [String: String]? {
        guard let object = try object(key) else { return nil }
        var result = [String: String]()
        for member in object.members {
            guard let text = member.value.stringValue else {
                throw JSONError(path: [key, member.key], problem: "a string was expected, not \(member.value.kindName)")
            }
            result[member.key] = text
        }
        return result
    }

    /// The member decoded by `body`, nil when absent; errors inside carry the key in their path.
    public func decode<T>(_ key: String, _ body: (JSONObject) throws(JSONError) -> T) throws(JSONError) -> T? {
        guard let object = try object(key) else { return nil }
        do throws(JSONError) { return try body(object) } catch { throw error.inside(key) }
    }

    /// Each element of the array member decoded by `body` from an object, nil when absent.
    public func decodeArray<T>(_ key: String, _ body: (JSONObject) throws(JSONError) -> T) throws(JSONError) -> [T]? {
        guard let elements = try array(key) else { return nil }
        var result = [T]()
        result.reserveCapacity(elements.count)
        for (index, element) in elements.enumerated() {
            guard let object = element.objectValue else {
                throw JSONError(path: [key, String(index)], problem: "an object was expected, not \(element.kindName)")
            }
            do throws(JSONError) { result.append(try body(object)) } catch { throw error.inside(String(index)).inside(key) }
        }
        return result
    }

    /// The value, or an error that the member is missing.
    public func required<T>(_ key: String, _ value: T?) throws(JSONError) -> T {
        guard let value else { throw JSONError(path: [key], problem: "is missing") }
        return value
    }
}
