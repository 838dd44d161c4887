/// The text of a flat-keyed control file: "name number" a line (admin-guide/cgroup-v2, "Format"). Lines of another form
/// are left out.
struct KeyedValues: Sendable {
    private var values: [String: UInt64] = [:]

    init(parsing text: String) {
        for line in text.utf8.split(separator: 10) {
            let words = line.split(separator: 32)
            guard words.count == 2, let value = UInt64(Substring(words[1])) else { continue }
            values[String(Substring(words[0]))] = value
        }
    }

    subscript(key: String) -> UInt64? { values[key] }
}

/// How many bytes and operations went to and from block devices.
struct BlockCounters: Sendable, Equatable {
    var readBytes: UInt64 = 0
    var writeBytes: UInt64 = 0
    var readOperations: UInt64 = 0
    var writeOperations: UInt64 = 0

    init() {}

    /// Version 2 `io.stat`: "8:0 rbytes=1 wbytes=2 rios=3 wios=4 …" a line, summed over devices.
    init(parsingStat text: String) {
        for word in text.split(whereSeparator: { $0 == " " || $0 == "\n" }) {
            let parts = word.split(separator: "=", maxSplits: 1)
            guard parts.count == 2, let value = UInt64(parts[1]) else { continue }
            switch parts[0] {
            case "rbytes": readBytes &+= value
            case "wbytes": writeBytes &+= value
            case "rios": readOperations &+= value
            case "wios": writeOperations &+= value
            default: break
            }
        }
    }

    /// Version 1 `blkio.throttle.io_service_bytes`: "8:0 Read 1" a line; the last line is a total.
    static func version1(_ text: String) -> (read: UInt64, write: UInt64) {
        var result: (read: UInt64, write: UInt64) = (0, 0)
        for line in text.split(separator: "\n") {
            let words = line.split(separator: " ")
            guard words.count == 3, let value = UInt64(words[2]) else { continue }
            if words[1] == "Read" { result.read &+= value }
            if words[1] == "Write" { result.write &+= value }
        }
        return result
    }
}

/// How long tasks waited for a resource (`*.pressure`, kernel documentation accounting/psi).
public struct Pressure: Sendable, Equatable {
    /// One line of the file: shares of time in percent over 10, 60 and 300 seconds, and the whole in microseconds.
    public struct Share: Sendable, Equatable {
        public var average10 = 0.0
        public var average60 = 0.0
        public var average300 = 0.0
        public var total: UInt64 = 0
    }

    /// Some task waited.
    public var some = Share()
    /// Every task waited.
    public var full = Share()

    /// Reads the file's text; what is no line of it is left out.
    public init(parsing text: String) {
        for line in text.split(separator: "\n") {
            let words = line.split(separator: " ")
            guard let kind = words.first else { continue }
            var share = Share()
            for word in words.dropFirst() {
                let parts = word.split(separator: "=", maxSplits: 1)
                guard parts.count == 2 else { continue }
                switch parts[0] {
                case "avg10": share.average10 = Double(parts[1]) ?? 0
                case "avg60": share.average60 = Double(parts[1]) ?? 0
                case "avg300": share.average300 = Double(parts[1]) ?? 0
                case "total": share.total = UInt64(parts[1]) ?? 0
                default: break
                }
            }
            if kind == "some" { some = share }
            if kind == "full" { full = share }
        }
    }
}
