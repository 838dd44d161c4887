import Glibc
import JSON
import LinuxKernel

/// Writes a container's output in Docker's `json-file` form: one JSON object a line, `log`, `stream` and `time`.
/// Bounded: a full file is renamed away, and the oldest of them goes.
struct LogWriter: ~Copyable {
    /// Bytes at which a file is full, and how many files there are with the current one.
    static let fileLimit = 20 << 20
    static let fileCount = 5
    /// Docker's: a longer line is cut into parts, which readers join again since only the last ends in a newline.
    static let lineLimit = 16 << 10

    /// Bytes and number of the files; no files at all when the log is off.
    struct Bounds {
        var size = LogWriter.fileLimit
        var count = LogWriter.fileCount
        var isOff = false

        /// As a container's record says; Docker keeps one file where only its size is given.
        init(_ extras: ContainerExtras = ContainerExtras()) {
            isOff = extras.logDriver == "none"
            if let wanted = extras.logSize {
                size = Int(wanted)
                count = 1
            }
            count = extras.logFiles ?? count
        }
    }

    private let path: String
    private let bounds: Bounds
    private var file: FileDescriptor?
    private var size = 0
    private var pending: [String: [UInt8]] = [:]

    init(path: String, bounds: Bounds = Bounds()) {
        self.path = path
        self.bounds = bounds
        if bounds.isOff {
            file = nil
            return
        }
        file = try? Files.open(path, [.writeOnly, .create, .append, .noFollow], mode: 0o640)
        size = Int((try? Files.status(path).size) ?? 0)
    }

    /// Adds what a stream wrote. A full disk loses log lines, never the container.
    mutating func append(_ bytes: ArraySlice<UInt8>, stream: String) {
        if bounds.isOff { return }
        var buffer = pending[stream] ?? []
        var output = [UInt8]()
        let time = WallClock.now()
        var rest = bytes
        while let newline = rest.firstIndex(of: 10) {
            buffer.append(contentsOf: rest[...newline])
            Self.encode(buffer, stream: stream, time: time, into: &output)
            buffer.removeAll(keepingCapacity: true)
            // Many lines at once must not make a file larger than it may be.
            if size + output.count > bounds.size {
                write(output)
                output.removeAll(keepingCapacity: true)
            }
            rest = rest[(newline + 1)...]
        }
        buffer.append(contentsOf: rest)
        while buffer.count >= Self.lineLimit {
            Self.encode(Array(buffer[..<Self.lineLimit]), stream: stream, time: time, into: &output)
            buffer.removeFirst(Self.lineLimit)
        }
        pending[stream] = buffer
        write(output)
    }

    /// Writes what has no newline yet: the container has ended.
    mutating func finish() {
        var output = [UInt8]()
        let time = WallClock.now()
        for (stream, buffer) in pending.sorted(by: { $0.key < $1.key }) where !buffer.isEmpty {
            Self.encode(buffer, stream: stream, time: time, into: &output)
        }
        pending = [:]
        write(output)
    }

    private mutating func write(_ output: [UInt8]) {
        guard !output.isEmpty else { return }
        if size + output.count > bounds.size, size > 0 { rotate() }
        guard let number = file?.rawValue else { return }
        var failed = false
        output.withUnsafeBytes { buffer in
            var done = 0
            while done < buffer.count {
                let count = Glibc.write(number, buffer.baseAddress.map { $0 + done }, buffer.count - done)
                if count < 0 {
                    if errno == EINTR { continue }
                    failed = true
                    break
                }
                done += count
            }
            // Half a line must not spoil the next one.
            if failed, done > 0 { ftruncate(number, off_t(size)) } else if !failed { size += done }
        }
    }

    private mutating func rotate() {
        for number in stride(from: bounds.count - 2, through: 1, by: -1) {
            try? Files.rename("\(path).\(number)", to: WorkingDirectory.rawValue, "\(path).\(number + 1)")
        }
        if bounds.count > 1 {
            try? Files.rename(path, to: WorkingDirectory.rawValue, "\(path).1")
        } else {
            try? Files.unlink(path)
        }
        file = try? Files.open(path, [.writeOnly, .create, .append, .noFollow], mode: 0o640)
        size = 0
    }

    /// One line. Bytes that are not UTF-8 become replacement characters, as in Docker's.
    private static func encode(_ line: [UInt8], stream: String, time: String, into output: inout [UInt8]) {
        output.append(contentsOf: #"{"log":"#.utf8)
        JSONValue.write(String(decoding: line, as: UTF8.self), into: &output)
        output.append(contentsOf: #","stream":""#.utf8)
        output.append(contentsOf: stream.utf8)
        output.append(contentsOf: #"","time":""#.utf8)
        output.append(contentsOf: time.utf8)
        output.append(contentsOf: "\"}\n".utf8)
    }
}
