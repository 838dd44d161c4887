import CommandLine
import Engine
import LinuxKernel

/// `berth run`.
enum RunCommand {
    static let command = Command(
        "run", identifier: "container run", summary: "Create and run a new container from an image",
        usage: "[OPTIONS] IMAGE [COMMAND] [ARG...]", operands: .atLeast(1), interspersed: false,
        fullNames: ["container run", "run"], heading: "Common Commands",
        examples: [
            .init("berth run --rm -it debian bash", "a shell in a container that is removed when it ends"),
            .init("berth run -d --name web -p 8080:80 -m 64m --cpus 0.5 site", "a web server in the background"),
        ], flags: RunFlags.all)

    /// The options of a command line whose flags have been checked one by one.
    ///
    /// - Throws: ``UsageError`` when a file cannot be read or options contradict each other.
    static func options(_ invocation: Invocation, _ caller: CallerView) throws(UsageError) -> RunOptions {
        let flags = invocation.flags
        let program = invocation.path[0]
        func refusal(_ sentence: String) -> UsageError {
            UsageError("\(program): \(sentence)", command: invocation.path.joined(separator: " "))
        }
        guard let image = invocation.operands.first, !image.isEmpty else {
            throw refusal("invalid reference format: the image's name is empty")
        }
        var options = RunOptions(image: image)
        options.pull = invocation.flags.string("pull").flatMap { PullPolicy(rawValue: $0) } ?? .missing
        options.pullsQuietly = invocation.flags.flag("quiet")
        options.arguments = Array(invocation.operands.dropFirst())
        readProcess(flags, &options)
        options.limits = limits(flags)
        options.resourceBounds = flags.resourceBounds("ulimit")
        options.outOfMemoryScore = flags.integer("oom-score-adj")
        options.restart = flags.string("restart").flatMap { RestartPolicy($0) } ?? RestartPolicy()
        options.attach.passesSignals = flags.flag("sig-proxy", default: true)
        options.attach.detachKeys = AttachFlags.keys(flags)
        do throws(ValueError) {
            options.environment = try environment(flags, caller)
            options.labels = try labels(flags, caller)
            options.health = try HealthFlags.request(flags)
            options.extras = try ExtraFlags.extras(flags)
            options.volumesFrom = flags.list("volumes-from")
            try readStreams(flags, &options)
            try readMounts(flags, caller, &options)
            try readNetwork(flags, &options)
            for text in flags.list("security-opt") { try options.security.add(text) }
            for text in flags.list("sysctl") { options.kernelSettings.append(try KernelSetting.parse(text)) }
            if case .file(let path) = options.security.seccomp {
                options.seccompProfile = try read(path, caller, "opening seccomp profile (\(printable(path))) failed")
            }
        } catch {
            throw refusal(printable(error.description))
        }
        options.capabilitiesAdded = flags.list("cap-add")
        options.capabilitiesDropped = flags.list("cap-drop")
        options.usesHostUsers = flags.string("userns") == "host" || options.extras.isPrivileged
        if options.network == "host", options.kernelSettings.contains(where: { ByteText.begins($0.key, with: "net.") })
        {
            throw refusal("conflicting options: --sysctl of net with --network host would change the host")
        }
        return options
    }

    /// `-a`: only these streams.
    private static func readStreams(_ flags: FlagValues, _ options: inout RunOptions) throws(ValueError) {
        let streams = Set(flags.list("attach").map { $0.lowercased() })
        if streams.isEmpty { return }
        guard !options.detach else { throw ValueError("Conflicting options: -a and -d") }
        options.attach.showsOutput = streams.contains("stdout")
        options.attach.showsErrors = streams.contains("stderr")
        options.attach.withoutInput = !streams.contains("stdin")
        if streams.contains("stdin") { options.interactive = true }
    }

