import Glibc
import LinuxKernel

/// A child of this process in the foreground: signals are passed on to it, and where it has a terminal of its own the
/// user's terminal is joined with that one.
public struct ForegroundProcess {
    private let pid: Int32
    private let pidfd: Int32
    private let terminal: SharedDescriptor?
    private let sendsInput: Bool

    /// - Parameters:
    ///   - pid: the child.
    ///   - pidfd: a descriptor of it, which must outlive this value.
    ///   - terminal: the master of its terminal; nil when it has our standard streams themselves.
    ///   - sendsInput: whether our standard input goes to its terminal.
    public init(pid: Int32, pidfd: Int32, terminal: SharedDescriptor?, sendsInput: Bool) {
        self.pid = pid
        self.pidfd = pidfd
        self.terminal = terminal
        self.sendsInput = sendsInput
    }

    private enum Token {
        static let process: UInt64 = 1
        static let terminal: UInt64 = 2
        static let input: UInt64 = 3
        static let signals: UInt64 = 4
    }

    /// Waits for its end and reaps it.
    public func run() throws(Errno) -> ExitStatus {
        let signals = try SignalQueue([SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGWINCH])
        Signals.ignore(SIGPIPE)
        if terminal != nil, sendsInput, Terminal.isTerminal(0) {
            let mode = try RawMode(0)
            defer { withExtendedLifetime(mode) {} }
            return try loop(signals)
        }
        return try loop(signals)
    }

    private func loop(_ signals: borrowing SignalQueue) throws(Errno) -> ExitStatus {
        let poller = try Poller()
        try poller.add(pidfd, .readable, token: Token.process)
        try poller.add(signals.descriptor.rawValue, .readable, token: Token.signals)
        if let terminal {
            try poller.add(terminal.number, .readable, token: Token.terminal)
            if sendsInput { try? poller.add(0, .readable, token: Token.input) }
        }
        while true {
            for event in try poller.wait() {
                switch event.token {
                case Token.process:
                    if let terminal { drain(terminal.number) }
                    return try ChildStatus.wait(pid)
                case Token.terminal:
                    if !copy(from: terminal?.number ?? -1, to: 1) { try? poller.remove(terminal?.number ?? -1) }
                case Token.input: if !copy(from: 0, to: terminal?.number ?? -1) { try? poller.remove(0) }
                case Token.signals: while let signal = signals.next() { handle(signal) }
                default: break
                }
            }
        }
    }

    private func handle(_ signal: Int32) {
        if signal == SIGWINCH {
            if let terminal, let size = Terminal.size(0) ?? Terminal.size(1) {
                try? Terminal.setSize(terminal.number, size)
            }
            return
        }
        try? ProcessSignal.send(pidfd: pidfd, signal)
    }

    private func drain(_ number: Int32) {
        while (try? Poll.readable(number, milliseconds: 0)) == true, copy(from: number, to: 1) {}
    }

    /// Moves what can be read now; false at the end.
    private func copy(from source: Int32, to target: Int32) -> Bool {
        var chunk = [UInt8](repeating: 0, count: 16 << 10)
        let count = chunk.withUnsafeMutableBytes { Glibc.read(source, $0.baseAddress, $0.count) }
        if count < 0 { return errno == EINTR || errno == EAGAIN }
        if count == 0 { return false }
        var rest = chunk[..<count]
        while !rest.isEmpty {
            let written = rest.withUnsafeBytes { Glibc.write(target, $0.baseAddress, $0.count) }
            if written < 0 { if errno == EINTR { continue } else { return false } }
            rest = rest.dropFirst(written)
        }
        return true
    }
}
