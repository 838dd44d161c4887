import ContainerRuntime
import ControlGroups
import Glibc
import LinuxKernel
import OCI

/// What a user asks for with `exec`.
public struct ExecRequestOptions: Sendable {
    public var arguments: [String]
    public var environment: [String] = []
    public var workingDirectory: String?
    public var user: String?
    public var terminal = false
    public var interactive = false
    public var detached = false
    /// All capabilities of the container's user namespace and no seccomp filter.
    public var isPrivileged = false

    /// A program with its arguments.
    public init(arguments: [String]) { self.arguments = arguments }
}

extension Engine {
    /// Whether root of a container is root of the host: then the program's own file wants protection before it enters.
    public func sharesHostUsers(_ text: String) throws(EngineError) -> Bool {
        try inspect(text).record.security.usesHostUsers
    }

    /// Runs a further process in a running container. It is this process's child: no monitor is asked.
    ///
    /// - Returns: its exit status; 0 for a detached one, once it runs.
    public func exec(_ text: String, _ options: ExecRequestOptions) throws(EngineError) -> Int32 {
        let (record, state, directory) = try inspect(text)
        guard state.status == .running else {
            throw EngineError("container \(ContainerID.short(record.id)) is not running")
        }
        guard !state.isPaused else {
            throw EngineError("container \(record.name) is paused, unpause the container before exec")
        }
        let target = try openProcess(record, state)
        do {
            var launcher = try execRequest(record, state, directory, options)
            // Nothing of the caller's own is handed in: through a terminal or a file of the host's a process could read what
            // is not meant for it. Pipes are between, as between a container and its monitor.
            let null = try Files.open("/dev/null", .readWrite)
            launcher.standardStreams = (null.rawValue, null.rawValue, null.rawValue)
            var relay: StreamRelay?
            if !options.detached, !options.terminal {
                let made = try StreamRelay(sendsInput: options.interactive, owner: record.idRange?.base ?? 0)
                launcher.standardStreams = made.innerNumbers(null: null.rawValue)
                relay = made
            }
            let process = try ExecLauncher(launcher).launch()
            withExtendedLifetime(target) {}
            withExtendedLifetime(null) {}
            if options.detached { return 0 }
            if let relay {
                relay.closeInnerEnds()
                return try relay.run(pid: process.process.pid, pidfd: process.process.pidfd.rawValue).code
            }
            return try ForegroundProcess(
                pid: process.process.pid, pidfd: process.process.pidfd.rawValue, terminal: process.terminal,
                sendsInput: options.interactive
            ).run().code
        } catch let error as RuntimeError {
            let code: Int32 = error.kind == .notFound ? 127 : error.kind == .notExecutable ? 126 : 1
            throw EngineError("OCI runtime exec failed: \(error)", exitCode: code)
        } catch let error as EngineError {
            throw error
        } catch {
            throw EngineError("\(error)")
        }
    }

    func execRequest(
        _ record: ContainerRecord, _ state: ContainerState, _ directory: ContainerDirectory,
        _ options: ExecRequestOptions
    ) throws -> ExecRequest {
        var process = RuntimeProcess()
        process.args = options.arguments
        process.env = record.environment
        if options.terminal, !process.env.contains(where: { $0.hasPrefix("TERM=") }) {
            process.env.append("TERM=xterm")
        }
        for entry in options.environment {
            let key = String(decoding: entry.utf8.prefix { $0 != UInt8(ascii: "=") }, as: UTF8.self) + "="
            process.env.removeAll { PathText.begins($0, with: key) }
            process.env.append(entry)
        }
        process.cwd = options.workingDirectory.map { RecordBuilder.clean($0) } ?? record.workingDirectory
        process.terminal = options.terminal
        if options.terminal, let size = Terminal.size(0) ?? Terminal.size(1) {
            process.consoleSize = RuntimeConsoleSize(height: size.rows, width: size.columns)
        }
        process.capabilities = RuntimeCapabilities(
            granted: options.isPrivileged ? CapabilitySet.all.memberNames : record.security.capabilities)
        process.noNewPrivileges = record.security.noNewPrivileges
        process.rlimits = record.ulimits.map {
            RuntimeResourceLimit(type: "RLIMIT_" + $0.name.uppercased(), soft: $0.soft, hard: $0.hard)
        }
        var request = ExecRequest(target: state.pid, process: process)
        request.userSpecification = options.user ?? record.user
        request.additionalGroups = record.groupAdd
        request.seccomp = try SpecificationBuilder(record: record, directory: directory).build().configuration.linux
            .seccomp
        if options.isPrivileged { request.seccomp = nil }
        request.seccompCacheDirectory = roots.seccompCache
        let group = try ControlGroup.open(host: try HostControlGroups.detect(), path: directory.payloadGroup)
        request.controlGroup = group.exists ? group : nil
        return request
    }
}
