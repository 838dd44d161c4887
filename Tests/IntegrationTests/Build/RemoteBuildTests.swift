import Glibc
import TestSupport
import Testing

/// Contexts and sources from the web and from Git, served by Tests/Support/webserver.py.
@Suite struct RemoteBuildTests {
    /// A web server for one test, gone with its owner.
    final class Web: Sendable {
        let url: String
        private let server: Child

        init(_ directory: String) async throws {
            server = try Child(
                ["python3", Repository.path + "/Tests/Support/webserver.py", directory], streams: .pipes(input: true))
            let first = try await server.waitFor("\n")
            let port = try #require(first.split(separator: "\n").first.flatMap { Int($0) }, "\(first)")
            url = "http://127.0.0.1:\(port)"
        }

        func requests() async -> [String] {
            await server.outputSoFar().split(separator: "\n").dropFirst().map(String.init)
        }
    }

    private static let hasGit = access("/usr/bin/git", X_OK) == 0

    @Test func addsFilesOfTheWeb() async throws {
        try await withEngine { engine in
            let files = try await BuildContext(
                "", ["a.txt": "one", "q/in": "1"], prepare: "tar czf t.tar.gz q; sha256sum a.txt | cut -c1-64 > sum")
            let web = try await Web(files.path)
            let sum = try await shell("cat \(files.path)/sum").text
            let context = try await BuildContext(
                """
                FROM base:1
                ARG U
                ADD ${U}/a.txt /x/
                ADD --checksum=sha256:\(sum) --chmod=640 --chown=3:4 ${U}/redirect/a.txt /y
                ADD $U/t.tar.gz /z/
                ADD --unpack=true $U/t.tar.gz /w/
                """)
            let options = ["-t", "made", "--build-arg", "U=\(web.url)"]
            try await engine.build(context, options)
            #expect(
                try await engine.look(
                    "made", "cat /x/a.txt /y /w/q/in; stat -c ' %a %u:%g %Y' /x/a.txt /y; ls /z")
                    == "oneone1 600 0:0 784887151\n 640 3:4 784887151\nt.tar.gz")
            // What has not changed is not sent again, and what has is seen.
            let before = await web.requests().count
            #expect(try await engine.build(context, options).all.components("CACHED") == 4)
            let again = await web.requests().dropFirst(before)
            #expect(!again.isEmpty && again.allSatisfy { $0.hasPrefix("304 ") || $0.hasPrefix("302 ") }, "\(again)")
            try files.write("a.txt", "two")
            // The one with a checksum is here already: what its address leads to now does not matter.
            try await engine.build(context, options)
            #expect(try await engine.look("made", "cat /x/a.txt /y") == "twoone")
        }
    }

    @Test func refusesWhatCannotBeFetched() async throws {
        try await withEngine { engine in
            let files = try await BuildContext("", ["a.txt": "one and more"])
            let web = try await Web(files.path)
            for (source, reason) in [
                ("\(web.url)/none", "404"), ("\(web.url)/loop", "redirects too often"),
                ("\(web.url)/cut/a.txt", "cannot fetch"), ("http://127.0.0.1:1/x", "refused"),
                ("http://user:word@127.0.0.1/x", "cannot fetch"),
                ("--checksum=sha256:00 \(web.url)/a.txt", "no digest"),
                ("--checksum=md5:00 \(web.url)/a.txt", "no digest"),
                ("--checksum=sha256:\(String(repeating: "0", count: 64)) \(web.url)/a.txt", "its checksum is sha256:"),
            ] {
                let context = try await BuildContext("FROM base:1\nADD \(source) /x\n")
                let output = try await engine.berth("build", context.path)
                #expect(output.status == 1 && output.all.contains(reason), "\(source): \(output.all)")
                #expect(output.all.contains(">>> ADD"), "\(output.all)")
            }
            #expect(try await engine.ok("system", "check").out.contains("nothing is wrong"))
        }
    }

    @Test func takesContextsOfTheWeb() async throws {
        try await withEngine { engine in
            let files = try await BuildContext(
                "FROM base:1\nCOPY f /f\n",
                ["f": "1", "sub/D": "FROM base:1\nCOPY f /g\n", "plain": "FROM base:1\nRUN echo p > /p\n"],
                prepare: "tar czf c.tar.gz Dockerfile f sub; tar cf c.tar f")
            let web = try await Web(files.path)
            try await engine.ok("build", "-t", "a", "\(web.url)/c.tar.gz")
            #expect(try await engine.look("a", "cat /f") == "1")
            try await engine.ok("build", "-t", "b", "-f", "sub/D", "\(web.url)/c.tar.gz")
            #expect(try await engine.look("b", "cat /g") == "1")
            // A file that is no archive is the Dockerfile.
            try await engine.ok("build", "-t", "c", "\(web.url)/plain")
            #expect(try await engine.look("c", "cat /p") == "p")
            let named = try await BuildContext("FROM base:1\nCOPY --from=src f /h\n")
            try await engine.build(named, ["-t", "d", "--build-context", "src=\(web.url)/c.tar"])
            #expect(try await engine.look("d", "cat /h") == "1")
            #expect(try await engine.berth("build", "\(web.url)/c.tar").all.contains("Dockerfile"))
            #expect(try await engine.berth("build", "-f", "x", "\(web.url)/plain").all.contains("is no archive"))
        }
    }

    @Test(.enabled(if: hasGit, "git is not installed")) func takesGitRepositories() async throws {
        try await withEngine { engine in
            let files = try await BuildContext(
                "FROM base:1\nCOPY f /f\n",
                ["f": "main", "sub/Dockerfile": "FROM base:1\nCOPY g /g\n", "sub/g": "sub"],
                prepare: """
                    export HOME=$PWD; git init -q -b main r; cp -r Dockerfile f sub r/; cd r
                    git config user.email t@example.org; git config user.name t
                    ln -s / up; git add -A; git commit -qm 1; git tag -a -m t v1
                    git checkout -qb dev; echo -n dev > f; git commit -qam 2; git rev-parse HEAD > ../id; git checkout -q main
                    printf '#!/bin/sh\\ntouch \(engine.root)-hooked\\n' > ../hook; chmod 755 ../hook
                    mkdir ../hooks; cp ../hook ../hooks/post-checkout; git config --global core.hooksPath "$HOME/hooks"
                    cd ..; git clone -q --bare r r.git; git -C r.git update-server-info
                    """)
            let web = try await Web(files.path)
            let id = try await shell("cat \(files.path)/id").text
            let remote = "\(web.url)/r.git"
            for (reference, look, wanted) in [
                ("", "cat /f", "main"), ("#dev", "cat /f", "dev"), ("#\(id)", "cat /f", "dev"),
                ("#v1:sub", "cat /g", "sub"), ("?branch=main&subdir=sub", "cat /g", "sub"), ("#:sub", "cat /g", "sub"),
                ("#refs/heads/dev", "cat /f", "dev"),
            ] {
                let output = try await command(
                    engine.words(["build", "-t", "made", remote + reference]),
                    environment: ["HOME": files.path, "GIT_CONFIG_GLOBAL": "\(files.path)/.gitconfig"])
                #expect(output.status == 0, "\(reference): \(output.all)")
                #expect(try await engine.look("made", look) == wanted, "\(reference)")
            }
            #expect(access("\(engine.root)-hooked", F_OK) != 0)
            for (reference, reason) in [
                ("#none", "no branch or tag"), ("#main:../x", "no such directory"), ("#main:f", "no such directory"),
                ("#--upload-pack=x", "no branch, tag or commit"), ("?checksum=0000000&ref=main", "and not 0000000"),
                ("?what=1", "unexpected query"), ("#main:up/etc", "no such directory"),
            ] {
                let output = try await engine.berth("build", remote + reference)
                #expect(output.status == 1 && output.all.contains(reason), "\(reference): \(output.all)")
            }
            let context = try await BuildContext(
                """
                FROM base:1
                ADD \(remote)#v1 /repo
                ADD --keep-git-dir=true --checksum=\(id) \(remote)#dev /kept/
                """)
            try await engine.build(context, ["-t", "made"])
            #expect(
                try await engine.look(
                    "made", "cat /repo/f /kept/f; ls -d /repo/.git /kept/.git 2>/dev/null; readlink /repo/up")
                    == "maindev/kept/.git\n/")
        }
    }
}
