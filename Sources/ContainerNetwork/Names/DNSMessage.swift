import Netlink

/// The kinds of records that names here can have (RFC 1035, RFC 3596).
public enum DNSType {
    public static let address4: UInt16 = 1
    public static let pointer: UInt16 = 12
    public static let address6: UInt16 = 28
    public static let options: UInt16 = 41
    public static let any: UInt16 = 255
}

/// How a question was answered (RFC 1035 section 4.1.1).
public enum DNSCode: UInt8, Sendable {
    case success = 0
    case formatError = 1
    case serverFailure = 2
    case noSuchName = 3
    case notImplemented = 4
    case refused = 5
}

/// A question as it came over the wire. Bytes from a container are hostile: everything is bounded here, once.
public struct DNSQuery: Sendable, Equatable {
    /// The longest query that is read: a name of 255 bytes, and room for options.
    static let limit = 4096

    /// The asker's number for it.
    public let id: UInt16
    /// The asker's flags; only "recursion desired" means something here.
    public let flags: UInt16
    /// The name's labels, bytes as they came.
    public let labels: [[UInt8]]
    /// What kind of record is asked for.
    public let type: UInt16
    /// 1 is the Internet.
    public let recordClass: UInt16
    /// The question as it came, for the answer.
    let question: [UInt8]
    /// The longest datagram the asker takes (RFC 6891), nil when it did not say.
    public let datagramLimit: Int?

    /// What is wrong with a query.
    public enum Problem: Error, Sendable, Equatable {
        /// It is no query; there is nobody to answer.
        case unanswerable
        /// It is one, and is answered with this code.
        case answer(id: UInt16, flags: UInt16, DNSCode)
    }

    /// Reads a message.
    public init(_ bytes: ArraySlice<UInt8>) throws(Problem) {
        let bytes = Array(bytes)
        guard bytes.count >= 12, bytes.count <= Self.limit else { throw .unanswerable }
        func number(_ offset: Int) -> UInt16 { UInt16(bytes[offset]) << 8 | UInt16(bytes[offset + 1]) }
        let id = number(0), flags = number(2)
        // An answer to an answer would go round for ever.
        guard flags & 0x8000 == 0 else { throw .unanswerable }
        func problem(_ code: DNSCode) -> Problem { .answer(id: id, flags: flags, code) }
        guard flags & 0x7800 == 0 else { throw problem(.notImplemented) }
        guard number(4) == 1, number(6) == 0 else { throw problem(.formatError) }
        guard let (labels, end) = DNSName.read(bytes, at: 12), end + 4 <= bytes.count else {
            throw problem(.formatError)
        }
        self.id = id
        self.flags = flags
        self.labels = labels
        type = number(end)
        recordClass = number(end + 2)
        question = Array(bytes[12..<(end + 4)])
        datagramLimit = Self.limitInOptions(bytes, after: end + 4, authorities: number(8), additional: number(10))
    }

    /// The size that an OPT record in the additional section allows. Sections that make no sense count as none: the size is
    /// a hint.
    private static func limitInOptions(_ bytes: [UInt8], after start: Int, authorities: UInt16, additional: UInt16)
        -> Int?
    {
        guard authorities == 0, additional >= 1, additional < 16 else { return nil }
        var place = start
        for _ in 0..<additional {
            guard let (labels, end) = DNSName.read(bytes, at: place), end + 10 <= bytes.count else { return nil }
            let type = UInt16(bytes[end]) << 8 | UInt16(bytes[end + 1])
            if type == DNSType.options {
                guard labels.isEmpty else { return nil }
                return min(max(512, Int(bytes[end + 2]) << 8 | Int(bytes[end + 3])), 4096)
            }
            place = end + 10 + (Int(bytes[end + 8]) << 8 | Int(bytes[end + 9]))
        }
        return nil
    }

    /// The name as text with dots, small ASCII letters; nil when a label holds bytes that no container's name has.
    public var name: String? {
        var text = [UInt8]()
        for label in labels {
            if !text.isEmpty { text.append(UInt8(ascii: ".")) }
            for byte in label {
                let small = (0x41...0x5A).contains(byte) ? byte + 32 : byte
                guard (0x61...0x7A).contains(small) || (0x30...0x39).contains(small) || small == 0x2D || small == 0x5F
                else { return nil }
                text.append(small)
            }
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// The address that a question for a pointer names (`in-addr.arpa`, `ip6.arpa`).
    public var reverseAddress: IPAddress? {
        let words = labels.map { String(decoding: $0, as: UTF8.self).lowercased() }
        if words.count == 6, words.suffix(2) == ["in-addr", "arpa"] {
            return IPAddress(words.prefix(4).reversed().joined(separator: "."))
        }
        guard words.count == 34, words.suffix(2) == ["ip6", "arpa"] else { return nil }
        var bytes = [UInt8]()
        let digits = Array(words.prefix(32).reversed())
        for index in stride(from: 0, to: 32, by: 2) {
            guard digits[index].utf8.count == 1, digits[index + 1].utf8.count == 1,
                let byte = UInt8(digits[index] + digits[index + 1], radix: 16)
            else { return nil }
            bytes.append(byte)
        }
        return IPAddress(bytes: bytes)
    }
}

/// Names on the wire.
enum DNSName {
    /// Reads a name without compression, which no question has (RFC 1035 section 4.1.4 allows it, nobody does it).
    ///
    /// - Returns: the labels and where the name ends; nil when it makes no sense.
    static func read(_ bytes: [UInt8], at start: Int) -> (labels: [[UInt8]], end: Int)? {
        var labels = [[UInt8]]()
        var place = start
        while place < bytes.count {
            let length = Int(bytes[place])
            if length == 0 { return (labels, place + 1) }
            // The two high bits mark a pointer or something newer.
            guard length < 64, place + 1 + length <= bytes.count, place + 1 + length - start < 255 else { return nil }
            labels.append(Array(bytes[(place + 1)..<(place + 1 + length)]))
            place += 1 + length
        }
        return nil
    }

    /// A name as it goes over the wire; nil for one that does not fit.
    static func wire(_ name: String) -> [UInt8]? {
        var result = [UInt8]()
        for label in name.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false) {
            guard (1...63).contains(label.count) else { return nil }
            result.append(UInt8(label.count))
            result += label
        }
        return result.count < 255 ? result + [0] : nil
    }
}

/// An answer that is made here.
public struct DNSAnswer: Sendable {
    /// What becomes of a name's records.
    public enum Record: Sendable, Equatable {
        case address(IPAddress)
        case pointer(String)
    }

