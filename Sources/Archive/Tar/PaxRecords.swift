import LinuxKernel

/// The records of a PAX extended header (POSIX.1-2001, `pax`, "Extended Header"): `LENGTH KEY=VALUE\n` each.
enum PaxRecords {
    typealias Record = (key: PathBytes, value: [UInt8])

    /// All records in their order; GNU's first sparse form repeats keys, so this is no dictionary.
    static func parse(_ bytes: [UInt8]) throws(TarProblem) -> [Record] {
        var records = [Record]()
        var rest = bytes[...]
        while !rest.isEmpty {
            // Zero bytes after the last record are padding of a wrong size; Go's and GNU's readers refuse them too.
            var length = 0
            var position = rest.startIndex
            while position < rest.endIndex, (0x30...0x39).contains(rest[position]) {
                length = length * 10 + Int(rest[position] - 0x30)
                position += 1
                guard length <= rest.count else { throw TarProblem("a PAX record says it is longer than its header") }
            }
            guard position > rest.startIndex, position < rest.endIndex, rest[position] == 0x20 else {
                throw TarProblem("a PAX record has no length")
            }
            let end = rest.startIndex + length
            guard end > position + 1, rest[end - 1] == 0x0A else { throw TarProblem("a PAX record's length is wrong") }
            let content = rest[(position + 1)..<(end - 1)]
            guard let equals = content.firstIndex(of: UInt8(ascii: "=")), equals > content.startIndex else {
                throw TarProblem("a PAX record has no key")
            }
            let key = content[..<equals]
            guard !key.contains(0) else { throw TarProblem("a PAX record's key holds a zero byte") }
            records.append((PathBytes(key), Array(content[(equals + 1)...])))
            rest = rest[end...]
        }
        return records
    }

    /// A whole decimal number of a record.
    static func integer(_ value: [UInt8], _ name: String) throws(TarProblem) -> Int64 {
        guard let text = String(validating: value, as: UTF8.self), let number = Int64(text) else {
            throw TarProblem("its \(name) in the PAX header is not a number that can be used")
        }
        return number
    }

    /// A time with an optional fraction: `1700000000.25`, `-1.5`.
    static func time(_ value: [UInt8]) throws(TarProblem) -> TarEntry.Time {
        let bad = TarProblem("its modification time in the PAX header is not a number")
        let negative = value.first == UInt8(ascii: "-")
        let digits = value.drop { $0 == UInt8(ascii: "-") }
        guard value.count - digits.count <= 1 else { throw bad }
        let point = digits.firstIndex(of: UInt8(ascii: ".")) ?? digits.endIndex
        let whole = digits[..<point]
        let fraction = digits[point...].dropFirst()
        guard !whole.isEmpty, (Array(whole) + fraction).allSatisfy({ (0x30...0x39).contains($0) }),
            let seconds = Int64(String(decoding: whole, as: UTF8.self))
        else { throw bad }
        var nanoseconds: Int32 = 0
        for place in 0..<9 {
            let index = fraction.startIndex + place
            nanoseconds = nanoseconds * 10 + (index < fraction.endIndex ? Int32(fraction[index] - 0x30) : 0)
        }
        if !negative { return TarEntry.Time(seconds: seconds, nanoseconds: nanoseconds) }
        return nanoseconds == 0
            ? TarEntry.Time(seconds: -seconds)
            : TarEntry.Time(seconds: -seconds - 1, nanoseconds: 1_000_000_000 - nanoseconds)
    }
}
