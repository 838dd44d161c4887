import Glibc
import TestSupport
import Testing

/// Binds, volumes and who owns what in them.
@Suite struct VolumeTests {
    @Test func filesOfContainerRootBelongToTheDirectorysOwner() async throws {
        try await withEngine { engine in
            let scratch = try Scratch()
            let source = scratch.path + "/src"
            mkdir(source, 0o755)
            chown(source, 4321, 4322)
            let output = try await engine.sh(
                "touch /src/made; mkdir /src/dir; stat -c '%u:%g' /src /src/made", "-v", "\(source):/src")
            #expect(output.text == "0:0\n0:0")
            for name in ["made", "dir"] {
                let made = try #require(owner("\(source)/\(name)"))
                #expect(made.uid == 4321 && made.gid == 4322, "\(name): \(made)")
            }
            #expect(owner(source).map { $0.uid == 4321 && $0.gid == 4322 } == true)
        }
    }

    @Test func filesInADirectoryOfRootBelongToRoot() async throws {
        try await withEngine { engine in
            let scratch = try Scratch()
            try write("from the host", to: scratch.path + "/in")
            #expect(
                try await engine.sh("cat /src/in; echo back >/src/out", "-v", "\(scratch.path):/src").text
                    == "from the host")
            #expect(contents(scratch.path + "/out") == "back\n")
            #expect(owner(scratch.path + "/out").map { $0.uid == 0 && $0.gid == 0 } == true)
        }
    }

    @Test func readOnlyBinds() async throws {
        try await withEngine { engine in
            let scratch = try Scratch()
            let output = try await engine.berth("run", "--rm", "-v", "\(scratch.path):/src:ro", base, "touch", "/src/x")
            #expect(output.status == 1)
            #expect(output.err.contains("Read-only"))
            let other = try await engine.berth(
                "run", "--rm", "--mount", "type=bind,source=\(scratch.path),target=/src,readonly", base, "touch",
                "/src/x")
            #expect(other.status == 1)
            #expect(list(scratch.path).isEmpty)
        }
    }

    @Test func aSingleFile() async throws {
        try await withEngine { engine in
            let scratch = try Scratch()
            try write("configured\n", to: scratch.path + "/file")
            #expect(
                try await engine.sh("cat /etc/new/app.conf", "-v", "\(scratch.path)/file:/etc/new/app.conf").text
                    == "configured")
        }
    }

    @Test func missingSources() async throws {
        try await withEngine { engine in
            let scratch = try Scratch()
            let refused = try await engine.berth(
                "run", "--rm", "--mount", "type=bind,source=\(scratch.path)/none,target=/src", base, "true")
            #expect(refused.status == 125)
            #expect(refused.err.contains("\(scratch.path)/none"))
            #expect(!exists(scratch.path + "/none"))
            // -v makes it, as Docker does.
            _ = try await engine.sh("true", "-v", "\(scratch.path)/made:/src")
            #expect(exists(scratch.path + "/made"))
        }
    }

    @Test func aNamedVolumeOutlivesContainers() async throws {
        try await withEngine { engine in
            _ = try await engine.sh("echo kept >/data/file; chown www /data/file", "-v", "store:/data")
            #expect(
                try await engine.sh("cat /data/file; stat -c %U /data/file", "-v", "store:/data").text == "kept\nwww")
            // An empty volume starts with what the image has there.
            #expect(
                try await engine.sh("cat /var/www/index.html", "-v", "page:/var/www").text
                    == "Hello from a Berth container.")
        }
    }

    @Test func tmpfsByMount() async throws {
        try await withEngine { engine in
            let output = try await engine.sh(
                "grep ' /t ' /proc/mounts; touch /t/x && echo ok", "--mount", "type=tmpfs,target=/t")
            #expect(output.out.contains("tmpfs /t tmpfs") && output.out.contains("ok"))
        }
    }

    @Test func hostUsersSeeTheHostsOwners() async throws {
        try await withEngine { engine in
            let scratch = try Scratch()
            chown(scratch.path, 4321, 4322)
            let output = try await engine.sh(
                "stat -c '%u:%g' /src; touch /src/x", "--userns=host", "-v", "\(scratch.path):/src")
            #expect(output.text == "4321:4322")
            #expect(owner(scratch.path + "/x")?.uid == 0)
        }
    }

    @Test func aFileSystemWithoutIdMappingIsNamed() async throws {
        try await withEngine { engine in
            // FUSE, 9p and some network file systems refuse; here procfs is always one of them.
            let output = try await engine.berth("run", "--rm", "-v", "/proc/sys/kernel:/src", base, "true")
            #expect(output.status == 125, "\(output.all)")
            #expect(output.err.contains("/proc/sys/kernel"))
            #expect(output.err.contains("userns=host") || output.err.contains("proc"), "\(output.err)")
        }
    }

    @Test(arguments: ["relative/path:/x:bad", "/a:relative", "/a:/b:nonsense", "/a:/", ":/x", "/a:"])
    func malformedVolumesAreRefused(_ text: String) async throws {
        try await withEngine { engine in
            let output = try await engine.berth("run", "--rm", "-v", text, base, "true")
            #expect(output.status == 125, "-v \(text): \(output.all)")
        }
    }
}
