import ControlGroups
import Glibc
import JSON
import LinuxKernel
import OCI

/// A container whose first process exists and waits, or runs.
public struct LaunchedContainer: ~Copyable {
    /// The first process.
    public let process: ChildHandle
    /// The master end of its terminal, when it has one.
    public var terminal: SharedDescriptor?
    /// What goes back to the host if the program cannot be started.
    var lentDevices: NetworkDevices.Lent?
    /// Our end of the conversation; closed by the first process when the program runs.
    let channel: FileDescriptor

    /// Lets the program run and waits until it does.
    ///
    /// - Throws: ``RuntimeError`` with what the first process could not do; it has then ended and been reaped.
    public mutating func start() throws(RuntimeError) {
        // The process may have failed already: its message then says more than our EPIPE.
        try? channel.sendMessage([SyncMessage.go])
        do throws(RuntimeError) { try awaitEnd() } catch {
            lentDevices?.giveBack()
            throw error
        }
    }

    /// Reads the first process's messages until the program runs (nil) or it is prepared.
    mutating func awaitPrepared() throws(RuntimeError) {
        guard try nextMessage() == SyncMessage.prepared else {
            _ = try? process.wait()
            throw RuntimeError("create container", "", cause: "the first process ended too early")
        }
    }

    /// Reads messages until the mounts are in place.
    mutating func awaitMounted() throws(RuntimeError) {
        guard try nextMessage() == SyncMessage.mounted else {
            _ = try? process.wait()
            throw RuntimeError("create container", "", cause: "the first process ended too early")
        }
    }

    private mutating func awaitEnd() throws(RuntimeError) {
        while try nextMessage() != nil {}
        // The end of the stream is either the program's start or a killed process.
        guard let ended = try? Poll.readable(process.pidfd.rawValue, milliseconds: 0), ended else { return }
        // Its name is still ours if it never executed the program; a process that is not reaped keeps its name.
        guard ProcessInformation.name(of: process.pid) == InitProcess.name else { return }
        _ = try? process.wait()
        throw RuntimeError(
            "start container", "", cause: "its first process was killed before it could execute the program")
    }

    private mutating func nextMessage() throws(RuntimeError) -> UInt8? {
        while true {
            var message = try attempt("listen to", "the container's first process") { () throws(Errno) in
                try channel.receiveLastWords()
            }
            guard let kind = message.bytes.first else { return nil }
            switch kind {
            case SyncMessage.failed, SyncMessage.notExecuted:
                _ = try? process.wait()
                throw RuntimeError(failure: message.bytes)
            case SyncMessage.terminal:
                if let master = message.takeDescriptor() { terminal = SharedDescriptor(master) }
            default: return kind
            }
        }
    }
}

extension FileDescriptor {
    /// Receives a message also from a peer that ended with one of ours unread: the kernel reports that once, as a reset
    /// connection, before it hands out what the peer had said (`unix(7)`).
    func receiveLastWords(flags: Int32 = 0) throws(Errno) -> ReceivedMessage {
        do throws(Errno) { return try receiveMessage(flags: flags) } catch {
            guard error == .connectionReset else { throw error }
            return try receiveMessage(flags: flags)
        }
    }
}

/// Starts containers: the host's side of a launch (DESIGN: one clone, everything else by descriptor).
public struct Launcher {
    private let request: LaunchRequest

    /// A launcher for one container.
    public init(_ request: LaunchRequest) { self.request = request }

    /// Makes the container up to the point where only its program is missing.
    ///
    /// - Parameter connect: called while the first process prepares its file system, with the new process: the place
    ///   to connect its network namespace.
    /// - Throws: ``RuntimeError``; nothing of the container is left then but its cgroup and directories.
    public func launch(
        connect: (borrowing ChildHandle) throws -> Void = { _ in }
    ) throws -> LaunchedContainer {
        var request = request
        if geteuid() != 0 { try RootlessEntry.enter(&request.configuration.linux) }
        var prepared = try PreparedLaunch(request)
        guard let group = request.controlGroup else { return try launch(prepared, connect) }
        let join = try Self.joinDescriptors(of: group)
        prepared.birthGroup = join.cloneInto
        prepared.joinFiles = join.numbers.filter { $0 != join.cloneInto }
        return try launch(prepared, connect)
    }

