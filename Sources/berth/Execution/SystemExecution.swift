import CommandLine
import ContainerNetwork
import Engine
import Glibc
import GoTemplate
import ImageStore
import JSON
import LinuxKernel

extension ProgramExecution {
    /// `version`.
    func version(_ format: String) throws -> Int32 {
        let part = JSONObject([
            ("Version", .string(Version.text)), ("ApiVersion", "1.49"), ("Os", "linux"),
            ("Arch", .string(Host.architecture)), ("KernelVersion", .string(Host.kernelRelease)),
        ])
        // There is no server: the program is both.
        if try printed(["Client": .object(part), "Server": .object(part)], format) { return 0 }
        writeText(
            """
            Berth
             Version:     \(Version.text)
             OS/Arch:     linux/\(Host.architecture)
             Kernel:      \(Host.kernelRelease)
             OCI runtime: 1.3.0

            """, to: 1)
        return 0
    }

    /// Prints a value as `--format` says; false without a format.
    private func printed(_ value: JSONValue, _ format: String) throws -> Bool {
        if format.isEmpty { return false }
        let text = format == "json" ? value.text() : try Template(parsing: format).text(for: value)
        writeText(text + "\n", to: 1)
        return true
    }

    /// `info`.
    func information(_ format: String) throws -> Int32 {
        let containers = try engine.list()
        func count(_ word: String) -> Int { containers.filter { $0.state.word == word }.count }
        let running = count("running") + count("restarting")
        let images = try engine.images.images().count
        let processors = sysconf(Int32(_SC_NPROCESSORS_ONLN))
        let layout = engine.controlGroupLayout
        let value: JSONValue = [
            "ID": .string(engine.roots.instance), "Containers": JSONValue(containers.count),
            "ContainersRunning": JSONValue(running), "ContainersPaused": JSONValue(count("paused")),
            "ContainersStopped": JSONValue(count("exited") + count("created")), "Images": JSONValue(images),
            "Driver": "overlay2", "LoggingDriver": "json-file", "CgroupDriver": "cgroupfs",
            "CgroupVersion": .string(layout == "v2" ? "2" : "1"), "KernelVersion": .string(Host.kernelRelease),
            "OperatingSystem": .string(Host.operatingSystem), "OSType": "linux", "Architecture": .string(Host.machine),
            "NCPU": JSONValue(processors), "MemTotal": JSONValue(ContainerSample.machineMemory),
            "DockerRootDir": .string(engine.roots.state), "Name": .string(Host.name),
            "ServerVersion": .string(Version.text), "SecurityOptions": ["name=seccomp,profile=builtin", "name=userns"],
            "DefaultRuntime": "berth", "Bridge": .string(engine.networks.bridgeName()),
            "Table": .string(engine.networks.tableName), "RunDirectory": .string(engine.roots.run),
            "Volumes": JSONValue(engine.volumes.all().count), "InitByDefault": .bool(engine.usesInitByDefault),
        ]
        if try printed(value, format) { return 0 }
        writeText(
            """
            Containers: \(containers.count)
             Running: \(running)
             Paused: \(count("paused"))
             Stopped: \(count("exited") + count("created"))
            Images: \(images)
            Volumes: \(engine.volumes.all().count)
            Version: \(Version.text)
            Storage: overlayfs
            Logging Driver: json-file
            Cgroups: \(layout)
            Bridge: \(engine.networks.bridgeName())
            Table: \(engine.networks.tableName)
            Security: seccomp, a user namespace per container
            Kernel: \(Host.kernelRelease)
            Operating System: \(Host.operatingSystem)
            Architecture: \(Host.architecture)
            CPUs: \(processors)
            Total Memory: \(ByteSize.binaryText(Int64(clamping: ContainerSample.machineMemory)))
            Name: \(printable(Host.name))
            Root directory: \(engine.roots.state)
            Run directory: \(engine.roots.run)

            """, to: 1)
        return 0
    }

    /// `system reset`: everything of this engine goes.
    func reset(force: Bool) throws -> Int32 {
        if !force {
            guard Terminal.isTerminal(0) else {
                throw EngineError(
                    "system reset removes every container, image, volume and network below \(engine.roots.state): confirm with --force"
                )
            }
            writeText(
                "This removes every container, image, volume and network below \(engine.roots.state).\nAre you sure? [y/N] ",
                to: 1)
            guard let answer = readLine(), answer.lowercased().hasPrefix("y") else { return 1 }
        }
        try engine.reset()
        return 0
    }
}

/// What the machine is.
enum Host {
    static var kernelRelease: String { (try? Files.readLine("/proc/sys/kernel/osrelease")) ?? "" }
    static var name: String { (try? Files.readLine("/proc/sys/kernel/hostname")) ?? "" }
    /// As `/etc/os-release` calls it.
    static var operatingSystem: String {
        let text = String(decoding: (try? Files.read("/etc/os-release", limit: 64 << 10)) ?? [], as: UTF8.self)
        for line in text.split(separator: "\n") where line.hasPrefix("PRETTY_NAME=") {
            return printable(line.dropFirst("PRETTY_NAME=".count).filter { $0 != "\"" })
        }
        return "Linux"
    }
    /// As `uname -m` says.
    static var machine: String { architecture == "amd64" ? "x86_64" : "aarch64" }
    static var architecture: String {
        #if arch(x86_64)
        "amd64"
        #else
        "arm64"
        #endif
    }
}

/// Writes bytes to a standard stream; false when nobody reads it any more.
func writeBytes(_ bytes: [UInt8], to number: Int32) -> Bool {
    var rest = bytes[...]
    while !rest.isEmpty {
        let count = rest.withUnsafeBytes { Glibc.write(number, $0.baseAddress, $0.count) }
        if count < 0 {
            if errno == EINTR { continue }
            StandardOutput.note(errno, number)
            return false
        }
        rest = rest.dropFirst(count)
    }
    return true
}
