import CLinux
import Glibc

/// Changes to the calling process, one system call each.
public enum ProcessControl {
    // MARK: Namespaces

    /// Leaves namespaces for new ones (`unshare(2)`).
    public static func unshare(_ kinds: NamespaceSet) throws(Errno) {
        try checked(berth_unshare(Int32(truncatingIfNeeded: kinds.rawValue)))
    }

    /// Joins namespaces of a process (by pidfd, several kinds at once) or the one of an `nsfs` file (`setns(2)`). Joining a
    /// pid namespace takes effect for later children only.
    public static func join(_ kinds: NamespaceSet, of descriptor: Int32) throws(Errno) {
        try checked(berth_setns(descriptor, Int32(truncatingIfNeeded: kinds.rawValue)))
    }

    /// Takes root's ids in the user namespace, without further groups where those may be dropped.
    public static func becomeNamespaceRoot() throws(Errno) {
        try setGroupID(0)
        try setUserID(0)
        _ = berth_setgroups(0, nil)
    }

    // MARK: Identity

    /// Real, effective and saved user id (`setresuid(2)`).
    ///
    /// - Throws: also for 4294967295: to the kernel that number means "leave it", so root would stay root.
    public static func setUserID(_ id: UInt32) throws(Errno) {
        if id == .max { throw .invalidArgument }
        try checked(berth_setresuid(id))
    }
    /// Real, effective and saved group id (`setresgid(2)`).
    ///
    /// - Throws: also for 4294967295, as ``setUserID(_:)``.
    public static func setGroupID(_ id: UInt32) throws(Errno) {
        if id == .max { throw .invalidArgument }
        try checked(berth_setresgid(id))
    }
    /// The further groups (`setgroups(2)`).
    public static func setGroups(_ groups: [UInt32]) throws(Errno) {
        try checked(groups.withUnsafeBufferPointer { berth_setgroups($0.count, $0.baseAddress) })
    }

    /// Runs `body` with other ids for file access.
    public static func withFileSystemIDs(uid: UInt32, gid: UInt32, _ body: () throws(Errno) -> Void) throws(Errno) {
        berth_setfsids(uid, gid)
        defer { berth_setfsids(0, 0) }
        try body()
    }

    // MARK: prctl