    private static func joinDescriptors(of group: ControlGroup) throws(RuntimeError) -> JoinDescriptors {
        do throws(ControlGroupError) { return try group.openJoinDescriptors() } catch {
            throw RuntimeError("join", "control group", cause: error.description)
        }
    }

    private func launch(
        _ prepared: PreparedLaunch, _ connect: (borrowing ChildHandle) throws -> Void
    ) throws -> LaunchedContainer {
        let pair = try attempt("make", "socket pair") { () throws(Errno) in try SocketPair(.sequencedPacket) }
        let child = try clone(prepared, ours: pair.first.rawValue, theirs: pair.second.rawValue)
        try? pair.second.close()
        var container = LaunchedContainer(process: child, terminal: nil, channel: pair.first)
        do {
            try provide(prepared, to: container)
            try connect(container.process)
            if prepared.needsLateService { try serveLate(prepared, &container) }
            if request.startListener != nil { try container.awaitPrepared() }
            return container
        } catch {
            // What the first process says about its own failure is nearer to the cause than our broken pipe.
            let told = Self.lastWords(of: container)
            container.lentDevices?.giveBack()
            try? container.process.send(signal: SIGKILL)
            _ = try? container.process.wait()
            throw told ?? error
        }
    }

    private static func lastWords(of container: borrowing LaunchedContainer) -> RuntimeError? {
        while let message = try? container.channel.receiveLastWords(flags: Int32(MSG_DONTWAIT)) {
            guard let kind = message.bytes.first else { return nil }
            if SyncMessage.failures.contains(kind) { return RuntimeError(failure: message.bytes) }
        }
        return nil
    }

    private func clone(_ prepared: PreparedLaunch, ours: Int32, theirs: Int32) throws(RuntimeError) -> ChildHandle {
        var options = CloneOptions()
        options.namespaces = prepared.namespaces.new.subtracting(.controlGroup)
        if prepared.namespaces.needsIntermediate { options.namespaces.subtract(.time) }
        options.controlGroup = prepared.birthGroup
        let body: () -> Int32 = {
            close(ours)
            return InitProcess(prepared: prepared, channel: theirs).run()
        }
        if !prepared.namespaces.needsIntermediate {
            return try attempt("make", "the container's namespaces") { () throws(Errno) in
                try ProcessClone.run(options, body)
            }
        }
        return try JoinedClone.run(
            options, joining: prepared.namespaces.joined,
            newTime: prepared.namespaces.new.contains(.time) ? prepared.namespaces.timeOffsets : nil, body)
    }

    /// What the host does once the child has its mounts and is in its groups: hooks, links, scheduling, cache classes.
    private func serveLate(_ prepared: PreparedLaunch, _ container: inout LaunchedContainer) throws(RuntimeError) {
        try container.awaitMounted()
        request.groupPlaceholder?.release()
        let pid = container.process.pid
        if !prepared.networkDevices.isEmpty {
            container.lentDevices = try prepared.networkDevices.move(to: container.process)
        }
        try prepared.scheduling.apply(to: pid)
        try prepared.resourceDirector?.apply(to: pid)
        let hooks = request.configuration.hooks
        if !hooks.prestart.isEmpty || !hooks.createRuntime.isEmpty {
            let state = Hooks.state(request, status: "creating", pid: pid)
            let directory = request.bundle.isEmpty ? nil : request.bundle
            try Hooks.run(.prestart, of: hooks, state: state, directory: directory)
            try Hooks.run(.createRuntime, of: hooks, state: state, directory: directory)
        }
        try attempt("tell", "the first process") { () throws(Errno) in
            try container.channel.sendMessage([SyncMessage.served])
        }
    }

