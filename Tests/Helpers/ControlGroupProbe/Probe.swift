import CLinux
import ControlGroups
import Glibc
import LinuxKernel

/// Does one thing to a real control group and prints what happened as "key=value" lines; tests read them.
///
///     ControlGroupProbe [--private-v1|--private-v2] VERB PATH [key=value…] [-- PROGRAM ARGUMENT…]
@main
enum Probe {
    static func main() {
        var arguments = Array(CommandLine.arguments.dropFirst())
        do {
            if arguments.first == "--private-v2" {
                arguments.removeFirst()
                try enterPrivateVersion2()
            }
            if arguments.first == "--private-v1" {
                arguments.removeFirst()
                try enterPrivateVersion1()
            }
            guard arguments.count >= 2 else { throw Failure("usage: VERB PATH [key=value…] [-- PROGRAM…]") }
            let split = arguments.firstIndex(of: "--") ?? arguments.endIndex
            let request = Request(
                path: arguments[1], settings: Array(arguments[2..<split]),
                program: Array(arguments[split...].dropFirst()))
            switch arguments[0] {
            case "run": try run(request)
            case "freeze": try freeze(request)
            case "kill": try killTree(request)
            case "update": try update(request)
            case "leave": try leave(request)
            case "detect": try detect()
            case "create": _ = try ControlGroup.create(host: .detect(), path: request.path, limits: request.limits())
            case "remove": try ControlGroup.open(host: .detect(), path: request.path).remove(emptyParents: 1)
            case "measure": try measure(request)
            case "deep": try deep(request)
            case "oom-watch": try watch(request)
            default: throw Failure("unknown verb")
            }
        } catch {
            say("error", "\(error)")
            exit(1)
        }
    }

    struct Failure: Error, CustomStringConvertible {
        let description: String
        init(_ description: String) { self.description = description }
    }

    static func say(_ key: String, _ value: some CustomStringConvertible) { writeText("\(key)=\(value)\n", to: 1) }

    /// A plain version 2 mount over everything, seen only by this process.
    static func enterPrivateVersion2() throws {
        try checked(berth_unshare(CLONE_NEWNS))
        try checked(berth_mount("none", "/", nil, UInt(MS_REC | MS_PRIVATE), nil))
        try checked(berth_mount("none", "/sys/fs/cgroup", "cgroup2", 0, nil))
    }

    /// The machine without its version 2 hierarchy, seen only by this process.
    static func enterPrivateVersion1() throws {
        guard let unified = try HostControlGroups.detect().unified else { return }
        try checked(berth_unshare(CLONE_NEWNS))
        try checked(berth_mount("none", "/", nil, UInt(MS_REC | MS_PRIVATE), nil))
        try checked(berth_umount2(unified.mountPoint, Int32(MNT_DETACH)))
    }

    static func run(_ request: Request) throws {
        let group = try ControlGroup.create(host: .detect(), path: request.path, limits: request.limits())
        defer { finish(group) }
        for file in request.show { say(file, (try? show(group, file)) ?? "absent") }
        let child = try start(request.program, in: group)
        // The child joins version 1 hierarchies by itself.
        ShortWait.sleep(microseconds: 100_000)
        say("child-groups", Files.oneLine("/proc/\(child)/cgroup"))
        report(try wait(child))
        try report(group.statistics())
    }

    static func freeze(_ request: Request) throws {
        let group = try ControlGroup.create(host: .detect(), path: request.path, limits: request.limits())
        defer { finish(group) }
        let child = try start(["/bin/sh", "-c", "while :; do :; done"], in: group)
        ShortWait.sleep(microseconds: 50_000)
        try group.freeze()
        let before = try ticks(child)
        ShortWait.sleep(microseconds: 200_000)
        say("ticks-while-frozen", try ticks(child) - before)
        say("frozen", try group.isFrozen())
        try group.thaw()
        ShortWait.sleep(microseconds: 300_000)
        say("ran-after-thaw", try ticks(child) > before)
        // Killing works on a frozen group too.
        try group.freeze()
        try group.kill()
        report(try wait(child))
    }

    static func killTree(_ request: Request) throws {
        let group = try ControlGroup.create(host: .detect(), path: request.path, limits: request.limits())
        defer { finish(group) }
        // Orphans, a process that ignores signals, and one that stopped itself.
        let script = """
            trap '' TERM INT HUP; (setsid sleep 1000 &) ; (sleep 1001 &) ; sh -c 'kill -STOP $$' & \
            while :; do sleep 0.01 & wait; done
            """
        let child = try start(["/bin/sh", "-c", script], in: group)
        var members: [Int32] = []
        for _ in 0..<200 where members.count < 5 {
            ShortWait.sleep(microseconds: 20_000)
            members = try group.processes()
        }
        say("members", members.count)
        say("populated", try group.isPopulated())
        try group.kill()
        report(try wait(child))
        try group.remove()
        say("left", members.filter { Files.exists("/proc/\($0)/cgroup") && !isZombie($0) }.count)
        say("populated-after", try group.isPopulated())
    }

