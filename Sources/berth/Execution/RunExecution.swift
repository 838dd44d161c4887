import CommandLine
import ContainerNetwork
import Engine
import Glibc
import LinuxKernel
import Netlink

extension ProgramExecution {
    /// `run`.
    func run(_ options: RunOptions) throws -> Int32 {
        if options.usesHostUsers { try ProgramProtection.ensure() }
        if options.interactive, options.terminal, !options.detach, !Terminal.isTerminal(0) {
            throw EngineError("the input device is not a TTY: leave out -t, or run berth in a terminal")
        }
        let request = try containerRequest(options)
        let container = try createContainer(options, request)
        let warn = { (text: String) in writeText("WARNING: \(printable(text))\n", to: 2) }
        guard options.detach else { return try engine.runAttached(container, options.attach, warn: warn) }
        let id = container.record.id
        try engine.startDetached(container, warn: warn)
        writeText("\(id)\n", to: 1)
        return 0
    }

    /// `create`.
    func create(_ options: RunOptions) throws -> Int32 {
        var request = try containerRequest(options)
        request.isKept = true
        let container = try createContainer(options, request)
        writeText("\(container.record.id)\n", to: 1)
        return 0
    }

    private func createContainer(_ options: RunOptions, _ request: ContainerRequest) throws -> CreatedContainer {
        if let path = options.containerIDFile, Files.exists(path) {
            throw EngineError("container ID file found, make sure the other container isn't running or delete \(path)")
        }
        let container = try withImage(options.image, options.pull, quiet: options.pullsQuietly) {
            try engine.create(request)
        }
        if let path = options.containerIDFile {
            do throws(Errno) {
                let file = try Files.open(path, [.writeOnly, .create, .exclusive], mode: 0o644)
                try file.writeAll(Array(container.record.id.utf8))
            } catch {
                engine.discard(container)
                throw EngineError("failed to create the container ID file \(path): \(error)")
            }
        }
        return container
    }

    private func containerRequest(_ options: RunOptions) throws -> ContainerRequest {
        var request = ContainerRequest(image: options.image)
        request.arguments = options.arguments
        request.entrypoint = options.entrypoint.map { [$0] }
        request.name = options.name
        request.environment = options.environment
        request.workingDirectory = options.workingDirectory
        request.user = options.user
        request.groupAdd = options.groups
        request.terminal = options.terminal
        request.interactive = options.interactive
        request.usesInit = options.usesInit
        request.autoRemove = options.removesItself
        request.readOnlyRoot = options.isReadOnly
        request.hostname = options.hostName
        request.domainname = options.domainName
        for label in options.labels { request.labels[label.name] = label.value }
        request.mounts = options.mounts.map(Self.mount)
        request.limits = Self.limits(options.limits)
        request.capabilitiesAdded = options.capabilitiesAdded
        request.capabilitiesDropped = options.capabilitiesDropped
        request.noNewPrivileges = options.security.noNewPrivileges
        switch options.security.seccomp {
        case .standard: request.seccomp = .standard
        case .unconfined: request.seccomp = .unconfined
        case .file: request.seccomp = .profile(String(decoding: options.seccompProfile ?? [], as: UTF8.self))
        }
        request.usesHostUsers = options.usesHostUsers
        request.network = options.network
        request.networking.attachments = options.networking.attachments
        request.networking.searchDomains = options.networking.searchDomains
        request.networking.resolverOptions = options.networking.resolverOptions
        request.ports = options.ports
        request.publishesAll = options.publishesAll
        request.exposed = options.exposed
        request.extraHosts = options.hosts
        request.dns = options.nameServers
        request.ulimits = options.resourceBounds.map {
            ContainerRecord.Ulimit(
                name: $0.name, soft: UInt64(bitPattern: $0.soft), hard: UInt64(bitPattern: $0.hard))
        }
        for setting in options.kernelSettings { request.sysctls[setting.key] = setting.value }
        request.shmSize = options.sharedMemorySize
        request.oomScoreAdjustment = options.outOfMemoryScore.map { Int(clamping: $0) }
        request.stopSignal = options.stopSignal
        request.restart = options.restart
        request.health = options.health
        request.extras = options.extras
        request.volumesFrom = try options.volumesFrom.map { try ExtraFlags.volumesFrom($0) }
        request.closesInput = options.interactive && !options.detach
        request.stopTimeout = options.stopTimeout.map { Int(clamping: $0) }
        return request
    }

    private static func mount(_ mount: MountRequest) -> ContainerRequest.Mount {
        let source: ContainerRequest.Mount.Source =
            switch mount.source {
            case .path(let path, let makesMissing): .path(path, makesMissing: makesMissing)
            case .volume(let name): .volume(name)
            case .tmpfs: .tmpfs
            }
        var result = ContainerRequest.Mount(
            source: source, destination: mount.destination, isReadOnly: mount.isReadOnly, propagation: mount.propagation
        )
        result.isRecursive = mount.isRecursive
        result.copiesContent = mount.copiesContent
        result.options = mount.options
        return result
    }

    static func limits(_ options: LimitOptions) -> ContainerLimits {
        var limits = ContainerLimits()
        limits.memory = options.memory
        limits.memorySwap = options.memorySwap
        limits.memoryReservation = options.memoryReservation
        limits.nanoCPUs = options.nanoProcessors.flatMap { $0 == 0 ? nil : $0 }
        limits.cpuShares = options.cpuShares.flatMap { $0 > 0 ? UInt64($0) : nil }
        limits.cpuQuota = options.cpuQuota.flatMap { $0 == 0 ? nil : $0 }
        limits.cpuPeriod = options.cpuPeriod.flatMap { $0 > 0 ? UInt64($0) : nil }
        limits.cpusetCPUs = options.processors
        limits.cpusetMems = options.memoryNodes
        limits.pids = options.processes
        return limits
    }

    /// `exec`.
    func exec(_ options: ExecOptions) throws -> Int32 {
        if options.interactive, options.terminal, !options.detach, !Terminal.isTerminal(0) {
            throw EngineError("the input device is not a TTY: leave out -t, or run berth in a terminal")
        }
        if try engine.sharesHostUsers(options.container) { try ProgramProtection.ensure() }
        var request = ExecRequestOptions(arguments: options.arguments)
        request.environment = options.environment
        request.workingDirectory = options.workingDirectory
        request.user = options.user
        request.terminal = options.terminal
        request.interactive = options.interactive
        request.detached = options.detach
        request.isPrivileged = options.isPrivileged
        return try engine.exec(options.container, request)
    }
}
