import Glibc
import TestSupport
import Testing

/// What is printed must arrive, or the program says that it did not.
@Suite struct OutputTests {
    @Test func aFullDiskIsNoSuccess() async throws {
        try await withEngine { engine in
            try await engine.ok("run", "--name", "done", base, "echo", "hello")
            for words in [
                "ps -a", "images", "version", "info", "network ls", "inspect done", "logs done", "--help", "run --help",
                "completion bash", "man", "system df", "history \(base)",
            ] {
                let output = try await shell("'\(Repository.program)' --root '\(engine.root)' \(words) >/dev/full")
                #expect(output.status == 1, "\(words): \(output.all)")
                #expect(
                    output.err == "berth: cannot write to standard output: no space left on device\n",
                    "\(words): \(output.all)")
                // Somebody who stops reading has seen enough.
                let early = try await shell(
                    "'\(Repository.program)' --root '\(engine.root)' \(words) | head -c 1 >/dev/null")
                #expect(early.status == 0 && early.err.isEmpty, "\(words): \(early.all)")
            }
        }
    }

    @Test func argumentsThatAreNoText() async throws {
        try await withEngine(images: false) { engine in
            for words in [
                "ps $'\\xff'", "run --name $'a\\xc0\\xafb' x", "--root $'/var/tmp/\\xff' ps", "run x $'\\xe2\\x82'",
            ] {
                let output = try await shell("'\(Repository.program)' --root '\(engine.root)' \(words)")
                #expect(output.status == 125 && output.err.contains("is not UTF-8 text"), "\(words): \(output.all)")
            }
            #expect(
                try await shell("'\(Repository.program)' --root '\(engine.root)' ps -a --no-trunc | cat").status == 0)
        }
    }
}
