import CLinux
import Glibc

/// What a new process is born with (`clone3(2)`).
public struct CloneOptions: Sendable {
    /// New namespaces, as `CLONE_NEW*` bits.
    public var namespaces: NamespaceSet = []
    /// A cgroup v2 directory to be born in (`CLONE_INTO_CGROUP`), as an open descriptor number.
    public var controlGroup: Int32?
    /// Makes the new process a sibling instead of a child (`CLONE_PARENT`).
    public var sibling = false
    /// Gives the new process the same table of descriptors instead of a copy (`CLONE_FILES`): what one opens or closes, the
    /// other has opened or closed.
    public var sharesDescriptors = false

    /// A plain fork.
    public init() {}
}

/// A set of namespace kinds, as the kernel's `CLONE_NEW*` bits.
public struct NamespaceSet: OptionSet, Sendable, Hashable {
    public let rawValue: UInt64
    public init(rawValue: UInt64) { self.rawValue = rawValue }

    public static let time = NamespaceSet(rawValue: BERTH_CLONE_NEWTIME)
    public static let mount = NamespaceSet(rawValue: BERTH_CLONE_NEWNS)
    public static let controlGroup = NamespaceSet(rawValue: BERTH_CLONE_NEWCGROUP)
    public static let uts = NamespaceSet(rawValue: BERTH_CLONE_NEWUTS)
    public static let ipc = NamespaceSet(rawValue: BERTH_CLONE_NEWIPC)
    public static let user = NamespaceSet(rawValue: BERTH_CLONE_NEWUSER)
    public static let pid = NamespaceSet(rawValue: BERTH_CLONE_NEWPID)
    public static let network = NamespaceSet(rawValue: BERTH_CLONE_NEWNET)

    /// The file in `/proc/PID/ns` of each kind.
    public static let fileNames: [(NamespaceSet, String)] = [
        (.user, "user"), (.pid, "pid"), (.network, "net"), (.uts, "uts"), (.ipc, "ipc"), (.mount, "mnt"),
        (.controlGroup, "cgroup"), (.time, "time"),
    ]
}

/// A child process: its id and a pidfd, which stays this process's even when the id is used again.
public struct ChildHandle: ~Copyable, Sendable {
    /// The id as this process sees it.
    public let pid: Int32
    /// Readable (poll) once the process has ended.
    public let pidfd: FileDescriptor

    /// Takes over a pidfd.
    public init(pid: Int32, pidfd: consuming FileDescriptor) {
        self.pid = pid
        self.pidfd = pidfd
    }

    /// Sends a signal to exactly this process.
    public func send(signal: Int32) throws(Errno) { try checked(berth_pidfd_send_signal(pidfd.rawValue, signal)) }

    /// Waits for the end and reaps.
    public func wait() throws(Errno) -> ExitStatus {
        var status: Int32 = 0
        try checkedUninterrupted { berth_waitpid(pid, &status, 0) }
        return ExitStatus(waitStatus: status)
    }
}

/// How a process ended.
public enum ExitStatus: Equatable, Sendable {
    case exited(Int32)
    case signaled(Int32)

    /// From `wait(2)`'s status word.
    public init(waitStatus: Int32) {
        self = berth_wifsignaled(waitStatus) != 0 ? .signaled(berth_wtermsig(waitStatus)) : .exited(berth_wexitstatus(waitStatus))
    }

    /// The shell's and Docker's number: the exit code, or 128 plus the signal.
    public var code: Int32 {
        switch self {
        case .exited(let code): code
        case .signaled(let signal): 128 + signal
        }
    }
}

/// Makes processes. Only ever called while this process has one thread: the child is a copy of the calling thread.
public enum ProcessClone {
    /// Clones this process; the child runs `body` and leaves with its result, without running exit handlers.
    public static func run(_ options: CloneOptions = CloneOptions(), _ body: () -> Int32) throws(Errno) -> ChildHandle {
        var arguments = berth_clone_args()
        var pidfd: Int32 = -1
        arguments.flags = options.namespaces.rawValue | BERTH_CLONE_PIDFD
        arguments.exit_signal = options.sibling ? 0 : UInt64(SIGCHLD)
        if options.sibling { arguments.flags |= BERTH_CLONE_PARENT }
        if options.sharesDescriptors { arguments.flags |= BERTH_CLONE_FILES }
        if let group = options.controlGroup {
            arguments.flags |= BERTH_CLONE_INTO_CGROUP
            arguments.cgroup = UInt64(UInt32(bitPattern: group))
        }
        let result = withUnsafeMutablePointer(to: &pidfd) { pointer in
            arguments.pidfd = UInt64(UInt(bitPattern: pointer))
            return berth_clone3(&arguments)
        }
        let pid = try checked(result)
        if pid == 0 { _exit(body()) }
        return ChildHandle(pid: Int32(pid), pidfd: FileDescriptor(owning: pidfd))
    }

    /// A pidfd for a process that is no child.
    public static func open(pid: Int32) throws(Errno) -> FileDescriptor {
        FileDescriptor(owning: Int32(try checked(berth_pidfd_open(pid, 0))))
    }
}

extension ProcessSignal {
    /// Sends a signal to the process that a pidfd stands for (`pidfd_send_signal(2)`).
    public static func send(pidfd: Int32, _ signal: Int32) throws(Errno) {
        try checked(berth_pidfd_send_signal(pidfd, signal))
    }
}

/// The end of a child known by its id.
public enum ChildStatus {
    /// Waits for it and reaps it.
    public static func wait(_ pid: Int32) throws(Errno) -> ExitStatus {
        var status: Int32 = 0
        try checkedUninterrupted { berth_waitpid(pid, &status, 0) }
        return ExitStatus(waitStatus: status)
    }
}
