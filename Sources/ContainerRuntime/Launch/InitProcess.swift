import Glibc
import JSON
import LinuxKernel
import OCI

/// The container's first process, from its birth to the program: the inside of a launch.
struct InitProcess {
    /// What it is called until it executes the program: also a command that comes later knows it by that.
    static let name = "berth-start"

    let prepared: PreparedLaunch
    /// Our end of the conversation with the launching process.
    let channel: Int32

    private var configuration: RuntimeConfiguration { prepared.request.configuration }

    /// Runs to the execution of the program; returns the exit status of a failure, which has been told.
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
        let new = prepared.namespaces.new
        // Groups first: what this process uses from here on counts as the container's.
        try attempt("join", "control group") { () throws(Errno) in
            for number in prepared.joinFiles { try ProcessControl.joinControlGroup(number) }
            if new.contains(.controlGroup) { try ProcessControl.unshare(.controlGroup) }
        }
        // What the launching process had open is not ours: its lock on the container's state would be held by us as well,
        // and its directories must not be found in /proc/1/fd by who enters a created container.
        ProcessControl.closeAll(from: 3 + Int32(prepared.request.preservedDescriptors), except: keptDescriptors)
        // From the host's /proc, which is still ours to see.
        let labels = try OpenLabels(prepared.labels)
        let hostPID = prepared.needsHostPID ? HostProcessNumber.read() : 0
        // Until the stub is executed, other processes of the container must not find our file through this one.
        if prepared.request.executionStub != nil { ProcessControl.forbidInspection() }
        ProcessControl.setName(Self.name)
        _ = setsid()
        Signals.resetAll()
        if !prepared.request.keepsKeyring { ProcessControl.joinNewKeyring("_ses.\(prepared.request.id)") }

        try expect(SyncMessage.mapped, socket)
        if new.contains(.user) || prepared.namespaces.joinsUser {
            try attempt("become", "root of the user namespace") { () throws(Errno) in
                try ProcessControl.becomeNamespaceRoot()
            }
        }
        if new.contains(.mount) {
            try attempt("make", "the mount namespace private") { () throws(Errno) in
                try MountTree.setPropagation("/", rootPropagation == .private ? .private : .slave, recursive: true)
            }
        }
        try setNames()
        if new.contains(.network) {
            try attempt("bring up", "the loopback interface") { () throws(Errno) in try ProcessControl.bringUpLoopback()
            }
        }

