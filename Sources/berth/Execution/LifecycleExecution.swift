import CommandLine
import Engine
import Glibc
import LinuxKernel

/// What is done with the life of containers that are there.
enum LifecycleRequest: Sendable {
    case create(RunOptions)
    case start(StartOptions)
    case attach(container: String, AttachOptions)
    case restart(StopOptions)
    case pause([String])
    case unpause([String])
    case rename(String, to: String)
    case update(UpdateOptions)
    case resume
    case prune(PruneOptions)
    case pruneSystem(PruneOptions)
}

extension ProgramExecution {
    /// Commands that create, start, change or end containers.
    func lifecycle(_ request: LifecycleRequest) throws -> Int32 {
        switch request {
        case .create(let options): return try create(options)
        case .start(let options): return try start(options)
        case .attach(let container, let options):
            try checkTerminal(container, wanted: !options.withoutInput)
            return try engine.attach(container, options)
        case .restart(let options):
            let signal = try options.signal.map(signalNumber)
            return each(options.containers) {
                try engine.restart($0, signal: signal, timeout: options.timeout.map { Int(clamping: $0) })
            }
        case .pause(let names): return each(names) { try engine.pause($0) }
        case .unpause(let names): return each(names) { try engine.unpause($0) }
        case .rename(let name, let wanted):
            try engine.rename(name, to: wanted)
            return 0
        case .prune(let options): return try pruneContainers(options)
        case .pruneSystem(let options): return try pruneSystem(options)
        case .resume:
            let (started, failed) = try engine.resume()
            for name in started { writeText("\(name)\n", to: 1) }
            for (name, reason) in failed {
                writeText("berth: cannot start container \(name): \(printable(reason.description))\n", to: 2)
            }
            return failed.isEmpty ? 0 : 1
        case .update(let options):
            var update = Engine.ContainerUpdate()
            update.limits = Self.limits(options.limits)
            update.restart = options.restart
            return each(options.containers) { try engine.update($0, update) }
        }
    }

    private func start(_ options: StartOptions) throws -> Int32 {
        let warn = { (text: String) in writeText("WARNING: \(printable(text))\n", to: 2) }
        guard options.attach || options.interactive else {
            return each(options.containers) { try engine.start($0, warn: warn) }
        }
        try checkTerminal(options.containers[0], wanted: options.interactive)
        return try engine.startAttached(
            options.containers[0], interactive: options.interactive, options.terminal, warn: warn)
    }

    /// A container with a terminal wants one of its user as well.
    private func checkTerminal(_ container: String, wanted: Bool) throws {
        guard wanted else { return }
        let record = try engine.inspect(container).record
        if record.terminal, record.interactive, !Terminal.isTerminal(0) {
            throw EngineError("the input device is not a TTY: leave standard input out, or run berth in a terminal")
        }
    }
}
