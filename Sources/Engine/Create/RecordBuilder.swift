import ContainerNetwork
import Glibc
import ImageStore
import LinuxKernel
import Netlink
import OCI

/// Joins what a user asks for with what the image says into a container's record.
struct RecordBuilder {
    let request: ContainerRequest
    let image: StoredImage
    let id: String
    let volumes: VolumeStore
    let layers: [LayerDirectory]
    /// Mounts of other containers (`--volumes-from`).
    var borrowed: [ContainerMount] = []

    func build() throws(EngineError) -> ContainerRecord {
        let config = image.configuration.config
        var record = ContainerRecord(
            id: id, name: request.name ?? "", created: WallClock.now(), image: request.image,
            imageID: image.id.description)
        try setCommand(&record, config)
        record.hostname = request.hostname ?? ContainerID.short(id)
        record.domainname = request.domainname ?? ""
        try checkHostname(record.hostname)
        record.environment = environment(record, config)
        record.workingDirectory = try workingDirectory(config)
        record.user = request.user ?? config.user
        record.groupAdd = request.groupAdd
        record.terminal = request.terminal
        record.interactive = request.interactive
        record.usesInit = request.usesInit
        record.autoRemove = request.autoRemove
        record.readOnlyRoot = request.readOnlyRoot
        record.labels = config.labels.merging(request.labels) { $1 }
        record.limits = try limits()
        record.security = try security()
        record.network = request.network
        record.networking = request.networking
        record.ports = try ports(config)
        record.networking.servesNames =
            (config.exposedPorts + request.exposed + record.ports.map { "\($0.containerPort)/\($0.proto)" })
            .contains { PathText.names($0).first == "53" }
        record.extraHosts = request.extraHosts
        record.dns = request.dns
        record.ulimits = request.ulimits
        record.sysctls = request.sysctls
        record.shmSize = request.shmSize ?? 64 << 20
        record.oomScoreAdjustment = request.oomScoreAdjustment
        record.stopSignal = request.stopSignal ?? config.stopSignal ?? "SIGTERM"
        guard Signals.number(record.stopSignal) != nil else {
            throw EngineError("Invalid signal: \(record.stopSignal)", exitCode: 125)
        }
        record.stopTimeout = request.stopTimeout ?? config.stopTimeout ?? 10
        guard request.restart.kind == .no || !request.autoRemove else {
            throw EngineError("conflicting options: cannot specify both --restart and --rm", exitCode: 125)
        }
        record.restart = request.restart
        record.health = request.health.check(over: config.healthcheck)
        record.closesInput = request.closesInput
        record.extras = request.extras
        _ = try DeviceSpecification(request.extras)
        _ = try DeviceSpecification.blockIO(request.extras)
        record.layers = layers.map { ContainerRecord.Layer(path: $0.path, idBase: $0.idBase) }
        record.mounts = try mounts(config)
        return record
    }

    private func setCommand(_ record: inout ContainerRecord, _ config: ImageConfiguration.Config) throws(EngineError) {
        if let entrypoint = request.entrypoint {
            // A new entrypoint also drops the image's command; an empty one resets both.
            record.entrypoint = entrypoint == [""] ? [] : entrypoint
            record.command = request.arguments
        } else {
            record.entrypoint = config.entrypoint ?? []
            record.command = request.arguments.isEmpty ? config.command ?? [] : request.arguments
        }
        guard !record.arguments.isEmpty else {
            throw EngineError(
                "no command specified: image \(request.image) names none, give one after the image", exitCode: 125)
        }
        for argument in record.arguments where argument.utf8.contains(0) {
            throw EngineError("an argument of the command holds a zero byte", exitCode: 125)
        }
    }

