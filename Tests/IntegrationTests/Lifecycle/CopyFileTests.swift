import Foundation
import TestSupport
import Testing

/// `cp`, both ways, of containers that run and that do not.
@Suite struct CopyFileTests {
    @Test(arguments: [true, false]) func bothWays(_ running: Bool) async throws {
        try await withEngine { engine in
            let scratch = try Scratch()
            let here = scratch.path
            try await engine.start(
                "--name", "cc", "-v", "vol:/data", base, "sh", "-c",
                "mkdir -p /srv/d/e; echo in >/srv/d/e/f; ln -s /etc/passwd /srv/l; touch /srv/ready; exec sleep 1000")
            let ready = try await eventually {
                try await engine.berth("exec", "cc", "test", "-e", "/srv/ready").status == 0
            }
            #expect(ready)
            if !running { try await engine.ok("stop", "-t", "0", "cc") }
            try await engine.ok("cp", "cc:/srv/d/e/f", here + "/f")
            #expect(contents(here + "/f") == "in\n")
            try await engine.ok("cp", "cc:/srv/d", here)
            #expect(contents(here + "/d/e/f") == "in\n")
            try await engine.ok("cp", "cc:/srv/d/.", here + "/new")
            #expect(contents(here + "/new/e/f") == "in\n")
            try await engine.ok("cp", "cc:/srv/l", here)
            #expect(link(here + "/l") == "/etc/passwd")
            try await engine.ok("cp", "-L", "cc:/srv/l", here + "/followed")
            #expect(contents(here + "/followed").hasPrefix("root:"))
            try await shell(
                "printf out >\(here)/up; chmod 4751 \(here)/up; mkdir \(here)/tree; printf t >\(here)/tree/leaf")
            try await engine.ok("cp", here + "/up", "cc:/root/up")
            try await engine.ok("cp", here + "/up", "cc:/data/")
            try await engine.ok("cp", here + "/tree", "cc:/srv")
            #expect(contents("\(engine.root)/volumes/vol/_data/up") == "out")
            if !running { try await engine.ok("start", "cc") }
            #expect(
                try await engine.ok("exec", "cc", "stat", "-c", "%a %u %g", "/root/up", "/data/up", "/srv/tree/leaf")
                    .lines
                    == ["4751 0 0", "4751 0 0", "644 0 0"])
            #expect(try await engine.ok("exec", "cc", "cat", "/srv/tree/leaf").text == "t")
        }
    }

    @Test func errorsAreSaid() async throws {
        try await withEngine { engine in
            let here = try Scratch().path
            try await engine.start("--name", "cc", base, "sleep", "1000")
            #expect(try await engine.berth("cp", "cc:/none", here).err.contains("Could not find the file /none"))
            #expect(try await engine.berth("cp", here + "/none", "cc:/tmp").status == 1)
            #expect(try await engine.berth("cp", "/etc/passwd", "cc:/none/x").err.contains("does not exist"))
            #expect(try await engine.berth("cp", "/etc/passwd", "cc:/none/").err.contains("directory must exist"))
            #expect(try await engine.berth("cp", "/etc", "cc:/etc/passwd").err.contains("cannot copy directory"))
            #expect(try await engine.berth("cp", "/etc/passwd", "/tmp").status == 1)
            #expect(try await engine.berth("cp", "cc:/etc/passwd", "cc:/tmp").status == 1)
            #expect(try await engine.berth("cp", "other:/etc/passwd", here).err.contains("No such container"))
        }
    }

    @Test func archivesThroughPipes() async throws {
        try await withEngine { engine in
            let scratch = try Scratch()
            try await engine.start("--name", "cc", base, "sleep", "1000")
            let berth = engine.words([]).joined(separator: " ")
            let listed = try await shell("\(berth) cp cc:/var/www - | tar t")
            #expect(listed.out.contains("www/index.html"))
            try await shell(
                "mkdir -p \(scratch.path)/a && echo z >\(scratch.path)/a/z && tar cz -C \(scratch.path) a | \(berth) cp - cc:/tmp"
            )
            #expect(try await engine.ok("exec", "cc", "cat", "/tmp/a/z").text == "z")
            let climbing = try await shell(
                "cd \(scratch.path) && tar cP --transform 's,^a,../../a,' a | \(berth) cp - cc:/tmp")
            #expect(climbing.err.contains("leads outside"))
        }
    }

    /// Links of the container's lead inside the container, whoever set them and whenever.
    @Test func linksDoNotLeadOut() async throws {
        try await withEngine { engine in
            let scratch = try Scratch()
            let here = scratch.path
            try await shell("mkdir \(here)/host; printf secret >\(here)/host/file; printf new >\(here)/new")
            try await engine.start(
                "--name", "cc", base, "sh", "-c",
                "ln -s \(here)/host /tmp/abs; ln -s ../../../../../..\(here)/host /tmp/rel; ln -s /proc/1/root /tmp/magic; touch /tmp/ready; exec sleep 1000"
            )
            let ready = try await eventually {
                try await engine.berth("exec", "cc", "test", "-e", "/tmp/ready").status == 0
            }
            #expect(ready)
            for way in ["/tmp/abs", "/tmp/rel", "/tmp/magic\(here)/host"] {
                #expect(try await engine.berth("cp", "cc:\(way)/file", here + "/stolen").status == 1)
                #expect(try await engine.berth("cp", here + "/new", "cc:\(way)/file").status == 1)
            }
            #expect(!exists(here + "/stolen"))
            #expect(contents(here + "/host/file") == "secret")
            // A race: a directory of the container turns into a link and back while files are copied through it.
            try await engine.ok(
                "exec", "-d", "cc", "sh", "-c",
                "mkdir /tmp/r; while :; do mv /tmp/r /tmp/q; ln -s \(here)/host /tmp/r; rm /tmp/r; mv /tmp/q /tmp/r; done"
            )
            for _ in 0..<20 { _ = try await engine.berth("cp", here + "/new", "cc:/tmp/r/file") }
            #expect(contents(here + "/host/file") == "secret")
        }
    }
}
