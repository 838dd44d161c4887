import Glibc
import TestSupport
import Testing

/// SIGKILL at any instruction of a command: one `delete --force` clears whatever it leaves.
@Suite struct RuntimeCrashTests {
    /// The command's own system calls in order, each with how many of its name came before: the points to kill it at.
    private static func points(_ words: [String], _ bundle: TestBundle) async throws -> [(name: String, number: Int)] {
        let log = bundle.path + "/trace"
        let quoted = words.map { "'\($0)'" }.joined(separator: " ")
        _ = try await shell("strace -qq -o '\(log)' \(quoted) >/dev/null 2>&1 </dev/null", seconds: 30)
        var counts: [String: Int] = [:]
        return contents(log).split(separator: "\n").compactMap { line in
            guard let end = line.firstIndex(of: "("), !line.hasPrefix("+"), !line.hasPrefix("-") else { return nil }
            let name = String(line[..<end])
            guard name.allSatisfy({ $0.isLetter || $0.isNumber || $0 == "_" }), name != "execve" || counts[name] != nil
            else {
                counts[name, default: 0] += 1
                return nil
            }
            counts[name, default: 0] += 1
            return (name, counts[name] ?? 1)
        }
    }

    /// Kills the command as it enters that call.
    private static func kill(_ words: [String], at point: (name: String, number: Int)) async throws {
        let quoted = words.map { "'\($0)'" }.joined(separator: " ")
        let inject = "-e trace=\(point.name) -e inject=\(point.name):signal=KILL:when=\(point.number)"
        _ = try await shell("strace -qq -o /dev/null \(inject) \(quoted) >/dev/null 2>&1 </dev/null", seconds: 30)
    }

    /// Mounts below the bundle, groups, processes, files beside the state.
    private static func leftovers(_ bundle: TestBundle) -> [String] {
        var found = list(bundle.state)
        for controller in [""] + list("/sys/fs/cgroup").map({ "/" + $0 }) {
            let place = "/sys/fs/cgroup\(controller)/berth-t-runtime/\(bundle.name)"
            if exists(place) { found.append(place) }
        }
        found += contents("/proc/self/mountinfo").split(separator: "\n").filter { $0.contains(bundle.path) }.map(
            String.init)
        for process in Processes.mentioning(bundle.path) where Processes.isAlive(process.pid) {
            found.append(process.command)
        }
        return found
    }

    private static func clear(_ bundle: TestBundle, _ what: String) async throws {
        let output = try await bundle.runtime("delete", "--force", bundle.name)
        #expect(output.status == 0, "\(what): \(output.all)")
        var left: [String] = []
        // A process that notices its dead parent takes a moment to end.
        _ = try await eventually(seconds: 5) {
            left = leftovers(bundle)
            return left.isEmpty
        }
        #expect(left.isEmpty, "\(what): \(left)")
    }

    @Test(
        .enabled(if: exists("/usr/bin/strace"), "strace is not installed"),
        arguments: ["create", "start", "exec", "delete"])
    func killedAtAnyCall(_ verb: String) async throws {
        try await withBundle { bundle in
            let configuration = bundle.configuration("sleep 100")
            try bundle.write(configuration)
            let create = bundle.words([
                "create", "--bundle", bundle.path, "--pid-file", bundle.path + "/pid", bundle.name,
            ])
            let words =
                switch verb {
                case "create": create
                case "start": bundle.words(["start", bundle.name])
                case "exec": bundle.words(["exec", bundle.name, "true"])
                default: bundle.words(["delete", "--force", bundle.name])
                }
            func prepare() async throws {
                if verb == "create" { return }
                _ = try await bundle.create(configuration)
                if verb != "start" { try await bundle.runtime("start", bundle.name) }
            }
            try await prepare()
            let all = try await Self.points(words, bundle)
            try await Self.clear(bundle, "first")
            #expect(all.count > 20, "\(all.count) calls were seen")
            // Evenly over the command's life; the long count reaches every second or third call.
            let wanted = min(
                all.count, (verb == "create" ? 10 : 5) * (Repository.scale > 1 ? 10 * Repository.scale : 1))
            var used = 0
            for index in 0..<wanted {
                let point = all[index * all.count / wanted]
                try await prepare()
                try await Self.kill(words, at: point)
                try await Self.clear(bundle, "\(verb) killed at \(point.name) number \(point.number)")
                used += 1
            }
            print("killedAtAnyCall: \(verb) at \(used) of \(all.count) calls")
        }
    }

    /// The container's own first process dies at some point of its way: the command says so and leaves nothing.
    @Test(.enabled(if: exists("/usr/bin/strace"), "strace is not installed"))
    func theFirstProcessDiesOnItsWay() async throws {
        try await withBundle { bundle in
            try bundle.write(bundle.configuration("true"))
            for call in ["setsid", "move_mount", "pivot_root", "mount_setattr", "capset", "umask", "setresuid"] {
                let words = bundle.words(["run", "--bundle", bundle.path, bundle.name]).joined(separator: " ")
                let output = try await shell(
                    "strace -f -qq -o /dev/null -e trace=\(call) -e inject=\(call):signal=KILL \(words) </dev/null",
                    seconds: 30)
                #expect(output.status != 0, "\(call): \(output.all)")
                try await Self.clear(bundle, call)
            }
        }
    }