        var message = try expect(SyncMessage.resources, socket)
        let user = try parseUser(message.bytes)
        guard let root = message.takeDescriptor() else {
            throw RuntimeError("set up", "root file system", cause: "the host sent none")
        }
        var provided = [Int32]()
        while let mount = message.takeDescriptor() { provided.append(mount.release()) }
        let rootNumber = root.release()
        var assembly = RootAssembly(prepared: prepared, root: rootNumber, provided: provided)
        if new.contains(.mount) { try assembly.build() }
        if prepared.needsLateService {
            try attempt("tell", "the launching process") { () throws(Errno) in
                try socket.sendMessage([SyncMessage.mounted])
            }
            try expect(SyncMessage.served, socket)
        }
        try runHooks(.createContainer, status: "creating", hostPID)
        try assembly.writeSysctls()
        var console: Int32?
        if configuration.process?.terminal == true { console = try openTerminal(assembly, user, socket) }
        try assembly.finishReadOnly()
        try assembly.protectPaths()
        try enter(rootNumber)
        if configuration.root?.readonly == true {
            try attempt("make read-only", "the root file system") { () throws(Errno) in
                try DetachedMount(root: FileDescriptor(owning: ProcessControl.duplicate(rootNumber, minimum: 3)))
                    .setAttributes(set: .readOnly)
            }
        }
        if let rootPropagation, new.contains(.mount) {
            try attempt("set the propagation of", "the root file system") { () throws(Errno) in
                try MountTree.setPropagation("/", rootPropagation, recursive: false)
            }
        }
        let inside = Inside(user: user, root: rootNumber, labels: labels, hostPID: hostPID)
        try finish(socket, inside, console: console)
    }

    /// What the last steps need.
    private struct Inside: ~Copyable {
        let user: ResolvedUser
        let root: Int32
        let labels: OpenLabels
        let hostPID: Int32
    }

    /// Runs the hooks of the container's own namespaces.
    private func runHooks(_ kind: HookKind, status: String, _ pid: Int32) throws(RuntimeError) {
        let hooks = configuration.hooks[kind]
        if hooks.isEmpty { return }
        let state = Hooks.state(prepared.request, status: status, pid: pid).serialized()
        // Inside, the runtime's own environment is nobody's business.
        let inherited = kind == .startContainer ? configuration.process?.env ?? [] : nil
        for hook in hooks { try HookProcess(hook, kind: kind, state: state, inherited: inherited).run() }
    }

    private var keptDescriptors: [Int32] {
        let request = prepared.request
        let streams = request.standardStreams
        var kept = [channel, streams.input, streams.output, streams.error]
        if let listener = request.startListener { kept.append(listener) }
        if let connection = prepared.seccomp?.listener?.number { kept.append(connection) }
        if let stub = request.executionStub { kept.append(stub.number) }
        return kept
    }

    @discardableResult
    private func expect(_ kind: UInt8, _ socket: borrowing FileDescriptor) throws(RuntimeError) -> ReceivedMessage {
        let message = try attempt("listen to", "the launching process") { () throws(Errno) in
            try socket.receiveMessage()
        }
        // The end of the stream: the launching process has died, and nobody wants this container any more.
        guard let first = message.bytes.first else { _exit(125) }
        guard first == kind else {
            throw RuntimeError("set up", "container", cause: "an unexpected message from the host")
        }
        return message
    }

    private var rootPropagation: MountPropagation? {
        switch configuration.linux.rootfsPropagation {
        case "shared", "rshared": .shared
        case "slave", "rslave": .slave
        case "private", "rprivate": .private
        case "unbindable", "runbindable": .unbindable
        default: nil
        }
    }

    private func setNames() throws(RuntimeError) {
        guard prepared.namespaces.has(.uts) else { return }
        if let name = configuration.hostname, !name.isEmpty {
            try attempt("set hostname", name) { () throws(Errno) in try ProcessControl.setHostname(name) }
        }
        if let name = configuration.domainname, !name.isEmpty {
            try attempt("set domain name", name) { () throws(Errno) in
                try ProcessControl.setDomainname(name)
            }
        }
    }

    private func parseUser(_ bytes: [UInt8]) throws(RuntimeError) -> ResolvedUser {
        do throws(JSONError) {
            let object = try JSONValue(parsing: Array(bytes.dropFirst())).objectValue ?? JSONObject()
            return ResolvedUser(
                uid: try object.required("uid", object.integer("uid")),
                gid: try object.required("gid", object.integer("gid")),
                additionalGroups: try (object.array("groups") ?? []).compactMap { $0.integerValue(as: UInt32.self) },
                home: try object.string("home") ?? "/", name: nil)
        } catch {
            throw RuntimeError("set up", "user", cause: error.description)
        }
    }

    private func openTerminal(
        _ assembly: borrowing RootAssembly, _ user: ResolvedUser, _ socket: borrowing FileDescriptor
    ) throws(RuntimeError) -> Int32 {
        let terminal = try assembly.openTerminal()
        return try attempt("hand over", "terminal") { () throws(Errno) in
            if let size = configuration.process?.consoleSize {
                try Terminal.setSize(terminal.master.rawValue, TerminalSize(rows: size.height, columns: size.width))
            }
            // The group stays the devpts mount's (tty): only the owner changes.
            try ProcessControl.changeOwner(terminal.slave.rawValue, uid: user.uid, gid: nil)
            try socket.sendMessage([SyncMessage.terminal], descriptors: [terminal.master.rawValue])
            return try terminal.slave.duplicated().release()
        }
    }

    private func enter(_ root: Int32) throws(RuntimeError) {
        try attempt("enter", "the root file system") { () throws(Errno) in
            try ProcessControl.changeDirectory(root)
            if prepared.request.noPivot || !prepared.namespaces.new.contains(.mount) {
                try ProcessControl.changeRootToCurrentDirectory()
            } else {
                try MountTree.pivotIntoCurrentDirectory()
            }
        }
    }

    private func finish(
        _ socket: borrowing FileDescriptor, _ inside: borrowing Inside, console: Int32?
    ) throws(RuntimeError) {
        guard let process = configuration.process else { return }
        try ProcessSetup.connectStreams(console: console, streams: prepared.request.standardStreams)
        umask(mode_t(process.user.umask ?? 0o022))
        try ProcessSetup.changeDirectory(
            process.cwd, root: inside.root, make: prepared.request.makeWorkingDirectory, owner: inside.user)
        if let listener = prepared.request.startListener {
            // Whoever creates wants to hear of a wrong program now, not at the start.
            try Program(
                arguments: process.args, environment: ProcessSetup.environment(process.env, home: inside.user.home)
            ).check()
            try attempt("tell", "the creating process") { () throws(Errno) in
                try socket.sendMessage([SyncMessage.prepared])
            }
            try waitForStart(listener, inside)
        } else {
            try expect(SyncMessage.go, socket)
            try execute(inside, tell: socket.rawValue)
        }
    }

    /// Waits for `start`'s connection, and tells that one if the program cannot be executed.
    private func waitForStart(_ listener: Int32, _ inside: borrowing Inside) throws(RuntimeError) {
        // Who enters the created container may have this process's ids: it still is the host's program.
        ProcessControl.forbidInspection()
        let listening = FileDescriptor(owning: listener)
        let starter = try attempt("wait for", "start") { () throws(Errno) in try UnixSocket.accept(listening) }
        do throws(RuntimeError) { try execute(inside, tell: starter.rawValue) } catch {
            try? starter.sendMessage(error.message)
            _exit(error.exitStatus)
        }
    }

    private func execute(_ inside: borrowing Inside, tell: Int32) throws(RuntimeError) {
        guard let process = configuration.process else { return }
        try runHooks(.startContainer, status: "created", inside.hostPID)
        try prepared.domain.apply()
        let user = inside.user
        var credentials = try Credentials(process: process)
        credentials.uid = user.uid
        credentials.gid = user.gid
        credentials.additionalGroups = user.additionalGroups
        let request = prepared.request
        if request.usesInit { try ReapingInit.becomeParent(hasTerminal: process.terminal) }
        try inside.labels.apply()
        try ProcessSetup.drop(
            credentials, limits: prepared.limits, seccomp: prepared.seccomp, noNewPrivileges: process.noNewPrivileges,
            diesWithParent: request.diesWithParent && !request.usesInit,
            preservedDescriptors: request.preservedDescriptors,
            channel: tell, hostPID: inside.hostPID)
        throw Program(
            arguments: process.args, environment: ProcessSetup.environment(process.env, home: user.home)
        ).execute(through: request.executionStub, tell: tell)
    }
}