    static func update(_ request: Request) throws {
        let group = try ControlGroup.create(host: .detect(), path: request.path, limits: request.limits())
        defer { finish(group) }
        for step in request.updates {
            do {
                try group.update(limits: Request.limits(step))
            } catch {
                say("update-error", "\(error)")
            }
            for file in request.show { say(file, (try? show(group, file)) ?? "absent") }
        }
    }

    static func leave(_ request: Request) throws {
        let host = try HostControlGroups.detect()
        say("before", Files.oneLine("/proc/self/cgroup"))
        let leaf = try host.leaveCallerGroups(to: request.path)
        say("after", Files.oneLine("/proc/self/cgroup"))
        say("joined", leaf.directories.joined(separator: " "))
        // A child takes the leaf away once this process has gone: report only.
        let again = try HostControlGroups.detect().leaveCallerGroups(to: request.path)
        say("again", again.directories.count)
    }

    static func detect() throws {
        let host = try HostControlGroups.detect()
        say("layout", host.layout.rawValue)
        for hierarchy in host.hierarchies {
            say(hierarchy.isUnified ? "unified" : hierarchy.controllers.joined(separator: ","), hierarchy.mountPoint)
        }
    }

    /// Medians of the steps of a container's life, in microseconds.
    static func measure(_ request: Request) throws {
        var times: [String: [Int]] = [:]
        func timed<Value: ~Copyable>(_ name: String, _ body: () throws -> Value) rethrows -> Value {
            let start = ShortWait.now
            let value = try body()
            times[name, default: []].append(ShortWait.now - start)
            return value
        }
        for _ in 0..<100 {
            let mounts = try timed("read-mountinfo") { try Files.read("/proc/self/mountinfo") }
            let own = try timed("read-cgroup") { try Files.read("/proc/self/cgroup") }
            _ = timed("parse") { HostControlGroups(mountInfo: mounts, ownGroups: own) }
            let host = try timed("detect") { try HostControlGroups.detect() }
            let group = try timed("create") {
                try ControlGroup.create(host: host, path: request.path, limits: request.limits())
            }
            let joining = try timed("open") { try group.openJoinDescriptors() }
            let joinTimes = try SocketlessPipe()
            let child = try checked(berth_fork())
            if child == 0 {
                let start = ShortWait.now
                try? joining.joinCurrentTask()
                joinTimes.write(ShortWait.now - start)
                _exit(0)
            }
            _ = try wait(Int32(child))
            times["join", default: []].append(joinTimes.read())
            _ = try timed("statistics") { try group.statistics() }
            try timed("remove") { try group.remove(emptyParents: 1) }
        }
        for (name, list) in times.sorted(by: { $0.key < $1.key }) { say(name, list.sorted()[list.count / 2]) }
    }

    /// A group nested deeper than the process may hold descriptors: walking and removing must not need one each.
    static func deep(_ request: Request) throws {
        let depth = Int(request.values("depth").first ?? "") ?? 200
        let group = try ControlGroup.create(host: .detect(), path: request.path, limits: request.limits())
        defer { finish(group) }
        guard let top = group.directories.last else { return }
        guard chdir(top) == 0 else { throw Failure("chdir") }
        for _ in 0..<depth {
            guard mkdir("d", 0o755) == 0, chdir("d") == 0 else { throw Failure("mkdir at \(depth): \(errno)") }
        }
        guard chdir("/") == 0 else { throw Failure("chdir") }
        var few = rlimit64(rlim_cur: 30, rlim_max: 30)
        try checked(berth_prlimit(0, Int32(RLIMIT_NOFILE.rawValue), &few, nil))
        say("members", try group.processes().count)
        try group.remove()
        say("removed", !Files.exists(top))
    }

    static func watch(_ request: Request) throws {
        let group = try ControlGroup.create(host: .detect(), path: request.path, limits: request.limits())
        defer { finish(group) }
        guard let watch = try group.watchOutOfMemory() else { throw Failure("no memory controller") }
        say("quiet", poll(watch, 0) == 0)
        let child = try start(request.program, in: group)
        report(try wait(child))
        say("event", poll(watch, 2000) == 1)
        try watch.acknowledge()
        say("acknowledged", poll(watch, 0) == 0)
        say("kills", try group.outOfMemoryKills())
    }
}
