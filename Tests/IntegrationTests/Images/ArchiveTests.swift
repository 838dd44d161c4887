import Glibc
import TestSupport
import Testing

/// Images out and in again, and made of containers; what other programs make of the archives.
@Suite struct ImageArchiveTests {
    /// A container with changes of every kind, committed as `made:1`.
    private func commit(_ engine: TestEngine) async throws -> String {
        try await engine.ok(
            "run", "--name", "src", base, "sh", "-c",
            "echo new >/new; ln /new /hard; rm /etc/passwd; rm -r /var/www; mkdir /var/www; chown 5:6 /var/www; chmod 711 /"
        )
        return try await engine.ok(
            "commit", "-m", "a message", "-a", "somebody", "-c", "ENV X=y", "-c", "CMD [\"cat\", \"/new\"]", "src",
            "made:1"
        ).text
    }

    @Test func commitKeepsEveryChange() async throws {
        try await withEngine { engine in
            let id = try await commit(engine)
            #expect(try await engine.ok("run", "--rm", "made:1").text == "new")
            let seen = try await engine.ok(
                "run", "--rm", "made:1", "sh", "-c",
                "stat -c '%h %u:%g' /new; stat -c '%u:%g' /var/www; stat -c %a /; ls /var/www; ls /etc/passwd 2>&1; echo $X"
            ).lines
            #expect(seen == ["2 0:0", "5:6", "711", "ls: /etc/passwd: No such file or directory", "y"])
            let format = "{{.Id}} {{.Comment}} {{.Author}} {{json .Config.Cmd}} {{len .RootFS.Layers}}"
            #expect(
                try await engine.ok("image", "inspect", "-f", format, "made:1").text
                    == "\(id) a message somebody [\"cat\",\"/new\"] 2")
            let history = try await engine.ok(
                "history", "--no-trunc", "--format", "{{.Comment}}|{{.CreatedBy}}", "made:1"
            ).lines
            #expect(history.first?.hasPrefix("a message|sh -c echo new >/new") == true)
            // Of a running container, which goes on afterwards.
            // By rename: a file that is just being written may be empty in the image.
            try await engine.start(
                "--name", "ticker", base, "sh", "-c", "while :; do date >/tock; mv /tock /tick; sleep 0.05; done")
            #expect(
                try await eventually(seconds: 30) {
                    try await engine.berth("exec", "ticker", "test", "-s", "/tick").status == 0
                })
            try await engine.ok("commit", "ticker", "running:1")
            try await engine.ok("commit", "--pause=false", "ticker", "running:2")
            #expect(try await engine.inspect("ticker")["State"]["Status"].string == "running")
            #expect(
                try await engine.ok("run", "--rm", "running:1", "sh", "-c", "test -s /tick && echo yes").text == "yes")
            #expect(try await engine.ok("system", "check").status == 0)
        }
    }

    /// A commit that fails half way, and one that is killed, let the container go on.
    @Test func commitNeverLeavesAContainerStanding() async throws {
        try await withEngine { engine in
            try await engine.start(
                "--name", "busy", base, "sh", "-c",
                "dd if=/dev/zero of=/big bs=1M count=60 2>/dev/null; echo ready; i=0; while :; do i=$((i+1)); echo $i >/tick; sleep 0.05; done"
            )
            let begun = try await eventually(seconds: 30) {
                try await engine.berth("logs", "busy").out.contains("ready")
            }
            #expect(begun)
            // A limit on the length of files ends the copy of the large one in its middle.
            let failed = try await shell(
                "ulimit -f 20000; trap '' XFSZ; \(engine.words(["commit", "busy", "failed:1"]).joined(separator: " "))")
            #expect(failed.status != 0, "\(failed.all)")
            try await expectGoesOn(engine)
            for _ in 0..<6 {
                let child = try Child(engine.words(["commit", "busy", "killed:1"]))
                try await Task.sleep(for: .milliseconds(Int.random(in: 5...150)))
                child.signal(SIGKILL)
                _ = try await child.finish()
                try await expectGoesOn(engine)
            }
            try await engine.ok("commit", "busy", "fine:1")
            try await expectGoesOn(engine)
            #expect(try await engine.berth("image", "inspect", "failed:1").status == 1)
            #expect(try await engine.ok("system", "check").out.contains("nothing is wrong"))
        }
    }

    private func expectGoesOn(_ engine: TestEngine) async throws {
        let files = list("\(engine.root)/containers").map { "\(engine.root)/containers/\($0)/upper/tick" }
        let tick = try #require(files.first { exists($0) }, "no counter in \(files)")
        let before = contents(tick)
        let goesOn = try await eventually(seconds: 20) { contents(tick) != before && contents(tick) != "" }
        #expect(goesOn, "the container stands still")
        #expect(try await engine.inspect("busy")["State"]["Status"].string == "running")
    }

    @Test func savedImagesComeBackTheSame() async throws {
        try await withEngine { engine in
            _ = try await commit(engine)
            let scratch = try Scratch()
            let archive = scratch.path + "/images.tar"
            try await engine.ok("tag", "made:1", "other/made:2")
            try await engine.ok("save", "-o", archive, "made:1", "other/made:2", base)
            let before = try await engine.ok(
                "images", "--no-trunc", "--digests", "--format", "{{.Repository}}:{{.Tag}} {{.ID}} {{.Digest}}"
            ).lines.sorted()
            // The same bytes every time, and through a pipe.
            let again = try await shell(
                "\(engine.words(["save", "made:1", "other/made:2", base]).joined(separator: " ")) | cmp - \(archive)")
            #expect(again.status == 0, "\(again.all)")
            try await engine.ok("rm", "src")
            try await engine.ok("rmi", "made:1", "other/made:2", base)
            #expect(try await engine.ok("images", "-q").text == "")
            let loaded = try await engine.ok("load", "-i", archive)
            #expect(
                Set(loaded.lines) == ["Loaded image: made:1", "Loaded image: other/made:2", "Loaded image: \(base)"])
            let after = try await engine.ok(
                "images", "--no-trunc", "--digests", "--format", "{{.Repository}}:{{.Tag}} {{.ID}} {{.Digest}}"
            ).lines.sorted()
            #expect(after == before)
            #expect(try await engine.ok("run", "--rm", "other/made:2").text == "new")
            // The base's layer is one file of the archive, however many images have it.
            let listed = try await shell("tar -tf \(archive) | sort | uniq -d | wc -l")
            #expect(listed.text == "0")
        }
    }

    @Test func otherProgramsReadWhatIsSaved() async throws {
        try await withEngine { engine in
            let id = try await commit(engine)
            let scratch = try Scratch()
            let archive = scratch.path + "/images.tar"
            try await engine.ok("save", "-o", archive, "made:1")
            for kind in ["docker-archive:\(archive)", "docker-archive:\(archive):made:1", "oci-archive:\(archive)"] {
                let seen = try await command(["skopeo", "inspect", "--config", "--raw", kind])
                #expect(seen.status == 0, "\(kind): \(seen.all)")
                let digest = try await shell("skopeo inspect --config --raw \(kind) | sha256sum")
                #expect(digest.text.hasPrefix(String(id.dropFirst("sha256:".count))), "\(kind)")
            }
            let unpacked = try await shell(
                """
                set -e; cd \(scratch.path); mkdir l; tar -xf images.tar -C l
                umoci unpack --image l:1 b >/dev/null 2>&1; cat b/rootfs/new; test ! -e b/rootfs/etc/passwd
                stat -c '%u:%g' b/rootfs/var/www
                """)
            #expect(unpacked.lines == ["new", "5:6"], "\(unpacked.all)")
        }
    }

    @Test(.enabled(if: exists("/usr/bin/podman"), "podman is not installed"))
    func podmanReadsAndWrites() async throws {
        try await withEngine { engine in
            let id = try await commit(engine)
            let scratch = try Scratch()
            let archive = scratch.path + "/images.tar"
            try await engine.ok("save", "-o", archive, "made:1")
            let podman = "podman --root \(scratch.path)/root --runroot \(scratch.path)/run --storage-driver vfs"
            let read = try await shell(
                """
                set -e; cd \(scratch.path)
                \(podman) load -q -i \(archive) >/dev/null
                \(podman) image inspect --format '{{.Id}}' made:1
                \(podman) save -q --format oci-archive -o oci.tar made:1
                \(podman) save -q --format docker-archive -o docker.tar made:1
                """)
            #expect(read.lines.first == String(id.dropFirst("sha256:".count)), "\(read.all)")
            for kind in ["oci", "docker"] {
                try await engine.ok("rmi", "-f", "made:1")
                let loaded = try await engine.ok("load", "-i", "\(scratch.path)/\(kind).tar")
                #expect(loaded.out.contains("made:1"), "\(loaded.all)")
                #expect(try await engine.ok("image", "inspect", "-f", "{{.Id}}", "made:1").text == id)
                #expect(try await engine.ok("run", "--rm", "made:1").text == "new")
            }
            _ = try await shell("\(podman) system reset -f; umount \(scratch.path)/root/vfs 2>/dev/null; true")
        }
    }

    @Test func importFetchesFromTheWeb() async throws {
        try await withEngine(images: false) { engine in
            let scratch = try Scratch()
            try await shell(
                "gzip -c \(try await BaseImage.shared.tar()) >\(scratch.path)/base.tar.gz; head -c 300000 \(scratch.path)/base.tar.gz >\(scratch.path)/half.tar.gz"
            )
            let server = try Child(
                ["python3", "-u", "-m", "http.server", "--bind", "127.0.0.1", "--directory", scratch.path, "0"])
            let said = try await server.waitFor("http://127.0.0.1:")
            let port = try #require(said.split(separator: "http://127.0.0.1:").last?.prefix { $0.isNumber })
            let site = "http://127.0.0.1:\(port)"
            try await engine.ok("import", "\(site)/base.tar.gz", "web:1")
            #expect(try await engine.ok("run", "--rm", "web:1", "cat", "/etc/origin").text == "of the image")
            #expect(
                try await engine.ok("history", "--no-trunc", "--format", "{{.Comment}}", "web:1").text
                    == "Imported from \(site)/base.tar.gz")
            for (path, part) in [("none.tar", "404"), ("half.tar.gz", "ends"), ("", "")] {
                let output = try await engine.berth("import", "\(site)/\(path)", "bad:1")
                #expect(output.status == 1 && output.err.contains(part), "\(output.all)")
                #expect(output.err.utf8.count(where: { $0 == 10 }) == 1, "one sentence: \(output.err)")
            }
            #expect(try await engine.ok("images", "-q").lines.count == 1)
            #expect(list("\(engine.root)/images/tmp").isEmpty)
        }
    }

    @Test func exportIsTheWholeFileSystem() async throws {
        try await withEngine { engine in
            _ = try await commit(engine)
            let scratch = try Scratch()
            try await engine.ok("export", "-o", "\(scratch.path)/c.tar", "src")
            let names = try await shell("tar -tvf \(scratch.path)/c.tar | awk '{print $2, $6}'")
            #expect(names.lines.contains("0/0 new") && names.lines.contains("5/6 var/www/"))
            #expect(!names.lines.contains { $0.hasSuffix(" etc/passwd") || $0.contains(".wh.") })
            try await engine.ok("import", "\(scratch.path)/c.tar", "flat:1")
            #expect(try await engine.ok("run", "--rm", "flat:1", "cat", "/hard").text == "new")
        }
    }

    @Test func whatIsUnusedIsPruned() async throws {
        try await withEngine { engine in
            _ = try await commit(engine)
            try await engine.ok("tag", base, "made:1")
            #expect(try await engine.ok("images", "-q", "--filter", "dangling=true").lines.count == 1)
            let asked = try await engine.berth("image", "prune", input: "n\n")
            #expect(asked.out.contains("Are you sure") && !asked.out.contains("Deleted"))
            #expect(
                try await engine.ok("image", "prune", "-f", "--filter", "label=none").text
                    == "Total reclaimed space: 0B")
            let pruned = try await engine.ok("image", "prune", "-f")
            #expect(pruned.out.hasPrefix("Deleted Images:\ndeleted: sha256:"), "\(pruned.out)")
            // The container's own image stays, whatever is asked.
            try await engine.ok("image", "prune", "-a", "-f")
            #expect(try await engine.ok("images", "--format", "{{.Repository}}:{{.Tag}}").lines.contains(base))
            try await engine.ok("rm", "src")
            try await engine.ok("image", "prune", "-a", "-f")
            #expect(try await engine.ok("images", "-q").text == "")
            #expect(try await engine.ok("system", "check").out.contains("nothing is wrong"))
        }
    }

    @Test func diskUsageAddsUpToWhatDuSays() async throws {
        try await withEngine { engine in
            _ = try await commit(engine)
            let lines = try await engine.ok("system", "df", "--format", "json").lines
            let images = try JSON(try #require(lines.first { $0.contains("\"Images\"") }))
            let said = try #require(images["Size"].string)
            let du = try await shell("du -s --block-size=1 \(engine.root)/images | cut -f1")
            let bytes = try #require(Double(du.text))
            let unit = said.hasSuffix("GB") ? 1e9 : said.hasSuffix("MB") ? 1e6 : said.hasSuffix("kB") ? 1e3 : 1
            let number = try #require(Double(said.prefix { $0.isNumber || $0 == "." }))
            #expect(abs(number * unit - bytes) <= bytes * 0.01, "df says \(said), du \(du.text)")
            #expect(try await engine.ok("system", "df", "-v").out.contains("made"))
            #expect(try await engine.ok("system", "df").lines.count == 5)
        }
    }

    @Test func damageIsFoundAndRepaired() async throws {
        try await withEngine { engine in
            let touched = try await shell(
                "f=$(ls -d \(engine.root)/images/layers/*/diff/etc/origin) && echo damaged >$f")
            #expect(touched.status == 0)
            let found = try await engine.berth("system", "check")
            #expect(found.status == 1 && found.out.contains("/etc/origin"), "\(found.all)")
            let repaired = try await engine.ok("system", "check", "--repair")
            #expect(repaired.out.contains("unpacked again"), "\(repaired.all)")
            #expect(try await engine.ok("run", "--rm", base, "cat", "/etc/origin").text == "of the image")
            // A blob that lies: the image still runs, but is no longer handed out.
            _ = try await shell(
                "b=$(ls -S \(engine.root)/images/blobs/sha256/* | head -1) && printf x | dd of=$b bs=1 seek=700 conv=notrunc 2>/dev/null"
            )
            #expect(try await engine.berth("save", "-o", "\(engine.root)/x.tar", base).status == 1)
            #expect(try await engine.berth("system", "check").status == 1)
            try await engine.ok("system", "check", "--repair")
            try await engine.ok("system", "check")
            #expect(try await engine.ok("run", "--rm", base, "cat", "/etc/origin").text == "of the image")
        }
    }

    @Test func mistakesAreSentences() async throws {
        try await withEngine { engine in
            for (words, part) in [
                (["save", "nope:1"], "No such image: nope:1"), (["tag", "nope", "x"], "No such image"),
                (["tag", base, "X:y"], "lower case"),
                (["tag", base, "x@sha256:" + String(repeating: "a", count: 64)], "digest"),
                (["history", "nope"], "No such image"), (["commit", "nope"], "No such container"),
                (["export", "nope"], "No such container"), (["save", "-o", "/nonexistent/x", base], "/nonexistent/x"),
                (["save", "-o", "/", base], "directory"),
                (["load", "--platform", "a/b/c/d", "-i", "/dev/null"], "platform"),
                (["images", "--format", "{{.Nope}}"], "Nope"), (["images", "--filter", "x=1"], "invalid filter"),
                (["image", "inspect", "-f", "{{", base], "unclosed action"),
            ] {
                let output = try await command(engine.words(words))
                #expect(output.status != 0 && output.all.contains(part), "\(words): \(output.all)")
            }
        }
    }
}
