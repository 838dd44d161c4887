import CommandLine
import Engine
import Glibc
import LinuxKernel
import OCI
import TransferCommands

/// The networked program, `berth-net`: executed for transfers, with the words this program was given.
enum NetworkProgram {
    static let name = "berth-net"

    /// Where it is: beside this program, or in PATH.
    static func find() throws(EngineError) -> String {
        if let own = try? Files.readLink("/proc/self/exe").description {
            let beside = "/" + PathText.names(own).dropLast().joined(separator: "/") + "/\(name)"
            if isProgram(beside) { return beside }
        }
        let search = getenv("PATH").map { String(cString: $0) } ?? ""
        for directory in ByteText.fields(search, by: ":") where PathText.isAbsolute(directory) {
            if isProgram("\(directory)/\(name)") { return "\(directory)/\(name)" }
        }
        throw EngineError(
            "cannot reach registries: the program \(name) is neither beside berth nor in PATH; build and install it with"
                + " \"make install\"")
    }

    private static func isProgram(_ path: String) -> Bool {
        guard let status = try? Files.status(path, followLink: true) else { return false }
        return status.kind == .regular && status.permissions & 0o111 != 0
    }

    /// Becomes it.
    ///
    /// - Returns: the status to end with, when it cannot be executed.
    static func become(_ words: [String]) -> Int32 {
        ProgramExecution.report(failure: 1) {
            let path = try find()
            throw EngineError("cannot execute \(path): \(execute(path, words))")
        }
    }

    /// Runs it to its end, what it prints going to standard error.
    ///
    /// - Returns: its exit status.
    static func run(_ words: [String]) throws -> Int32 {
        let path = try find()
        let child = try ProcessControl.fork()
        if child == 0 {
            try? ProcessControl.duplicate(2, to: 1)
            _ = execute(path, words)
            _exit(126)
        }
        if case .exited(let status) = try ChildStatus.wait(child) { return status }
        return 125
    }

    /// Runs it to its end and keeps what it says.
    static func collect(_ words: [String]) throws -> ChildProcess.Result {
        let path = try find()
        var environment = [String]()
        var place = environ
        while let entry = place.pointee {
            environment.append(String(cString: entry))
            place += 1
        }
        return try ChildProcess.run(path, words, environment: environment, timeLimit: 24 * 3600 * 1000)
    }

    private static func execute(_ path: String, _ words: [String]) -> Errno {
        var arguments: [UnsafeMutablePointer<CChar>?] = ([name] + words).map { strdup($0) } + [nil]
        var environment: [UnsafeMutablePointer<CChar>?] = []
        var place = environ
        while let entry = place.pointee {
            environment.append(entry)
            place += 1
        }
        environment.append(nil)
        return ProcessControl.execute(path, &arguments, &environment)
    }
}

/// When `run` and `create` fetch an image.
enum PullPolicy: String, Sendable {
    case always, missing, never
}

extension ProgramExecution {
    /// Runs `body`, which needs an image, and fetches the image where the policy says so.
    func withImage<T: ~Copyable>(_ name: String, _ policy: PullPolicy, quiet: Bool, _ body: () throws -> T) throws -> T
    {
        if policy == .always { try fetch(name, quiet: quiet) }
        do { return try body() } catch let error as EngineError {
            guard policy == .missing, error.description.utf8.starts(with: "No such image: ".utf8),
                let reference = (try? Reference(parsing: name))?.withDefaultTag
            else { throw error }
            writeText("Unable to find image '\(printable(reference.familiar))' locally\n", to: 2)
            try fetch(name, quiet: quiet)
            return try body()
        }
    }

    private func fetch(_ name: String, quiet: Bool) throws {
        let status = try NetworkProgram.run(
            ["--root", engine.roots.state, "pull"] + (quiet ? ["--quiet"] : []) + ["--", name])
        // What is wrong has been said already.
        guard status == 0 else { throw SilentFailure(status: 125) }
    }
}

/// A failure whose sentence somebody else has printed.
struct SilentFailure: Error {
    let status: Int32
}
