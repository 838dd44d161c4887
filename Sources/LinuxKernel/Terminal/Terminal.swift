import CLinux
import Glibc

/// A terminal's size in characters.
public struct TerminalSize: Equatable, Sendable {
    public var rows: UInt16
    public var columns: UInt16
    /// A size.
    public init(rows: UInt16, columns: UInt16) {
        self.rows = rows
        self.columns = columns
    }
}

/// Calls on terminals by descriptor number.
public enum Terminal {
    /// Whether a descriptor is a terminal.
    public static func isTerminal(_ number: Int32) -> Bool { isatty(number) == 1 }

    /// The size (`TIOCGWINSZ`), nil for what is no terminal.
    public static func size(_ number: Int32) -> TerminalSize? {
        var raw = winsize()
        guard withUnsafeMutablePointer(to: &raw, { berth_ioctl_ptr(number, UInt(TIOCGWINSZ), $0) }) == 0 else { return nil }
        return TerminalSize(rows: raw.ws_row, columns: raw.ws_col)
    }

    /// Sets the size (`TIOCSWINSZ`); the foreground process group gets SIGWINCH.
    public static func setSize(_ number: Int32, _ size: TerminalSize) throws(Errno) {
        var raw = winsize(ws_row: size.rows, ws_col: size.columns, ws_xpixel: 0, ws_ypixel: 0)
        try checked(withUnsafeMutablePointer(to: &raw) { berth_ioctl_ptr(number, UInt(TIOCSWINSZ), $0) })
    }

    /// Makes the descriptor's terminal the controlling one of the calling session leader (`TIOCSCTTY`).
    public static func setControlling(_ number: Int32) throws(Errno) {
        try checked(berth_ioctl_int(number, UInt(TIOCSCTTY), 0))
    }
}

/// The master and slave of a new pseudo-terminal.
@frozen
public struct PseudoTerminal: ~Copyable {
    public let master: FileDescriptor
    public let slave: FileDescriptor

    /// Makes a terminal in the devpts instance whose `ptmx` node is `name` below `directory`. What is opened is
    /// checked to be on devpts: an image or volume could have put anything there (CVE-2025-52565).
    public init(at directory: Int32, ptmx name: String) throws(Errno) {
        let master = try Files.open(at: directory, name, [.readWrite, .noControllingTerminal, .noFollow])
        guard try master.fileSystemMagic() == FileSystemMagic.devpts, try master.status().kind == .characterDevice else {
            throw .notSupported
        }
        try checked(berth_unlock_pty(master.rawValue))
        // The slave by its master (TIOCGPTPEER), never by its path.
        let slave = try checked(berth_tiocgptpeer(master.rawValue, O_RDWR | O_NOCTTY | O_CLOEXEC))
        self.master = master
        self.slave = FileDescriptor(owning: Int32(slave))
    }
}

/// A terminal switched to raw mode, put back to what it was when the owner goes out of scope or `restore` is called.
public struct RawMode: ~Copyable {
    private let number: Int32
    private let saved: termios

    /// Switches the terminal to raw mode as `cfmakeraw(3)` means it.
    public init(_ number: Int32) throws(Errno) {
        var current = termios()
        try checked(berth_result(Int64(tcgetattr(number, &current))))
        let before = current
        cfmakeraw(&current)
        try checked(berth_result(Int64(tcsetattr(number, TCSADRAIN, &current))))
        saved = before
        self.number = number
    }

    deinit {
        var old = saved
        _ = tcsetattr(number, TCSADRAIN, &old)
    }
}
