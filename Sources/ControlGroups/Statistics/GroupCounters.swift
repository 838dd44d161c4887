/// Every counter of a group that an engine may ask for, in the kernel's own detail. What the machine does not give is 0 or
/// missing.
public struct GroupCounters: Sendable {
    /// Processor time in nanoseconds.
    public struct CPU: Sendable, Equatable {
        public var total: UInt64 = 0
        public var user: UInt64 = 0
        public var kernel: UInt64 = 0
        public var perProcessor: [UInt64] = []
        public var perProcessorUser: [UInt64] = []
        public var perProcessorKernel: [UInt64] = []
        public var periods: UInt64 = 0
        public var throttledPeriods: UInt64 = 0
        public var throttledTime: UInt64 = 0
    }

    /// One kind of memory in bytes, or of huge pages.
    public struct MemoryEntry: Sendable, Equatable {
        /// The largest number there is means no limit.
        public var limit: UInt64 = 0
        public var usage: UInt64 = 0
        public var peak: UInt64 = 0
        /// How often the limit was hit.
        public var failures: UInt64 = 0
    }

    /// Memory in bytes.
    public struct Memory: Sendable {
        public var cache: UInt64 = 0
        public var main = MemoryEntry()
        /// Memory and swap together.
        public var swap = MemoryEntry()
        public var kernel = MemoryEntry()
        public var kernelTCP = MemoryEntry()
        /// `memory.stat` as it is.
        public var raw: [(name: String, value: UInt64)] = []
    }

    /// Where the group's processes may run.
    public struct CPUSet: Sendable {
        public var cpus: [UInt64] = []
        public var mems: [UInt64] = []
        /// The other settings of the version 1 controller, by runc's names.
        public var flags: [(name: String, value: Int64)] = []
    }

    /// One number of one block device.
    public struct BlockEntry: Sendable, Equatable {
        public var major: UInt64
        public var minor: UInt64
        public var operation: String
        public var value: UInt64
    }

    public var cpu = CPU()
    public var cpuset = CPUSet()
    public var memory = Memory()
    public var pids: UInt64 = 0
    /// 0 is no limit.
    public var pidsLimit: UInt64 = 0
    /// Lists of numbers by runc's names.
    public var blockIO: [(name: String, entries: [BlockEntry])] = []
    /// By page size.
    public var hugepages: [(size: String, entry: MemoryEntry)] = []
}

/// The parsers of the files; pure, so that a hostile or future kernel text can be tried on them.
enum CounterText {
    /// "name number" a line, in the file's order.
    static func keyed(_ text: String) -> [(name: String, value: UInt64)] {
        text.utf8.split(separator: 10).compactMap { line in
            let words = line.split(separator: 32)
            guard words.count == 2, let value = UInt64(Substring(words[1])) else { return nil }
            return (String(Substring(words[0])), value)
        }
    }

    /// Numbers between spaces.
    static func numbers(_ text: String) -> [UInt64] {
        text.utf8.split(separator: 32).compactMap { UInt64(Substring($0)) }
    }

    /// "0-2,7" as numbers, at most 65,536 of them.
    static func list(_ text: String) -> [UInt64] {
        var result = [UInt64]()
        for part in text.utf8.split(separator: UInt8(ascii: ",")) {
            let ends = part.split(separator: UInt8(ascii: "-")).compactMap { UInt64(Substring($0)) }
            guard let first = ends.first, let last = ends.last, first <= last, last < 65536 else { continue }
            result += Array(first...last)
            if result.count > 65536 { return Array(result.prefix(65536)) }
        }
        return result
    }

    /// `cpuacct.usage_all`: a heading, then "processor user system" a line.
    static func perProcessor(_ text: String) -> (user: [UInt64], kernel: [UInt64]) {
        var result: (user: [UInt64], kernel: [UInt64]) = ([], [])
        for line in text.utf8.split(separator: 10).dropFirst() {
            let words = line.split(separator: 32).compactMap { UInt64(Substring($0)) }
            guard words.count == 3 else { continue }
            result.user.append(words[1])
            result.kernel.append(words[2])
        }
        return result
    }

    /// Version 1 block files: "8:0 Read 1" or "8:0 1" a line; totals of all devices are left out.
    static func blockVersion1(_ text: String) -> [GroupCounters.BlockEntry] {
        text.utf8.split(separator: 10).compactMap { line in
            let words = line.split(separator: 32)
            guard words.count == 2 || words.count == 3, let device = device(words[0]),
                let value = UInt64(Substring(words[words.count - 1]))
            else { return nil }
            let operation = words.count == 3 ? String(Substring(words[1])) : ""
            return GroupCounters.BlockEntry(
                major: device.major, minor: device.minor, operation: operation, value: value)
        }
    }

    /// Version 2 `io.stat`: bytes and operations, in the words of version 1.
    static func blockVersion2(_ text: String) -> (
        bytes: [GroupCounters.BlockEntry], operations: [GroupCounters.BlockEntry]
    ) {
        var result: (bytes: [GroupCounters.BlockEntry], operations: [GroupCounters.BlockEntry]) = ([], [])
        for line in text.utf8.split(separator: 10) {
            let words = line.split(separator: 32)
            guard let first = words.first, let device = device(first) else { continue }
            for word in words.dropFirst() {
                let pair = word.split(separator: UInt8(ascii: "="))
                guard pair.count == 2, let value = UInt64(Substring(pair[1])) else { continue }
                let name = String(Substring(pair[0]))
                let operation = name.hasPrefix("r") ? "Read" : name.hasPrefix("w") ? "Write" : "Discard"
                let entry = GroupCounters.BlockEntry(
                    major: device.major, minor: device.minor, operation: operation, value: value)
                if name.hasSuffix("bytes") { result.bytes.append(entry) }
                if name.hasSuffix("ios") { result.operations.append(entry) }
            }
        }
        return result
    }

    private static func device(_ word: Substring.UTF8View) -> (major: UInt64, minor: UInt64)? {
        let numbers = word.split(separator: UInt8(ascii: ":")).compactMap { UInt64(Substring($0)) }
        return numbers.count == 2 ? (numbers[0], numbers[1]) : nil
    }
}
