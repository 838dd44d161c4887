import Glibc
import LinuxKernel

/// The program to execute, with C arrays made before anything is dropped.
struct Program {
    var arguments: [String]
    var environment: [String]

    /// The path that Docker and runc search when the environment names none.
    static let defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

    /// The value of a variable in the environment; the last one counts.
    func variable(_ name: String) -> String? {
        environment.last { $0.hasPrefix(name + "=") }.map { String($0.dropFirst(name.count + 1)) }
    }

    /// Executes the program and returns only the reason why it could not.
    ///
    /// - Parameters:
    ///   - stub: through which it is executed, where our own program must not be seen inside.
    ///   - tell: where the stub says why it could not.
    func execute(through stub: ExecutionStub?, tell: Int32) -> RuntimeError {
        guard let name = arguments.first, !name.isEmpty else {
            return RuntimeError("exec", "", cause: "no command specified", kind: .notFound)
        }
        // To the kernel the text would end there: another program, or another variable, than the one that was checked.
        guard !(arguments + environment).contains(where: { $0.utf8.contains(0) }) else {
            return RuntimeError("exec", "", cause: "an argument or a variable holds a zero byte")
        }
        var argumentPointers: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) } + [nil]
        var environmentPointers: [UnsafeMutablePointer<CChar>?] = environment.map { strdup($0) } + [nil]
        if name.utf8.contains(UInt8(ascii: "/")) {
            let error = run(name, stub, tell, &argumentPointers, &environmentPointers)
            return failure(name, error, path: name)
        }
        var denied: Errno?
        for directory in (variable("PATH") ?? Self.defaultPath).split(separator: ":", omittingEmptySubsequences: false)
        {
            let path = directory.isEmpty ? "./\(name)" : "\(directory)/\(name)"
            guard let status = try? Files.status(path, followLink: true), status.kind != .directory else { continue }
            let error = run(path, stub, tell, &argumentPointers, &environmentPointers)
            if error == .noSuchFile || error == .notDirectory {
                // The file is there: what is missing is its interpreter.
                return failure(name, error, path: path)
            }
            if error != .accessDenied { return failure(name, error, path: path) }
            denied = error
        }
        if let denied { return failure(name, denied, path: name) }
        return RuntimeError("exec: \"\(name)\"", "", cause: "executable file not found in $PATH", kind: .notFound)
    }

    /// Finds the program without executing it: what `create` can know before `start`. Whether the user may execute it shows
    /// only then.
    func check() throws(RuntimeError) {
        guard let name = arguments.first, !name.isEmpty else {
            throw RuntimeError("exec", "", cause: "no command specified", kind: .notFound)
        }
        if name.utf8.contains(UInt8(ascii: "/")) {
            do throws(Errno) {
                let status = try Files.status(name, followLink: true)
                if status.kind == .directory { throw .isDirectory }
                if status.permissions & 0o111 == 0 { throw .accessDenied }
            } catch { throw failure(name, error, path: name) }
            return
        }
        var denied = false
        for directory in (variable("PATH") ?? Self.defaultPath).split(separator: ":", omittingEmptySubsequences: false)
        {
            let path = directory.isEmpty ? "./\(name)" : "\(directory)/\(name)"
            guard let status = try? Files.status(path, followLink: true), status.kind != .directory else { continue }
            if status.permissions & 0o111 != 0 { return }
            denied = true
        }
        if denied { throw failure(name, .accessDenied, path: name) }
        throw RuntimeError("exec: \"\(name)\"", "", cause: "executable file not found in $PATH", kind: .notFound)
    }

    private func run(
        _ path: String, _ stub: ExecutionStub?, _ tell: Int32, _ arguments: inout [UnsafeMutablePointer<CChar>?],
        _ environment: inout [UnsafeMutablePointer<CChar>?]
    ) -> Errno {
        // `/proc/self/exe` is the host's own program here (CVE-2019-5736), other magic links lead out as well.
        do throws(Errno) {
            _ = try Files.open(at: WorkingDirectory.rawValue, path, .pathOnly, resolve: .noMagicLinks)
        } catch {
            if error == .tooManySymbolicLinks { return .accessDenied }
        }
        guard let stub else { return ProcessControl.execute(path, &arguments, &environment) }
        // The stub comes back from nothing: what decides about the search, or about the words, is looked at before.
        do throws(Errno) {
            if try Files.status(path, followLink: true).kind == .directory { return .accessDenied }
            try Files.checkExecutable(path)
        } catch { return error }
        let name = self.arguments.first ?? path
        let message = String(decoding: [SyncMessage.notExecuted], as: UTF8.self) + name
        return stub.execute(path, arguments, &environment, report: tell, failure: message)
    }

    /// The words for a program that is there and could not be executed.
    static func failure(_ name: String, _ error: Errno) -> RuntimeError {
        let operation = "exec: \"\(name)\""
        switch error {
        case .noSuchFile, .notDirectory:
            return RuntimeError(
                operation, "", cause: "no such file or directory (its interpreter or loader is missing)",
                kind: .notFound)
        case .execFormat: return RuntimeError(operation, "", cause: "exec format error", kind: .notExecutable)
        default: return RuntimeError(operation, "", cause: error.description, kind: .notExecutable)
        }
    }

    private func failure(_ name: String, _ error: Errno, path: String) -> RuntimeError {
        let operation = "exec: \"\(name)\""
        switch error {
        case .noSuchFile, .notDirectory:
            if Files.exists(path) || (try? Files.status(path, followLink: true)) != nil {
                return Self.failure(name, error)
            }
            return RuntimeError(operation, "", cause: "stat \(path): no such file or directory", kind: .notFound)
        case .accessDenied, .execFormat, .isDirectory:
            let isDirectory = (try? Files.status(path, followLink: true))?.kind == .directory
            return isDirectory
                ? RuntimeError(operation, "", cause: "is a directory", kind: .notExecutable) : Self.failure(name, error)
        default: return Self.failure(name, error)
        }
    }
}
