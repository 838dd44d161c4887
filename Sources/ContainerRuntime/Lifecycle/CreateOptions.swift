import LinuxKernel

/// How `create` and `run` make a container.
public struct CreateOptions: Sendable {
    /// The bundle's directory.
    public var bundle: String
    /// The configuration instead of the bundle's `config.json`.
    public var configurationPath: String?
    /// A file that gets the first process's number.
    public var pidFile: String?
    /// A listening socket that gets the master of the container's terminal.
    public var consoleSocket: String?
    /// A listening socket that gets a pidfd of the first process.
    public var pidfdSocket: String?
    public var keepsKeyring = false
    public var noPivot = false
    /// How many descriptors from 3 on go into the container.
    public var preservedDescriptors = 0
    /// How many of those are sockets of systemd's activation (`LISTEN_FDS`), which the program is told of.
    public var activationSockets = 0
    /// `run`: return once the program runs.
    public var detached = false
    /// `run`: leave the container behind when it has ended.
    public var keeps = false
    /// `run`: orphans of the container become this process's children.
    public var isSubreaper = true

    /// Everything at its default.
    public init(bundle: String) { self.bundle = bundle }
}

/// What a caller is given of a new process: its terminal, its number, a descriptor of it.
enum Handover {
    /// Refuses a combination of terminal and socket that cannot work, before anything is made.
    static func check(terminal: Bool, detached: Bool, socket: String?) throws(RuntimeError) {
        if terminal, detached, socket == nil {
            throw RuntimeError(
                "hand over", "terminal",
                cause: "cannot allocate tty if the runtime will detach without setting console socket",
                remedy: "give --console-socket, or set process.terminal to false")
        }
        if socket != nil, !terminal || !detached {
            throw RuntimeError(
                "hand over", "terminal",
                cause: "cannot use console socket if the runtime will not detach or allocate tty")
        }
    }

    /// Sends a terminal's master to a console socket, with its name as engines expect it.
    static func send(terminal: SharedDescriptor?, to socket: String?) throws(RuntimeError) {
        guard let terminal, let socket else { return }
        try send(terminal.number, named: "/dev/ptmx", to: socket, what: "terminal")
    }

    /// Sends a process's descriptor to a socket.
    static func send(pidfd: Int32, to socket: String?) throws(RuntimeError) {
        guard let socket else { return }
        try send(pidfd, named: "pidfd", to: socket, what: "pidfd")
    }

    private static func send(
        _ number: Int32, named name: String, to socket: String, what: String
    ) throws(RuntimeError) {
        try attempt("hand the \(what) to", socket) { () throws(Errno) in
            let connection = try UnixSocket.connect(toPath: socket)
            try connection.sendMessage(Array(name.utf8), descriptors: [number])
        }
    }

    /// Writes the pid file, whole or not at all.
    static func write(pid: Int32, to path: String?) throws(RuntimeError) {
        guard let path else { return }
        try attempt("write pid file", path) { () throws(Errno) in try Files.replace(path, with: Array(String(pid).utf8))
        }
    }
}
