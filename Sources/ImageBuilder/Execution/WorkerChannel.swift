import Glibc
import JSON
import LinuxKernel

/// What a step's process tells the builder: frames of a kind, a length and bytes, over a pipe.
enum WorkerFrame {
    case output(isError: Bool, [UInt8])
    case made(BuildCache.Record)
    case exited(Int32)
    case failed(BuildError)

    /// Longest piece of output in one frame.
    static let limit = 64 << 10

    var encoded: [UInt8] {
        let (kind, body): (UInt8, [UInt8])
        switch self {
        case .output(let isError, let bytes): (kind, body) = (isError ? 2 : 1, bytes)
        case .made(let record):
            kind = 3
            body =
                JSONValue.object(
                    JSONObject([
                        ("key", .string(record.key)), ("layer", .string(record.layer)),
                        ("created", .string(record.created)),
                        ("size", .integer(record.size)), ("kind", .string(record.kind)),
                    ])
                ).serialized()
        case .exited(let status): (kind, body) = (4, Array(String(status).utf8))
        case .failed(let error):
            kind = 5
            body = JSONValue([
                "operation": error.operation, "object": error.object, "cause": error.cause, "remedy": error.remedy,
            ])
            .serialized()
        }
        var bytes = [kind]
        withUnsafeBytes(of: UInt32(body.count).littleEndian) { bytes.append(contentsOf: $0) }
        return bytes + body
    }

    /// Takes the next whole frame from what has come.
    static func next(_ bytes: inout [UInt8]) -> WorkerFrame? {
        guard bytes.count >= 5 else { return nil }
        let length = bytes[1...4].reversed().reduce(0) { $0 << 8 | Int($1) }
        guard bytes.count >= 5 + length else { return nil }
        let kind = bytes[0]
        let body = Array(bytes[5..<(5 + length)])
        bytes.removeFirst(5 + length)
        switch kind {
        case 1, 2: return .output(isError: kind == 2, body)
        case 3:
            guard let value = try? JSONValue(parsing: body), let key = value["key"]?.stringValue,
                let layer = value["layer"]?.stringValue, let created = value["created"]?.stringValue
            else { break }
            return .made(
                BuildCache.Record(
                    key: key, layer: layer, created: created, size: value["size"]?.integerValue() ?? 0,
                    kind: value["kind"]?.stringValue ?? ""))
        case 4: return .exited(Int32(String(decoding: body, as: UTF8.self)) ?? 1)
        default:
            guard let value = try? JSONValue(parsing: body) else { break }
            return .failed(
                BuildError(
                    operation: value["operation"]?.stringValue ?? "", object: value["object"]?.stringValue ?? "",
                    cause: value["cause"]?.stringValue ?? "it failed", remedy: value["remedy"]?.stringValue ?? ""))
        }
        return .failed(BuildError(cause: "a step's process said something that makes no sense"))
    }
}

/// A step's process as the builder sees it.
final class RunningStep {
    let id: Int
    let stage: Int
    let key: String
    let started: Int64
    let pipe: SharedDescriptor
    private let process: ChildHandle
    var bytes = [UInt8]()
    var result: WorkerFrame?

    /// Starts a process for a step; it dies with this one.
    init(id: Int, stage: Int, key: String, _ body: (Int32) -> Void) throws(BuildError) {
        self.id = id
        self.stage = stage
        self.key = key
        started = MonotonicClock.nanoseconds()
        var ends: [Int32] = [-1, -1]
        guard pipe2(&ends, O_CLOEXEC) == 0 else { throw .system(Errno(rawValue: errno), "make", "a pipe") }
        let reader = FileDescriptor(owning: ends[0])
        let writer = ends[1]
        let parent = getpid()
        process = try converting("start", "a step") { () throws(Errno) in
            try ProcessClone.run {
                try? ProcessControl.setParentDeathSignal(SIGKILL)
                if getppid() != parent { return 1 }
                Signals.resetAll()
                // A terminal's Ctrl-C reaches the whole group; the builder decides what becomes of its steps.
                for signal in [SIGINT, SIGQUIT, SIGHUP, SIGPIPE] { Signals.ignore(signal) }
                body(writer)
                return 0
            }
        }
        close(writer)
        pipe = SharedDescriptor(reader)
    }

    /// Reads what has come.
    ///
    /// - Returns: false at the end.
    func read() -> Bool {
        var buffer = [UInt8](repeating: 0, count: 64 << 10)
        let number = pipe.number
        let count = buffer.withUnsafeMutableBytes { Glibc.read(number, $0.baseAddress, $0.count) }
        if count < 0 { return errno == EINTR || errno == EAGAIN }
        bytes += buffer[..<count]
        return count > 0
    }

    var seconds: Double { Double(MonotonicClock.nanoseconds() - started) / 1e9 }

    func kill() { try? process.send(signal: SIGKILL) }
    func wait() { _ = try? process.wait() }
}
