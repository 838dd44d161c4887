import Glibc
import TestSupport
import Testing

/// Whether a program is installed; where one is not, the tests that need it are skipped with that reason.
func installed(_ names: String...) -> Bool {
    let missing = names.filter { name in
        !["/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"].contains { exists("\($0)/\(name)") }
    }
    if !missing.isEmpty {
        print("skipped: \(missing.joined(separator: ", ")) is not installed (scripts/install-packages.sh peers)")
    }
    return missing.isEmpty
}

/// Directories, control groups and processes of one private engine that uses the runtime under test.
struct PeerSite: Sendable {
    private let scratch: Scratch
    /// Everything of the engine's is below it.
    var path: String { scratch.path }
    /// The engine's own control group, above those of its containers.
    var group: String { "/berth-t-" + (path.split(separator: "-").last.map(String.init) ?? "x") }

    init() throws { scratch = try Scratch() }

    /// Starts a daemon with its output in a file.
    func daemon(_ words: [String]) throws -> Child {
        let quoted = words.map { "'\($0)'" }.joined(separator: " ")
        return try Child(["/bin/sh", "-c", "exec \(quoted) >>'\(path)/daemon.log' 2>&1 </dev/null"])
    }

    /// Ends a daemon, by force if it does not by itself.
    func stop(_ daemon: Child) async throws {
        daemon.signal(SIGTERM)
        if try await eventually(seconds: 20, { await !daemon.isRunning() }) { return }
        daemon.signal(SIGKILL)
        _ = try await daemon.finish(seconds: 10)
    }

    /// What of the containers is still there, mounts and groups of the engine's own apart.
    func leftovers() -> [String] {
        var found: [String] = []
        for controller in [""] + list("/sys/fs/cgroup").map({ "/" + $0 }) {
            let place = "/sys/fs/cgroup\(controller)\(group)"
            for name in list(place) where exists("\(place)/\(name)/cgroup.procs") && !name.hasPrefix("conmon") {
                found.append("control group \(place)/\(name)")
            }
        }
        for process in Processes.mentioning(path) where Processes.isAlive(process.pid) {
            found.append("process \(process.pid) \(process.command)")
        }
        return found
    }

    /// Looks for what the runtime left, then removes what the engine did.
    func tearDown(at location: SourceLocation) async throws {
        var left: [String] = []
        _ = try await eventually(seconds: 10) {
            left = leftovers()
            return left.isEmpty
        }
        #expect(left.isEmpty, "left behind: \(left.joined(separator: "\n"))", sourceLocation: location)
        for process in Processes.mentioning(path) { kill(process.pid, SIGKILL) }
        try await shell(
            """
            for i in 1 2 3; do
                awk -v r='\(path)' 'index($5, r) == 1 {print $5}' /proc/self/mountinfo | sort -r | xargs -r -n1 umount -l 2>/dev/null
            done
            cat /sys/fs/cgroup\(group)/*/cgroup.procs /sys/fs/cgroup/*\(group)/*/cgroup.procs 2>/dev/null | sort -u | xargs -r kill -9 2>/dev/null
            for d in /sys/fs/cgroup\(group) /sys/fs/cgroup/*\(group); do
                [ -d "$d" ] && find "$d" -depth -type d -exec rmdir {} + 2>/dev/null
            done; true
            """)
    }
}

/// Gives a test a place for an engine, and looks afterwards whether the runtime left anything.
func withPeer(at location: SourceLocation = #_sourceLocation, _ body: (PeerSite) async throws -> Void) async throws {
    await Gate.engines.enter()
    do {
        let site = try PeerSite()
        do { try await body(site) } catch {
            try? await site.tearDown(at: location)
            throw error
        }
        try await site.tearDown(at: location)
    } catch {
        await Gate.engines.leave()
        throw error
    }
    await Gate.engines.leave()
}

/// What `berth explain` says of a foreign engine's process, held against procfs.
func expectExplained(
    _ pid: pid_t, engine: String, id: String, memory: Int, at location: SourceLocation = #_sourceLocation
) async throws {
    // No engine of ours has anything to do with it: an empty one asks.
    let scratch = try Scratch()
    let output = try await command([
        Repository.program, "--root", scratch.path + "/engine", "explain", "--format", "json", "--process", "\(pid)",
    ])
    try #require(output.status == 0, "\(output.all)", sourceLocation: location)
    let found = try JSON(output.out)
    let container = found["Process"]["Container"]
    #expect(container["Engine"].string == engine && container["ID"].string == id, "\(output.out)", sourceLocation: location)
    for place in 0..<found["Namespaces"].count {
        let part = found["Namespaces"][place]
        let kind = part["Kind"].string ?? ""
        #expect(
            link("/proc/\(pid)/ns/\(kind)") == "\(kind):[\(part["Inode"].int ?? 0)]", "\(kind)", sourceLocation: location)
        if ["mnt", "pid", "uts"].contains(kind) {
            #expect(part["Host"].bool == false && part["SharedWith"].count == 0, "\(kind)", sourceLocation: location)
        }
    }
    var limits: [Int] = []
    for place in 0..<found["ControlGroups"].count {
        let list = found["ControlGroups"][place]["Limits"]
        for limit in 0..<list.count where list[limit]["Name"].string == "memory" { limits.append(list[limit]["Limit"].int ?? -1) }
    }
    if exists("/sys/fs/cgroup/memory") { #expect(limits == [memory], sourceLocation: location) }
    #expect(found["UserMapping"]["Identity"].bool == true && found["Security"]["Seccomp"].string != nil, sourceLocation: location)
    #expect(found["Mounts"].count > 5 && found["Root"]["Type"].string != nil, sourceLocation: location)
    let tree = try await command([Repository.program, "--root", scratch.path + "/engine", "explain", "-p", "\(pid)"])
    #expect(tree.status == 0 && tree.out.contains("root inside is root"), "\(tree.all)", sourceLocation: location)
}
