import Foundation
import TestSupport
import Testing

/// A registry for one test: Tests/Support/registry.py, which serves an image layout and misbehaves on demand, or
/// Debian's docker-registry. Gone with its owner.
final class TestRegistry: Sendable {
    let port: Int
    private let server: Child

    var host: String { "127.0.0.1:\(port)" }

    private init(_ server: Child, _ port: Int) {
        self.server = server
        self.port = port
    }

    /// Serves a layout.
    static func serving(_ layout: String, _ options: [String] = []) async throws -> TestRegistry {
        let script = Repository.path + "/Tests/Support/registry.py"
        let server = try Child(["python3", script, layout] + options, streams: .pipes(input: true))
        let first = try await server.waitFor("\n")
        let port = try #require(first.split(separator: "\n").first.flatMap { Int($0) }, "\(first)")
        return TestRegistry(server, port)
    }

    /// Debian's own registry, with its own directory.
    static func distribution(in scratch: Scratch) async throws -> TestRegistry {
        let port = Int(freePort())
        try write(
            """
            version: 0.1
            log: {level: error}
            storage: {filesystem: {rootdirectory: \(scratch.path)/registry}, delete: {enabled: true}}
            http: {addr: "127.0.0.1:\(port)"}
            """, to: scratch.path + "/registry.yml")
        let server = try Child(["docker-registry", "serve", scratch.path + "/registry.yml"])
        let answers = try await eventually(seconds: 20) {
            try await command(["curl", "-s", "-o", "/dev/null", "http://127.0.0.1:\(port)/v2/"]).status == 0
        }
        try #require(answers, "docker-registry does not answer")
        return TestRegistry(server, port)
    }

    /// The requests so far, one a line.
    func log() async -> [String] {
        await server.outputSoFar().split(separator: "\n").dropFirst().map(String.init)
    }
}

/// An engine without images, a directory, and settings of its own for registries.
struct RegistrySite: Sendable {
    let engine: TestEngine
    let scratch: Scratch

    /// An image layout in the scratch directory; the words are those of Tests/Support/make-oci-layout.py.
    @discardableResult
    func layout(_ name: String, _ words: [String]) async throws -> String {
        let script = Repository.path + "/Tests/Support/make-oci-layout.py"
        let output = try await command(["python3", script, "\(scratch.path)/\(name)"] + words)
        try #require(output.status == 0, "\(output.all)")
        return output.text
    }

    /// Writes registries.json; tests give servers little time.
    func configure(_ json: String = #""stall-seconds": 10, "retries": 2"#) throws {
        try write("{\(json)}", to: scratch.path + "/registries.json")
    }

    var environment: [String: String] {
        ["BERTH_CONFIG": scratch.path + "/registries.json", "DOCKER_CONFIG": scratch.path + "/docker"]
    }

    /// Runs `berth`.
    func berth(
        _ arguments: String..., input: String? = nil, extra: [String: String] = [:], seconds: Double = 60
    ) async throws -> Output {
        try await command(
            engine.words(arguments), input: input, environment: environment.merging(extra) { $1 }, seconds: seconds)
    }

    /// Runs `berth` and expects it to succeed.
    @discardableResult
    func ok(
        _ arguments: String..., input: String? = nil, extra: [String: String] = [:],
        at location: SourceLocation = #_sourceLocation
    ) async throws -> Output {
        let output = try await command(
            engine.words(arguments), input: input, environment: environment.merging(extra) { $1 })
        #expect(
            output.status == 0, "berth \(arguments.joined(separator: " ")): \(output.all)", sourceLocation: location)
        return output
    }

    /// What the store holds, by folder; `partial` only where `rests` are asked for.
    func stored(rests: Bool = false) -> [String] {
        var result = [String]()
        for folder in ["blobs/sha256", "blobs/sha512", "layers", "images", "leases", "tmp"] + (rests ? ["partial"] : [])
        {
            for name in list("\(engine.root)/images/\(folder)") { result.append("\(folder)/\(name)") }
        }
        return result.sorted()
    }
}

/// Gives a test an engine without images and its own settings for registries.
func withRegistrySite(
    at location: SourceLocation = #_sourceLocation, _ body: (RegistrySite) async throws -> Void
) async throws {
    try await withEngine(images: false, at: location) { engine in
        let site = RegistrySite(engine: engine, scratch: try Scratch())
        try site.configure()
        try await body(site)
    }
}
