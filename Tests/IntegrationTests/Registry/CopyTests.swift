import TestSupport
import Testing

/// Images between registries, archives, directories and other engines, the same bytes wherever the form allows it.
@Suite struct CopyTests {
    @Test func roundTheWorldIsDigestIdentical() async throws {
        try await withRegistrySite { site in
            let folder = site.scratch.path
            let digest = try await site.layout("image", [try await BaseImage.shared.tar(), "--layers", "2"])
            let registry = try await TestRegistry.distribution(in: site.scratch)
            let name = "docker://\(registry.host)/a/one:1"
            for (from, to) in [
                ("oci:\(folder)/image", name), (name, "dir:\(folder)/dir"),
                ("dir:\(folder)/dir", "oci-archive:\(folder)/a.tar:x"),
                ("oci-archive:\(folder)/a.tar:x", "back:1"), ("back:1", "oci:\(folder)/back:1"),
            ] {
                let output = try await site.ok("image", "copy", from, to)
                #expect(output.out.contains("Digest: \(digest)"), "\(from) \(to): \(output.out)")
            }
            #expect(try await site.ok("run", "--rm", "back:1", "cat", "/etc/origin").text == "of the image")
            for place in ["dir:\(folder)/dir", "oci-archive:\(folder)/a.tar:x", "oci:\(folder)/back:1"] {
                #expect(try await shell("skopeo inspect \(place) | jq -r .Digest").text == digest, "\(place)")
            }
            // An archive of Docker's kind holds other bytes of the same files; skopeo reads it, and Berth reads skopeo's.
            try await site.ok("image", "copy", "-q", "back:1", "docker-archive:\(folder)/d.tar:x/y:1")
            let made = try await shell(
                "skopeo copy -q docker-archive:\(folder)/d.tar oci:\(folder)/s:1; skopeo copy -q oci:\(folder)/s:1 docker-archive:\(folder)/e.tar:x/z:1"
            )
            #expect(made.status == 0, "\(made.all)")
            try await site.ok("image", "copy", "-q", "docker-archive:\(folder)/e.tar:x/z:1", "again:1")
            #expect(try await site.ok("run", "--rm", "again:1", "cat", "/etc/origin").text == "of the image")
            #expect(list("\(site.engine.root)/images/scratch").isEmpty)
        }
    }

    @Test func wholeIndexes() async throws {
        try await withRegistrySite { site in
            let digest = try await site.layout("image", ["--layers", "1", "--index"])
            let source = try await TestRegistry.serving(site.scratch.path + "/image")
            let target = try await TestRegistry.distribution(in: site.scratch)
            try await site.ok(
                "image", "copy", "--all", "docker://\(source.host)/app", "docker://\(target.host)/app:all")
            let all = try await shell(
                "skopeo inspect --raw --tls-verify=false docker://\(target.host)/app:all | sha256sum")
            #expect(all.text.hasPrefix(String(digest.dropFirst("sha256:".count))))
            // Without --all it is this machine's image.
            try await site.ok("image", "copy", "-q", "docker://\(source.host)/app", "docker://\(target.host)/app:one")
            let one = try await shell(
                "skopeo inspect --raw --tls-verify=false docker://\(target.host)/app:one | jq -r .mediaType")
            #expect(one.text == "application/vnd.oci.image.manifest.v1+json")
        }
    }

    /// A signature goes where its image goes: to a registry that knows what it is about, and to one that needs a tag for it.
    @Test func artifactsComeAlong() async throws {
        try await withRegistrySite { site in
            let folder = site.scratch.path
            let digest = try await site.layout("image", ["--layers", "1"])
            let hex = String(digest.dropFirst("sha256:".count))
            let made = try await shell(
                """
                set -e; cd \(folder)/image/blobs/sha256
                put() { n=$(sha256sum "$1" | cut -d' ' -f1); mv "$1" $n; echo $n; }
                printf '{}' >a; config=$(put a); printf signed >a; proof=$(put a)
                cat >a <<END
                {"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","artifactType":"application/x-signature","config":{"mediaType":"application/vnd.oci.empty.v1+json","digest":"sha256:$config","size":2},"layers":[{"mediaType":"application/x-proof","digest":"sha256:$proof","size":6}],"subject":{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"\(digest)","size":$(stat -c %s \(hex))}}
                END
                put a; mkdir \(folder)/empty
                """)
            let signature = "sha256:" + (try #require(made.lines.last, "\(made.all)"))
            let source = try await TestRegistry.serving(folder + "/image", ["--referrers"])
            let old = try await TestRegistry.distribution(in: site.scratch)
            let new = try await TestRegistry.serving(folder + "/empty", ["--referrers"])
            try await site.ok(
                "image", "copy", "-q", "--all", "docker://\(source.host)/app", "docker://\(old.host)/app:1")
            let tag = "docker://\(old.host)/app:sha256-\(hex)"
            let listed = try JSON(try await shell("skopeo inspect --raw --tls-verify=false \(tag)").out)["manifests"]
            #expect(listed.array?.count == 1 && listed[0]["digest"].string == signature)
            #expect(listed[0]["artifactType"].string == "application/x-signature")
            // A second copy adds nothing, and from the tag it goes to a registry that needs none.
            for _ in 0..<2 {
                try await site.ok(
                    "image", "copy", "-q", "--all", "docker://\(source.host)/app", "docker://\(old.host)/app:1")
                try await site.ok(
                    "image", "copy", "-q", "--all", "docker://\(old.host)/app:1", "docker://\(new.host)/app:1")
            }
            let again = try JSON(try await shell("skopeo inspect --raw --tls-verify=false \(tag)").out)["manifests"]
            #expect(again.array?.count == 1)
            let known = try JSON(try await shell("curl -s http://\(new.host)/v2/app/referrers/\(digest)").out)
            #expect(known["manifests"][0]["digest"].string == signature)
            #expect(exists("\(folder)/empty/blobs/sha256/\(signature.dropFirst(7))"))
            #expect(!(await new.log().contains { $0.hasPrefix("PUT") && $0.contains("manifests/sha256-") }))
            // One image alone leaves it behind.
            try await site.ok("image", "copy", "-q", "docker://\(source.host)/app", "docker://\(old.host)/alone:1")
            #expect(
                try await shell("skopeo inspect --raw --tls-verify=false docker://\(old.host)/alone:sha256-\(hex)")
                    .status
                    != 0)
        }
    }

