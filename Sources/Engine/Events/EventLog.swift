import Glibc
import JSON
import LinuxKernel

/// Something that happened to an object of the engine, in Docker's words.
public struct EngineEvent: Sendable, Equatable {
    /// `container`, `image`, `volume`, `network`.
    public var type: String
    public var action: String
    /// The object's id or name.
    public var actor: String
    public var attributes: [String: String]
    public var seconds: Int64
    public var nanoseconds: Int64

    /// Something that happens now.
    init(_ type: String, _ action: String, _ actor: String, _ attributes: [String: String]) {
        self.type = type
        self.action = action
        self.actor = actor
        self.attributes = attributes
        let now = WallClock.parse(WallClock.now())
        seconds = now?.seconds ?? 0
        nanoseconds = now?.nanoseconds ?? 0
    }

    /// In the shape of `docker events --format json`.
    public var json: JSONValue {
        var object = JSONObject()
        if type == "container" || type == "image" {
            object["status"] = .string(action)
            object["id"] = .string(actor)
        }
        if let image = attributes["image"] { object["from"] = .string(image) }
        object["Type"] = .string(type)
        object["Action"] = .string(action)
        object["Actor"] = ["ID": .string(actor), "Attributes": JSONValue(attributes)]
        object["scope"] = "local"
        object["time"] = JSONValue(seconds)
        object["timeNano"] = JSONValue(seconds &* 1_000_000_000 &+ nanoseconds)
        return .object(object)
    }

    init?(parsing line: ArraySlice<UInt8>) {
        guard let object = try? JSONValue(parsing: Array(line)).objectValue, let type = object["Type"]?.stringValue,
            let action = object["Action"]?.stringValue, let actor = object["Actor"]?.objectValue,
            let time: Int64 = object["timeNano"]?.integerValue(), time >= 0
        else { return nil }
        self.type = type
        self.action = action
        self.actor = actor["ID"]?.stringValue ?? ""
        attributes = (try? actor.stringMap("Attributes")) ?? [:]
        seconds = time / 1_000_000_000
        nanoseconds = time % 1_000_000_000
    }
}

/// What has happened, one JSON object a line: whoever changes something appends to a file, and readers follow it. Two files of
/// at most some megabytes are kept.
public struct EventLog: Sendable {
    static let fileLimit: Int64 = 4 << 20
    let directory: String
    private var path: String { directory + "/log" }

    init(directory: String) { self.directory = directory }

    /// Adds an event. That it cannot be written is nobody's failure.
    func add(_ event: EngineEvent) {
        let line = event.json.serialized() + [10]
        var size: Int64 = 0
        for _ in 0..<2 {
            do throws(Errno) {
                let file = try Files.open(path, [.writeOnly, .create, .append, .noFollow], mode: 0o600)
                // One write: lines of several writers do not mix.
                _ = try file.writeOnce(line)
                size = try file.status().size
                break
            } catch {
                guard error == .noSuchFile else { return }
                try? Files.makeDirectories(directory, mode: 0o711)
            }
        }
        if size > Self.fileLimit { rotate() }
    }

    private func rotate() {
        guard let lock = try? FileLock.attempt(directory + "/lock") else { return }
        defer { withExtendedLifetime(lock) {} }
        guard let size = try? Files.status(path).size, size > Self.fileLimit else { return }
        try? Files.rename(path, to: WorkingDirectory.rawValue, path + ".1")
    }

    /// Gives what has happened, oldest first, and with `follow` what happens from now on, until `receive` wants no more.
    ///
    /// - Parameter until: called before each wait: nil waits for ever, a number that many milliseconds, 0 or less ends it.
    public func read(
        past: Bool, until: () -> Int64?, _ receive: (EngineEvent) -> Bool
    ) throws(EngineError) {
        do throws(Errno) {
            try Files.makeDirectories(directory, mode: 0o711)
            // The watch comes before the first reading, so that nothing falls between.
            let watch = try FileEvents.watch(directory: directory)
            var follower = Follower(path: path)
            if past {
                if let bytes = try? Files.read(path + ".1", limit: Int(Self.fileLimit) * 2) {
                    for line in bytes.split(separator: 10) {
                        if let event = EngineEvent(parsing: line), !receive(event) { return }
                    }
                }
            } else {
                follower.skip()
            }
            while true {
                guard follower.read(receive) else { return }
                let left = until()
                if let left, left <= 0 { return }
                let ready = try Poll.readable(watch.rawValue, milliseconds: left.map { Int32(clamping: $0) })
                if ready { FileEvents.drain(watch) }
            }
        } catch { throw EngineError("read the events in", directory, error) }
    }

    /// Reads a file that others append to and rename away.
    private struct Follower {
        let path: String
        private var file: SharedDescriptor?
        private var inode: UInt64 = 0
        private var rest = [UInt8]()

        init(path: String) { self.path = path }

        mutating func open() {
            guard let opened = try? Files.open(path, [.readOnly, .noFollow]) else { return file = nil }
            inode = (try? opened.status().inode) ?? 0
            file = SharedDescriptor(opened)
        }

        mutating func skip() {
            open()
            if let file { lseek(file.number, 0, SEEK_END) }
        }

        mutating func read(_ receive: (EngineEvent) -> Bool) -> Bool {
            if file == nil { open() }
            while true {
                guard drain(receive) else { return false }
                guard let now = try? Files.status(path).inode, now != inode else { return true }
                guard drain(receive) else { return false }
                rest = []
                open()
                if file == nil { return true }
            }
        }

        private mutating func drain(_ receive: (EngineEvent) -> Bool) -> Bool {
            guard let number = file?.number else { return true }
            var chunk = [UInt8](repeating: 0, count: 64 << 10)
            while true {
                let count = chunk.withUnsafeMutableBytes { Glibc.read(number, $0.baseAddress, $0.count) }
                if count <= 0 { return true }
                rest += chunk[..<count]
                guard let end = rest.lastIndex(of: 10) else { continue }
                let whole = rest[...end]
                rest = Array(rest[(end + 1)...])
                for line in whole.split(separator: 10) {
                    if let event = EngineEvent(parsing: line), !receive(event) { return false }
                }
            }
        }
    }
}

extension Engine {
    /// What happens to the engine's objects.
    public var events: EventLog { EventLog(directory: roots.run + "/events") }

    /// Records something that happened to a container.
    func report(_ action: String, _ record: ContainerRecord, _ more: [String: String] = [:]) {
        var attributes = record.labels
        attributes["image"] = record.image
        attributes["name"] = record.name
        for (key, value) in more { attributes[key] = value }
        events.add(EngineEvent("container", action, record.id, attributes))
    }

    /// Records something that happened to an image, a volume or a network.
    public func report(_ type: String, _ action: String, _ actor: String, _ attributes: [String: String] = [:]) {
        events.add(EngineEvent(type, action, actor, attributes))
    }
}
