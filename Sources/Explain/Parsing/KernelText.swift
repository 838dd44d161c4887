/// What the kernel's text files have in common. Everything works on bytes: names in them are other people's.
enum KernelText {
    /// Undoes the octal escapes (`\040`) of space, tab, newline, backslash and the like, as `seq_escape` makes them
    /// (proc_pid_mountinfo(5)). What is no whole escape stays as it is.
    static func unescaped(_ field: some Collection<UInt8>) -> [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(field.count)
        var rest = Array(field)[...]
        while let byte = rest.popFirst() {
            let digits = rest.prefix(3)
            let isEscape =
                byte == UInt8(ascii: "\\") && digits.count == 3 && digits.allSatisfy { (48...55).contains($0) }
            guard isEscape, let first = digits.first, first < 52 else {
                result.append(byte)
                continue
            }
            result.append(digits.reduce(0) { $0 &* 8 &+ ($1 - 48) })
            rest = rest.dropFirst(3)
        }
        return result
    }

    /// The same as text; bytes that are not UTF-8 become replacement characters.
    static func text(_ field: some Collection<UInt8>) -> String { String(decoding: unescaped(field), as: UTF8.self) }

    /// A number without a sign; nil for anything else, also for one that is too large.
    static func number(_ field: some Collection<UInt8>, radix: UInt64 = 10) -> UInt64? {
        guard !field.isEmpty else { return nil }
        var value: UInt64 = 0
        for byte in field {
            let digit: UInt64
            switch byte {
            case 48...57: digit = UInt64(byte - 48)
            case 65...70: digit = UInt64(byte - 55)
            case 97...102: digit = UInt64(byte - 87)
            default: return nil
            }
            guard digit < radix else { return nil }
            let (product, first) = value.multipliedReportingOverflow(by: radix)
            let (sum, second) = product.addingReportingOverflow(digit)
            guard !first, !second else { return nil }
            value = sum
        }
        return value
    }

    /// The words of a line, between any number of spaces and tabs.
    static func words(_ line: some Collection<UInt8>) -> [[UInt8]] {
        line.split { $0 == 32 || $0 == 9 }.map { Array($0) }
    }
}
