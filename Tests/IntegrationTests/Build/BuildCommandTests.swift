import Glibc
import TestSupport
import Testing

/// The command around a build: inputs, outputs, errors, the cache.
@Suite struct BuildCommandTests {
    @Test func takesOnlyWhatHasChanged() async throws {
        try await withEngine { engine in
            let context = try await BuildContext(
                "FROM base:1\nRUN echo a > /a\nCOPY one /one\nCOPY two /two\nRUN cat /two > /b\nENV X=1",
                ["one": "1", "two": "2", "not-used": "x"])
            try await engine.build(context, ["-t", "made"])
            // A time or a file that is not copied is no change.
            _ = try await shell("touch -d 2001-01-01 \(context.path)/one; echo y > \(context.path)/not-used")
            let same = try await engine.build(context, ["-t", "made"])
            #expect(same.all.components("CACHED") == 4, "\(same.all)")
            try context.write("two", "3")
            let changed = try await engine.build(context, ["-t", "made"])
            #expect(changed.all.components("CACHED") == 2, "\(changed.all)")
            #expect(try await engine.look("made", "cat /b") == "3")
            // Back to what was: all of it is known.
            try context.write("two", "2")
            #expect(try await engine.build(context).all.components("CACHED") == 4)
            #expect(try await engine.build(context, ["--no-cache"]).all.components("CACHED") == 0)
            #expect(try await engine.ok("builder", "du").out.contains("COPY"))
            try await engine.ok("builder", "prune", "-f")
            #expect(try await engine.ok("builder", "du").text.hasSuffix("Total: 0B"))
            #expect(try await engine.look("made", "cat /b") == "3")
            #expect(try await engine.ok("system", "check").out.contains("nothing is wrong"))
        }
    }

    @Test func keepsArgumentsApart() async throws {
        try await withEngine { engine in
            let context = try await BuildContext(
                "ARG T=1\nFROM base:$T\nARG V=d\nRUN echo $V $(env | grep -i _prox | cut -d= -f2) > /o")
            try await engine.build(context, ["-t", "a"])
            try await engine.build(context, ["-t", "b", "--build-arg", "V=x", "--build-arg", "http_proxy=via"])
            #expect(try await engine.look("a", "cat /o") == "d")
            #expect(try await engine.look("b", "cat /o") == "x via")
            // A proxy is no part of the key, the history or the image.
            #expect(try await engine.build(context, ["--build-arg", "V=x"]).all.contains("CACHED"))
            #expect(try await !engine.ok("history", "--no-trunc", "b").out.contains("via"))
            #expect(try await engine.build(context, ["--build-arg", "NOPE=1"]).all.contains("NOPE was not consumed"))
        }
    }

    @Test func givesTheSameImageTwice() async throws {
        try await withEngine { engine in
            let context = try await BuildContext(
                "FROM base:1\nRUN date +%N > /dev/null; mkdir /d; echo 1 > /d/f\nCOPY f /g\nWORKDIR /w", ["f": "1"])
            func id(_ options: [String]) async throws -> String {
                _ = try await shell("touch \(context.path)/f")
                return try await engine.build(context, ["--no-cache", "--iidfile", "\(context.path)/id"] + options)
                    .status == 0
                    ? try await shell("cat \(context.path)/id").text : ""
            }
            let first = try await id(["--build-arg", "SOURCE_DATE_EPOCH=1000"])
            try await Task.sleep(for: .milliseconds(1100))
            #expect(try await id(["--build-arg", "SOURCE_DATE_EPOCH=1000"]) == first)
            #expect(try await id(["--build-arg", "SOURCE_DATE_EPOCH=2000"]) != first)
            let plain = try await id(["--reproducible"])
            try await Task.sleep(for: .milliseconds(1100))
            #expect(try await id(["--reproducible"]) == plain)
        }
    }

