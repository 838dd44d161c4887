import ContainerRuntime
import JSON
import LinuxKernel
import OCI

/// Turns a container's record into an OCI configuration, Docker's defaults included.
struct SpecificationBuilder {
    let record: ContainerRecord
    let directory: ContainerDirectory
    /// The container whose network this one shares.
    var shared: SharedNetwork?

    /// The configuration, and which of its mounts are to be shown in the ids of their source's owner.
    func build() throws(EngineError) -> (configuration: RuntimeConfiguration, ownerMapped: Set<Int>) {
        var configuration = RuntimeConfiguration()
        configuration.root = RuntimeRoot(path: "", readonly: record.readOnlyRoot)
        let ownName = record.network != "host" && !record.extras.hostNamespaces.contains("uts")
        configuration.hostname = ownName ? (shared?.record ?? record).hostname : nil
        configuration.annotations = record.extras.annotations
        let domain = (shared?.record ?? record).domainname
        configuration.domainname = domain.isEmpty || !ownName ? nil : domain
        configuration.process = try process()
        var mounts = baseMounts()
        var ownerMapped = Set<Int>()
        for mount in record.mounts.sorted(by: { Self.depth($0.destination) < Self.depth($1.destination) }) {
            // A bind belongs to somebody on the host; a volume is the containers' own and keeps their ids as they are.
            if mount.kind == .bind, mount.isMapped { ownerMapped.insert(mounts.count) }
            mounts.append(runtimeMount(mount))
        }
        configuration.mounts = mounts
        configuration.linux = try linux()
        return (configuration, ownerMapped)
    }

    private static func depth(_ path: String) -> Int { PathText.names(path).count }

    private func process() throws(EngineError) -> RuntimeProcess {
        var process = RuntimeProcess()
        process.terminal = record.terminal
        process.args = record.arguments
        process.env = record.environment
        process.cwd = record.workingDirectory
        process.capabilities = RuntimeCapabilities(granted: record.security.capabilities)
        process.noNewPrivileges = record.security.noNewPrivileges
        process.oomScoreAdjustment = record.oomScoreAdjustment
        process.rlimits = record.ulimits.map {
            RuntimeResourceLimit(type: "RLIMIT_" + $0.name.uppercased(), soft: $0.soft, hard: $0.hard)
        }
        return process
    }

