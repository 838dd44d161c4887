/// A message on D-Bus (D-Bus specification, "Message Protocol").
struct BusMessage: Equatable {
    enum Kind: UInt8 { case call = 1, reply = 2, error = 3, signal = 4 }

    var kind: Kind
    var serial: UInt32
    var path: String?
    var interface: String?
    var member: String?
    var errorName: String?
    var replySerial: UInt32?
    var destination: String?
    /// The leading arguments that are numbers, texts and paths; what follows another type is not looked at.
    var arguments: [BusValue] = []

    /// A call's bytes.
    static func call(
        serial: UInt32, path: String, interface: String, member: String, destination: String, _ arguments: [BusValue]
    ) -> [UInt8] {
        var body = BusWriter()
        for argument in arguments { body.append(argument) }
        var writer = BusWriter()
        for byte in [UInt8(ascii: "l"), Kind.call.rawValue, 0, 1] { writer.append(.byte(byte)) }
        writer.append(.uint32(UInt32(truncatingIfNeeded: body.bytes.count)))
        writer.append(.uint32(serial))
        var fields: [BusValue] = [
            .structure([.byte(1), .variant(.objectPath(path))]), .structure([.byte(2), .variant(.string(interface))]),
            .structure([.byte(3), .variant(.string(member))]), .structure([.byte(6), .variant(.string(destination))]),
        ]
        let signature = arguments.map(\.signature).joined()
        if !signature.isEmpty { fields.append(.structure([.byte(8), .variant(.signature(signature))])) }
        writer.append(.array(element: "(yv)", fields))
        writer.align(8)
        return writer.bytes + body.bytes
    }

    /// The length of the whole message that begins with these 16 bytes.
    static func length(_ header: [UInt8]) throws(BusError) -> Int {
        guard header.count >= 16, header[0] == UInt8(ascii: "l"), header[3] == 1 else {
            throw BusError(problem: "the answer is no little-endian message of version 1")
        }
        var reader = BusReader(header, at: 4)
        let body = Int(try reader.uint32())
        _ = try reader.uint32()
        let fields = Int(try reader.uint32())
        // The specification's own limits.
        guard body <= 1 << 27, fields <= 1 << 26 else { throw BusError(problem: "the answer is too long") }
        return 16 + (fields + 7) / 8 * 8 + body
    }

    /// Reads a whole message.
    init(parsing bytes: [UInt8]) throws(BusError) {
        guard bytes.count >= 16, bytes.count == (try Self.length(bytes)), let kind = Kind(rawValue: bytes[1]) else {
            throw BusError(problem: "the answer is cut off, or of no known kind")
        }
        self.kind = kind
        var reader = BusReader(bytes, at: 8)
        serial = try reader.uint32()
        let end = 16 + Int(try reader.uint32())
        var signature = ""
        while reader.position < end {
            reader.align(8)
            let code = try reader.byte()
            let type = try reader.signature()
            switch (code, type) {
            case (1, "o"): path = try reader.string()
            case (2, "s"): interface = try reader.string()
            case (3, "s"): member = try reader.string()
            case (4, "s"): errorName = try reader.string()
            case (5, "u"): replySerial = try reader.uint32()
            case (6, "s"): destination = try reader.string()
            case (8, "g"): signature = try reader.signature()
            case (_, "s"), (_, "o"): _ = try reader.string()
            case (_, "u"): _ = try reader.uint32()
            case (_, "g"): _ = try reader.signature()
            default: throw BusError(problem: "a header field has the type \(type)")
            }
        }
        guard reader.position == end else { throw BusError(problem: "the header fields do not end where they should") }
        reader.align(8)
        arguments: for type in signature.utf8 {
            switch type {
            case UInt8(ascii: "u"): arguments.append(.uint32(try reader.uint32()))
            case UInt8(ascii: "s"): arguments.append(.string(try reader.string()))
            case UInt8(ascii: "o"): arguments.append(.objectPath(try reader.string()))
            default: break arguments
            }
        }
    }
}

/// Why a message cannot be understood, or a bus not be talked to.
struct BusError: Error, Equatable, CustomStringConvertible {
    var problem: String
    var description: String { problem }
}

/// Reads what D-Bus marshalled, never beyond the end.
struct BusReader {
    private let bytes: [UInt8]
    private(set) var position: Int

    init(_ bytes: [UInt8], at position: Int = 0) {
        self.bytes = bytes
        self.position = position
    }

    mutating func align(_ size: Int) { position = (position + size - 1) / size * size }

    mutating func byte() throws(BusError) -> UInt8 {
        guard position < bytes.count else { throw BusError(problem: "the answer ends too early") }
        defer { position += 1 }
        return bytes[position]
    }

    mutating func uint32() throws(BusError) -> UInt32 {
        align(4)
        guard position + 4 <= bytes.count else { throw BusError(problem: "the answer ends too early") }
        defer { position += 4 }
        return bytes[position..<(position + 4)].reversed().reduce(0) { $0 << 8 | UInt32($1) }
    }

    mutating func string() throws(BusError) -> String { try text(Int(try uint32())) }
    mutating func signature() throws(BusError) -> String { try text(Int(try byte())) }

    private mutating func text(_ count: Int) throws(BusError) -> String {
        guard count < bytes.count, position + count + 1 <= bytes.count, bytes[position + count] == 0 else {
            throw BusError(problem: "a text in the answer ends too early")
        }
        defer { position += count + 1 }
        return String(decoding: bytes[position..<(position + count)], as: UTF8.self)
    }
}
