/// Spans of time as Go writes them: "300ms", "1h15m30.5s", "-1.5h", "0".
public enum TimeSpan {
    /// Nanoseconds.
    public static func parse(_ text: String) throws(ValueError) -> Int64 {
        let invalid = ValueError("invalid duration \(quoted(text))")
        var rest = Substring(text)
        var negative = false
        if let sign = rest.first, sign == "-" || sign == "+" {
            negative = sign == "-"
            rest = rest.dropFirst()
        }
        if rest == "0" { return 0 }
        guard !rest.isEmpty else { throw invalid }
        var total: Int64 = 0
        while !rest.isEmpty {
            let number = rest.prefix { ("0"..."9").contains($0) || $0 == "." }
            guard let value = DecimalText(number) else { throw invalid }
            rest = rest.dropFirst(number.count)
            let unit = rest.prefix { !("0"..."9").contains($0) && $0 != "." }
            rest = rest.dropFirst(unit.count)
            guard !unit.isEmpty else { throw ValueError("missing unit in duration \(quoted(text))") }
            guard let nanoseconds = units[String(unit)] else {
                throw ValueError("unknown unit \(quoted(unit)) in duration \(quoted(text))")
            }
            guard let part = value.times(nanoseconds) else { throw invalid }
            let (sum, overflow) = total.addingReportingOverflow(part)
            guard !overflow else { throw invalid }
            total = sum
        }
        return negative ? -total : total
    }

    private static let units: [String: UInt64] = [
        "ns": 1, "us": 1000, "\u{B5}s": 1000, "\u{3BC}s": 1000, "ms": 1_000_000, "s": 1_000_000_000,
        "m": 60_000_000_000, "h": 3_600_000_000_000,
    ]

    /// How long ago, as Docker's tables say it: "Less than a second", "5 seconds", "About a minute", "3 hours".
    public static func rough(seconds: Int64) -> String {
        let minutes = seconds / 60
        // Docker rounds hours to the nearest.
        let hours = (seconds + 1800) / 3600
        switch true {
        case seconds < 1: return "Less than a second"
        case seconds == 1: return "1 second"
        case seconds < 60: return "\(seconds) seconds"
        case minutes == 1: return "About a minute"
        case minutes < 60: return "\(minutes) minutes"
        case hours == 1: return "About an hour"
        case hours < 48: return "\(hours) hours"
        case hours < 24 * 7 * 2: return "\(hours / 24) days"
        case hours < 24 * 30 * 2: return "\(hours / 24 / 7) weeks"
        case hours < 24 * 365 * 2: return "\(hours / 24 / 30) months"
        default: return "\(hours / 24 / 365) years"
        }
    }
}
