import TestSupport
import Testing

/// Images coming in, shown and removed; how containers share their layers.
@Suite struct ImageTests {
    @Test(arguments: ["gzip -c", "zstd -q -c", "cat"])
    func importOfCompressedArchives(_ compressor: String) async throws {
        try await withEngine(images: false) { engine in
            let scratch = try Scratch()
            let tar = try await BaseImage.shared.tar()
            try await shell("\(compressor) \(tar) > \(scratch.path)/image")
            let output = try await engine.ok("import", scratch.path + "/image", "box:v1")
            #expect(output.text.hasPrefix("sha256:"))
            #expect(try await engine.ok("run", "--rm", "box:v1", "cat", "/etc/origin").text == "of the image")
            let images = try await engine.ok("images")
            #expect(images.out.contains("box") && images.out.contains("v1"))
            let inspected = try JSON(try await engine.ok("image", "inspect", "box:v1").out)[0]
            #expect(inspected["Architecture"].string == "amd64" || inspected["Architecture"].string == "arm64")
            #expect(inspected["RootFS"]["Layers"].array?.count == 1)
        }
    }

    @Test func loadOfOCIAndDockerArchives() async throws {
        try await withEngine(images: false) { engine in
            let scratch = try Scratch()
            let tar = try await BaseImage.shared.tar()
            // Built by programs that are not ours: two layers, the second with a whiteout, a change and a new file.
            let made = try await shell(
                """
                set -e; cd \(scratch.path)
                umoci init --layout img; umoci new --image img:t
                mkdir b; umoci unpack --image img:t b >/dev/null 2>&1
                tar -xf \(tar) -C b/rootfs; umoci repack --image img:t b >/dev/null 2>&1; rm -rf b
                umoci unpack --image img:t b >/dev/null 2>&1
                rm b/rootfs/etc/origin; echo two >b/rootfs/etc/second; rm -r b/rootfs/var/www; mkdir b/rootfs/var/www; echo new >b/rootfs/var/www/only
                umoci repack --image img:t b >/dev/null 2>&1
                umoci config --image img:t --config.entrypoint /bin/sh --config.entrypoint -c --config.cmd 'echo default:$FROM_IMAGE:$(id -u):$PWD' --config.env FROM_IMAGE=yes --config.user www --config.workingdir /tmp
                skopeo copy -q oci:img:t oci-archive:oci.tar:made/oci:1
                skopeo copy -q oci:img:t docker-archive:docker.tar:made/docker:1
                """)
            try #require(made.status == 0, "\(made.all)")
            for kind in ["oci", "docker"] {
                let loaded = try await engine.ok("load", "-i", "\(scratch.path)/\(kind).tar")
                #expect(loaded.out.contains("made/\(kind):1"), "\(loaded.all)")
                #expect(try await engine.ok("run", "--rm", "made/\(kind):1").text == "default:yes:1000:/tmp")
                let files = try await engine.ok(
                    "run", "--rm", "made/\(kind):1", "ls /etc/origin /etc/second /var/www 2>&1; true"
                )
                .lines.sorted()
                #expect(files.contains("/etc/second"))
                #expect(files.contains("only"))
                #expect(!files.contains("index.html"))
                #expect(!files.contains("/etc/origin"))
            }
            // Both say the same content, so both have the same layers.
            func layers(_ name: String) async throws -> [String] {
                try JSON(try await engine.ok("image", "inspect", name).out)[0]["RootFS"]["Layers"].array?.compactMap(
                    \.string) ?? []
            }
            #expect(try await layers("made/oci:1") == layers("made/docker:1"))
            // From standard input too.
            try await engine.ok("rmi", "made/oci:1")
            let piped = try await shell("\(engine.words(["load"]).joined(separator: " ")) < \(scratch.path)/oci.tar")
            #expect(piped.status == 0, "\(piped.all)")
        }
    }

    @Test func removalAndUse() async throws {
        try await withEngine { engine in
            try await engine.start("--name", "user", base, "sleep", "100")
            let used = try await engine.berth("rmi", base)
            #expect(used.status == 1, "\(used.all)")
            #expect(used.err.contains("user") || used.err.contains("container"))
            try await engine.ok("rm", "-f", "user")
            try await engine.ok("rmi", base)
            #expect(try await engine.ok("images", "-q").text == "")
            #expect(try await engine.berth("run", "--rm", base, "true").status == 125)
            // Nothing of the layer is left in the store.
            let bytes = try await shell("find \(engine.root)/images -type f -size +100k | wc -l")
            #expect(bytes.text == "0")
        }
    }

    @Test func containersShareLayersAndNotWrites() async throws {
        try await withEngine { engine in
            let before = try await shell("du -sxm \(engine.root) | cut -f1")
            let script = "echo $0 >/mine; rm /etc/origin; echo changed >/var/www/index.html; exec sleep 100"
            for name in ["one", "two", "three"] {
                try await engine.start("--name", name, base, "sh", "-c", script, name)
            }
            let settled = try await eventually {
                try await engine.berth("exec", "three", "cat", "/mine").text == "three"
            }
            #expect(settled)
            #expect(try await engine.ok("exec", "one", "cat", "/mine").text == "one")
            #expect(try await engine.ok("exec", "two", "cat", "/mine").text == "two")
            #expect(try await engine.berth("exec", "one", "cat", "/etc/origin").status == 1)
            // The layer is as it was: a new container has it all.
            #expect(
                try await engine.sh("cat /etc/origin /var/www/index.html; ls /mine 2>/dev/null; true").text
                    == "of the image\nHello from a Berth container.")
            // One copy on disk: three containers add less than the busybox of one.
            let after = try await shell("du -sxm \(engine.root) | cut -f1")
            #expect((Int(after.text) ?? 99) - (Int(before.text) ?? 0) <= 1)
            let copies = try await shell("find \(engine.root) -xdev -type f -name busybox -size +1M | wc -l")
            #expect(copies.text == "1")
            // A deleted file stays deleted for its container after others came and went.
            #expect(try await engine.berth("exec", "one", "test", "-e", "/etc/origin").status == 1)
        }
    }

    @Test func inspectionOfTheImageSaysWhatItHolds() async throws {
        try await withEngine { engine in
            let inspected = try JSON(try await engine.ok("image", "inspect", base).out)[0]
            #expect(inspected["RepoTags"][0].string?.hasSuffix(base) == true)
            #expect(inspected["Id"].string?.hasPrefix("sha256:") == true)
            #expect(inspected["Os"].string == "linux")
        }
    }
}