    @Test func keepsSecrets() async throws {
        try await withEngine { engine in
            let context = try await BuildContext(
                "FROM base:1\nRUN --mount=type=secret,id=k,mode=0440,uid=5 --mount=type=secret,id=k,env=KEY sha256sum /run/secrets/k | cut -c1-8 > /o; "
                    + "stat -c '%a %u' /run/secrets/k >> /o; echo $KEY | wc -c >> /o\n"
                    + "RUN --mount=type=secret,id=none,required true\n")
            try context.write("key", "swordfish-7")
            let failed = try await engine.berth("build", "--secret", "id=k,src=\(context.path)/key", context.path)
            #expect(failed.status == 1 && failed.all.contains("pass --secret id=none"), "\(failed.all)")
            try await engine.build(
                context,
                [
                    "-t", "made", "--secret", "id=k,src=\(context.path)/key", "--secret",
                    "id=none,src=\(context.path)/key",
                ])
            #expect(try await engine.look("made", "tail -2 /o; ls /run/secrets 2>/dev/null; true") == "440 5\n12")
            let found = try await shell("grep -rl swordfish-7 \(engine.root) | wc -l")
            #expect(found.text == "0")
            #expect(try await !engine.ok("history", "--no-trunc", "made").out.contains("swordfish"))
        }
    }

