import CommandLine
import Engine
import Glibc
import ImageStore
import LinuxKernel

/// Does what a command line asks for: calls the engine and prints.
struct ProgramExecution {
    let engine: Engine

    /// Runs the program and returns its exit status.
    static func run(_ words: [String]) -> Int32 {
        switch BerthProgram.parse(words, caller: .real()) {
        case .help(let text):
            writeText(text, to: 1)
            return 0
        case .failure(let error):
            writeText("\(error)", to: 2)
            return error.status
        case .request(.transfer(let needsStore), _):
            return report(failure: 1) {
                if needsStore { try Privileges.require() }
                return NetworkProgram.become(words)
            }
        case .request(let request, let settings):
            // For the networked program, should an image have to be fetched.
            if let directory = settings.configuration { setenv("DOCKER_CONFIG", directory, 1) }
            let isRun =
                switch request {
                case .run, .lifecycle(.create): true
                default: false
                }
            return report(failure: isRun ? 125 : 1) { () throws in
                if case .shortVersion = request {
                    writeText("Berth version \(Version.text)\n", to: 1)
                    return 0
                }
                if case .document(let document) = request, let text = DocumentCommands.text(document) {
                    _ = writeBytes(Array(text.utf8), to: 1)
                    return 0
                }
                let root = settings.root.map { MountRequest.absolute($0, from: CallerView.real().workingDirectory) }
                return try ProgramExecution(engine: try Engine(root: root)).execute(request)
            }
        }
    }

    /// Prints an error as one sentence.
    ///
    /// - Parameter failure: the status for errors that bring none of their own.
    static func report(failure: Int32, _ body: () throws -> Int32) -> Int32 {
        do { return try body() } catch let error as EngineError {
            writeText("berth: \(printable(error.description))\n", to: 2)
            return error.exitCode == 1 ? failure : error.exitCode
        } catch let error as SilentFailure {
            return error.status
        } catch let error as UsageError {
            writeText("\(error)", to: 2)
            return error.status
        } catch {
            writeText("berth: \(printable("\(error)"))\n", to: 2)
            return failure
        }
    }

    private func execute(_ request: ProgramRequest) throws -> Int32 {
        switch request {
        case .run(let options): return try run(options)
        case .exec(let options): return try exec(options)
        case .lifecycle(let request): return try lifecycle(request)
        case .observe(let request): return try observe(request)
        case .volume(let request): return try volume(request)
        case .ps(let options): return try list(options)
        case .logs(let options): return try logs(options)
        case .stop(let options):
            let signal = try options.signal.map(signalNumber)
            return each(options.containers) {
                try engine.stop($0, signal: signal, timeout: options.timeout.map { Int(clamping: $0) })
            }
        case .kill(let options):
            let signal = try signalNumber(options.signal)
            return each(options.containers) { try engine.kill($0, signal: signal) }
        case .remove(let options):
            return each(options.containers) {
                do throws(EngineError) { try engine.remove($0, force: options.force, volumes: options.volumes) } catch {
                    // As Docker: forcing away what is not there is done already.
                    guard options.force, error.description.hasPrefix("No such container") else { throw error }
                }
            }
        case .wait(let containers):
            return each(containers, printsName: false) { writeText("\(try engine.wait($0))\n", to: 1) }
        case .inspect(let options): return try inspect(options)
        case .images(let options): return try images(options)
        case .removeImage(let options): return removeImages(options)
        case .importImage(let options): return try importImage(options)
        case .load(let options): return try load(options)
        case .image(let request): return try image(request)
        case .build(let options): return try build(options)
        case .builderUsage: return try builderUsage()
        case .builderPrune(let options): return try builderPrune(options)
        case .network(let options): return try network(options)
        case .explain(let options): return try explain(options)
        case .document(let document): if case .names(let kinds) = document { return printNames(kinds) } else { return 0 }
        case .version(let format): return try version(format)
        case .shortVersion, .transfer: return 0
        case .info(let format): return try information(format)
        case .reset(let force): return try reset(force: force)
        }
    }

    func signalNumber(_ text: String) throws(EngineError) -> Int32 {
        guard let number = Signals.number(text) else { throw EngineError("Invalid signal: \(text)") }
        return number
    }

    /// Does the same to several containers: one that fails does not keep the others from it. The names of those that
    /// worked go to standard output.
    func each(_ names: [String], printsName: Bool = true, _ body: (String) throws -> Void) -> Int32 {
        var status: Int32 = 0
        for name in names {
            let result = Self.report(failure: 1) {
                try body(name)
                if printsName { writeText("\(printable(name))\n", to: 1) }
                return 0
            }
            if result != 0 { status = 1 }
        }
        return status
    }
}
