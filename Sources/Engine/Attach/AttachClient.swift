import Glibc
import LinuxKernel

/// The user's side of an attached container: standard input goes in, output comes out, signals and window changes are
/// passed on, and the terminal is put back as it was whatever happens.
public final class AttachClient {
    private enum Token {
        static let socket: UInt64 = 1
        static let input: UInt64 = 2
        static let signals: UInt64 = 3
    }

    private let socket: Int32
    private let sendsInput: Bool
    private let hasTerminal: Bool
    private var buffer = [UInt8]()
    private var outgoing = [UInt8]()
    private var inputOpen: Bool
    private var readerIsGone = false
    private var interrupts = 0
    private let options: AttachOptions
    private var keys: DetachKeys.Matcher
    private var isDetached = false

    /// - Parameters:
    ///   - socket: the conversation with the monitor.
    ///   - sendsInput: whether standard input goes to the container (`-i`).
    ///   - hasTerminal: whether the container has a terminal (`-t`).
    init(
        socket: borrowing FileDescriptor, sendsInput: Bool, hasTerminal: Bool, options: AttachOptions = AttachOptions()
    ) {
        self.options = options
        keys = DetachKeys.Matcher(options.detachKeys)
        self.socket = socket.rawValue
        self.sendsInput = sendsInput
        self.hasTerminal = hasTerminal
        inputOpen = sendsInput
    }

    /// Waits for the monitor's word that the container runs.
    ///
    /// - Throws: the reason why it does not, with Docker's exit status.
    /// - Parameter warn: called with each thing a person should know although the container starts.
    func awaitStart(warn: (String) -> Void) throws(EngineError) {
        while true {
            switch try nextFrame() {
            case .started: return
            case .warning(let text): warn(text)
            case .failed(let text, let code): throw EngineError(text, exitCode: code)
            default: throw EngineError("the container's monitor ended before the container ran", exitCode: 125)
            }
        }
    }

    /// Moves bytes until the container ends.
    ///
    /// - Returns: the program's exit status.
    func run() throws(EngineError) -> Int32 {
        let raw = hasTerminal && sendsInput && Terminal.isTerminal(0)
        // Signals become frames; with a raw terminal the keys for them are bytes already.
        let handled = [SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGWINCH, SIGCONT]
        Signals.ignore(SIGPIPE)
        do throws(Errno) {
            let signals = try SignalQueue(handled)
            if raw {
                let mode = try RawMode(0)
                defer { withExtendedLifetime(mode) {} }
                if options.isGuest, let size = Terminal.size(0) {
                    _ = try? StreamSocket.send(
                        socket, AttachFrame.resize(rows: size.rows, columns: size.columns).encoded[...], wait: true)
                }
                return try loop(signals)
            }
            return try loop(signals)
        } catch {
            if isDetached { return 0 }
            if error == .interrupted {
                throw EngineError("interrupted three times; the container goes on in the background", exitCode: 130)
            }
            if readerIsGone {
                throw EngineError(
                    "nobody reads the container's output any more; it goes on in the background", exitCode: 141)
            }
            throw EngineError("the connection to the container's monitor broke: \(error)", exitCode: 125)
        }
    }

    private func loop(_ signals: borrowing SignalQueue) throws(Errno) -> Int32 {
        let poller = try Poller()
        try poller.add(socket, .readable, token: Token.socket)
        try poller.add(signals.descriptor.rawValue, .readable, token: Token.signals)
        if sendsInput { watchInput(poller) }
        while true {
            // Frames that came together with the first one wait in the buffer already.
            if let code = handleFrames() { return code }
            // As with Docker's client: this end closes, the container goes on by itself.
            if readerIsGone { throw .brokenPipe }
            for event in try poller.wait() {
                switch event.token {
                case Token.socket:
                    if event.events.contains(.writable) { try flush(poller) }
                    guard !event.events.isDisjoint(with: [.readable, .hangUp, .error]) else { continue }
                    guard try fill() else { throw .connectionReset }
                case Token.input: try readInput(poller)
                case Token.signals:
                    while let signal = signals.next() { try handle(signal, poller) }
                default: break
                }
            }
        }
    }

    /// A regular file or `/dev/null` cannot be watched, and is always ready.
    private func watchInput(_ poller: borrowing Poller) {
        do throws(Errno) { try poller.add(0, .readable, token: Token.input) } catch {
            while inputOpen { if (try? readInput(poller)) == nil { return } }
        }
    }

