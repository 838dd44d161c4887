import Glibc
import Testing

/// An OCI bundle with a small root file system, and a state directory for `berth-runtime`, of one test.
public struct TestBundle: Sendable {
    private let scratch: Scratch
    /// The bundle's directory.
    public var path: String { scratch.path }
    /// Its root file system on the host.
    public var rootfs: String { path + "/rootfs" }
    /// The directory of the containers' state.
    public var state: String { path + "/state" }

    fileprivate init() async throws {
        scratch = try Scratch()
        let tar = try await BaseImage.shared.tar()
        mkdir(scratch.path + "/rootfs", 0o755)
        let output = try await command(["tar", "-xf", tar, "-C", scratch.path + "/rootfs"])
        guard output.status == 0 else { throw ChildFailure(description: "unpack the base: \(output.all)") }
    }

    /// A configuration that runs a shell script with the usual mounts and namespaces.
    public func configuration(_ script: String) -> ConfigValue {
        let capabilities: ConfigValue = ["CAP_KILL", "CAP_CHOWN", "CAP_NET_BIND_SERVICE", "CAP_SETUID", "CAP_SETGID"]
        return [
            "ociVersion": "1.3.0", "root": ["path": "rootfs"],
            "process": [
                "cwd": "/", "args": ["/bin/sh", "-c", .string(script)], "env": ["PATH=/bin", "HOME=/root"],
                "user": ["uid": 0, "gid": 0],
                "capabilities": ["bounding": capabilities, "effective": capabilities, "permitted": capabilities],
            ],
            "mounts": [
                ["destination": "/proc", "type": "proc", "source": "proc"],
                [
                    "destination": "/dev", "type": "tmpfs", "source": "tmpfs",
                    "options": ["nosuid", "strictatime", "mode=755", "size=65536k"],
                ],
                [
                    "destination": "/dev/pts", "type": "devpts", "source": "devpts",
                    "options": ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"],
                ],
                [
                    "destination": "/sys", "type": "sysfs", "source": "sysfs",
                    "options": ["nosuid", "noexec", "nodev", "ro"],
                ],
            ],
            "linux": [
                "namespaces": [
                    ["type": "pid"], ["type": "network"], ["type": "mount"], ["type": "ipc"], ["type": "uts"],
                    ["type": "cgroup"],
                ],
                "cgroupsPath": .string("/berth-t-runtime/\(name)"),
            ],
        ]
    }

    /// The container's id and last part of its group's path.
    public var name: String { String(path.split(separator: "/").last ?? "x") }

    /// Writes `config.json`.
    public func write(_ configuration: ConfigValue) throws {
        try TestSupport.write(configuration.text, to: path + "/config.json")
    }

    /// The words of a command of the runtime on this bundle's state.
    public func words(_ arguments: [String]) -> [String] { [Repository.runtime, "--root", state] + arguments }

    /// Runs the runtime.
    @discardableResult
    public func runtime(_ arguments: String..., input: String? = nil, seconds: Double = 30) async throws -> Output {
        try await command(words(arguments), input: input, seconds: seconds)
    }

    /// `run` in the foreground with a configuration.
    public func run(_ configuration: ConfigValue, seconds: Double = 30) async throws -> Output {
        try write(configuration)
        return try await command(words(["run", "--bundle", path, name]), seconds: seconds)
    }

    /// `create` with a configuration. Its streams go to files: a container keeps them.
    public func create(_ configuration: ConfigValue, _ options: String...) async throws -> Output {
        try write(configuration)
        let words = words(["create", "--bundle", path] + options + [name])
        let quoted = words.map { "'" + $0 + "'" }.joined(separator: " ")
        let output = try await command(["/bin/sh", "-c", "\(quoted) >'\(path)/out' 2>'\(path)/err' </dev/null"])
        return Output(status: output.status, out: contents(path + "/out"), err: contents(path + "/err"))
    }

    /// A container's group's directory in one hierarchy.
    public func group(_ controller: String) -> String {
        let version1 = "/sys/fs/cgroup/\(controller)/berth-t-runtime/\(name)"
        return exists("/sys/fs/cgroup/\(controller)") ? version1 : "/sys/fs/cgroup/berth-t-runtime/\(name)"
    }

    fileprivate func leftovers() -> [String] {
        var found = list(state).filter { !$0.hasPrefix(".") }.map { "state of \($0)" }
        for line in contents("/proc/self/mountinfo").split(separator: "\n") where line.contains(path) {
            found.append("mount \(line)")
        }
        for controller in [""] + list("/sys/fs/cgroup").map({ "/" + $0 }) {
            let place = "/sys/fs/cgroup\(controller)/berth-t-runtime/\(name)"
            if exists(place) { found.append("control group \(place)") }
        }
        for process in Processes.mentioning(path) where Processes.isAlive(process.pid) {
            found.append("process \(process.pid) \(process.command)")
        }
        return found
    }

    fileprivate func tearDown(at location: SourceLocation) async throws {
        for id in list(state) where !id.hasPrefix(".") {
            _ = try await command([Repository.runtime, "--root", state, "delete", "--force", id])
        }
        var left: [String] = []
        _ = try await eventually(seconds: 5) {
            left = leftovers()
            return left.isEmpty
        }
        #expect(left.isEmpty, "left behind: \(left.joined(separator: "\n"))", sourceLocation: location)
        for controller in [""] + list("/sys/fs/cgroup").map({ "/" + $0 }) {
            rmdir("/sys/fs/cgroup\(controller)/berth-t-runtime")
        }
    }
}

/// Gives a test a bundle, and looks afterwards whether anything is left of its containers.
public func withBundle(
    at location: SourceLocation = #_sourceLocation, _ body: (TestBundle) async throws -> Void
) async throws {
    await Gate.engines.enter()
    do {
        let bundle = try await TestBundle()
        do { try await body(bundle) } catch {
            try? await bundle.tearDown(at: location)
            throw error
        }
        try await bundle.tearDown(at: location)
    } catch {
        await Gate.engines.leave()
        throw error
    }
    await Gate.engines.leave()
}