    private func checkHostname(_ name: String) throws(EngineError) {
        let bytes = Array(name.utf8)
        let fits =
            bytes.count <= 63 && !bytes.isEmpty && bytes.first != UInt8(ascii: "-")
            && bytes.allSatisfy {
                (0x30...0x39).contains($0) || (0x41...0x5A).contains($0) || (0x61...0x7A).contains($0)
                    || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: "_")
            }
        guard fits else {
            throw EngineError(
                "invalid hostname \"\(ContainerRegistry.printable(name))\": 1 to 63 letters, digits, -, _ and . are allowed",
                exitCode: 125)
        }
    }

    private func environment(_ record: ContainerRecord, _ config: ImageConfiguration.Config) -> [String] {
        var result = [
            "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOSTNAME=\(record.hostname)",
        ]
        if request.terminal { result.append("TERM=xterm") }
        for entry in config.environment + request.environment {
            let key = String(decoding: entry.utf8.prefix { $0 != UInt8(ascii: "=") }, as: UTF8.self) + "="
            if let place = result.firstIndex(where: { PathText.begins($0, with: key) }) {
                result[place] = entry
            } else {
                result.append(entry)
            }
        }
        return result
    }

    private func workingDirectory(_ config: ImageConfiguration.Config) throws(EngineError) -> String {
        let path = request.workingDirectory ?? config.workingDirectory
        if path.isEmpty { return "/" }
        guard PathText.isAbsolute(path) else {
            throw EngineError(
                "the working directory \"\(ContainerRegistry.printable(path))\" is invalid, it needs to be an absolute path",
                exitCode: 125)
        }
        return Self.clean(path)
    }

    private func limits() throws(EngineError) -> ContainerLimits {
        let limits = request.limits
        func refuse(_ text: String) -> EngineError { EngineError(text, exitCode: 125) }
        if let memory = limits.memory, memory < 0 {
            throw refuse("invalid memory limit \(memory): it must not be negative")
        }
        if let memory = limits.memory, memory > 0, memory < 6 << 20 {
            // Docker's floor: below it most programs are killed before their first line.
            throw refuse("Minimum memory limit allowed is 6MB: \(memory) bytes are too small to start a container")
        }
        if let swap = limits.memorySwap, swap != -1, swap != 0 {
            guard let memory = limits.memory else {
                throw refuse("You should always set the Memory limit when using Memoryswap limit")
            }
            guard swap >= memory else { throw refuse("Minimum memoryswap limit should be larger than memory limit") }
        }
        if let reservation = limits.memoryReservation, let memory = limits.memory, reservation > memory {
            throw refuse("Minimum memory limit can not be less than memory reservation limit")
        }
        if let nano = limits.nanoCPUs {
            let available = Int64(sysconf(Int32(_SC_NPROCESSORS_ONLN)))
            guard nano >= 10_000_000, nano <= available * 1_000_000_000 else {
                throw refuse(
                    "range of CPUs is from 0.01 to \(available).00, as there are only \(available) CPUs available")
            }
            guard limits.cpuQuota == nil, limits.cpuPeriod == nil else {
                throw refuse("Conflicting options: --cpus cannot be combined with --cpu-period or --cpu-quota")
            }
        }
        var result = limits
        if result.memorySwap == 0 { result.memorySwap = nil }
        if result.memory == 0 { result.memory = nil }
        if result.pids == 0 { result.pids = nil }
        return result
    }

    private func security() throws(EngineError) -> ContainerSecurity {
        var security = ContainerSecurity()
        func names(_ list: [String]) throws(EngineError) -> CapabilitySet {
            var result: CapabilitySet = []
            for name in list {
                if name.uppercased() == "ALL" || name.uppercased() == "CAP_ALL" { result.formUnion(.all); continue }
                guard let one = CapabilitySet(name: name) else {
                    throw EngineError("invalid capability: \"\(ContainerRegistry.printable(name))\"", exitCode: 125)
                }
                result.formUnion(one)
            }
            return result
        }
        let added = try names(request.capabilitiesAdded), dropped = try names(request.capabilitiesDropped)
        let standard = try names(ContainerSecurity.defaultCapabilities)
        // As Docker: a capability that is both dropped by ALL and added by name is there; one named in both is not.
        let isPrivileged = request.extras.isPrivileged
        let dropsAll = dropped == .all
        let addsAll = added == .all
        var result = dropsAll ? added : standard.union(added)
        if !dropsAll { result.subtract(dropped) }
        if dropsAll, addsAll { result = .all }
        if isPrivileged { result = CapabilitySet.all.subtracting(dropped) }
        security.capabilities = result.memberNames
        security.noNewPrivileges = request.noNewPrivileges
        security.seccomp = isPrivileged && request.seccomp == .standard ? .unconfined : request.seccomp
        security.usesHostUsers = request.usesHostUsers
        if case .profile(let text) = request.seccomp {
            _ = try SeccompProfileFile.parse(text, capabilities: Set(security.capabilities))
        }
        return security
    }

    private func ports(_ config: ImageConfiguration.Config) throws(EngineError) -> [ContainerRecord.Port] {
        if request.network == "none" || request.network == "host"
            || request.network.utf8.starts(with: "container:".utf8)
        {
            // Docker discards them with a warning on the host's network; elsewhere there is nothing to publish.
            guard request.ports.isEmpty, !request.publishesAll else {
                throw EngineError(
                    "ports cannot be published on the network \(request.network): use --network bridge", exitCode: 125)
            }
            return []
        }
        var ports = request.ports.map {
            ContainerRecord.Port(
                hostAddress: $0.hostAddress?.description ?? "", hostPort: $0.hostPorts?.lowerBound ?? 0,
                lastHostPort: $0.hostPorts?.upperBound ?? 0, containerPort: $0.containerPort,
                proto: $0.portProtocol.rawValue)
        }
        if request.publishesAll {
            for exposed in config.exposedPorts + request.exposed {
                let parts = PathText.names(exposed)
                guard let first = parts.first, let number = UInt16(first) else { continue }
                let proto = parts.count > 1 ? String(parts[1]) : "tcp"
                guard !ports.contains(where: { $0.containerPort == number && $0.proto == proto }) else { continue }
                ports.append(
                    ContainerRecord.Port(
                        hostAddress: "", hostPort: 0, lastHostPort: 0, containerPort: number, proto: proto))
            }
        }
        return ports
    }

    private func mounts(_ config: ImageConfiguration.Config) throws(EngineError) -> [ContainerMount] {
        var result = [ContainerMount]()
        for mount in request.mounts {
            let resolved = try resolve(mount)
            guard !result.contains(where: { $0.destination == resolved.destination }) else {
                throw EngineError("Duplicate mount point: \(resolved.destination)", exitCode: 125)
            }
            result.append(resolved)
        }
        for mount in borrowed where !result.contains(where: { $0.destination == mount.destination }) {
            result.append(mount)
        }
        for path in config.volumes
        where PathText.isAbsolute(path) && !result.contains(where: { $0.destination == Self.clean(path) }) {
            result.append(try resolve(ContainerRequest.Mount(source: .volume(nil), destination: path)))
        }
        return result
    }

    /// The path without empty, `.` and `..` parts, the latter never above the root.
    static func clean(_ path: String) -> String {
        var parts = [String]()
        for part in PathText.names(path) {
            if part == ".." { _ = parts.popLast() } else { parts.append(part) }
        }
        return "/" + parts.joined(separator: "/")
    }

    private func resolve(_ mount: ContainerRequest.Mount) throws(EngineError) -> ContainerMount {
        let shown = ContainerRegistry.printable(mount.destination)
        guard mount.destination.hasPrefix("/"), !mount.destination.utf8.contains(0) else {
            throw EngineError("invalid mount path: '\(shown)' mount path must be absolute", exitCode: 125)
        }
        let destination = Self.clean(mount.destination)
        guard destination != "/" else {
            throw EngineError("invalid mount: the destination can't be '/'", exitCode: 125)
        }
        var result: ContainerMount
        switch mount.source {
        case .tmpfs:
            result = ContainerMount(kind: .tmpfs, destination: destination)
            result.options = mount.options
        case .path(let source, let makesMissing):
            result = ContainerMount(kind: .bind, source: source, destination: destination)
            guard source.hasPrefix("/"), !source.utf8.contains(0) else {
                throw EngineError(
                    "invalid mount source '\(ContainerRegistry.printable(source))': it must be an absolute path",
                    exitCode: 125)
            }
            if (try? Files.status(source, followLink: true)) == nil {
                guard makesMissing else {
                    throw EngineError(
                        "bind source path does not exist: \(ContainerRegistry.printable(source))", exitCode: 125)
                }
                do throws(Errno) { try Files.makeDirectories(source) } catch {
                    throw EngineError("cannot make the directory \(source) to bind: \(error)", exitCode: 125)
                }
            }
        case .volume(let name):
            let chosen = name ?? ContainerID.make()
            result = ContainerMount(
                kind: .volume, source: try volumes.directory(chosen, isAnonymous: name == nil).path,
                destination: destination)
            result.name = chosen
            result.isAnonymous = name == nil
        }
        result.isReadOnly = mount.isReadOnly
        result.isRecursive = mount.isRecursive
        result.copiesContent = mount.copiesContent
        if let propagation = mount.propagation { result.propagation = propagation }
        return result
    }
}