    private static func readProcess(_ flags: FlagValues, _ options: inout RunOptions) {
        func text(_ name: String) -> String? { flags.string(name).flatMap { $0.isEmpty ? nil : $0 } }
        options.entrypoint = flags.string("entrypoint")
        options.detach = flags.flag("detach")
        options.interactive = flags.flag("interactive")
        options.terminal = flags.flag("tty")
        options.removesItself = flags.flag("rm")
        options.usesInit = flags.flag("init")
        options.isReadOnly = flags.flag("read-only")
        options.workingDirectory = text("workdir")
        options.user = text("user")
        options.groups = flags.list("group-add")
        options.stopSignal = text("stop-signal")
        options.stopTimeout = flags.integer("stop-timeout")
        options.name = text("name")
        options.hostName = text("hostname")
        options.domainName = text("domainname")
        options.containerIDFile = text("cidfile")
        options.sharedMemorySize = flags.bytes("shm-size").flatMap { $0 == 0 ? nil : $0 }
    }

    static func limits(_ flags: FlagValues) -> LimitOptions {
        func list(_ name: String) -> String? { flags.string(name).flatMap { $0.isEmpty ? nil : $0 } }
        return LimitOptions(
            memory: flags.bytes("memory"), memorySwap: flags.bytes("memory-swap"),
            memoryReservation: flags.bytes("memory-reservation"), nanoProcessors: flags.nanoProcessors("cpus"),
            cpuShares: flags.integer("cpu-shares"), cpuQuota: flags.integer("cpu-quota"),
            cpuPeriod: flags.integer("cpu-period"), processors: list("cpuset-cpus"), memoryNodes: list("cpuset-mems"),
            processes: flags.integer("pids-limit"))
    }

    private static func readMounts(
        _ flags: FlagValues, _ caller: CallerView, _ options: inout RunOptions
    ) throws(ValueError) {
        for text in flags.list("volume") {
            options.mounts.append(try MountRequest(volume: text, workingDirectory: caller.workingDirectory))
        }
        for text in flags.list("mount") {
            options.mounts.append(try MountRequest(fields: text, workingDirectory: caller.workingDirectory))
        }
        for text in flags.list("tmpfs") { options.mounts.append(try MountRequest(tmpfs: text)) }
        var seen: Set<String> = []
        for mount in options.mounts where !seen.insert(MountRequest.absolute(mount.destination, from: "/")).inserted {
            throw ValueError("Duplicate mount point: \(printable(mount.destination))")
        }
    }

    private static func readNetwork(_ flags: FlagValues, _ options: inout RunOptions) throws(ValueError) {
        (options.network, options.networking) = try NetworkValues.networking(flags)
        for text in flags.list("publish") { options.ports += try PortFlags.publish(text) }
        for text in flags.list("expose") { options.exposed += try PortFlags.expose(text) }
        for text in flags.list("add-host") { options.hosts.append(try HostEntry.parse(text)) }
        options.nameServers = flags.list("dns")
        options.publishesAll = flags.flag("publish-all")
    }

    /// Variables of the files, then of `-e`.
    static func environment(_ flags: FlagValues, _ caller: CallerView) throws(ValueError) -> [String] {
        var result: [String] = []
        for path in flags.list("env-file") {
            let bytes = try read(path, caller, "cannot read the environment file \(printable(path))")
            do throws(ValueError) {
                result += try EnvironmentText.file(bytes, caller: caller.variable)
            } catch {
                throw ValueError("invalid env file (\(printable(path))): \(error.description)")
            }
        }
        return result + flags.list("env").compactMap { EnvironmentText.resolve($0, caller: caller.variable) }
    }

    private static func labels(
        _ flags: FlagValues, _ caller: CallerView
    ) throws(ValueError) -> [(name: String, value: String)] {
        var texts: [String] = []
        for path in flags.list("label-file") {
            let bytes = try read(path, caller, "cannot read the label file \(printable(path))")
            do throws(ValueError) {
                texts += try EnvironmentText.labelFile(bytes)
            } catch {
                throw ValueError("invalid label file (\(printable(path))): \(error.description)")
            }
        }
        var result: [(name: String, value: String)] = []
        for text in texts + flags.list("label") {
            let parts = ByteText.fields(text, by: "=", limit: 2)
            result.removeAll { $0.name == parts[0] }
            result.append((parts[0], parts.count == 2 ? parts[1] : ""))
        }
        return result
    }

    private static func read(_ path: String, _ caller: CallerView, _ operation: String) throws(ValueError) -> [UInt8] {
        do throws(Errno) {
            guard !path.utf8.contains(0) else { throw Errno.noSuchFile }
            return try caller.readFile(path)
        } catch {
            throw ValueError("\(operation): \(error)")
        }
    }
}
