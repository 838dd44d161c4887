import Glibc
import TestSupport
import Testing

/// What must not happen in a build: files of the host in an image, things left behind, a broken store.
@Suite struct BuildSafetyTests {
    @Test func keepsTheContextsPathsInside() async throws {
        try await withEngine { engine in
            let context = try await BuildContext(
                "FROM base:1\nCOPY ../../../../etc/hostname* /a/\nCOPY d /d\nCOPY up/inner /u\nCOPY loop* /l/",
                ["inner": "in"],
                prepare:
                    "mkdir d; ln -s /etc/shadow d/abs; ln -s ../../../../etc/shadow d/rel; ln -s / up; ln -s loop loop1"
            )
            try await engine.build(context, ["-t", "made"])
            // Links are copied as links; what a source leads to is within the context.
            #expect(
                try await engine.look("made", "readlink /d/abs; cat /u; ls /a 2>/dev/null; true") == "/etc/shadow\nin")
            for (text, files) in [
                ("COPY l /x", "ln -s /etc/hostname l"), ("COPY l/hostname /x", "ln -s /etc l"),
                ("COPY a /x", "ln -s b a; ln -s a b"),
                ("COPY ../host /x", "echo no > ../host-\(getpid())"),
                ("RUN --mount=target=/m,source=l cat /m", "ln -s /etc/shadow l"),
            ] {
                let one = try await BuildContext("FROM base:1\n\(text)\n", prepare: files)
                let output = try await engine.berth("build", one.path)
                #expect(output.status == 1, "\(text): \(output.all)")
            }
            _ = try await shell("rm -f /var/tmp/host-\(getpid())")
        }
    }

    @Test func keepsTheImagesLinksInside() async throws {
        try await withEngine { engine in
            let outside = try Scratch()
            let context = try await BuildContext(
                """
                FROM base:1 AS evil
                RUN ln -s \(outside.path) /out && ln -s ../../../../../../../..\(outside.path) /rel && ln -s /etc/shadow /sh
                FROM evil
                COPY f /out/
                COPY f /rel/g
                WORKDIR /out/w
                COPY --from=evil /sh /x
                """, ["f": "1"])
            let output = try await engine.berth("build", context.path)
            #expect(output.status == 1 && output.all.contains("not found"), "\(output.all)")
            #expect(try await shell("ls -A \(outside.path)").text == "")
        }
    }

    @Test func refusesHostileArchives() async throws {
        try await withEngine { engine in
            for (name, script) in [
                ("climbing", "t.addfile(i('../../../../../../tmp/berth-evil'))"),
                ("a device in disguise", "x=i('w'); x.type=tarfile.CHRTYPE; t.addfile(x)"),
                (
                    "a link out",
                    "x=i('l'); x.type=tarfile.SYMTYPE; x.linkname='/tmp'; t.addfile(x); t.addfile(i('l/berth-evil'))"
                ),
            ] {
                let program = """
                    import tarfile
                    def i(n):
                        x=tarfile.TarInfo(n); x.size=0; return x
                    t=tarfile.open('t.tar','w')
                    \(script)
                    t.close()
                    """
                let context = try await BuildContext(
                    "FROM base:1\nADD t.tar /x/\n", ["make.py": program], prepare: "python3 make.py")
                _ = try await engine.berth("build", context.path)
                #expect(try await shell("ls /tmp/berth-evil 2>/dev/null").text == "", "\(name)")
            }
        }
    }

    @Test func copesWithManyIgnorePatterns() async throws {
        try await withEngine { engine in
            let context = try await BuildContext(
                "FROM scratch\nCOPY . /\n", ["keep": "1"],
                prepare: "seq 1 100000 | sed 's/^/dir*\\//' > .dockerignore; mkdir dir; touch dir/5")
            let started = ContinuousClock.now
            try await engine.build(context, ["-t", "made"])
            #expect(ContinuousClock.now - started < .seconds(20))
        }
    }

    @Test func survivesSIGKILL() async throws {
        try await withEngine { engine in
            let context = try await BuildContext(
                "FROM base:1 AS a\nRUN sleep 0.05; echo 1 > /a\nFROM base:1\nCOPY f /f\nRUN sleep 0.05\nCOPY --from=a /a /a\nWORKDIR /w",
                ["f": "1"])
            for round in 0..<(10 * Repository.scale) {
                let child = try engine.session("build", "--no-cache", "-t", "made", context.path)
                let moment = Repository.scale > 1 ? Int.random(in: 0..<600) : 5 + 37 * round
                try await Task.sleep(for: .milliseconds(moment))
                child.signal(SIGKILL)
                _ = try await child.finish()
                // What was done when it died is known; the rest is made anew.
                try await engine.build(context, ["-t", "made"])
                #expect(
                    try await engine.ok("system", "check").out.contains("nothing is wrong"), "killed after \(moment) ms"
                )
            }
            #expect(try await engine.build(context).all.components("CACHED") == 5)
            #expect(try await engine.look("made", "cat /a /f") == "1\n1")
            #expect(try await engine.ok("ps", "-aq").text == "")
            #expect(try await shell("ls \(engine.root)/build/locks | grep -v mount-; true").text == "")
            #expect(
                try await shell(
                    "ls \(engine.root)/containers \(engine.root)/build | grep -cE 'work|[0-9a-f]{64}'; true"
                ).text == "0")
        }
    }

    @Test func endsWithCtrlC() async throws {
        try await withEngine { engine in
            let context = try await BuildContext("FROM base:1\nRUN echo begun; sleep 100\n")
            let child = try engine.session("build", context.path)
            try await Task.sleep(for: .milliseconds(1500))
            child.signal(SIGINT)
            let output = try await child.finish()
            #expect(output.status == 130, "\(output.all)")
            #expect(
                try await shell("pgrep -f 'sleep 100' -c; ls \(engine.root)/containers").out.contains("begun") == false)
            #expect(try await engine.ok("ps", "-aq").text == "")
        }
    }

    @Test func buildsAtOnce() async throws {
        try await withEngine { engine in
            let same = try await BuildContext(
                "FROM base:1\nRUN sleep 0.3; cat /proc/sys/kernel/random/uuid > /u\nCOPY f /f", ["f": "1"])
            var contexts = [BuildContext]()
            for number in 0..<4 { contexts.append(try await BuildContext("FROM base:1\nRUN echo \(number) > /n")) }
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<4 {
                    let other = contexts[number]
                    group.addTask { try await engine.build(same, ["-t", "same:\(number)"]) }
                    group.addTask { try await engine.build(other, ["-t", "other:\(number)"]) }
                }
                try await group.waitForAll()
            }
            // The step ran once: all have what it made.
            var seen = Set<String>()
            for number in 0..<4 {
                seen.insert(try await engine.look("same:\(number)", "cat /u"))
                #expect(try await engine.look("other:\(number)", "cat /n") == "\(number)")
            }
            #expect(seen.count == 1)
            #expect(try await engine.ok("system", "check").out.contains("nothing is wrong"))
        }
    }
}
