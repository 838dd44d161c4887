import Glibc
import TestSupport
import Testing

@Suite struct SystemdTests {
    /// A system bus with a systemd behind it, in Python: it reads every message by itself, prints what it understood, and
    /// does with the group what systemd would do.
    private static let bus = #"""
        import socket, struct, sys, os, json
        path, mode = sys.argv[1], sys.argv[2]
        s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM); s.bind(path); s.listen(4); print("ready", flush=True)
        class R:
            def __init__(self, b): self.b, self.p = b, 0
            def al(self, n): self.p = (self.p + n - 1) // n * n
            def num(self, f, n): self.al(n); v = struct.unpack_from("<" + f, self.b, self.p)[0]; self.p += n; return v
            def read(self, sig):
                out = []
                while sig: v, sig = self.one(sig); out.append(v)
                return out
            def end(self, sig):
                if sig[0] == "a": return 1 + self.end(sig[1:])
                if sig[0] != "(": return 1
                d = 0
                for i, c in enumerate(sig):
                    d += (c == "(") - (c == ")")
                    if d == 0: return i + 1
            def one(self, sig):
                c, n = sig[0], self.end(sig); rest = sig[n:]
                simple = {"y": ("B", 1), "b": ("I", 4), "n": ("h", 2), "q": ("H", 2), "i": ("i", 4), "u": ("I", 4), "x": ("q", 8), "t": ("Q", 8), "d": ("d", 8)}
                if c in simple:
                    v = self.num(*simple[c]); return (bool(v) if c == "b" else v), rest
                if c in "so":
                    l = self.num("I", 4); v = self.b[self.p:self.p + l].decode(); assert self.b[self.p + l] == 0; self.p += l + 1; return v, rest
                if c == "g":
                    l = self.num("B", 1); v = self.b[self.p:self.p + l].decode(); self.p += l + 1; return v, rest
                if c == "v":
                    inner, _ = self.one("g"); v, r = self.one(inner); assert r == ""; return [inner, v], rest
                if c == "(": self.al(8); return self.read(sig[1:n - 1]), rest
                if c == "a":
                    l = self.num("I", 4); el = sig[1:n]
                    if el[0] in "({xtd": self.al(8)
                    e = self.p + l; out = []
                    while self.p < e: out.append(self.one(el)[0])
                    assert self.p == e; return out, rest
        serial = 0
        def text(t, sig=False):
            b = t.encode(); return (struct.pack("<B", len(b)) if sig else struct.pack("<I", len(b))) + b + b"\0"
        def pad(b, n): return b + b"\0" * (-len(b) % n)
        def send(c, kind, fields, sig, body):
            global serial; serial += 1; f = b""
            for code, t, v in fields + ([(8, "g", sig)] if sig else []):
                f = pad(f, 8) + bytes([code]) + text(t, True); f = pad(f, 4) if t in "sou" else f
                f += struct.pack("<I", v) if t == "u" else text(v, t == "g")
            c.sendall(pad(struct.pack("<cBBBIII", b"l", kind, 0, 1, len(body), serial, len(f)) + f, 8) + body)
        def args(*a):
            b = b""
            for v in a: b = pad(b, 4) + (struct.pack("<I", v) if isinstance(v, int) else text(v))
            return b
        def groups(unit, slice_, pids):
            base = slice_[:-6]; p = ""; acc = ""
            for part in base.split("-"): acc += ("-" if acc else "") + part; p += "/" + acc + ".slice"
            for h in ("systemd", "unified", "."):
                root = "/sys/fs/cgroup/" + h
                if h == "." and not os.path.exists(root + "/cgroup.procs"): continue
                if not os.path.exists(root): continue
                os.makedirs(root + p + "/" + unit, exist_ok=True)
                for pid in pids: open(root + p + "/" + unit + "/cgroup.procs", "w").write(str(pid))
        while True:
            c, _ = s.accept(); f = c.makefile("rb"); assert f.read(1) == b"\0"
            print("auth", f.readline().decode().strip(), flush=True); c.sendall(b"OK 0123456789abcdef0123456789abcdef\r\n")
            assert f.readline() == b"BEGIN\r\n"
            while True:
                h = f.read(16)
                if len(h) < 16: break
                _, kind, _, _, blen, ser, flen = struct.unpack("<cBBBIII", h)
                rest = f.read((flen + 7) // 8 * 8 + blen); whole = R(h + rest); whole.p = 12
                fields = dict((a, b) for a, b in whole.read("a(yv)")[0]); fields = {k: v[1] for k, v in fields.items()}
                whole.al(8); body = whole.read(fields.get(8, "")); assert whole.p == len(whole.b)
                member = fields[3]
                print("call", json.dumps([fields[6], fields[1], fields[2], member, fields.get(8, ""), body]), flush=True)
                reply = [(5, "u", ser)]
                if member == "Hello": send(c, 2, reply, "s", args(":1.7"))
                elif member in ("StartTransientUnit", "StopUnit"):
                    if mode == "denied" and member == "StartTransientUnit":
                        send(c, 3, reply + [(4, "s", "org.freedesktop.DBus.Error.AccessDenied")], "s", args("Access denied by the test")); continue
                    if member == "StartTransientUnit" and mode != "failed":
                        props = {k: v[1] for k, v in body[2]}; groups(body[0], props["Slice"], props["PIDs"])
                    job = "/org/freedesktop/systemd1/job/%d" % ser
                    def removed(j, res): send(c, 4, [(1, "o", "/org/freedesktop/systemd1"), (2, "s", "org.freedesktop.systemd1.Manager"), (3, "s", "JobRemoved")], "uoss", args(1, j, body[0], res))
                    # Another's job, and ours before the answer: both happen.
                    removed("/org/freedesktop/systemd1/job/999", "failed")
                    removed(job, "failed" if mode == "failed" else "done")
                    send(c, 2, reply, "o", args(job))
                else: send(c, 2, reply, "", b"")
        """#

    private func withBus(
        _ mode: String, _ body: (TestBundle, [String: String], Child) async throws -> Void
    ) async throws {
        try await withBundle { bundle in
            let child = try Child(["python3", "-c", Self.bus, bundle.path + "/bus", mode])
            try await child.waitFor("ready")
            let slice = "berthtest-\(bundle.name.suffix(6)).slice"
            do { try await body(bundle, ["DBUS_SYSTEM_BUS_ADDRESS": "unix:path=\(bundle.path)/bus"], child) } catch {
                child.signal(SIGKILL)
                throw error
            }
            child.signal(SIGKILL)
            _ = try? await child.finish()
            try await shell(
                "for h in /sys/fs/cgroup /sys/fs/cgroup/*; do d=$h/berthtest.slice/\(slice); [ -d $d ] && find $d -depth -type d -exec rmdir {} +; rmdir $h/berthtest.slice 2>/dev/null; done; true"
            )
        }
    }

    @Test func aScopeIsMadeAndEnded() async throws {
        try await withBus("good") { bundle, environment, bus in
            var configuration = bundle.configuration(
                "cat /proc/self/cgroup; cat /sys/fs/cgroup/pids/pids.max 2>/dev/null || cat /sys/fs/cgroup/pids.max")
            configuration["mounts"].append([
                "destination": "/sys/fs/cgroup", "type": "cgroup", "source": "cgroup", "options": ["ro"],
            ])
            configuration["linux"]["cgroupsPath"] = .string(
                "berthtest-\(bundle.name.suffix(6)).slice:pre:\(bundle.name)")
            configuration["linux"]["resources"] = [
                "pids": ["limit": 66], "memory": ["limit": 67_108_864], "cpu": ["quota": 50_000, "period": 100_000],
            ]
            configuration["annotations"] = [
                "org.systemd.property.CollectMode": "'inactive-or-failed'", "org.systemd.property.TimeoutStopSec": "3",
            ]
            try bundle.write(configuration)
            let output = try await command(
                [
                    Repository.runtime, "--systemd-cgroup", "--root", bundle.state, "run", "--bundle", bundle.path,
                    bundle.name,
                ],
                environment: environment, seconds: 30)
            let said = await bus.outputSoFar()
            #expect(output.status == 0 && output.out.contains("66"), "\(output.all) \(said)")
            let calls = said.split(separator: "\n").filter { $0.hasPrefix("call ") }.map { String($0.dropFirst(5)) }
            #expect(said.contains("auth AUTH EXTERNAL 30"), "\(said)")
            let start = try JSON(try #require(calls.first { $0.contains("StartTransientUnit") }, "\(said)"))
            #expect(start[0].string == "org.freedesktop.systemd1" && start[1].string == "/org/freedesktop/systemd1")
            #expect(start[2].string == "org.freedesktop.systemd1.Manager" && start[4].string == "ssa(sv)a(sa(sv))")
            #expect(start[5][0].string == "pre-\(bundle.name).scope" && start[5][1].string == "replace")
            var properties: [String: JSON] = [:]
            for entry in start[5][2].array ?? [] { properties[entry[0].string ?? ""] = entry[1] }
            #expect(properties["Slice"]?[1].string == "berthtest-\(bundle.name.suffix(6)).slice")
            #expect(properties["Delegate"]?[1].bool == true && properties["DefaultDependencies"]?[1].bool == false)
            #expect(properties["TasksMax"]?[0].string == "t" && properties["TasksMax"]?[1].int == 66)
            #expect(properties["CPUQuotaPerSecUSec"]?[1].int == 500_000)
            #expect((properties["MemoryLimit"] ?? properties["MemoryMax"])?[1].int == 67_108_864)
            #expect(
                properties["CollectMode"]?[1].string == "inactive-or-failed"
                    && properties["TimeoutStopUSec"]?[1].int == 3_000_000)
            #expect((properties["PIDs"]?[1].array?.count) == 1)
            let stop = try JSON(try #require(calls.first { $0.contains("StopUnit") }, "\(said)"))
            #expect(stop[5][0].string == "pre-\(bundle.name).scope")
        }
    }

    /// systemd hears of changed limits too: it would set its own again at its next reload.
    @Test func anUpdateIsToldToSystemd() async throws {
        try await withBus("good") { bundle, environment, bus in
            var configuration = bundle.configuration("sleep 100")
            configuration["linux"]["cgroupsPath"] = .string(
                "berthtest-\(bundle.name.suffix(6)).slice:pre:\(bundle.name)")
            configuration["linux"]["resources"] = ["pids": ["limit": 66]]
            try bundle.write(configuration)
            func runtime(_ words: String) async throws -> Output {
                let line = "'\(Repository.runtime)' --root \(bundle.state) \(words) </dev/null >\(bundle.path)/out 2>&1"
                var output = try await command(["/bin/sh", "-c", line], environment: environment, seconds: 30)
                output.out = contents(bundle.path + "/out")
                return output
            }
            let run = try await runtime("--systemd-cgroup run -d --bundle \(bundle.path) \(bundle.name)")
            #expect(run.status == 0, "\(run.all)")
            // Without --systemd-cgroup: the container's state remembers.
            let update = try await runtime(
                "update --pids-limit 77 --cpu-quota 50000 --cpu-period 100000 \(bundle.name)")
            let said = await bus.outputSoFar()
            #expect(update.status == 0, "\(update.all) \(said)")
            let deleted = try await runtime("delete --force \(bundle.name)")
            #expect(deleted.status == 0, "\(deleted.all)")
            let calls = said.split(separator: "\n").filter { $0.hasPrefix("call ") }.map { String($0.dropFirst(5)) }
            let set = try JSON(try #require(calls.first { $0.contains("SetUnitProperties") }, "\(said)"))
            #expect(set[2].string == "org.freedesktop.systemd1.Manager" && set[4].string == "sba(sv)")
            #expect(set[5][0].string == "pre-\(bundle.name).scope" && set[5][1].bool == true)
            var properties: [String: JSON] = [:]
            for entry in set[5][2].array ?? [] { properties[entry[0].string ?? ""] = entry[1] }
            #expect(
                properties["TasksMax"]?[1].int == 77 && properties["CPUQuotaPerSecUSec"]?[1].int == 500_000, "\(said)")
        }
    }

    @Test(arguments: [("denied", "Access denied by the test"), ("failed", "systemd says: failed")])
    func whatSystemdRefusesIsSaid(_ mode: String, _ words: String) async throws {
        try await withBus(mode) { bundle, environment, _ in
            var configuration = bundle.configuration("echo ran")
            configuration["linux"]["cgroupsPath"] = .string(
                "berthtest-\(bundle.name.suffix(6)).slice:pre:\(bundle.name)")
            try bundle.write(configuration)
            let output = try await command(
                [
                    Repository.runtime, "--systemd-cgroup", "--root", bundle.state, "run", "--bundle", bundle.path,
                    bundle.name,
                ],
                environment: environment, seconds: 30)
            #expect(output.status != 0 && output.err.contains(words) && !output.out.contains("ran"), "\(output.all)")
            #expect(list(bundle.state).filter { $0 != ".seccomp" }.isEmpty)
        }
    }

    @Test func withoutSystemdItIsRefused() async throws {
        if exists("/run/systemd/system") { return }
        try await withBundle { bundle in
            var configuration = bundle.configuration("echo ran")
            configuration["linux"]["cgroupsPath"] = "system.slice:berth:x"
            try bundle.write(configuration)
            let output = try await command(
                [
                    Repository.runtime, "--systemd-cgroup", "--root", bundle.state, "run", "--bundle", bundle.path,
                    bundle.name,
                ], seconds: 30)
            #expect(output.status != 0 && output.err.contains("systemd does not run on this machine"), "\(output.all)")
            configuration["linux"]["cgroupsPath"] = "/a/plain/path"
            try bundle.write(configuration)
            let path = try await command(
                [
                    Repository.runtime, "--systemd-cgroup", "--root", bundle.state, "run", "--bundle", bundle.path,
                    bundle.name,
                ], seconds: 30)
            #expect(path.err.contains("it is not slice:prefix:name"), "\(path.all)")
        }
    }
}