    /// Gives the container's group to its user where it is mounted writable in the container's own view (config-linux.md,
    /// "Cgroup ownership").
    private func delegateGroup(_ prepared: PreparedLaunch, to user: ResolvedUser) throws(RuntimeError) {
        guard let group = request.controlGroup, prepared.namespaces.new.contains(.controlGroup), !prepared.uidMap.isEmpty,
            prepared.mounts.steps.contains(where: {
                $0.maker == .controlGroups && MountPlan.normalized($0.mount.destination) == "/sys/fs/cgroup"
                    && !$0.options.set.contains(.readOnly)
            }), let owner = prepared.uidMap.outside(of: user.uid)
        else { return }
        do throws(ControlGroupError) { try group.delegate(toUser: owner) } catch {
            throw RuntimeError("delegate", "control group", cause: error.description)
        }
    }

    /// The id maps of a user namespace that was joined: who owns the container's files is found by them.
    private func learnMaps(_ prepared: inout PreparedLaunch, of pid: Int32) throws(RuntimeError) {
        let texts = try attempt("read", "the id maps of the joined user namespace") { () throws(Errno) in
            (try Files.read("/proc/\(pid)/uid_map"), try Files.read("/proc/\(pid)/gid_map"))
        }
        prepared.uidMap = [IDMapping](mapText: texts.0)
        prepared.gidMap = [IDMapping](mapText: texts.1)
    }

    /// Does for the waiting child what only the host's root can do, and sends it what it then needs.
    private func provide(_ prepared: PreparedLaunch, to container: borrowing LaunchedContainer) throws(RuntimeError) {
        let pid = container.process.pid
        let hasUserNamespace = prepared.namespaces.new.contains(.user)
        if hasUserNamespace {
            try attempt("map", "the container's user ids") { () throws(Errno) in
                try UserNamespace.write(uids: prepared.uidMap, gids: prepared.gidMap, pid: pid)
            }
        }
        try prepared.limits.raise(for: pid)
        try attempt("tell", "the first process") { () throws(Errno) in
            try container.channel.sendMessage([SyncMessage.mapped])
        }

        var prepared = prepared
        if prepared.namespaces.joinsUser { try learnMaps(&prepared, of: pid) }
        var userNamespace: Int32?
        // One that is joined maps ids as well, where the configuration says how.
        if hasUserNamespace || prepared.namespaces.joinsUser && !prepared.uidMap.isEmpty {
            userNamespace = try attempt("open", "the container's user namespace") { () throws(Errno) in
                try UserNamespace.open(of: container.process).release()
            }
        }
        defer { if let userNamespace { close(userNamespace) } }
        let provider = MountProvider(request: request, prepared: prepared, userNamespace: userNamespace)
        let root = try provider.root()
        if prepared.namespaces.new.contains(.mount) { try provider.makeDevicesInRoot(root) }
        let user = try provider.user(in: root)
        var numbers = [root.root.rawValue]
        let rootMount = root.intoRoot()
        var owned = [Int32]()
        defer { for number in owned { close(number) } }
        for step in prepared.mounts.steps {
            guard let mount = try provider.mount(for: step, user: user) else { continue }
            owned.append(mount.release())
        }
        numbers += owned
        try delegateGroup(prepared, to: user)
        if request.ownsStreams { provider.give(streams: request.standardStreams, to: user) }
        let payload: JSONValue = [
            "uid": JSONValue(user.uid), "gid": JSONValue(user.gid),
            "groups": .array(user.additionalGroups.map { JSONValue($0) }), "home": .string(user.home),
        ]
        _ = rootMount.rawValue
        try attempt("hand mounts to", "the first process") { () throws(Errno) in
            try container.channel.sendMessage([SyncMessage.resources] + payload.serialized(), descriptors: numbers)
        }
    }
}
