import Glibc
import LinuxKernel

/// Pipes between this process's standard streams and those of a process in a container, moved by one loop.
public final class StreamRelay {
    private enum Token {
        static let process: UInt64 = 1
        static let output: UInt64 = 2
        static let errorOutput: UInt64 = 3
        static let input: UInt64 = 4
        static let pipe: UInt64 = 5
        static let signals: UInt64 = 6
    }

    private var inner: [SharedDescriptor] = []
    private var innerInput: Int32?
    private let innerOutput: Int32
    private let innerError: Int32
    private var output: SharedDescriptor?
    private var errorOutput: SharedDescriptor?
    private var input: SharedDescriptor?
    /// What was read from standard input and does not fit into the pipe yet.
    private var pending = [UInt8]()
    /// A regular file cannot be watched: it is read whenever the pipe takes something.
    private var inputIsWatched = true
    private var inputHasEnded = false

    /// Makes the pipes.
    ///
    /// - Parameters:
    ///   - sendsInput: whether standard input goes in; otherwise the process gets none.
    ///   - owner: the host id of the container's root, who becomes the pipes' owner and may hand them on.
    public init(sendsInput: Bool, owner: UInt32) throws(Errno) {
        let outputPipe = try PipeEnds(), errorPipe = try PipeEnds()
        innerOutput = outputPipe.writeEnd.rawValue
        innerError = errorPipe.writeEnd.rawValue
        output = SharedDescriptor(outputPipe.readEnd)
        errorOutput = SharedDescriptor(errorPipe.readEnd)
        inner = [SharedDescriptor(outputPipe.writeEnd), SharedDescriptor(errorPipe.writeEnd)]
        if sendsInput {
            let inputPipe = try PipeEnds()
            innerInput = inputPipe.readEnd.rawValue
            input = SharedDescriptor(inputPipe.writeEnd)
            inner.append(SharedDescriptor(inputPipe.readEnd))
        }
        for end in inner where owner != 0 { try ProcessControl.changeOwner(end.number, uid: owner, gid: owner) }
    }

    /// What becomes 0, 1 and 2 of the process; `null` where nothing is sent.
    public func innerNumbers(null: Int32) -> (input: Int32, output: Int32, error: Int32) {
        (innerInput ?? null, innerOutput, innerError)
    }

    /// Closes our copies of the process's ends, once it runs.
    public func closeInnerEnds() { inner = [] }

    /// Moves bytes until the process has ended and what it wrote has been read; signals are passed on to it.
    public func run(pid: Int32, pidfd: Int32) throws(Errno) -> ExitStatus {
        let signals = try SignalQueue([SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2])
        Signals.ignore(SIGPIPE)
        let poller = try Poller()
        try poller.add(pidfd, .readable, token: Token.process)
        try poller.add(signals.descriptor.rawValue, .readable, token: Token.signals)
        for (descriptor, token) in [(output, Token.output), (errorOutput, Token.errorOutput)] {
            guard let number = descriptor?.number else { continue }
            _ = fcntl(number, F_SETFL, fcntl(number, F_GETFL, 0) | O_NONBLOCK)
            try poller.add(number, .readable, token: token)
        }
        if let number = input?.number {
            _ = fcntl(number, F_SETFL, fcntl(number, F_GETFL, 0) | O_NONBLOCK)
            try poller.add(number, [], token: Token.pipe)
            do throws(Errno) { try poller.add(0, .readable, token: Token.input) } catch {
                inputIsWatched = false
                try poller.modify(number, .writable, token: Token.pipe)
            }
        }
        while true {
            for event in try poller.wait() {
                switch event.token {
                case Token.process:
                    while let number = output?.number, Self.copy(from: number, to: 1) == .moved {}
                    while let number = errorOutput?.number, Self.copy(from: number, to: 2) == .moved {}
                    return try ChildStatus.wait(pid)
                case Token.output:
                    if let number = output?.number, Self.copy(from: number, to: 1) == .ended { output = nil }
                case Token.errorOutput:
                    if let number = errorOutput?.number, Self.copy(from: number, to: 2) == .ended { errorOutput = nil }
                case Token.input: readInput(poller)
                case Token.pipe: fillPipe(poller, event.events)
                case Token.signals:
                    while let signal = signals.next() { try? ProcessSignal.send(pidfd: pidfd, signal) }
                default: break
                }
            }
        }
    }

    private enum Progress { case moved, nothing, ended }

    /// Moves what is there now. A reader of ours that has gone ends this program, as a broken pipe does.
    private static func copy(from source: Int32, to target: Int32) -> Progress {
        var chunk = [UInt8](repeating: 0, count: 32 << 10)
        let count = chunk.withUnsafeMutableBytes { Glibc.read(source, $0.baseAddress, $0.count) }
        if count < 0 { return errno == EAGAIN || errno == EINTR ? .nothing : .ended }
        if count == 0 { return .ended }
        var rest = chunk[..<count]
        while !rest.isEmpty {
            let written = rest.withUnsafeBytes { Glibc.write(target, $0.baseAddress, $0.count) }
            if written < 0 {
                if errno == EINTR { continue }
                if errno == EPIPE { _exit(141) }
                return .ended
            }
            rest = rest.dropFirst(written)
        }
        return .moved
    }

    private func readInput(_ poller: borrowing Poller) {
        var chunk = [UInt8](repeating: 0, count: 32 << 10)
        let count = chunk.withUnsafeMutableBytes { Glibc.read(0, $0.baseAddress, $0.count) }
        if count < 0, errno == EINTR || errno == EAGAIN { return }
        if count <= 0 {
            // What waits for the pipe still goes in first.
            inputHasEnded = true
            if inputIsWatched { try? poller.remove(0) }
        } else {
            pending += chunk[..<count]
        }
        flush(poller)
    }

    private func fillPipe(_ poller: borrowing Poller, _ events: PollEvents) {
        // The reader of the pipe has gone.
        if events.contains(.error) { return endInput(poller) }
        if pending.isEmpty, !inputIsWatched, !inputHasEnded { readInput(poller) } else { flush(poller) }
    }

    private func flush(_ poller: borrowing Poller) {
        guard let number = input?.number else { return }
        while !pending.isEmpty {
            let count = pending.withUnsafeBytes { Glibc.write(number, $0.baseAddress, $0.count) }
            if count > 0 { pending.removeFirst(count); continue }
            if count < 0, errno == EINTR { continue }
            if count < 0, errno == EAGAIN { break }
            return endInput(poller)
        }
        if pending.isEmpty, inputHasEnded { return endInput(poller) }
        // One side at a time: the pipe while something waits for it, else standard input.
        try? poller.modify(number, pending.isEmpty && inputIsWatched ? [] : .writable, token: Token.pipe)
        if inputIsWatched, !inputHasEnded {
            try? poller.modify(0, pending.isEmpty ? .readable : [], token: Token.input)
        }
    }

    private func endInput(_ poller: borrowing Poller) {
        if inputIsWatched, !inputHasEnded { try? poller.remove(0) }
        if let number = input?.number { try? poller.remove(number) }
        input = nil
        pending = []
    }
}