    /// Seconds that an answer may be kept: containers come and go.
    static let lifetime: UInt32 = 5

    /// The message.
    ///
    /// - Parameter limit: the longest message that may go back; a longer answer is cut and says so, and the asker comes back
    ///   by a stream.
    public static func message(_ query: DNSQuery, _ code: DNSCode, _ records: [Record] = [], limit: Int) -> [UInt8] {
        var body = [UInt8]()
        var count: UInt16 = 0
        var isCut = false
        let head = 12 + query.question.count + (query.datagramLimit == nil ? 0 : 11)
        for record in records {
            let type: UInt16, data: [UInt8]
            switch record {
            case .address(let address):
                type = address.bitCount == 32 ? DNSType.address4 : DNSType.address6
                data = address.bytes
            case .pointer(let name):
                guard let wire = DNSName.wire(name) else { continue }
                type = DNSType.pointer
                data = wire
            }
            // 0xC00C points to the question's name.
            var entry: [UInt8] = [0xC0, 0x0C, UInt8(type >> 8), UInt8(type & 255), 0, 1]
            for shift in [24, 16, 8, 0] as [UInt32] { entry.append(UInt8(truncatingIfNeeded: lifetime >> shift)) }
            entry += [UInt8(data.count >> 8), UInt8(data.count & 255)] + data
            if head + body.count + entry.count > limit {
                isCut = true
                break
            }
            body += entry
            count += 1
        }
        var flags: UInt16 = 0x8080 | query.flags & 0x0100 | UInt16(code.rawValue)
        if isCut { flags |= 0x0200 }
        return header(query.id, flags, questions: 1, answers: count, additional: query.datagramLimit == nil ? 0 : 1)
            + query.question + body + (query.datagramLimit == nil ? [] : options)
    }

    /// The answer to what is no proper question.
    public static func refusal(id: UInt16, flags: UInt16, _ code: DNSCode) -> [UInt8] {
        header(id, 0x8080 | flags & 0x7900 | UInt16(code.rawValue), questions: 0, answers: 0, additional: 0)
    }

    private static func header(
        _ id: UInt16, _ flags: UInt16, questions: UInt16, answers: UInt16, additional: UInt16
    ) -> [UInt8] {
        [id, flags, questions, answers, 0, additional].flatMap { [UInt8($0 >> 8), UInt8($0 & 255)] }
    }

    /// An OPT record that takes datagrams of 1,232 bytes, which no link cuts (RFC 6891, DNS flag day 2020).
    private static let options: [UInt8] = [0, 0, 41, 0x04, 0xD0, 0, 0, 0, 0, 0, 0]
}

/// An answer of another server, as far as it must be understood to pass it on.
public enum DNSForwarding {
    /// Whether a message answers exactly this question under this number. The name's letters may differ in size.
    public static func isAnswer(_ message: ArraySlice<UInt8>, to query: DNSQuery, id: UInt16) -> Bool {
        let bytes = Array(message.prefix(12 + query.question.count))
        guard bytes.count == 12 + query.question.count, bytes[0] == UInt8(id >> 8), bytes[1] == UInt8(id & 255),
            bytes[2] & 0x80 != 0, bytes[2] & 0x78 == 0, bytes[4] == 0, bytes[5] == 1
        else { return false }
        func small(_ byte: UInt8) -> UInt8 { (0x41...0x5A).contains(byte) ? byte + 32 : byte }
        return zip(bytes[12...], query.question).allSatisfy { small($0) == small($1) }
    }

    /// The message under another number.
    public static func renumbered(_ message: ArraySlice<UInt8>, _ id: UInt16) -> [UInt8] {
        guard message.count >= 2 else { return [] }
        return [UInt8(id >> 8), UInt8(id & 255)] + message.dropFirst(2)
    }

    /// Whether the answer was cut.
    public static func isCut(_ message: ArraySlice<UInt8>) -> Bool {
        message.count > 2 && message[message.startIndex + 2] & 0x02 != 0
    }

    /// The answer's code, 15 when there is none.
    public static func code(_ message: ArraySlice<UInt8>) -> UInt8 {
        message.count > 3 ? message[message.startIndex + 3] & 0x0F : 15
    }
}