    /// podman's storage is read as it lies on disk, and the tar of each layer put together from its record.
    @Test(.enabled(if: exists("/usr/bin/podman"), "podman is not installed"))
    func podmansStorage() async throws {
        try await withRegistrySite { site in
            let folder = site.scratch.path
            try await site.layout("image", [try await BaseImage.shared.tar(), "--layers", "1"])
            let podman = "podman --root \(folder)/podman --runroot \(folder)/podman-run"
            let pulled = try await shell(
                "\(podman) pull -q oci:\(folder)/image && \(podman) tag $(\(podman) images -q) pods/app:1")
            try #require(pulled.status == 0, "\(pulled.all)")
            try await site.ok("image", "copy", "-q", "--all", "containers-storage:[overlay@\(folder)/podman]")
            #expect(try await site.ok("images").out.contains("pods/app"))
            try await site.ok(
                "image", "copy", "-q", "containers-storage:[overlay@\(folder)/podman]pods/app:1", "mine:1")
            #expect(try await site.ok("run", "--rm", "mine:1", "cat", "/etc/origin").text == "of the image")
            try await shell("\(podman) rmi -af; umount \(folder)/podman/overlay 2>/dev/null; rm -rf \(folder)/podman")
        }
    }

    @Test(.enabled(if: exists("/usr/sbin/dockerd"), "docker is not installed"))
    func dockersDaemon() async throws {
        try await withRegistrySite { site in
            let folder = site.scratch.path
            try await withPrivateDocker(site.scratch) { daemon in
                let docker = daemon.docker
                let extra = daemon.environment
                try await site.layout("image", [try await BaseImage.shared.tar(), "--layers", "1"])
                try await site.ok(
                    "image", "copy", "-q", "oci:\(folder)/image", "docker-daemon:from/berth:1", extra: extra)
                #expect(try await shell("\(docker) images --format '{{.Repository}}:{{.Tag}}'").text == "from/berth:1")
                try await shell("\(docker) tag from/berth:1 second:2")
                try await site.ok("image", "copy", "-q", "--all", "docker-daemon:", extra: extra)
                #expect(try await site.ok("run", "--rm", "second:2", "cat", "/etc/origin").text == "of the image")
                let missing = try await site.berth("image", "copy", "docker-daemon:none:1", "x:1", extra: extra)
                #expect(missing.status == 1 && missing.err.contains("none:1"), "\(missing.all)")
                // Docker reads what Berth pushes, and Berth pulls what Docker pushes.
                let registry = try await TestRegistry.distribution(in: site.scratch)
                try await site.ok("image", "copy", "-q", "second:2", "docker://\(registry.host)/b:1")
                let push = try await shell(
                    "\(docker) pull -q \(registry.host)/b:1 && \(docker) tag \(registry.host)/b:1 \(registry.host)/d:1 && \(docker) push -q \(registry.host)/d:1"
                )
                #expect(push.status == 0, "\(push.all)")
                try await site.ok("pull", "-q", "\(registry.host)/d:1")
            }
        }
    }

    @Test func manifestLists() async throws {
        try await withRegistrySite { site in
            let registry = try await TestRegistry.distribution(in: site.scratch)
            for name in ["x", "y"] {
                try await site.layout(name, ["--layers", "1", "--seed", name])
                try await shell(
                    "skopeo copy -q --dest-tls-verify=false oci:\(site.scratch.path)/\(name):latest docker://\(registry.host)/\(name):1"
                )
            }
            let list = "\(registry.host)/both:1"
            let members = ["\(registry.host)/x:1", "\(registry.host)/y:1"]
            #expect(
                try await site.ok("manifest", "create", list, members[0], members[1]).out.contains(
                    "Created manifest list"))
            #expect(try await site.berth("manifest", "create", list, members[0]).err.contains("--amend"))
            try await site.ok("manifest", "annotate", "--arch", "arm64", "--variant", "v9", list, members[1])
            let shown = try JSON(try await site.ok("manifest", "inspect", list).out)["manifests"]
            #expect(
                shown[1]["platform"]["architecture"].string == "arm64" && shown[1]["platform"]["variant"].string == "v9"
            )
            let digest = try await site.ok("manifest", "push", "--purge", list)
            let raw = try await shell("skopeo inspect --raw --tls-verify=false docker://\(list)")
            #expect(try JSON(raw.out)["manifests"].array?.count == 2)
            #expect(digest.text.hasPrefix("sha256:"))
            #expect(try await site.berth("manifest", "rm", list).err.contains("No such manifest"))
            try await site.ok("pull", "-q", list)
        }
    }
}
