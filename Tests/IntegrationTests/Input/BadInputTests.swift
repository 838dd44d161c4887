import TestSupport
import Testing

/// Bad input gives one clear sentence, Docker's exit status, and nothing is left.
@Suite struct BadInputTests {
    private func refuse(
        _ engine: TestEngine, _ arguments: String..., status: Int32, says words: [String],
        at location: SourceLocation = #_sourceLocation
    ) async throws {
        let output = try await command(engine.words(arguments))
        #expect(output.status == status, "\(arguments): \(output.all)", sourceLocation: location)
        for word in words {
            #expect(
                output.err.lowercased().contains(word.lowercased()), "\(arguments): \(output.err)",
                sourceLocation: location)
        }
        #expect(["", "[]"].contains(output.text), sourceLocation: location)
        // A sentence, and at most a line that points to --help.
        let lines = output.err.split(separator: "\n").filter { !$0.contains("--help") && !$0.contains("Usage:") }
        // An image that is not here is looked for in its registry first, which is said.
        #expect(lines.count <= (output.err.contains("locally") ? 3 : 2), "\(output.err)", sourceLocation: location)
        #expect(
            !output.err.contains("Fatal error") && !output.err.contains("Optional("), "\(output.err)",
            sourceLocation: location)
        #expect(try await engine.ok("ps", "-a", "-q").text == "", sourceLocation: location)
        #expect(list("\(engine.root)/containers").isEmpty, sourceLocation: location)
        #expect(list("\(engine.root)/names").isEmpty, sourceLocation: location)
    }

    @Test func images() async throws {
        try await withEngine { engine in
            try await refuse(engine, "run", "--rm", "nowhere:1", "true", status: 125, says: ["nowhere:1"])
            try await refuse(engine, "run", "--rm", "UPPER:1", "true", status: 125, says: ["UPPER"])
            try await refuse(engine, "run", "--rm", "a b", "true", status: 125, says: ["reference"])
            try await refuse(engine, "run", "--rm", "", "true", status: 125, says: [])
            try await refuse(engine, "run", status: 1, says: ["requires at least 1 argument"])
            try await refuse(engine, "rmi", "nowhere:1", status: 1, says: ["nowhere:1"])
            try await refuse(engine, "image", "inspect", "nowhere:1", status: 1, says: ["nowhere:1"])
        }
    }

    @Test func programs() async throws {
        try await withEngine { engine in
            try await refuse(
                engine, "run", "--rm", base, "no-such-program", status: 127, says: ["no-such-program", "not found"])
            try await refuse(engine, "run", "--rm", base, "/no/such", status: 127, says: ["/no/such"])
            try await refuse(
                engine, "run", "--rm", base, "/etc/passwd", status: 126, says: ["/etc/passwd", "permission"])
            try await refuse(engine, "run", "--rm", base, "/etc", status: 126, says: ["/etc"])
            try await refuse(
                engine, "run", "-d", "--rm", base, "no-such-program", status: 127, says: ["no-such-program"])
            try await refuse(engine, "run", "--rm", "-w", "relative", base, "true", status: 125, says: ["absolute"])
        }
    }

    @Test func flags() async throws {
        try await withEngine { engine in
            try await refuse(engine, "run", "--no-such-flag", base, status: 125, says: ["no-such-flag"])
            try await refuse(engine, "run", "-Z", base, status: 125, says: ["Z"])
            try await refuse(
                engine, "run", "--rm", "--network", "nowhere", base, "true", status: 125, says: ["nowhere"])
            try await refuse(
                engine, "run", "--rm", "--env-file", "/no/such/file", base, "true", status: 125, says: ["/no/such/file"]
            )
            try await refuse(
                engine, "run", "--rm", "--hostname", "bad name", base, "true", status: 125, says: ["hostname"])
            try await refuse(
                engine, "run", "--rm", "--tmpfs", "relative", base, "true", status: 125, says: ["absolute"])
            try await refuse(
                engine, "run", "--rm", "--mount", "type=nonsense,target=/x", base, "true", status: 125,
                says: ["nonsense"])
            try await refuse(engine, "run", "--rm", "--mount", "target=", base, "true", status: 125, says: [])
            try await refuse(
                engine, "run", "--rm", "--memory-swap", "10m", "-m", "20m", base, "true", status: 125,
                says: ["memoryswap"])
            try await refuse(engine, "run", "--rm", "--pids-limit", "many", base, "true", status: 125, says: ["many"])
            try await refuse(engine, "no-such-command", status: 1, says: ["no-such-command"])
        }
    }

    @Test func aNameInUse() async throws {
        try await withEngine { engine in
            let id = try await engine.start("--name", "taken", base, "sleep", "100")
            let output = try await engine.berth("run", "-d", "--name", "taken", base, "sleep", "100")
            #expect(output.status == 125)
            #expect(output.err.contains("taken") && output.err.contains(String(id.prefix(12))))
            #expect(try await engine.ok("ps", "-a", "-q").lines.count == 1)
        }
    }

    @Test func archives() async throws {
        try await withEngine(images: false) { engine in
            let scratch = try Scratch()
            let tar = try await BaseImage.shared.tar()
            // Cut short inside busybox, on a block's edge and off it, and compressed.
            try await shell(
                """
                cd \(scratch.path); head -c 1000000 \(tar) >odd.tar; head -c 1048576 \(tar) >even.tar
                gzip -c \(tar) | head -c 500000 >short.tar.gz; zstd -q -c \(tar) | head -c 500000 >short.tar.zst
                head -c 100000 /dev/urandom >noise.tar; : >empty.tar; echo '<html>' >page.tar
                """)
            for name in ["odd.tar", "even.tar", "short.tar.gz", "short.tar.zst", "noise.tar", "page.tar"] {
                let output = try await engine.berth("import", "\(scratch.path)/\(name)", "broken:1")
                #expect(output.status == 1, "\(name): \(output.all)")
                #expect(output.err.contains(name), "\(output.err)")
                #expect(output.err.trimmed.split(separator: "\n").count == 1, "\(output.err)")
                let loaded = try await engine.berth("load", "-i", "\(scratch.path)/\(name)")
                #expect(loaded.status == 1, "\(name): \(loaded.all)")
            }
            let missing = try await engine.berth("import", "\(scratch.path)/none.tar", "broken:1")
            #expect(missing.status == 1 && missing.err.contains("none.tar"))
            let malformed = try await engine.berth("import", tar, "Not:A:Name")
            #expect(malformed.status != 0)
            #expect(try await engine.ok("images", "-q").text == "")
            // Nothing half-made is left in the store.
            let rest = try await shell(
                "find \(engine.root)/images -type f -size +64k | wc -l; find \(engine.root)/images -name busybox | wc -l"
            )
            #expect(rest.text == "0\n0")
        }
    }

    @Test(arguments: ["inspect", "logs", "stop", "kill", "rm", "wait"])
    func unknownContainers(_ verb: String) async throws {
        try await withEngine(images: false) { engine in
            let output = try await engine.berth(verb, "nobody")
            #expect(output.status == 1, "\(verb): \(output.all)")
            #expect(output.err.contains("nobody"), "\(output.err)")
            let none = try await engine.berth(verb)
            #expect(none.status == 1, "\(verb): \(none.all)")
        }
    }

    @Test func execInContainersThatAreNotThere() async throws {
        try await withEngine { engine in
            #expect(try await engine.berth("exec", "nobody", "true").status == 1)
            try await engine.berth("run", "--name", "ended", base, "true")
            let output = try await engine.berth("exec", "ended", "true")
            #expect(output.status == 1)
            #expect(output.err.contains("not running"))
        }
    }

    @Test func helpAndVersion() async throws {
        let help = try await command([Repository.program, "--help"])
        #expect(help.status == 0)
        for verb in ["run", "exec", "ps", "logs", "stop", "rm", "import", "load", "images"] {
            #expect(help.out.contains(verb))
        }
        let run = try await command([Repository.program, "run", "--help"])
        #expect(run.status == 0)
        for flag in ["--publish", "--memory", "--volume", "--rm", "--detach"] { #expect(run.out.contains(flag)) }
        #expect(try await command([Repository.program, "--version"]).status == 0)
    }
}