    /// execve grants no privilege any more, for ever.
    public static func setNoNewPrivileges() throws(Errno) { try checked(berth_prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)) }
    /// The signal this process gets when its parent dies; cleared by a change of ids.
    public static func setParentDeathSignal(_ signal: Int32) throws(Errno) {
        try checked(berth_prctl(PR_SET_PDEATHSIG, UInt64(signal), 0, 0, 0))
    }
    /// Keeps other processes of the same user out of this one's memory and procfs files; ends at execve.
    public static func forbidInspection() { _ = berth_prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) }
    /// Orphaned descendants become this process's children.
    public static func becomeSubreaper() { _ = berth_prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) }
    /// The name that `ps` shows, at most 15 bytes.
    public static func setName(_ name: String) {
        _ = name.withCString { berth_prctl(PR_SET_NAME, UInt64(UInt(bitPattern: $0)), 0, 0, 0) }
    }

    // MARK: Session and names

    /// A session keyring of one's own (`keyctl(2)`); kernels without keyrings are fine.
    public static func joinNewKeyring(_ name: String) { _ = berth_keyctl_join_session(name) }
    /// The host name of the uts namespace.
    public static func setHostname(_ name: String) throws(Errno) { try checked(berth_sethostname(name, name.utf8.count)) }
    /// The NIS domain name of the uts namespace.
    public static func setDomainname(_ name: String) throws(Errno) {
        try checked(berth_setdomainname(name, name.utf8.count))
    }
    /// Brings up `lo` of the network namespace.
    public static func bringUpLoopback() throws(Errno) { try checked(berth_loopback_up()) }

    // MARK: Descriptors and directories

    /// Opens `/dev/null` in place of standard streams that the caller had closed: the next file opened would get their
    /// number, and a lock or a socket would be written to or replaced as one.
    public static func openMissingStandardStreams() {
        for number in Int32(0)...2 where berth_fcntl(number, F_GETFD, 0) < 0 {
            // The lowest free number is this one. It must survive execve, as a standard stream does.
            _ = berth_open("/dev/null", number == 0 ? O_RDONLY : O_WRONLY, 0)
        }
    }

    /// Makes all descriptors from `first` on close-on-exec.
    public static func closeOnExec(from first: UInt32) throws(Errno) {
        try checked(berth_close_range(first, UInt32.max, BERTH_CLOSE_RANGE_CLOEXEC))
    }
    /// Closes every descriptor.
    public static func closeAll() { _ = berth_close_range(0, UInt32.max, 0) }
    /// Closes every descriptor from `first` on but those kept: one call for each gap.
    public static func closeAll(from first: Int32, except kept: [Int32]) {
        var next = first
        for number in kept.sorted() where number >= next {
            if number > next { _ = berth_close_range(UInt32(next), UInt32(number - 1), 0) }
            next = number + 1
        }
        _ = berth_close_range(UInt32(next), UInt32.max, 0)
    }
    /// Lets a descriptor survive execve.
    public static func keepOverExec(_ number: Int32) { _ = berth_fcntl(number, F_SETFD, 0) }
    /// A copy of a descriptor at exactly `target` (`dup2(2)`), which survives execve.
    public static func duplicate(_ number: Int32, to target: Int32) throws(Errno) {
        try checked(berth_result(Int64(dup2(number, target))))
    }
    /// A copy of a descriptor at the first free number from `minimum` on, close-on-exec.
    public static func duplicate(_ number: Int32, minimum: Int32) throws(Errno) -> Int32 {
        Int32(try checked(berth_fcntl(number, F_DUPFD_CLOEXEC, Int64(minimum))))
    }
    /// Goes to an open directory.
    public static func changeDirectory(_ number: Int32) throws(Errno) { try checked(berth_result(Int64(fchdir(number)))) }
    /// Makes the current directory the root (`chroot(2)`).
    public static func changeRootToCurrentDirectory() throws(Errno) {
        try checked(berth_result(Int64(chroot("."))))
        try checked(berth_result(Int64(chdir("/"))))
    }
    /// Changes a descriptor's file's owner and group; nil leaves one.
    public static func changeOwner(_ number: Int32, uid: UInt32?, gid: UInt32?) throws(Errno) {
        try checked(berth_result(Int64(fchown(number, uid ?? .max, gid ?? .max))))
    }
    /// Moves the calling, only thread into the cgroup whose `tasks` file is open.
    public static func joinControlGroup(_ tasks: Int32) throws(Errno) {
        try checkedUninterrupted {
            var zero = UInt8(ascii: "0")
            return berth_result(Int64(write(tasks, &zero, 1)))
        }
    }

    // MARK: Birth and execution

    /// `fork(2)`: 0 in the child.
    public static func fork() throws(Errno) -> Int32 { Int32(try checked(berth_fork())) }

    /// Executes a program; returns only when that failed.
    public static func execute(
        _ path: String, _ arguments: inout [UnsafeMutablePointer<CChar>?],
        _ environment: inout [UnsafeMutablePointer<CChar>?]
    ) -> Errno {
        Errno(rawValue: Int32(-berth_execve(path, &arguments, &environment)))
    }

    /// Sets a resource limit of a process (`prlimit(2)`).
    public static func setLimit(_ number: Int32, soft: UInt64, hard: UInt64, of pid: Int32) throws(Errno) {
        var raw = rlimit64(rlim_cur: UInt(soft), rlim_max: UInt(hard))
        try checked(berth_prlimit(pid, number, &raw, nil))
    }

    /// A resource limit of this process.
    public static func limit(_ number: Int32) throws(Errno) -> (soft: UInt64, hard: UInt64) {
        var raw = rlimit64()
        try checked(berth_prlimit(0, number, nil, &raw))
        return (UInt64(raw.rlim_cur), UInt64(raw.rlim_max))
    }
}

/// Unconnected help for stream sockets by number.
public enum StreamSocket {
    /// Sends what fits now, never with SIGPIPE: the count, or nil when nothing fits now.
    ///
    /// - Throws: ``Errno`` when the peer has gone.
    public static func send(_ number: Int32, _ bytes: ArraySlice<UInt8>, wait: Bool = false) throws(Errno) -> Int? {
        while true {
            let flags = Int32(MSG_NOSIGNAL) | (wait ? 0 : Int32(MSG_DONTWAIT))
            let count = bytes.withUnsafeBytes { berth_result(Int64(Glibc.send(number, $0.baseAddress, $0.count, flags))) }
            if count == Int64(-EINTR) { continue }
            if count == Int64(-EAGAIN) { return nil }
            return try checked(count)
        }
    }
}
