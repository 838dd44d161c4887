import ContainerNetwork
import ContainerRuntime
import ControlGroups
import Glibc
import ImageBuilder
import ImageStore
import LinuxKernel
import Netlink
import OCI

/// Runs the programs of a build, each in a container of its own with the isolation of any other. The container has no
/// record, so nobody sees it; whatever a killed build leaves of it the next look at the containers sweeps away.
public struct BuildRunner: StepRunner {
    let engine: Engine

    public init(engine: Engine) { self.engine = engine }

    public func run(
        _ request: StepRequest, output: (Bool, [UInt8]) -> Void
    ) throws(BuildError) -> StepOutcome {
        do throws(EngineError) {
            let id = ContainerID.make()
            let directory = ContainerDirectory(roots: engine.roots, id: id)
            guard let lock = try directory.lock() else { throw EngineError("container id \(id) is in use") }
            // The lock lives as long as this process, and says that the container does.
            ContainerStep.keep(lock)
            do throws(EngineError) {
                var step = ContainerStep(engine: engine, request: request, id: id, directory: directory)
                // Reached through a descriptor from before: once this process has a mount namespace of its own, a path
                // in it and the store's descriptors are different mounts, and nothing can be renamed from one to the other.
                let place = try attempt("open", engine.roots.state) { () throws(Errno) in
                    try Files.open(engine.roots.state, [.pathOnly, .directory]).release()
                }
                let status = try step.run(output)
                return StepOutcome(
                    status: status, upperDirectory: "/proc/self/fd/\(place)/containers/\(id)/upper", id: id)
            } catch {
                ContainerStep.clear(engine, id)
                throw error
            }
        } catch {
            throw BuildError(cause: error.description)
        }
    }

    public func finish(_ outcome: StepOutcome) { ContainerStep.clear(engine, outcome.id) }
}

/// One RUN on its way.
private struct ContainerStep {
    let engine: Engine
    let request: StepRequest
    let id: String
    let directory: ContainerDirectory
    private var secrets: SharedDescriptor?

    init(engine: Engine, request: StepRequest, id: String, directory: ContainerDirectory) {
        self.engine = engine
        self.request = request
        self.id = id
        self.directory = directory
    }

    /// Keeps a lock until the process ends.
    static func keep(_ lock: consuming FileLock) {
        let number = fcntl(lock.descriptorNumber, F_DUPFD_CLOEXEC, 100)
        if number < 0 { return }
    }

    /// Removes everything of a step.
    static func clear(_ engine: Engine, _ id: String) {
        let directory = ContainerDirectory(roots: engine.roots, id: id)
        if let host = try? HostControlGroups.detect(),
            let group = try? ControlGroup.open(host: host, path: directory.stepGroup), group.exists
        {
            try? group.kill()
            try? group.remove(emptyParents: 2)
        }
        try? engine.networks.release(containerID: id)
        // Only in this process's own namespace, where it has one.
        try? MountTree.detach(directory.path + "/secrets")
        IDRanges.releaseAll(of: directory.path)
        try? engine.images.release(holder: id)
        try? directory.remove()
    }

    mutating func run(_ output: (Bool, [UInt8]) -> Void) throws(EngineError) -> Int32 {
        try directory.make()
        let highest = request.layers.reduce(UInt32(0)) { max($0, $1.highestID) }
        let range = try IDRanges.claim(for: directory.path, highest: max(highest, 65535))
        try makeOverlayDirectories(range)
        let record = try record(range)
        let targets = record.mounts.map(\.destination) + ["/etc/resolv.conf", "/etc/hosts", "/etc/hostname"]
        let stubs = MountStubs(layers: request.layers, targets: targets + MountStubs.alwaysMounted)
        let status: Int32
        do { status = try launch(record, range, output) } catch let error as EngineError { throw error } catch {
            if let error = error as? RuntimeError, error.kind == .notFound || error.kind == .notExecutable {
                // As a shell would: a program that is not there is the step's failure.
                output(true, Array("\(error)\n".utf8))
                return error.kind == .notFound ? 127 : 126
            }
            throw EngineError("\(error)")
        }
        try attempt("put right the owners in", directory.upperDirectory) { () throws(Errno) in
            try OwnerShift.apply(to: directory.upperDirectory, range: range)
            try stubs.remove(from: directory.upperDirectory)
        }
        return status
    }

