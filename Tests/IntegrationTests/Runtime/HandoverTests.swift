import Glibc
import TestSupport
import Testing

/// What a caller is given of a new process over sockets: terminals and pidfds.
@Suite struct RuntimeHandoverTests {
    /// Listens, starts a command, takes one descriptor of what the command sends, and speaks with it.
    private static let receiver = """
        import array, os, socket, subprocess, sys, select, time
        path, kind, words = sys.argv[1], sys.argv[2], sys.argv[3:]
        server = socket.socket(socket.AF_UNIX)
        server.bind(path)
        server.listen(1)
        null = open("/dev/null", "r+")
        child = subprocess.Popen(words, stdin=null, stdout=null)
        server.settimeout(15)
        connection, _ = server.accept()
        name, fds, _, _ = socket.recv_fds(connection, 4096, 4)
        print("name", name.decode(), len(fds), flush=True)
        print("status", child.wait(15), flush=True)
        if kind == "terminal":
            os.write(fds[0], b"echo spoken $((40+2)); stty size; exit 5\\n")
            text = b""
            end = time.time() + 15
            while b"spoken 42" not in text and time.time() < end:
                if select.select([fds[0]], [], [], 1)[0]:
                    try: text += os.read(fds[0], 4096)
                    except OSError: break
            print("heard", b"spoken 42" in text, flush=True)
        else:
            print("link", os.readlink("/proc/self/fd/%d" % fds[0]), flush=True)
            with open("/proc/self/fdinfo/%d" % fds[0]) as info:
                print("pid", [l.split()[1] for l in info if l.startswith("Pid:")][0], flush=True)
        """

    private func receive(_ bundle: TestBundle, _ kind: String, _ words: [String]) async throws -> Output {
        let script = bundle.path + "/receive.py"
        try write(Self.receiver, to: script)
        unlink(bundle.path + "/socket")
        return try await command(["python3", script, bundle.path + "/socket", kind] + words, seconds: 40)
    }

    @Test func createSendsTheTerminal() async throws {
        try await withBundle { bundle in
            var configuration = bundle.configuration("")
            configuration["process"]["terminal"] = true
            configuration["process"]["args"] = ["/bin/sh"]
            configuration["process"]["consoleSize"] = ["height": 20, "width": 60]
            try bundle.write(configuration)
            let words = bundle.words([
                "run", "-d", "--console-socket", bundle.path + "/socket", "--bundle", bundle.path, bundle.name,
            ])
            let output = try await receive(bundle, "terminal", words)
            #expect(output.lines == ["name /dev/ptmx 1", "status 0", "heard True"], "\(output.all)")
            try await bundle.runtime("delete", "--force", bundle.name)
            let create = bundle.words([
                "create", "--console-socket", bundle.path + "/nosuch", "--bundle", bundle.path, bundle.name,
            ])
            let refused = try await command(create)
            #expect(refused.status == 1 && refused.err.contains("terminal"), "\(refused.all)")
            #expect(list(bundle.state).isEmpty)
        }
    }

    @Test func execSendsTheTerminal() async throws {
        try await withBundle { bundle in
            _ = try await bundle.create(bundle.configuration("sleep 100"))
            try await bundle.runtime("start", bundle.name)
            let words = bundle.words([
                "exec", "-d", "-t", "--console-socket", bundle.path + "/socket", bundle.name, "sh",
            ])
            let output = try await receive(bundle, "terminal", words)
            #expect(output.lines == ["name /dev/ptmx 1", "status 0", "heard True"], "\(output.all)")
        }
    }

    @Test func aPidfdIsSent() async throws {
        try await withBundle { bundle in
            try bundle.write(bundle.configuration("sleep 100"))
            let words = bundle.words([
                "run", "-d", "--pid-file", bundle.path + "/pid", "--pidfd-socket", bundle.path + "/socket", "--bundle",
                bundle.path, bundle.name,
            ])
            let output = try await receive(bundle, "pidfd", words)
            #expect(output.lines.first == "name pidfd 1", "\(output.all)")
            #expect(output.lines.last == "pid \(contents(bundle.path + "/pid"))", "\(output.all)")
        }
    }

    @Test func theForegroundHasATerminalOfItsSize() async throws {
        try await withBundle { bundle in
            var configuration = bundle.configuration(
                "stty size; trap 'stty size; exit 9' WINCH; echo ready; while :; do sleep 0.1; done")
            configuration["process"]["terminal"] = true
            try bundle.write(configuration)
            let child = try Child(
                bundle.words(["run", "--bundle", bundle.path, bundle.name]), streams: .terminal(rows: 33, columns: 99))
            try await child.waitFor("ready")
            #expect(await child.outputSoFar().contains("33 99"))
            await child.resize(rows: 44, columns: 111)
            try await child.waitFor("44 111")
            #expect(try await child.finish(seconds: 20).status == 9)
        }
    }
}
