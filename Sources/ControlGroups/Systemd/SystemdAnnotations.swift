/// Properties that a configuration's annotations add: `org.systemd.property.NAME` with a value in GVariant's text form.
enum SystemdAnnotations {
    static let prefix = "org.systemd.property."

    /// The properties of all such annotations, in the order of their names.
    static func properties(_ annotations: [String: String]) throws(ControlGroupError) -> [SystemdProperties.Property] {
        var result = [SystemdProperties.Property]()
        for (key, text) in annotations.sorted(by: { $0.key < $1.key }) where key.utf8.starts(with: prefix.utf8) {
            var name = String(decoding: key.utf8.dropFirst(prefix.utf8.count), as: UTF8.self)
            func refusal(_ cause: String) -> ControlGroupError {
                ControlGroupError(operation: "read the annotation", object: printable(key), cause: cause)
            }
            guard let first = name.utf8.first, (0x41...0x5A).contains(first), name.utf8.count > 1,
                name.utf8.allSatisfy({ (0x41...0x5A).contains($0) || (0x61...0x7A).contains($0) })
            else { throw refusal("\(printable(name)) is no name of a property") }
            // These say whose unit it is: another's process would go into it, and end with it.
            guard !["PIDs", "Slice", "Delegate", "DelegateSubgroup", "Scope", "ControlGroup"].contains(name) else {
                throw refusal("\(name) is not an annotation's to set")
            }
            guard var value = parse(text) else {
                throw refusal("\(printable(text)) is no value in GVariant's text form")
            }
            // People give seconds, the bus takes microseconds.
            if name.utf8.count > 3, name.utf8.suffix(3).elementsEqual("Sec".utf8),
                !name.utf8.suffix(4).elementsEqual("USec".utf8)
            {
                guard let microseconds = microseconds(value) else { throw refusal("it must be a number of seconds") }
                name = String(decoding: name.utf8.dropLast(3), as: UTF8.self) + "USec"
                value = .uint64(microseconds)
            }
            result.append(SystemdProperties.Property(name, value))
        }
        return result
    }

    private static func microseconds(_ value: BusValue) -> UInt64? {
        switch value {
        case .int32(let number) where number >= 0: UInt64(number) * 1_000_000
        case .uint32(let number): UInt64(number) * 1_000_000
        case .int64(let number) where number >= 0 && number < 1 << 40: UInt64(number) * 1_000_000
        case .uint64(let number) where number < 1 << 40: number * 1_000_000
        case .double(let number) where number >= 0 && number < 1e12: UInt64(number * 1_000_000)
        default: nil
        }
    }

    /// A value: `true`, `'text'`, `5`, `uint64 5`, `1.5`, `['a', 'b']`, `[1, 2]`; nil for anything else.
    static func parse(_ text: String) -> BusValue? {
        var reader = TextReader(bytes: Array(text.utf8))
        guard let value = reader.value(depth: 0) else { return nil }
        reader.skipSpaces()
        return reader.isAtEnd ? value : nil
    }

    private struct TextReader {
        let bytes: [UInt8]
        var position = 0

        init(bytes: [UInt8]) { self.bytes = bytes }

        var isAtEnd: Bool { position >= bytes.count }
        private var next: UInt8? { position < bytes.count ? bytes[position] : nil }

        mutating func skipSpaces() { while next == 32 || next == 9 || next == 10 { position += 1 } }

        mutating func value(depth: Int) -> BusValue? {
            skipSpaces()
            switch next {
            case UInt8(ascii: "'"), UInt8(ascii: "\""): return quoted().map { .string($0) }
            case UInt8(ascii: "["): return depth > 0 ? nil : list()
            default: return word()
            }
        }

        private mutating func quoted() -> String? {
            guard let quote = next else { return nil }
            position += 1
            var text = [UInt8]()
            while let byte = next {
                position += 1
                if byte == quote { return String(decoding: text, as: UTF8.self) }
                if byte == UInt8(ascii: "\\") {
                    guard let escaped = next else { return nil }
                    position += 1
                    switch escaped {
                    case UInt8(ascii: "n"): text.append(10)
                    case UInt8(ascii: "t"): text.append(9)
                    case quote, UInt8(ascii: "\\"), UInt8(ascii: "'"), UInt8(ascii: "\""): text.append(escaped)
                    default: return nil
                    }
                } else {
                    text.append(byte)
                }
            }
            return nil
        }

        private mutating func list() -> BusValue? {
            position += 1
            var values = [BusValue]()
            while true {
                skipSpaces()
                if next == UInt8(ascii: "]") { break }
                guard let value = value(depth: 1), values.count < 10_000 else { return nil }
                values.append(value)
                skipSpaces()
                if next == UInt8(ascii: ",") { position += 1 } else if next != UInt8(ascii: "]") { return nil }
            }
            position += 1
            // An empty list has no type of its own; systemd's lists are of texts.
            let element = values.first?.signature ?? "s"
            guard values.allSatisfy({ $0.signature == element }) else { return nil }
            return .array(element: element, values)
        }

        private mutating func plainWord() -> String {
            let start = position
            while let byte = next, !" \t\n,]['\"".utf8.contains(byte) { position += 1 }
            return String(decoding: bytes[start..<position], as: UTF8.self)
        }

        private mutating func word() -> BusValue? {
            let word = plainWord()
            func number<Number: FixedWidthInteger>(_ make: (Number) -> BusValue) -> BusValue? {
                skipSpaces()
                return Number(plainWord()).map(make)
            }
            switch word {
            case "true": return .bool(true)
            case "false": return .bool(false)
            case "byte": return number { BusValue.byte($0) }
            case "int16": return number { BusValue.int16($0) }
            case "uint16": return number { BusValue.uint16($0) }
            case "int32": return number { BusValue.int32($0) }
            case "uint32": return number { BusValue.uint32($0) }
            case "int64": return number { BusValue.int64($0) }
            case "uint64": return number { BusValue.uint64($0) }
            default:
                if let integer = Int32(word) { return .int32(integer) }
                let isDecimal =
                    !word.isEmpty && word.utf8.allSatisfy { (0x30...0x39).contains($0) || $0 == 46 || $0 == 45 }
                return isDecimal ? Double(word).map { .double($0) } : nil
            }
        }
    }
}
