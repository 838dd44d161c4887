/// What `/proc/PID/status` says (proc_pid_status(5)).
public struct ProcessStatus: Sendable, Equatable {
    /// The process's name, as it chose it.
    public var name = ""
    /// "S", "R", "Z".
    public var state = ""
    /// Its number here and in each process namespace below, outermost first.
    public var numbers: [UInt64] = []
    /// Real, effective, saved and file system user.
    public var users: [UInt64] = []
    /// The same of groups.
    public var groups: [UInt64] = []
    public var threads: UInt64 = 0
    /// Sets of capabilities, one bit each.
    public var inheritable: UInt64 = 0
    public var permitted: UInt64 = 0
    public var effective: UInt64 = 0
    public var bounding: UInt64 = 0
    public var ambient: UInt64 = 0
    /// Nil on kernels that do not say.
    public var noNewPrivileges: Bool?
    /// 0 is none, 1 strict, 2 a filter.
    public var seccomp: UInt64?
    /// How many filters.
    public var seccompFilters: UInt64?
    /// Resident memory in bytes.
    public var residentBytes: UInt64?

    /// Reads the text. The first line of a name counts.
    public init(parsing text: [UInt8]) {
        var seen = Set<String>()
        for line in text.split(separator: 10) {
            guard let colon = line.firstIndex(of: 58) else { continue }
            let key = String(decoding: line[..<colon], as: UTF8.self)
            guard seen.insert(key).inserted else { continue }
            let value = line[(colon + 1)...].drop { $0 == 9 || $0 == 32 }
            let words = KernelText.words(value)
            let numbers = words.compactMap { KernelText.number($0) }
            let bits = words.first.flatMap { KernelText.number($0, radix: 16) } ?? 0
            switch key {
            case "Name": name = Self.name(value)
            case "State": state = words.first.map { String(decoding: $0, as: UTF8.self) } ?? ""
            case "NSpid": self.numbers = numbers
            case "Uid": users = numbers
            case "Gid": groups = numbers
            case "Threads": threads = numbers.first ?? 0
            case "CapInh": inheritable = bits
            case "CapPrm": permitted = bits
            case "CapEff": effective = bits
            case "CapBnd": bounding = bits
            case "CapAmb": ambient = bits
            case "NoNewPrivs": noNewPrivileges = numbers.first.map { $0 != 0 }
            case "Seccomp": seccomp = numbers.first
            case "Seccomp_filters": seccompFilters = numbers.first
            case "VmRSS": residentBytes = numbers.first.map { $0.multipliedReportingOverflow(by: 1024).partialValue }
            default: break
            }
        }
    }

    /// The kernel escapes newline and backslash with letters here, and nothing else.
    private static func name(_ value: ArraySlice<UInt8>) -> String {
        var result: [UInt8] = []
        var rest = value
        while let byte = rest.popFirst() {
            guard byte == 92, let next = rest.first, next == 92 || next == UInt8(ascii: "n") else {
                result.append(byte)
                continue
            }
            rest = rest.dropFirst()
            result.append(next == 92 ? 92 : 10)
        }
        return String(decoding: result, as: UTF8.self)
    }
}
