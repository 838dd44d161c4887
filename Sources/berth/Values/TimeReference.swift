import CommandLine

/// A moment as `logs --since` takes it: RFC 3339 ("2026-01-31T12:00:00Z", also shorter), seconds since 1970
/// ("1136073600.5"), or how long ago ("10m").
enum TimeReference: Sendable, Equatable {
    case ago(nanoseconds: Int64)
    case moment(seconds: Int64, nanoseconds: Int64)

    /// Seconds and nanoseconds since 1970, given what they are now.
    func resolved(now: (seconds: Int64, nanoseconds: Int64)) -> (seconds: Int64, nanoseconds: Int64) {
        switch self {
        case .moment(let seconds, let nanoseconds): return (seconds, nanoseconds)
        case .ago(let span):
            let seconds = now.seconds - span / 1_000_000_000
            let nanoseconds = now.nanoseconds - span % 1_000_000_000
            if nanoseconds < 0 { return (seconds - 1, nanoseconds + 1_000_000_000) }
            if nanoseconds >= 1_000_000_000 { return (seconds + 1, nanoseconds - 1_000_000_000) }
            return (seconds, nanoseconds)
        }
    }

    /// Reads one. A date without a zone is taken as UTC.
    init(parsing text: String) throws(ValueError) {
        if let span = try? TimeSpan.parse(text), text != "0" {
            self = .ago(nanoseconds: span)
            return
        }
        if let moment = Self.unix(text) ?? Self.date(text) {
            self = moment
            return
        }
        throw ValueError("\(quoted(text)) is not a time such as 2026-01-31T12:00:00Z, 1136073600 or 10m")
    }

    private static func unix(_ text: String) -> TimeReference? {
        let parts = text.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
        guard let seconds = NumberValue.plain(parts[0], limit: 1 << 40) else { return nil }
        guard parts.count == 2 else { return .moment(seconds: Int64(seconds), nanoseconds: 0) }
        guard let nanoseconds = fraction(parts[1]) else { return nil }
        return .moment(seconds: Int64(seconds), nanoseconds: nanoseconds)
    }

    /// Up to nine digits behind a point, as nanoseconds.
    private static func fraction(_ digits: Substring) -> Int64? {
        guard (1...9).contains(digits.utf8.count), let number = NumberValue.plain(digits) else { return nil }
        return (digits.utf8.count..<9).reduce(Int64(number)) { value, _ in value * 10 }
    }

    private static func date(_ text: String) -> TimeReference? {
        var rest = Substring(text)
        // 2026-01-31[T12:00[:00[.123]]][Z|+02:00]
        func take(_ count: Int) -> Int64? {
            let digits = rest.prefix(count)
            guard digits.utf8.count == count, let number = NumberValue.plain(digits) else { return nil }
            rest = rest.dropFirst(count)
            return Int64(number)
        }
        func skip(_ mark: Character) -> Bool {
            guard rest.first == mark else { return false }
            rest = rest.dropFirst()
            return true
        }
        guard let year = take(4), year >= 1, skip("-"), let month = take(2), (1...12).contains(month), skip("-"),
            let day = take(2), (1...daysIn(month, year)).contains(day)
        else { return nil }
        var seconds = daysSince1970(year, month, day) * 86400
        var nanoseconds: Int64 = 0
        if skip("T") || skip("t") {
            guard let hour = take(2), hour < 24, skip(":"), let minute = take(2), minute < 60 else { return nil }
            seconds += hour * 3600 + minute * 60
            if skip(":") {
                guard let second = take(2), second < 61 else { return nil }
                seconds += second
                if skip(".") {
                    let digits = rest.prefix { ("0"..."9").contains($0) }
                    guard let value = fraction(digits) else { return nil }
                    nanoseconds = value
                    rest = rest.dropFirst(digits.count)
                }
            }
        }
        if !rest.isEmpty, !(skip("Z") || skip("z")) {
            let east = rest.first == "+"
            guard skip("+") || skip("-"), let hours = take(2), hours < 24, skip(":"), let minutes = take(2),
                minutes < 60
            else { return nil }
            seconds += (east ? -1 : 1) * (hours * 3600 + minutes * 60)
        }
        return rest.isEmpty ? .moment(seconds: seconds, nanoseconds: nanoseconds) : nil
    }

    private static func isLeap(_ year: Int64) -> Bool { year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) }

    private static func daysIn(_ month: Int64, _ year: Int64) -> Int64 {
        switch month {
        case 2: isLeap(year) ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }

    private static func daysSince1970(_ year: Int64, _ month: Int64, _ day: Int64) -> Int64 {
        let before = year - 1
        var days = before * 365 + before / 4 - before / 100 + before / 400 - 719_162
        for earlier in 1..<month { days += daysIn(earlier, year) }
        return days + day - 1
    }
}