    private func makeOverlayDirectories(_ range: IDRange) throws(EngineError) {
        let root = request.layers.last { $0.definesRoot }.flatMap { try? Files.status($0.path) }
        try attempt("make", directory.upperDirectory) { () throws(Errno) in
            try Files.makeDirectory(directory.upperDirectory, mode: 0o755)
            let upper = try Files.open(directory.upperDirectory, [.readOnly, .directory])
            try upper.changeOwner(uid: range.base + (root?.uid ?? 0), gid: range.base + (root?.gid ?? 0))
            try upper.changeMode(root?.permissions ?? 0o755)
            try Files.makeDirectory(directory.workDirectory, mode: 0o700)
        }
    }

    private mutating func record(_ range: IDRange) throws(EngineError) -> ContainerRecord {
        var record = ContainerRecord(
            id: id, name: "build-" + ContainerID.short(id), created: WallClock.now(), image: "", imageID: "")
        // No monitor answers for names during a step: it asks the host's servers itself.
        record.networking.servesNames = true
        record.idRange = range
        record.command = request.arguments
        record.environment = request.environment
        if !record.environment.contains(where: { PathText.begins($0, with: "PATH=") }) {
            record.environment.insert("PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", at: 0)
        }
        record.workingDirectory = request.workingDirectory
        record.user = request.user
        record.hostname = "buildkitsandbox"
        record.autoRemove = true
        record.network = request.network == "default" ? "bridge" : request.network
        record.extraHosts = request.extraHosts
        record.shmSize = request.options.sharedMemory ?? 64 << 20
        record.ulimits = request.options.limits.map { .init(name: $0.name, soft: $0.soft, hard: $0.hard) }
        record.layers = request.layers.map { .init(path: $0.path, idBase: $0.idBase) }
        var security = ContainerSecurity()
        var capabilities: CapabilitySet = []
        for name in ContainerSecurity.defaultCapabilities {
            if let one = CapabilitySet(name: name) { capabilities.formUnion(one) }
        }
        if request.isInsecure {
            capabilities = .all
            security.seccomp = .unconfined
        }
        security.capabilities = capabilities.memberNames
        record.security = security
        for mount in request.mounts { record.mounts.append(try self.mount(mount, range)) }
        return record
    }

    private mutating func mount(_ mount: StepMount, _ range: IDRange) throws(EngineError) -> ContainerMount {
        var result: ContainerMount
        switch mount.source {
        case .tree(let path): result = ContainerMount(kind: .volume, source: path, destination: mount.destination)
        case .host(let path): result = ContainerMount(kind: .bind, source: path, destination: mount.destination)
        case .memory(let size):
            result = ContainerMount(kind: .tmpfs, destination: mount.destination)
            result.options = ["exec", "suid", "mode=1777"] + (size.map { ["size=\($0)"] } ?? [])
        case .secret(let content, let mode, let uid, let gid):
            result = ContainerMount(
                kind: .bind, source: try secretFile(content, mode, range.base + uid, range.base + gid),
                destination: mount.destination)
            result.isMapped = false
        }
        result.isReadOnly = mount.isReadOnly
        return result
    }

    /// A file in a memory file system that hangs nowhere: it is gone with this process and never on a disk.
    private mutating func secretFile(
        _ content: [UInt8], _ mode: UInt32, _ uid: UInt32, _ gid: UInt32
    ) throws(EngineError) -> String {
        let root: SharedDescriptor
        if let known = secrets {
            root = known
        } else {
            root = try attempt("make", "a memory file system for secrets") { () throws(Errno) in
                // Reached by path, so it has to hang in a namespace; in one of this process alone.
                try ProcessControl.unshare(.mount)
                try MountTree.setPropagation("/", .private, recursive: true)
                let mount = try FileSystemContext("tmpfs").mount([.noExecute, .noDevices, .noSetID])
                let place = directory.path + "/secrets"
                try Files.makeDirectory(place, mode: 0o700)
                try mount.attach(place)
                return SharedDescriptor(try Files.open(place, [.readOnly, .directory]))
            }
            secrets = root
        }
        let name = ContainerID.make()
        try attempt("write", "a secret") { () throws(Errno) in
            let file = try Files.open(at: root.number, name, [.writeOnly, .create, .exclusive], mode: 0o600)
            try file.writeAll(content)
            try file.changeOwner(uid: uid, gid: gid)
            try file.changeMode(mode)
        }
        return "\(directory.path)/secrets/\(name)"
    }

