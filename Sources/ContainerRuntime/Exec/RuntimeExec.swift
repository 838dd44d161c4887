import ControlGroups
import JSON
import LinuxKernel
import OCI

extension RuntimeContainers {
    /// `exec`: runs a further process in a container.
    ///
    /// It takes no lock, since it may last as long as the container: what it enters it holds by a descriptor.
    ///
    /// - Returns: the program's exit status; 0 for a detached one, once it runs.
    public func exec(_ id: String, _ options: RuntimeExecOptions) throws -> Int32 {
        let directory = try directory(id)
        let state = try directory.readState()
        let group = state.controlGroup.isEmpty ? nil : try group(of: state)
        switch status(state, directory, isLocked: false, group: group) {
        case .stopped, .creating:
            throw RuntimeError("exec in", "container \(id)", cause: "cannot exec in a stopped container")
        case .paused where !options.ignoresPaused:
            throw RuntimeError(
                "exec in", "container \(id)", cause: "cannot exec in a paused container", remedy: "use --ignore-paused")
        default: break
        }
        let configuration = try directory.configuration()
        var process = try process(options, configuration)
        let stub = try configuration.protectProgram(entering: process)
        let target = try openProcess(state, for: "exec in")
        try Handover.check(terminal: process.terminal, detached: options.detached, socket: options.consoleSocket)
        if process.terminal, !options.detached, process.consoleSize == nil, let size = Terminal.size(0) {
            process.consoleSize = RuntimeConsoleSize(height: size.rows, width: size.columns)
        }
        if options.activationSockets > 0 {
            process.env += ["LISTEN_FDS=\(options.activationSockets)", "LISTEN_PID=1"]
        }

        var request = ExecRequest(target: state.pid, process: process)
        request.targetDescriptor = target.rawValue
        request.seccomp = configuration.linux.seccomp
        request.seccompCacheDirectory = directory.seccompCache
        request.executionStub = stub
        request.preservedDescriptors = options.preservedDescriptors
        request.ociVersion = state.ociVersion
        request.containerID = state.id
        request.bundle = state.bundle
        request.annotations = state.annotations
        if let group, group.exists {
            (request.controlGroup, request.subgroups) = try Self.groups(group, options.subgroups)
        } else if !options.subgroups.isEmpty {
            throw RuntimeError("join", "control group", cause: "container \(id) has none")
        }
        let container = try ExecLauncher(request).launch()
        withExtendedLifetime(target) {}
        do {
            try Handover.send(terminal: container.terminal, to: options.consoleSocket)
            try Handover.send(pidfd: container.process.pidfd.rawValue, to: options.pidfdSocket)
            try Handover.write(pid: container.process.pid, to: options.pidFile)
        } catch {
            try? container.process.send(signal: ProcessSignal.kill)
            throw error
        }
        if options.detached { return 0 }
        return try ForegroundProcess(
            pid: container.process.pid, pidfd: container.process.pidfd.rawValue, terminal: container.terminal,
            sendsInput: true
        ).run().code
    }

    private func process(
        _ options: RuntimeExecOptions, _ configuration: RuntimeConfiguration
    ) throws(RuntimeError) -> RuntimeProcess {
        if let file = options.processFile {
            let bytes = try attempt("read", file) { () throws(Errno) in try Files.read(file, limit: 32 << 20) }
            do throws(JSONError) {
                guard let object = try JSONValue(parsing: bytes).objectValue else {
                    throw JSONError(problem: "an object was expected")
                }
                return try RuntimeProcess(object)
            } catch {
                throw RuntimeError("read", file, cause: error.description)
            }
        }
        var process = configuration.process ?? RuntimeProcess()
        try process.apply(options)
        return process
    }

    /// The container's group as far as it is joined itself, and what of groups below it is joined instead.
    private static func groups(
        _ group: ControlGroup, _ subgroups: [String]
    ) throws(RuntimeError) -> (ControlGroup, [ControlGroup]) {
        var rest = group
        var chosen = [ControlGroup]()
        for text in subgroups {
            let parts = text.utf8.split(separator: UInt8(ascii: ":"), maxSplits: 1, omittingEmptySubsequences: false)
            let path = String(Substring(parts[parts.count - 1]))
            let controllers =
                parts.count == 2 ? String(Substring(parts[0])).split(separator: ",").map(String.init) : nil
            do throws(ControlGroupError) {
                let below = try group.subgroup(path, controllers: controllers)
                rest = rest.leaving(to: below)
                chosen.append(below)
            } catch {
                throw RuntimeError("join", "control group \(text)", cause: error.description)
            }
        }
        return (rest, chosen)
    }
}
