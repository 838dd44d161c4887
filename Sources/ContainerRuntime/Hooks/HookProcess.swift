import Glibc
import LinuxKernel
import OCI

/// One hook: a program of the host's or the container's, with the state on its standard input.
struct HookProcess {
    private let hook: RuntimeHook
    private let kind: HookKind
    private let state: [UInt8]
    private let directory: String?
    /// For a hook that names no environment of its own.
    private let inherited: [String]?

    init(
        _ hook: RuntimeHook, kind: HookKind, state: [UInt8], directory: String? = nil, inherited: [String]? = nil
    ) {
        self.hook = hook
        self.kind = kind
        self.state = state
        self.directory = directory
        self.inherited = inherited
    }

    /// Runs it to its end, or to its time limit, at which it is killed with everything in its process group.
    ///
    /// - Throws: ``RuntimeError`` when it could not be started, ended with another status than 0, or had to be killed.
    func run() throws(RuntimeError) {
        guard PathText.isAbsolute(hook.path), !hook.path.utf8.contains(0) else {
            throw failure("its path must be absolute")
        }
        guard !(hook.args + (hook.env ?? [])).contains(where: { $0.utf8.contains(0) }) else {
            throw failure("an argument or a variable holds a zero byte")
        }
        if let timeout = hook.timeout, timeout <= 0 { throw failure("its timeout of \(timeout) s is not above zero") }
        // Memory files: no pipe to keep filled or drained, whether the hook reads and writes or not.
        let input = try attempt("run", name) { () throws(Errno) in
            let file = try MemoryFile.make("hook-state")
            try file.writeAll(state)
            try file.rewind()
            return file
        }
        let output = try attempt("run", name) { () throws(Errno) in try MemoryFile.make("hook-output") }
        let inputNumber = input.rawValue, outputNumber = output.rawValue
        let child = try attempt("run", name) { () throws(Errno) in
            try ProcessClone.run { execute(input: inputNumber, output: outputNumber) }
        }
        let limit = hook.timeout.map { Int32(clamping: Int64($0) * 1000) }
        let ended = (try? Poll.readable(child.pidfd.rawValue, milliseconds: limit)) ?? true
        if !ended {
            kill(-child.pid, SIGKILL)
            try? child.send(signal: SIGKILL)
        }
        let status = try attempt("wait for", name) { () throws(Errno) in try child.wait() }
        if !ended { throw failure("it was killed after its time limit of \(hook.timeout ?? 0) s") }
        switch status {
        case .exited(0): return
        case .exited(let code): throw failure("it ended with status \(code)" + words(of: output))
        case .signaled(let signal): throw failure("signal \(signal) ended it" + words(of: output))
        }
    }

    private var name: String { "\(kind.rawValue) hook \(hook.path)" }

    private func failure(_ cause: String) -> RuntimeError { RuntimeError("run", name, cause: cause) }

    /// What the hook wrote, for the message.
    private func words(of output: borrowing FileDescriptor) -> String {
        guard (try? output.rewind()) != nil, let bytes = try? output.readAll(limit: 1 << 20), !bytes.isEmpty else {
            return ""
        }
        var tail = bytes.suffix(1024)
        while tail.last == 10 { tail.removeLast() }
        return ": " + String(decoding: tail, as: UTF8.self)
    }

    /// The child's side: everything but the three streams closes itself at the execution, also what the caller left open.
    private func execute(input: Int32, output: Int32) -> Int32 {
        _ = setpgid(0, 0)
        Signals.resetAll()
        guard dup2(input, 0) >= 0, dup2(output, 1) >= 0, dup2(output, 2) >= 0 else { return 126 }
        try? ProcessControl.closeOnExec(from: 3)
        if let directory, chdir(directory) != 0 {
            writeText("cannot enter \(directory): \(Errno(rawValue: errno))\n", to: 2)
            return 126
        }
        // A magic link such as /proc/self/exe would be the runtime itself (CVE-2019-5736).
        do throws(Errno) {
            _ = try Files.open(at: WorkingDirectory.rawValue, hook.path, .pathOnly, resolve: .noMagicLinks)
        } catch {
            writeText("\(error)\n", to: 2)
            return 127
        }
        let words = hook.args.isEmpty ? [hook.path] : hook.args
        var arguments: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) } + [nil]
        let variables = hook.env ?? inherited ?? ProcessEnvironment.all()
        var environment: [UnsafeMutablePointer<CChar>?] = variables.map { strdup($0) } + [nil]
        let error = ProcessControl.execute(hook.path, &arguments, &environment)
        writeText("\(error)\n", to: 2)
        return 127
    }
}
