import CommandLine
import LinuxKernel

@testable import berth

/// Surroundings of a made-up caller.
func caller(variables: [String: String] = [:], files: [String: String] = [:]) -> CallerView {
    CallerView(
        workingDirectory: "/home/me", variable: { variables[$0] },
        readFile: { path throws(Errno) in
            guard let text = files[path] else { throw .noSuchFile }
            return Array(text.utf8)
        })
}

/// What the program makes of a command line.
func request(_ words: [String], _ view: CallerView = caller()) throws -> ProgramRequest {
    switch BerthProgram.parse(words, caller: view) {
    case .request(let request, _): return request
    case .help: throw ValueError("help")
    case .failure(let error): throw error
    }
}

func runOptions(_ words: String..., view: CallerView = caller()) throws -> RunOptions {
    guard case .run(let options) = try request(["run"] + words, view) else { throw ValueError("not run") }
    return options
}

/// The value, or the clause of the error.
func outcome<Value>(_ body: () throws -> Value) -> String {
    do { return "\(try body())" } catch { return "error: \(error)" }
}

/// The first line that a refused command line prints; nil when it is taken.
func refusal(_ words: [String]) -> String? {
    guard case .failure(let error) = BerthProgram.parse(words, caller: caller()) else { return nil }
    return error.message.split(separator: "\n").first.map(String.init)
}
