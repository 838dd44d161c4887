import CLinux
import LinuxKernel

/// A stay of the calling thread in another network namespace: sockets opened during it, and `/proc/sys/net`, are that
/// namespace's. Only for single-threaded programs, and for work in a straight line: nothing else runs meanwhile.
///
/// The thread is back when ``leave()`` returns or the value goes out of scope. A thread that cannot come back must not go
/// on in a container's namespace: the process ends with status 125.
public struct NetworkNamespaceVisit: ~Copyable {
    private let home: FileDescriptor

    /// Enters the namespace of a pidfd's process, or of an open `nsfs` file (`setns(2)`).
    public init(entering namespace: borrowing FileDescriptor) throws(Errno) {
        let home = try Files.open("/proc/thread-self/ns/net", .readOnly)
        try checked(berth_setns(namespace.rawValue, Int32(BERTH_CLONE_NEWNET)))
        self.home = home
    }

    deinit { Self.goHome(home.rawValue) }

    /// Goes back.
    public consuming func leave() {}

    /// An `nsfs` file of the namespace the thread is in now, which netlink accepts where it refuses a pidfd.
    public func namespaceFile() throws(Errno) -> FileDescriptor {
        try Files.open("/proc/thread-self/ns/net", .readOnly)
    }

    private static func goHome(_ number: Int32) {
        if berth_setns(number, Int32(BERTH_CLONE_NEWNET)) == 0 { return }
        writeText("berth: cannot return to the host's network namespace\n", to: 2)
        _exit(125)
    }
}
