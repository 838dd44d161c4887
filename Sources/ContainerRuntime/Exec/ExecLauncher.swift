import ControlGroups
import Glibc
import LinuxKernel
import OCI

/// Runs a further process in a container: joins its groups and namespaces, then drops what the program must not have.
public struct ExecLauncher {
    private let request: ExecRequest

    /// A launcher for one process.
    public init(_ request: ExecRequest) { self.request = request }

    /// Starts the program and waits until it runs. The calling process's own namespaces stay as they are, but its
    /// later children would be born in the container's pid namespace: call it once in a process's life.
    ///
    /// - Throws: ``RuntimeError`` with what could not be done; nothing is left then.
    public func launch() throws -> LaunchedContainer {
        guard let group = request.controlGroup else { return try launch(birthGroup: nil, joinFiles: []) }
        let join = try Self.joinDescriptors(of: group)
        var files = join.numbers.filter { $0 != join.cloneInto }
        var birthGroup = join.cloneInto
        var opened = [Int32]()
        defer { for number in opened { close(number) } }
        for subgroup in request.subgroups {
            let below = try Self.joinDescriptors(of: subgroup)
            for number in below.numbers {
                let copy = try ProcessControl.duplicate(number, minimum: 3)
                opened.append(copy)
                if number == below.cloneInto { birthGroup = copy } else { files.append(copy) }
            }
        }
        return try launch(birthGroup: birthGroup, joinFiles: files)
    }

    private static func joinDescriptors(of group: ControlGroup) throws(RuntimeError) -> JoinDescriptors {
        do throws(ControlGroupError) { return try group.openJoinDescriptors() } catch {
            throw RuntimeError("join", "control group", cause: error.description)
        }
    }

    private func launch(birthGroup: Int32?, joinFiles: [Int32]) throws(RuntimeError) -> LaunchedContainer {
        let target = try attempt("find", "the container's process") { () throws(Errno) in
            if let number = request.targetDescriptor {
                return FileDescriptor(owning: try ProcessControl.duplicate(number, minimum: 3))
            }
            return try ProcessClone.open(pid: request.target)
        }
        let kinds = try differingNamespaces()
        let limits = try ProcessLimits(request.process)
        let seccomp = try request.preparedSeccomp()
        let scheduling = try ProcessScheduling(request.process)
        let affinity = try ProcessorAffinity(request.process.execCPUAffinity)
        let labels = try ProcessLabel.labels(request.process)
        let pair = try attempt("make", "socket pair") { () throws(Errno) in try SocketPair(.sequencedPacket) }
        let ours = pair.first.rawValue, theirs = pair.second.rawValue, pidfd = target.rawValue
        // Without root there are no rights over the container's other namespaces before its user namespace is joined.
        let entersFirst = geteuid() != 0 && kinds.contains(.user)
        if entersFirst {
            try attempt("join", "the container's user namespace") { () throws(Errno) in
                try ProcessControl.join(.user, of: pidfd)
            }
        }
        if kinds.contains(.pid) {
            try attempt("join", "the container's pid namespace") { () throws(Errno) in
                try ProcessControl.join(.pid, of: pidfd)
            }
        }
        var options = CloneOptions()
        options.controlGroup = birthGroup
        let wanted = request
        let child = try attempt("clone", "the exec process") { () throws(Errno) in
            try ProcessClone.run(options) {
                close(ours)
                return ExecProcess(
                    request: wanted, kinds: kinds.subtracting(entersFirst ? [.pid, .user] : .pid),
                    isInUserNamespace: entersFirst, target: pidfd, joinFiles: joinFiles,
                    limits: limits, seccomp: seccomp, affinity: affinity, labels: labels, channel: theirs
                ).run()
            }
        }
        try? pair.second.close()
        var container = LaunchedContainer(process: child, terminal: nil, channel: pair.first)
        do throws(RuntimeError) {
            try limits.raise(for: container.process.pid)
            if !scheduling.isEmpty {
                // Once it has joined the container's groups: they decide whether a real-time policy may be had.
                try container.awaitPrepared()
                try scheduling.apply(to: container.process.pid)
            }
        } catch {
            try? container.process.send(signal: SIGKILL)
            _ = try? container.process.wait()
            throw error
        }
        try container.start()
        return container
    }

    /// The namespaces in which the container differs from this process: joining one's own is an error for some kinds.
    private func differingNamespaces() throws(RuntimeError) -> NamespaceSet {
        var kinds: NamespaceSet = []
        for (kind, name) in NamespaceSet.fileNames {
            let theirs = try attempt("look at", "the container's namespaces") { () throws(Errno) in
                try Files.status("/proc/\(request.target)/ns/\(name)", followLink: true).inode
            }
            let ours = try? Files.status("/proc/self/ns/\(name)", followLink: true).inode
            if theirs != ours { kinds.insert(kind) }
        }
        return kinds
    }
}