    private func launch(
        _ record: ContainerRecord, _ range: IDRange, _ output: (Bool, [UInt8]) -> Void
    ) throws -> Int32 {
        let host = try HostControlGroups.detect()
        var endpoint = record.network == "bridge" ? try engine.networks.endpoint(for: id, names: [], ports: []) : nil
        try NameFiles(record: record, directory: directory, endpoints: endpoint.map { [$0] } ?? []).write()
        let (configuration, ownerMapped) = try SpecificationBuilder(record: record, directory: directory).build()
        var launch = LaunchRequest(
            id: id, configuration: configuration,
            root: .overlay(
                OverlayRoot(
                    layers: record.layers.map { .init(path: $0.path, idBase: $0.idBase) },
                    upperDirectory: directory.upperDirectory, workDirectory: directory.workDirectory, volatile: true)))
        launch.userSpecification = record.user
        launch.makeWorkingDirectory = true
        launch.ownerMappedMounts = ownerMapped
        launch.diesWithParent = true
        launch.seccompCacheDirectory = engine.roots.seccompCache
        let pipes = try StepPipes()
        launch.standardStreams = (pipes.null, pipes.output.write, pipes.errors.write)
        launch.ownsStreams = true
        if let parent = request.options.controlGroupParent {
            // Whoever clears away after a crash has to know where it is.
            try Files.replace(directory.groupParentPath, with: Array(parent.utf8), mode: 0o600)
        }
        let group = try ControlGroup.create(host: host, path: directory.stepGroup, limits: ResourceLimits())
        launch.controlGroup = group
        let networks = engine.networks
        let connected = endpoint
        endpoint = nil
        var container = try Launcher(launch).launch { process in
            guard let connected else { return }
            _ = try networks.connect(
                [connected], namespace: process.pidfd, groups: range.base...(range.base + range.size - 1))
        }
        try container.start()
        pipes.closeContainerEnds()
        pipes.relay(until: container.process.pidfd.rawValue, output)
        let status = try container.process.wait()
        // Whatever it left in the background ends with it.
        try? group.kill()
        pipes.drain(output)
        try? group.remove(emptyParents: 2)
        return status.code
    }
}

extension ContainerDirectory {
    /// Where a build step's `--cgroup-parent` is written down.
    var groupParentPath: String { path + "/cgroup-parent" }

    /// The group of a build step's program.
    var stepGroup: String {
        guard let parent = try? Files.readLine(groupParentPath), !parent.isEmpty else { return payloadGroup }
        return "/" + (PathText.names(parent) + PathText.names(payloadGroup)).joined(separator: "/")
    }
}

/// The pipes between a step's program and its process.
private final class StepPipes {
    let null: Int32
    let output: (read: Int32, write: Int32)
    let errors: (read: Int32, write: Int32)

    init() throws(EngineError) {
        func pipe() throws(EngineError) -> (read: Int32, write: Int32) {
            var ends: [Int32] = [-1, -1]
            guard pipe2(&ends, O_CLOEXEC) == 0 else {
                throw EngineError("cannot make a pipe: \(Errno(rawValue: errno))")
            }
            _ = fcntl(ends[0], F_SETFL, fcntl(ends[0], F_GETFL, 0) | O_NONBLOCK)
            return (ends[0], ends[1])
        }
        output = try pipe()
        errors = try pipe()
        null = Glibc.open("/dev/null", O_RDONLY | O_CLOEXEC)
        guard null >= 0 else { throw EngineError("cannot open /dev/null: \(Errno(rawValue: errno))") }
    }

    deinit {
        for number in [output.read, errors.read, null] { close(number) }
    }

    func closeContainerEnds() {
        close(output.write)
        close(errors.write)
    }

    /// Passes on what the program writes until it has ended.
    func relay(until process: Int32, _ sink: (Bool, [UInt8]) -> Void) {
        var entries = [
            pollfd(fd: output.read, events: Int16(POLLIN), revents: 0),
            pollfd(fd: errors.read, events: Int16(POLLIN), revents: 0),
            pollfd(fd: process, events: Int16(POLLIN), revents: 0),
        ]
        while true {
            if poll(&entries, 3, -1) < 0 { if errno == EINTR { continue } else { return } }
            for index in 0..<2 where entries[index].revents != 0 {
                if !read(entries[index].fd, index == 1, sink) { entries[index].fd = -1 }
            }
            if entries[2].revents != 0 { return }
        }
    }

    /// What is left in the pipes.
    func drain(_ sink: (Bool, [UInt8]) -> Void) {
        while read(output.read, false, sink) {}
        while read(errors.read, true, sink) {}
    }

    /// - Returns: false at the end, or when nothing is there.
    private func read(_ number: Int32, _ isError: Bool, _ sink: (Bool, [UInt8]) -> Void) -> Bool {
        var buffer = [UInt8](repeating: 0, count: 32 << 10)
        let count = buffer.withUnsafeMutableBytes { Glibc.read(number, $0.baseAddress, $0.count) }
        guard count > 0 else { return false }
        sink(isError, Array(buffer[..<count]))
        return true
    }
}
