/// A value on D-Bus, as far as talking to systemd needs them (D-Bus specification, "Type System").
public indirect enum BusValue: Sendable, Equatable {
    case byte(UInt8)
    case bool(Bool)
    case int16(Int16)
    case uint16(UInt16)
    case int32(Int32)
    case uint32(UInt32)
    case int64(Int64)
    case uint64(UInt64)
    case double(Double)
    case string(String)
    case objectPath(String)
    case signature(String)
    case bytes([UInt8])
    /// Elements of one type, which is given for an empty list.
    case array(element: String, [BusValue])
    case structure([BusValue])
    case variant(BusValue)

    /// The type as D-Bus writes it (`a(sv)`).
    var signature: String {
        switch self {
        case .byte: "y"
        case .bool: "b"
        case .int16: "n"
        case .uint16: "q"
        case .int32: "i"
        case .uint32: "u"
        case .int64: "x"
        case .uint64: "t"
        case .double: "d"
        case .string: "s"
        case .objectPath: "o"
        case .signature: "g"
        case .bytes: "ay"
        case .array(let element, _): "a" + element
        case .structure(let members): "(" + members.map(\.signature).joined() + ")"
        case .variant: "v"
        }
    }
}

/// Writes values as D-Bus marshals them: little-endian, every type aligned to its size from the message's start
/// (D-Bus specification, "Marshaling").
struct BusWriter {
    private(set) var bytes: [UInt8] = []

    mutating func align(_ size: Int) { while bytes.count % size != 0 { bytes.append(0) } }

    private mutating func number<Number: FixedWidthInteger>(_ value: Number) {
        align(Number.bitWidth / 8)
        withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
    }

    mutating func signature(_ text: String) {
        bytes.append(UInt8(truncatingIfNeeded: text.utf8.count))
        bytes += Array(text.utf8) + [0]
    }

    mutating func append(_ value: BusValue) {
        switch value {
        case .byte(let byte): bytes.append(byte)
        case .bool(let flag): number(UInt32(flag ? 1 : 0))
        case .int16(let value): number(value)
        case .uint16(let value): number(value)
        case .int32(let value): number(value)
        case .uint32(let value): number(value)
        case .int64(let value): number(value)
        case .uint64(let value): number(value)
        case .double(let value): number(value.bitPattern)
        case .string(let text), .objectPath(let text):
            number(UInt32(truncatingIfNeeded: text.utf8.count))
            bytes += Array(text.utf8) + [0]
        case .signature(let text): signature(text)
        case .bytes(let content):
            number(UInt32(truncatingIfNeeded: content.count))
            bytes += content
        case .array(let element, let values): array(element, values)
        case .structure(let members):
            align(8)
            for member in members { append(member) }
        case .variant(let inner):
            signature(inner.signature)
            append(inner)
        }
    }

    private mutating func array(_ element: String, _ values: [BusValue]) {
        number(UInt32(0))
        let length = bytes.count - 4
        // The padding to the first element does not count, but is there even without one.
        switch element.utf8.first {
        case UInt8(ascii: "("), UInt8(ascii: "{"), UInt8(ascii: "x"), UInt8(ascii: "t"), UInt8(ascii: "d"): align(8)
        default: break
        }
        let start = bytes.count
        for value in values { append(value) }
        withUnsafeBytes(of: UInt32(truncatingIfNeeded: bytes.count - start).littleEndian) {
            bytes.replaceSubrange(length..<(length + 4), with: $0)
        }
    }
}