    @Test func manyLivesLeakNothing() async throws {
        try await withBundle { bundle in
            // In a group of this test's own, whose counters show what ended containers left in the kernel.
            let parent = "/berth-t-runtime/\(bundle.name)"
            var configuration = bundle.configuration("true")
            configuration["linux"]["cgroupsPath"] = .string(parent + "/one")
            let cycles = Repository.scale > 1 ? 500 : 50
            let hierarchies = ([""] + list("/sys/fs/cgroup").map { "/" + $0 }).map { "/sys/fs/cgroup\($0)" }
            /// What the groups of ended containers still hold: bytes, and groups that are removed and not yet freed.
            func held() -> (bytes: Int, dying: Int, below: Int) {
                var result = (bytes: 0, dying: 0, below: 0)
                for hierarchy in hierarchies where exists(hierarchy + parent) {
                    for name in ["memory.usage_in_bytes", "memory.current"] {
                        result.bytes += Int(contents("\(hierarchy)\(parent)/\(name)").trimmed) ?? 0
                    }
                    for line in contents("\(hierarchy)\(parent)/cgroup.stat").split(separator: "\n") {
                        let words = line.split(separator: " ")
                        if words.first == "nr_dying_descendants" { result.dying += Int(words[1]) ?? 0 }
                    }
                    result.below += list(hierarchy + parent).count {
                        exists("\(hierarchy)\(parent)/\($0)/cgroup.procs")
                    }
                }
                return result
            }
            // A container that lives through it all, and is entered as often.
            var living = bundle.configuration("while :; do sleep 1000; done")
            living["linux"]["cgroupsPath"] = .string(parent + "/living")
            try bundle.write(living)
            let words = bundle.words(["run", "-d", "--bundle", bundle.path, "living"]).joined(separator: " ")
            #expect(try await shell("\(words) </dev/null >/dev/null 2>&1").status == 0)
            let first = try JSON(await bundle.runtime("state", "living").out)["pid"].int ?? 0
            let open = list("/proc/\(first)/fd").count
            func cycle() async throws {
                #expect(try await bundle.create(configuration).status == 0)
                #expect(try await bundle.runtime("start", bundle.name).status == 0)
                #expect(try await bundle.runtime("delete", "--force", bundle.name).status == 0)
                #expect(try await bundle.runtime("exec", "living", "true").status == 0)
            }
            for _ in 0..<3 { try await cycle() }
            let mounts = contents("/proc/self/mountinfo").split(separator: "\n").count
            let before = held()
            for _ in 0..<cycles { try await cycle() }
            var after = held()
            // Removed groups are freed once the kernel gets to it.
            _ = try await eventually(seconds: 20) {
                after = held()
                return after.dying <= before.dying + cycles / 10
            }
            print("manyLivesLeakNothing: \(cycles) lives: \(before) then \(after)")
            #expect(after.dying <= before.dying + cycles / 10 && after.below == before.below, "\(before) \(after)")
            #expect(after.bytes - before.bytes < cycles * 4096, "\(before) \(after)")
            // The one that lived has no descriptor and no process more.
            #expect(list("/proc/\(first)/fd").count == open)
            #expect(try JSON(await bundle.runtime("ps", "--format", "json", "living").out).array?.count == 2)
            #expect(try await bundle.runtime("delete", "--force", "living").status == 0)
            for hierarchy in hierarchies { rmdir(hierarchy + parent) }
            let found = Self.leftovers(bundle)
            #expect(found.isEmpty, "\(found)")
            // Others come and go meanwhile: what a leak would make are dozens.
            #expect(contents("/proc/self/mountinfo").split(separator: "\n").count < mounts + 20)
        }
    }

    @Test func commandsOnOneIdAreSerialised() async throws {
        try await withBundle { bundle in
            try bundle.write(bundle.configuration("sleep 100"))
            let id = bundle.name
            for round in 0..<(4 * Repository.scale) {
                // Of several creators one wins, and the others leave its container alone.
                let create = bundle.words(["create", "--bundle", bundle.path, id]).joined(separator: " ")
                let output = try await shell(
                    "for i in 1 2 3 4 5; do (\(create) </dev/null >/dev/null 2>&1; echo $?) & done; wait", seconds: 60)
                #expect(output.lines.sorted() == ["0", "1", "1", "1", "1"], "round \(round): \(output.all)")
                let start = bundle.words(["start", id]).joined(separator: " ")
                let started = try await shell(
                    "for i in 1 2 3; do (\(start) >/dev/null 2>&1; echo $?) & done; wait", seconds: 60)
                #expect(started.lines.sorted() == ["0", "1", "1"], "round \(round): \(started.all)")
                let other = bundle.words(["update", "--pids-limit", "50", id]).joined(separator: " ")
                let delete = bundle.words(["delete", "--force", id]).joined(separator: " ")
                let deleted = try await shell(
                    "(\(other) >/dev/null 2>&1) & for i in 1 2 3; do (\(delete); echo $?) & done; wait", seconds: 60)
                #expect(deleted.lines == ["0", "0", "0"], "round \(round): \(deleted.all)")
                #expect(Self.leftovers(bundle).isEmpty)
            }
        }
    }

    /// A creation that hangs (here in a hook) can be ended by a forced deletion.
    @Test func aHangingCreationIsEndedByForce() async throws {
        try await withBundle { bundle in
            var configuration = bundle.configuration("true")
            configuration["hooks"]["createRuntime"] = [["path": "/bin/sleep", "args": ["sleep", "4"]]]
            try bundle.write(configuration)
            let creator = try Child(bundle.words(["create", "--bundle", bundle.path, bundle.name]))
            let seen = try await eventually(seconds: 10) {
                try await bundle.runtime("state", bundle.name).out.contains("creating")
            }
            #expect(seen)
            #expect(try await bundle.runtime("kill", bundle.name, "KILL").status == 1)
            creator.signal(SIGKILL)
            _ = try await creator.finish()
            try await Self.clear(bundle, "creator killed in a hook")
        }
    }
}
