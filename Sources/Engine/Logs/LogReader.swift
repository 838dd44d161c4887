import Glibc
import JSON
import LinuxKernel

/// One line of a container's log.
public struct LogEntry: Sendable {
    public var text: [UInt8]
    public var isError: Bool
    /// RFC 3339.
    public var time: String
}

/// Reads a container's log files in Docker's `json-file` form, oldest first, and follows the current one.
public final class LogReader {
    private let path: String
    private var file: SharedDescriptor?
    private var inode: UInt64 = 0
    private var rest = [UInt8]()

    /// A reader of the log at a path.
    init(path: String) { self.path = path }

    /// Gives the entries there are, oldest first, as they are read; with `tail` only the last ones.
    ///
    /// - Returns: false when `receive` wanted no more.
    public func read(tail: Int?, _ receive: (LogEntry) -> Bool) -> Bool {
        if let tail {
            for entry in last(tail) { if !receive(entry) { return false } }
            return true
        }
        for number in stride(from: olderFiles, through: 1, by: -1) {
            guard let bytes = try? Files.read("\(path).\(number)", limit: 1 << 30) else { continue }
            for line in bytes.split(separator: 10) {
                if let entry = Self.parse(line: line), !receive(entry) { return false }
            }
        }
        return readNew(receive)
    }

    /// How many full files there are beside the current one.
    private var olderFiles: Int {
        var count = 0
        while count < 1000, Files.exists("\(path).\(count + 1)") { count += 1 }
        return count
    }

    /// The last `count` lines. Only as many files are looked at, and lines parsed, as that takes.
    private func last(_ count: Int) -> [LogEntry] {
        var lines = [ArraySlice<UInt8>]()
        open()
        if let number = file?.number {
            // What is written from here on is the next reading's.
            let end = Int((try? Files.status(path).size) ?? 0)
            var bytes = [UInt8](repeating: 0, count: end)
            let size = bytes.withUnsafeMutableBytes { Glibc.read(number, $0.baseAddress, $0.count) }
            bytes.removeLast(end - max(0, size))
            let whole = bytes.lastIndex(of: 10).map { $0 + 1 } ?? 0
            rest = Array(bytes[whole...])
            lines = bytes[..<whole].split(separator: 10)
        }
        var older = 1
        // Parts of one long line count as one: some more records than lines may be wanted.
        let last = olderFiles
        while lines.count <= count, older <= last {
            if let bytes = try? Files.read("\(path).\(older)", limit: 1 << 30) {
                lines = bytes.split(separator: 10) + lines
            }
            older += 1
        }
        var entries = [LogEntry]()
        var left = count
        for line in lines.reversed() {
            guard let entry = Self.parse(line: line) else { continue }
            // A line ends where an entry ends in a newline; the very last may be unfinished.
            if entry.text.last == 10 || entries.isEmpty {
                if left == 0 { break }
                left -= 1
            }
            entries.append(entry)
        }
        return entries.reversed()
    }

    /// Gives what has been written since the last call, as it is read.
    ///
    /// - Returns: false when `receive` wanted no more.
    public func readNew(_ receive: (LogEntry) -> Bool) -> Bool {
        if file == nil { open() }
        while true {
            guard drain(receive) else { return false }
            // The writer has renamed a full file away and begun a new one.
            guard let status = try? Files.status(path), status.inode != inode else { return true }
            guard drain(receive) else { return false }
            rest = []
            open()
            if file == nil { return true }
        }
    }

    private func open() {
        guard let opened = try? Files.open(path, [.readOnly, .noFollow]) else {
            file = nil
            return
        }
        inode = (try? opened.status().inode) ?? 0
        file = SharedDescriptor(opened)
    }

    private func drain(_ receive: (LogEntry) -> Bool) -> Bool {
        guard let number = file?.number else { return true }
        var chunk = [UInt8](repeating: 0, count: 256 << 10)
        while true {
            let count = chunk.withUnsafeMutableBytes { Glibc.read(number, $0.baseAddress, $0.count) }
            if count <= 0 { return true }
            rest += chunk[..<count]
            guard let end = rest.lastIndex(of: 10) else { continue }
            let whole = rest[...end]
            rest = Array(rest[(end + 1)...])
            for line in whole.split(separator: 10) {
                if let entry = Self.parse(line: line), !receive(entry) { return false }
            }
        }
    }

    /// An entry; nil for a line that is none (a torn write after a crash).
    static func parse(line: ArraySlice<UInt8>) -> LogEntry? {
        guard let object = try? JSONValue(parsing: Array(line)).objectValue, let text = object["log"]?.stringValue
        else {
            return nil
        }
        return LogEntry(
            text: Array(text.utf8), isError: object["stream"]?.stringValue == "stderr",
            time: object["time"]?.stringValue ?? "")
    }
}

/// Waits for changes of a file without polling (`inotify(7)`).
public struct FileWatch: ~Copyable {
    private let descriptor: FileDescriptor

    init(directory: String) throws(Errno) { descriptor = try FileEvents.watch(directory: directory) }

    /// Waits until something changes, or the process behind a pidfd ends.
    ///
    /// - Returns: whether the process has ended.
    func wait(process: Int32) throws(Errno) -> Bool {
        let poller = try Poller()
        try poller.add(descriptor.rawValue, .readable, token: 1)
        try poller.add(process, .readable, token: 2)
        let events = try poller.wait()
        if events.contains(where: { $0.token == 1 }) { FileEvents.drain(descriptor) }
        return events.contains { $0.token == 2 }
    }
}

extension Engine {
    /// `logs`: gives each entry to `receive`, with `follow` until the container ends or `receive` says stop.
    public func logs(
        _ text: String, follow: Bool, tail: Int?, since: (seconds: Int64, nanoseconds: Int64)? = nil,
        until: (seconds: Int64, nanoseconds: Int64)? = nil, _ receive: (LogEntry) -> Bool
    ) throws(EngineError) {
        let (record, state, directory) = try inspect(text)
        guard record.extras.logDriver != "none" else {
            throw EngineError("configured logging driver does not support reading")
        }
        let reader = LogReader(path: directory.logPath)
        func passes(_ entry: LogEntry) -> Bool {
            guard since != nil || until != nil, let time = WallClock.parse(entry.time) else { return true }
            if let since, time < since { return false }
            if let until, time > until { return false }
            return true
        }
        func give(_ entry: LogEntry) -> Bool { passes(entry) ? receive(entry) : true }
        // The watch comes before the first reading, so that nothing falls between.
        guard follow, state.status == .running, let monitor = try? ProcessClone.open(pid: state.monitorPID),
            let watch = try? FileWatch(directory: directory.path)
        else {
            _ = reader.read(tail: tail, give)
            return
        }
        guard reader.read(tail: tail, give) else { return }
        while true {
            let ended: Bool
            do throws(Errno) { ended = try watch.wait(process: monitor.rawValue) } catch {
                throw EngineError("cannot follow the log of \(text): \(error)")
            }
            guard reader.readNew(give) else { return }
            if ended { return }
        }
    }
}
