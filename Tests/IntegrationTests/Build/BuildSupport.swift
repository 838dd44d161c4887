import Glibc
import TestSupport
import Testing

/// A context for a build: a directory with files and a Dockerfile.
struct BuildContext {
    let scratch: Scratch
    var path: String { scratch.path }

    /// - Parameters:
    ///   - files: content by path; directories are made.
    ///   - prepare: a shell script that runs in the directory.
    init(_ dockerfile: String, _ files: [String: String] = [:], prepare: String = "") async throws {
        scratch = try Scratch()
        try write("Dockerfile", dockerfile)
        for (name, content) in files { try write(name, content) }
        if !prepare.isEmpty {
            let made = try await shell("set -e; cd \(scratch.path); \(prepare)")
            try #require(made.status == 0, "\(made.all)")
        }
    }

    /// Writes a file with its directories.
    func write(_ name: String, _ content: String) throws {
        var directory = path
        for part in name.split(separator: "/").dropLast() {
            directory += "/" + part
            mkdir(directory, 0o755)
        }
        let file = try #require(fopen("\(path)/\(name)", "w"))
        fputs(content, file)
        fclose(file)
    }
}

extension TestEngine {
    /// Builds a context and expects it to work.
    @discardableResult
    func build(
        _ context: BuildContext, _ options: [String] = [], at location: SourceLocation = #_sourceLocation
    ) async throws -> Output {
        let output = try await command(
            words(["build", "--progress", "plain"] + options + [context.path]), seconds: 120)
        #expect(output.status == 0, "\(output.all)", sourceLocation: location)
        return output
    }

    /// What a script says in a container of an image.
    func look(_ image: String, _ script: String, at location: SourceLocation = #_sourceLocation) async throws -> String
    {
        let output = try await command(
            words([
                "run", "--rm", "--network", "none", "--entrypoint", "/bin/sh", "-u", "0", "-w", "/", image, "-c",
                script,
            ]))
        #expect(output.status == 0, "\(script): \(output.all)", sourceLocation: location)
        return output.text
    }
}
