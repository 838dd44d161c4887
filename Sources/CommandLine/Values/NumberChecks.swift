/// Checks of numbers that flags of several programs share.
public enum NumberChecks {
    /// A whole number of at least 0.
    public static let notNegative: @Sendable (String) throws(ValueError) -> Void = { value throws(ValueError) in
        guard try NumberValue.integer(value) >= 0 else { throw ValueError("it is less than 0") }
    }

    /// Numbers and ranges below 65,536, such as "0-3,7".
    public static let list: @Sendable (String) throws(ValueError) -> Void = { value throws(ValueError) in
        if value.isEmpty { return }
        for part in ByteText.fields(value, by: ",") {
            let ends = ByteText.fields(part, by: "-")
            let numbers = ends.compactMap { NumberValue.plain($0, limit: 65535) }
            guard ends.count <= 2, numbers.count == ends.count, numbers[0] <= numbers[numbers.count - 1] else {
                throw ValueError("it is not a list such as 0-3,7")
            }
        }
    }
}