    private func readInput(_ poller: borrowing Poller) throws(Errno) {
        var chunk = [UInt8](repeating: 0, count: 32 << 10)
        let count = chunk.withUnsafeMutableBytes { Glibc.read(0, $0.baseAddress, $0.count) }
        if count < 0, errno == EINTR || errno == EAGAIN { return }
        if count <= 0 {
            inputOpen = false
            try? poller.remove(0)
            return try send(.inputEnded, poller)
        }
        var bytes = Array(chunk[..<count])
        if hasTerminal, keys.take(&bytes) {
            if !bytes.isEmpty { try send(.input(bytes), poller) }
            try send(.detach, poller)
            isDetached = true
            throw .interrupted
        }
        if bytes.isEmpty { return }
        try send(.input(bytes), poller)
        // The monitor does not take more for now: neither do we.
        if !outgoing.isEmpty { try? poller.modify(0, [], token: Token.input) }
    }

    private func send(_ frame: AttachFrame, _ poller: borrowing Poller) throws(Errno) {
        outgoing += frame.encoded
        try flush(poller)
    }

    private func flush(_ poller: borrowing Poller) throws(Errno) {
        while !outgoing.isEmpty {
            do throws(Errno) {
                guard let sent = try StreamSocket.send(socket, outgoing[...]) else { break }
                outgoing.removeFirst(sent)
            } catch {
                // The monitor has closed its end: its last words are still to be read.
                outgoing = []
            }
        }
        try poller.modify(socket, outgoing.isEmpty ? .readable : [.readable, .writable], token: Token.socket)
        if outgoing.isEmpty, inputOpen { try? poller.modify(0, .readable, token: Token.input) }
    }

    private func handle(_ signal: Int32, _ poller: borrowing Poller) throws(Errno) {
        switch signal {
        case SIGWINCH:
            if hasTerminal, let size = Terminal.size(0) ?? Terminal.size(1) {
                try send(.resize(rows: size.rows, columns: size.columns), poller)
            }
        case SIGCONT: break
        case SIGHUP where hasTerminal:
            // The user's terminal is gone, and with it whoever read and typed; the container's own terminal stays.
            readerIsGone = true
            throw .brokenPipe
        case SIGINT where interrupts == 2:
            // As Docker's client: who presses it a third time means this program.
            throw .interrupted
        default:
            guard options.passesSignals else {
                // Without passing them on they end this program, as they would any other.
                isDetached = true
                Signals.resetAll()
                kill(getpid(), signal)
                throw .interrupted
            }
            if signal == SIGINT { interrupts += 1 }
            try send(.signal(signal), poller)
        }
    }

    /// Handles the whole frames in the buffer; the exit status when the container has ended.
    private func handleFrames() -> Int32? {
        while let frame = try? AttachFrame.decode(&buffer) {
            switch frame {
            case .output where !options.showsOutput, .errorOutput where !options.showsErrors: break
            case .output(let bytes): readerIsGone = !Self.write(bytes, to: 1) || readerIsGone
            case .errorOutput(let bytes): readerIsGone = !Self.write(bytes, to: 2) || readerIsGone
            case .exited(let code): return code
            default: break
            }
        }
        return nil
    }

    /// False when nobody reads that stream any more.
    private static func write(_ bytes: [UInt8], to number: Int32) -> Bool {
        bytes.withUnsafeBytes { buffer in
            var done = 0
            while done < buffer.count {
                let count = Glibc.write(number, buffer.baseAddress.map { $0 + done }, buffer.count - done)
                if count > 0 { done += count; continue }
                if errno == EINTR { continue }
                if errno == EAGAIN {
                    var entry = pollfd(fd: number, events: Int16(POLLOUT), revents: 0)
                    _ = poll(&entry, 1, -1)
                    continue
                }
                return false
            }
            return true
        }
    }

    /// Reads once; false at the end of the stream.
    private func fill() throws(Errno) -> Bool {
        var chunk = [UInt8](repeating: 0, count: 64 << 10)
        let count = chunk.withUnsafeMutableBytes { Glibc.read(socket, $0.baseAddress, $0.count) }
        if count > 0 {
            buffer += chunk[..<count]
            return true
        }
        if count < 0 {
            if errno == EINTR || errno == EAGAIN { return true }
            throw Errno(rawValue: errno)
        }
        return false
    }

    private func nextFrame() throws(EngineError) -> AttachFrame? {
        while true {
            if let frame = try AttachFrame.decode(&buffer) { return frame }
            let more: Bool
            do throws(Errno) { more = try fill() } catch { return nil }
            if !more { return nil }
        }
    }
}
