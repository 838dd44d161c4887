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

    /// All entries there are; with `tail` only the last ones.
    public func read(tail: Int?) -> [LogEntry] {
        var entries = [LogEntry]()
        for number in stride(from: LogWriter.fileCount, through: 1, by: -1) {
            guard let bytes = try? Files.read("\(path).\(number)", limit: LogWriter.fileLimit * 2) else { continue }
            entries += Self.parse(bytes[...])
        }
        entries += readNew()
        guard let tail else { return entries }
        return Self.last(tail, of: entries)
    }

    /// The last `count` lines; parts of one long line count as one.
    private static func last(_ count: Int, of entries: [LogEntry]) -> [LogEntry] {
        var left = count
        var start = entries.endIndex
        while start > 0 {
            let before = start - 1
            // The line that ends with this entry begins after the previous entry with a newline.
            if entries[before].text.last == 10 || start == entries.endIndex {
                if left == 0 { break }
                left -= 1
            }
            start = before
        }
        return Array(entries[start...])
    }

    /// What has been written since the last call.
    public func readNew() -> [LogEntry] {
        var entries = [LogEntry]()
        if file == nil { open() }
        while true {
            entries += drain()
            // The writer has renamed a full file away and begun a new one.
            guard let status = try? Files.status(path), status.inode != inode else { return entries }
            entries += drain()
            rest = []
            open()
            if file == nil { return entries }
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

    private func drain() -> [LogEntry] {
        guard let number = file?.number else { return [] }
        var chunk = [UInt8](repeating: 0, count: 256 << 10)
        while true {
            let count = chunk.withUnsafeMutableBytes { Glibc.read(number, $0.baseAddress, $0.count) }
            if count <= 0 { break }
            rest += chunk[..<count]
        }
        guard let end = rest.lastIndex(of: 10) else { return [] }
        let entries = Self.parse(rest[...end])
        rest.removeSubrange(...end)
        return entries
    }

    /// Lines that are no entries (a torn write after a crash) are skipped.
    static func parse(_ bytes: ArraySlice<UInt8>) -> [LogEntry] {
        bytes.split(separator: 10).compactMap { line in
            guard let object = try? JSONValue(parsing: Array(line)).objectValue, let text = object["log"]?.stringValue else {
                return nil
            }
            return LogEntry(
                text: Array(text.utf8), isError: object["stream"]?.stringValue == "stderr",
                time: object["time"]?.stringValue ?? "")
        }
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
        let (_, state, directory) = try inspect(text)
        let reader = LogReader(path: directory.logPath)
        func passes(_ entry: LogEntry) -> Bool {
            guard since != nil || until != nil, let time = WallClock.parse(entry.time) else { return true }
            if let since, time < since { return false }
            if let until, time > until { return false }
            return true
        }
        // The watch comes before the first reading, so that nothing falls between.
        guard follow, state.status == .running, let monitor = try? ProcessClone.open(pid: state.monitorPID),
            let watch = try? FileWatch(directory: directory.path)
        else {
            for entry in reader.read(tail: tail) where passes(entry) { if !receive(entry) { return } }
            return
        }
        for entry in reader.read(tail: tail) where passes(entry) { if !receive(entry) { return } }
        while true {
            let ended: Bool
            do throws(Errno) { ended = try watch.wait(process: monitor.rawValue) } catch {
                throw EngineError("cannot follow the log of \(text): \(error)")
            }
            for entry in reader.readNew() where passes(entry) { if !receive(entry) { return } }
            if ended { return }
        }
    }
}