/// The child's side of an exec.
private struct ExecProcess {
    let request: ExecRequest
    let kinds: NamespaceSet
    /// Whether the container's user namespace was joined before this process was made.
    let isInUserNamespace: Bool
    let target: Int32
    let joinFiles: [Int32]
    let limits: ProcessLimits
    let seccomp: PreparedSeccomp?
    let affinity: ProcessorAffinity
    let labels: [ProcessLabel]
    let channel: Int32

    func run() -> Int32 {
        let socket = FileDescriptor(owning: channel)
        do throws(RuntimeError) {
            try setUp(socket)
        } catch {
            try? socket.sendMessage(error.message)
            return error.exitStatus
        }
        return 125
    }

    private func setUp(_ socket: borrowing FileDescriptor) throws(RuntimeError) {
        // From here on processes of the container can see this one: they must not reach into it (CVE-2016-9962).
        ProcessControl.forbidInspection()
        try affinity.applyInitial()
        try attempt("join", "the container's control group") { () throws(Errno) in
            for number in joinFiles { try ProcessControl.joinControlGroup(number) }
        }
        try affinity.applyFinal()
        let openLabels = try OpenLabels(labels)
        let hostPID = seccomp?.listener == nil ? 0 : HostProcessNumber.read()
        if request.process.scheduler != nil || request.process.ioPriority != nil {
            try attempt("tell", "the launching process") { () throws(Errno) in
                try socket.sendMessage([SyncMessage.prepared])
            }
        }
        try attempt("wait for", "the launching process") { () throws(Errno) in
            let message = try socket.receiveMessage()
            if message.bytes.first != SyncMessage.go { _exit(125) }
        }
        ProcessControl.setName("berth-start")
        _ = setsid()
        Signals.resetAll()
        try attempt("join", "the container's namespaces") { () throws(Errno) in
            try ProcessControl.join(kinds, of: target)
        }
        if isInUserNamespace {
            // The one id that an unprivileged user maps need not be root's.
            try? ProcessControl.becomeNamespaceRoot()
        } else if kinds.contains(.user) {
            try attempt("become", "root of the user namespace") { () throws(Errno) in
                try ProcessControl.becomeNamespaceRoot()
            }
        }
        ProcessControl.joinNewKeyring("_ses.exec")
        let root = try attempt("open", "the container's root") { () throws(Errno) in
            try Files.open("/", [.pathOnly, .directory])
        }
        let user = try ContainerUser.resolve(
            root: root.rawValue, specification: request.userSpecification, numeric: request.process.user,
            additionalGroups: request.additionalGroups)
        var console: Int32?
        if request.process.terminal { console = try openTerminal(user, socket) }
        // The pipes are the container's root's by now; its user must be able to open /dev/stdout again.
        for number in [request.standardStreams.input, request.standardStreams.output, request.standardStreams.error]
        where PipeEnds.isPipe(number) { try? ProcessControl.changeOwner(number, uid: user.uid, gid: user.gid) }
        try ProcessSetup.connectStreams(console: console, streams: request.standardStreams)
        umask(mode_t(request.process.user.umask ?? 0o022))
        try ProcessSetup.changeDirectory(request.process.cwd, root: root.rawValue, make: false, owner: user)
        var credentials = try Credentials(process: request.process)
        credentials.uid = user.uid
        credentials.gid = user.gid
        credentials.additionalGroups = user.additionalGroups
        try openLabels.apply()
        try ProcessSetup.drop(
            credentials, limits: limits, seccomp: seccomp, noNewPrivileges: request.process.noNewPrivileges,
            diesWithParent: false,
            preservedDescriptors: request.preservedDescriptors, channel: socket.rawValue, hostPID: hostPID)
        throw Program(
            arguments: request.process.args,
            environment: ProcessSetup.environment(request.process.env, home: user.home)
        ).execute(through: request.executionStub, tell: socket.rawValue)
    }

    private func openTerminal(_ user: ResolvedUser, _ socket: borrowing FileDescriptor) throws(RuntimeError) -> Int32 {
        try attempt("open", "a terminal in the container") { () throws(Errno) in
            // Whatever the container put at this path, only a devpts master is accepted.
            let terminal = try PseudoTerminal(at: WorkingDirectory.rawValue, ptmx: "/dev/pts/ptmx")
            if let size = request.process.consoleSize {
                try Terminal.setSize(terminal.master.rawValue, TerminalSize(rows: size.height, columns: size.width))
            }
            try ProcessControl.changeOwner(terminal.slave.rawValue, uid: user.uid, gid: nil)
            try socket.sendMessage([SyncMessage.terminal], descriptors: [terminal.master.rawValue])
            return try terminal.slave.duplicated().release()
        }
    }
}
