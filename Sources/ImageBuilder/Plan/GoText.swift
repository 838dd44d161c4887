/// Values as Go prints them, which is what histories hold.
enum GoText {
    /// `["a" "b"]` (`%q` of a slice).
    static func quoted(_ words: [String]) -> String { "[" + words.map { literal($0) }.joined(separator: " ") + "]" }

    /// `["a","b"]`.
    static func json(_ words: [String]) -> String { "[" + words.map { literal($0) }.joined(separator: ",") + "]" }

    private static func literal(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case "\t": result += "\\t"
            case "\r": result += "\\r"
            default:
                if scalar.value < 32 || scalar.value == 127 {
                    let digits = String(scalar.value, radix: 16)
                    result += "\\x" + (digits.utf8.count < 2 ? "0" : "") + digits
                } else {
                    result.unicodeScalars.append(scalar)
                }
            }
        }
        return result + "\""
    }

    /// `{Test:[CMD-SHELL x] Interval:30s …}`.
    static func healthcheck(_ check: HealthcheckInstruction) -> String {
        "{Test:[\(check.test.joined(separator: " "))] Interval:\(duration(check.interval)) Timeout:\(duration(check.timeout)) "
            + "StartPeriod:\(duration(check.startPeriod)) StartInterval:\(duration(check.startInterval)) Retries:\(check.retries)}"
    }

    /// `1m30s`, `250ms`.
    static func duration(_ nanoseconds: Int64) -> String {
        if nanoseconds == 0 { return "0s" }
        if nanoseconds < 1_000_000_000 { return decimal(nanoseconds, 1_000_000) + "ms" }
        let seconds = nanoseconds / 1_000_000_000
        let hours = seconds / 3600, minutes = seconds / 60 % 60
        let rest = decimal(nanoseconds % 60_000_000_000, 1_000_000_000) + "s"
        if hours > 0 { return "\(hours)h\(minutes)m\(rest)" }
        return minutes > 0 ? "\(minutes)m\(rest)" : rest
    }

    private static func decimal(_ value: Int64, _ unit: Int64) -> String {
        let whole = value / unit, fraction = value % unit
        guard fraction != 0 else { return String(whole) }
        let width = String(unit).utf8.count - 1
        var digits = String(fraction)
        digits = String(repeating: "0", count: width - digits.utf8.count) + digits
        while digits.last == "0" { digits.removeLast() }
        return "\(whole).\(digits)"
    }
}
