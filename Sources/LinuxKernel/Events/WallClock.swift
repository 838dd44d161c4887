import CLinux
import Glibc

/// Wall-clock times as Docker writes them (RFC 3339 with nanoseconds, UTC).
public enum WallClock {
    /// Now.
    public static func now() -> String {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return text(seconds: Int64(time.tv_sec), nanoseconds: Int64(time.tv_nsec))
    }

    /// Seconds since 1970.
    public static func seconds() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Int64(time.tv_sec)
    }

    /// The moment a container has not reached yet.
    public static let zero = "0001-01-01T00:00:00Z"

    /// `2026-01-31T12:00:00.123456789Z`. Trailing zeros of the fraction are left out, as Go does.
    public static func text(seconds: Int64, nanoseconds: Int64) -> String {
        let date = civil(days: seconds >= 0 ? seconds / 86400 : -((-seconds + 86399) / 86400))
        let rest = ((seconds % 86400) + 86400) % 86400
        func two(_ value: Int64) -> String { value < 10 ? "0\(value)" : "\(value)" }
        var fraction = ""
        if nanoseconds > 0 {
            fraction = String(nanoseconds + 1_000_000_000).dropFirst().description
            while fraction.hasSuffix("0") { fraction.removeLast() }
            fraction = "." + fraction
        }
        return "\(date.year)-\(two(date.month))-\(two(date.day))T\(two(rest / 3600)):\(two(rest / 60 % 60)):\(two(rest % 60))\(fraction)Z"
    }

    /// Seconds since 1970 of such a text, nil when it is none.
    public static func parse(_ text: String) -> (seconds: Int64, nanoseconds: Int64)? {
        let bytes = Array(text.utf8)
        guard bytes.count >= 20 else { return nil }
        func number(_ from: Int, _ count: Int) -> Int64? { Int64(String(decoding: bytes[from..<(from + count)], as: UTF8.self)) }
        guard let year = number(0, 4), let month = number(5, 2), let day = number(8, 2), let hour = number(11, 2),
            let minute = number(14, 2), let second = number(17, 2), (1...12).contains(month), (1...31).contains(day)
        else { return nil }
        var nanoseconds: Int64 = 0
        if bytes[19] == UInt8(ascii: ".") {
            let digits = bytes[20...].prefix { (0x30...0x39).contains($0) }.prefix(9)
            nanoseconds = Int64(String(decoding: digits, as: UTF8.self)) ?? 0
            for _ in digits.count..<9 { nanoseconds *= 10 }
        }
        return (days(year, month, day) * 86400 + hour * 3600 + minute * 60 + second, nanoseconds)
    }

    /// Days since 1970 to a date of the Gregorian calendar: years start in March, so that the leap day is last.
    private static func civil(days: Int64) -> (year: Int64, month: Int64, day: Int64) {
        let shifted = days + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        let day = dayOfYear - (153 * shiftedMonth + 2) / 5 + 1
        let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day)
    }

    private static func days(_ year: Int64, _ month: Int64, _ day: Int64) -> Int64 {
        let y = month <= 2 ? year - 1 : year
        let era = (y >= 0 ? y : y - 399) / 400
        let yearOfEra = y - era * 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    }
}