    private func baseMounts() -> [RuntimeMount] {
        var mounts = [
            RuntimeMount(destination: "/proc", type: "proc", source: "proc", options: ["nosuid", "noexec", "nodev"]),
            RuntimeMount(
                destination: "/dev", type: "tmpfs", source: "tmpfs",
                options: ["nosuid", "strictatime", "mode=755", "size=65536k"]),
            RuntimeMount(
                destination: "/dev/pts", type: "devpts", source: "devpts",
                options: ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"]),
            RuntimeMount(
                destination: "/dev/mqueue", type: "mqueue", source: "mqueue", options: ["nosuid", "noexec", "nodev"]),
            record.extras.hostNamespaces.contains("ipc")
                ? RuntimeMount(destination: "/dev/shm", type: "bind", source: "/dev/shm", options: ["rbind", "rw"])
                : RuntimeMount(
                    destination: "/dev/shm", type: "tmpfs", source: "shm",
                    options: ["nosuid", "noexec", "nodev", "mode=1777", "size=\(record.shmSize)"]),
        ]
        let access = record.extras.isPrivileged ? "rw" : "ro"
        // A sysfs may only be mounted by the owner of the network namespace it shows.
        if record.network == "host" && !record.security.usesHostUsers {
            mounts.append(
                RuntimeMount(
                    destination: "/sys", type: "bind", source: "/sys",
                    options: ["rbind", "nosuid", "noexec", "nodev", "rro"]))
        } else {
            mounts.append(
                RuntimeMount(
                    destination: "/sys", type: "sysfs", source: "sysfs",
                    options: ["nosuid", "noexec", "nodev", access]))
            mounts.append(
                RuntimeMount(
                    destination: "/sys/fs/cgroup", type: "cgroup", source: "cgroup",
                    options: ["nosuid", "noexec", "nodev", access]))
        }
        for name in ["resolv.conf", "hostname", "hosts"]
        where !record.mounts.contains(where: { $0.destination == "/etc/\(name)" }) {
            mounts.append(
                RuntimeMount(
                    destination: "/etc/\(name)", type: "bind",
                    source: "\(shared?.directory.path ?? directory.path)/\(name)",
                    options: record.readOnlyRoot ? ["bind", "ro"] : ["bind"]))
        }
        return mounts
    }

    private func runtimeMount(_ mount: ContainerMount) -> RuntimeMount {
        switch mount.kind {
        case .tmpfs:
            var options = ["nosuid", "nodev", "noexec"]
            for option in mount.options {
                // An explicit wish replaces the default that contradicts it.
                if option == "exec" || option == "suid" || option == "dev" { options.removeAll { $0 == "no" + option } }
                options.append(option)
            }
            if mount.isReadOnly { options.append("ro") }
            return RuntimeMount(destination: mount.destination, type: "tmpfs", source: "tmpfs", options: options)
        case .bind, .volume:
            var options = [mount.isRecursive ? "rbind" : "bind", mount.propagation]
            if mount.isReadOnly { options.append(mount.isRecursive ? "rro" : "ro") }
            if mount.kind == .volume, !record.security.usesHostUsers { options.append("idmap") }
            return RuntimeMount(destination: mount.destination, type: "bind", source: mount.source, options: options)
        }
    }

    private func linux() throws(EngineError) -> RuntimeLinux {
        var linux = RuntimeLinux()
        var namespaces = ["pid", "mount", "ipc", "uts", "cgroup"]
        if record.network == "host" { namespaces.removeAll { $0 == "uts" } } else { namespaces.append("network") }
        namespaces.removeAll { record.extras.hostNamespaces.contains($0) }
        if !record.security.usesHostUsers { namespaces.append("user") }
        linux.namespaces = namespaces.map { RuntimeNamespace(type: $0) }
        if let shared {
            // Its user namespace too: the network belongs to that one.
            for index in linux.namespaces.indices {
                let kind = linux.namespaces[index].type
                guard ["network", "user"].contains(kind) else { continue }
                linux.namespaces[index].path = "/proc/\(shared.pid)/ns/\(kind == "network" ? "net" : kind)"
            }
        }
        if let range = record.idRange {
            linux.uidMappings = [RuntimeIDMapping(containerID: 0, hostID: range.base, size: range.size)]
            linux.gidMappings = linux.uidMappings
        }
        linux.sysctl = record.sysctls
        if record.network != "host", shared == nil {
            // As Docker: any user may listen on any port and use ping, in the container's own network.
            let highest = (record.idRange?.size ?? 0x8000_0000) - 1
            for (name, value) in [
                ("net.ipv4.ip_unprivileged_port_start", "0"), ("net.ipv4.ping_group_range", "0 \(highest)"),
            ] where linux.sysctl[name] == nil { linux.sysctl[name] = value }
        }
        let devices = try DeviceSpecification(record.extras)
        linux.devices = devices.nodes
        if !record.extras.isPrivileged {
            linux.maskedPaths = [
                "/proc/acpi", "/proc/asound", "/proc/interrupts", "/proc/kcore", "/proc/keys", "/proc/latency_stats",
                "/proc/sched_debug", "/proc/scsi", "/proc/timer_list", "/proc/timer_stats",
                "/sys/devices/virtual/powercap",
                "/sys/firmware",
            ]
            linux.readonlyPaths = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"]
        }
        linux.resources = try resources(devices.rules)
        switch record.security.seccomp {
        case .standard: linux.seccomp = DefaultSeccomp.profile(capabilities: Set(record.security.capabilities))
        case .unconfined: linux.seccomp = nil
        case .profile(let text):
            linux.seccomp = try SeccompProfileFile.parse(text, capabilities: Set(record.security.capabilities))
        }
        return linux
    }

    private func resources(_ deviceRules: [RuntimeDeviceRule]) throws(EngineError) -> RuntimeResources {
        var resources = RuntimeResources()
        let limits = record.limits
        let extras = record.extras
        resources.devices = [RuntimeDeviceRule(allow: false)] + deviceRules
        resources.blockIO = try DeviceSpecification.blockIO(extras)
        if limits.memory != nil || limits.memorySwap != nil || limits.memoryReservation != nil {
            var memory = RuntimeMemory()
            memory.limit = limits.memory
            memory.reservation = limits.memoryReservation
            // Docker's rule: without a word about swap a container may use as much swap as memory.
            memory.swap = limits.memorySwap ?? limits.memory.map { $0 > 0 && $0 < Int64.max / 2 ? $0 * 2 : -1 }
            resources.memory = memory
        }
        if extras.swappiness != nil || extras.disablesOutOfMemoryKiller {
            var memory = resources.memory ?? RuntimeMemory()
            memory.swappiness = extras.swappiness
            if extras.disablesOutOfMemoryKiller { memory.disableOOMKiller = true }
            resources.memory = memory
        }
        var cpu = RuntimeCPU()
        cpu.shares = limits.cpuShares
        cpu.quota = limits.cpuQuota
        cpu.period = limits.cpuPeriod
        if let nano = limits.nanoCPUs {
            cpu.period = 100_000
            cpu.quota = nano / 10_000
        }
        cpu.cpus = limits.cpusetCPUs
        cpu.mems = limits.cpusetMems
        cpu.realtimePeriod = extras.realtimePeriod
        cpu.realtimeRuntime = extras.realtimeRuntime
        resources.cpu = cpu
        resources.pidsLimit = limits.pids
        return resources
    }
}