    @Test func lendsTheAgentsSocket() async throws {
        try await withEngine { engine in
            let context = try await BuildContext(
                """
                FROM base:1
                RUN --mount=type=ssh,required test -S "$SSH_AUTH_SOCK" && echo "$SSH_AUTH_SOCK" > /o
                RUN --mount=type=ssh,id=other,target=/tmp/agent,required test -S /tmp/agent
                RUN test -z "$SSH_AUTH_SOCK" && test ! -e /run/buildkit && test ! -e /tmp/agent
                """,
                prepare: "python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind(\"agent\")'")
            let socket = "\(context.path)/agent"
            try await engine.build(
                context, ["-t", "made", "--ssh", "default=\(socket)", "--ssh", "other=\(socket)"])
            #expect(
                try await engine.look("made", "cat /o; ls -R /run /tmp 2>/dev/null | grep -c agent; true")
                    == "/run/buildkit/ssh_agent.0\n0")
            #expect(try await !engine.ok("history", "--no-trunc", "made").out.contains(context.path))
            let none = try await engine.berth("build", "--no-cache", context.path)
            #expect(none.status == 1 && none.all.contains("pass --ssh default"), "\(none.all)")
            let wrong = try await engine.berth("build", "--ssh", "default=\(context.path)/Dockerfile", context.path)
            #expect(wrong.status == 1 && wrong.all.contains("is no socket"), "\(wrong.all)")
        }
    }

    @Test func writesOtherOutputs() async throws {
        try await withEngine { engine in
            let context = try await BuildContext(
                "FROM scratch\nCOPY d /\nCMD [\"x\"]", ["d/a": "1", "d/s/b": "2"],
                prepare: "ln -s a d/l; chmod 751 d/s/b")
            try await engine.build(context, ["-o", "\(context.path)/out"])
            let listed = try await shell("cd \(context.path)/out && cat a s/b l && stat -c %a s/b")
            #expect(listed.text == "121751")
            try await engine.build(context, ["-o", "type=tar,dest=\(context.path)/t.tar"])
            #expect(try await shell("tar tf \(context.path)/t.tar | sort | xargs").text == "a l s/ s/b")
            try await engine.build(context, ["-t", "made:x", "-o", "type=docker,dest=\(context.path)/i.tar"])
            #expect(try await shell("tar tf \(context.path)/i.tar").out.contains("manifest.json"))
            let quiet = try await engine.ok("build", "-q", context.path)
            #expect(quiet.text.hasPrefix("sha256:") && quiet.err.isEmpty)
            let raw = try await engine.ok("build", "--progress", "rawjson", "--no-cache", context.path)
            #expect(
                try JSON(String(raw.err.split(separator: "\n")[0]))["vertexes"][0]["name"].string?.contains("COPY")
                    == true)
        }
    }

    @Test func readsItsInputs() async throws {
        try await withEngine { engine in
            let context = try await BuildContext(
                "FROM base:1\nCOPY . /x",
                ["f": "1", "other.dockerignore": "f", "sub/Dockerfile.x": "FROM base:1\nCOPY f /y"])
            try context.write("other", "FROM base:1\nCOPY . /x")
            try await engine.build(context, ["-t", "a", "-f", "\(context.path)/other"])
            #expect(try await engine.look("a", "ls /x/f 2>/dev/null; true") == "")
            try await engine.build(context, ["-t", "b", "-f", "\(context.path)/sub/Dockerfile.x"])
            #expect(try await engine.look("b", "cat /y") == "1")
            let words = engine.words(["build", "-t", "c", "-"]).joined(separator: " ")
            let text = try await shell("printf 'FROM base:1\\nRUN echo in > /z\\n' | \(words)")
            #expect(text.status == 0, "\(text.all)")
            #expect(try await engine.look("c", "cat /z") == "in")
            let archive = try await shell("tar -C \(context.path) -cz . | \(words)")
            #expect(archive.status == 0, "\(archive.all)")
            #expect(try await engine.look("c", "cat /x/f") == "1")
            let named = try await BuildContext("FROM src AS s\nFROM img\nCOPY --from=s /f /g\nCOPY --from=src f /h")
            try await engine.build(
                named,
                ["-t", "d", "--build-context", "src=\(context.path)", "--build-context", "img=docker-image://base:1"])
            #expect(try await engine.look("d", "cat /g /h") == "11")
        }
    }

    @Test func tellsWhatIsWrong() async throws {
        try await withEngine { engine in
            let context = try await BuildContext("FROM base:1\nRUN echo before; echo to-error >&2; exit 7\nRUN never")
            let failed = try await engine.berth("build", "-t", "made", context.path)
            #expect(failed.status == 1)
            #expect(failed.all.contains("exit code: 7") && failed.all.contains(">>> RUN echo before"), "\(failed.all)")
            #expect(failed.all.contains("to-error") && !failed.all.contains("never\""))
            #expect(try await engine.berth("image", "inspect", "made").status == 1)
            for (text, reason) in [
                ("FROM localhost:1/nowhere:1\n", "No such image"),
                ("FROM base:1\nCOPY gone /x\n", "not found in the context"),
                ("FROM base:1\nRUN [\"/none\"]\n", "exit code: 127"),
                ("FROM base:1\nCOPY --from=localhost:1/x a /b\n", "No such image"),
                ("FROM base:1\nBAD x\n", "unknown instruction"),
                ("FROM base:1\nCOPY --chown=nobody-here f /x\n", "nobody-here"),
                ("FROM base:1\nRUN echo 1 > /x\nCOPY d /x\n", "over a file"),
                ("FROM base:1\nRUN mkdir -p /x/a\nCOPY d /x\n", "over a directory"),
                ("FROM base:1\nRUN mkdir /x && ln -s /tmp /x/s\nCOPY e /x\n", "over a symbolic link"),
                ("FROM base:1\nCOPY d/a f /x\n", "no directory"),
                ("FROM base:1\nADD http://127.0.0.1:1/x /x\n", "connection refused"),
            ] {
                let one = try await BuildContext(text, ["f": "1", "d/a": "2", "e/s/b": "3"])
                let output = try await engine.berth("build", one.path)
                #expect(output.status == 1 && output.all.contains(reason), "\(text): \(output.all)")
            }
            for words in [
                ["build"], ["build", "/nowhere"], ["build", "--network", "x", "."], ["build", "-o", "type=x", "."],
                ["build", "--push", "."],
                ["build", "-t", "UPPER", context.path], ["build", "--target", "x", context.path],
                ["build", "http://127.0.0.1:1/x.git"],
            ] {
                #expect(try await command(engine.words(words)).status != 0, "\(words)")
            }
        }
    }

    @Test func checks() async throws {
        try await withEngine { engine in
            let bad = try await BuildContext("FROM base:1 as x\nENV a b\nCMD echo\n")
            let output = try await engine.berth("build", "--check", bad.path)
            #expect(output.status == 1)
            for name in ["FromAsCasing", "LegacyKeyValueFormat", "JSONArgsRecommended"] {
                #expect(output.out.contains(name))
            }
            #expect(output.out.contains("^^"))
            #expect(try await engine.build(bad).all.contains("3 warnings found"))
            let good = try await BuildContext("FROM missing:1\nRUN x\nCMD [\"x\"]\n")
            #expect(try await engine.ok("build", "--check", good.path).out.contains("no warnings"))
            let strict = try await BuildContext("# check=error=true\nFROM base:1\nMAINTAINER x\n")
            #expect(try await engine.berth("build", strict.path).status == 1)
        }
    }
}

extension String {
    /// How often a word is in the text.
    func components(_ word: String) -> Int {
        var count = 0
        var rest = self[...]
        while let range = rest.firstRange(of: word) {
            count += 1
            rest = rest[range.upperBound...]
        }
        return count
    }
}
