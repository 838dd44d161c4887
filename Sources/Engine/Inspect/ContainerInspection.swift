import ContainerNetwork
import JSON
import LinuxKernel
import Netlink

/// A container in the shape of `docker inspect`.
public struct ContainerInspection {
    private let record: ContainerRecord
    private let state: ContainerState
    private let directory: ContainerDirectory
    private let endpoints: [Endpoint]

    /// - Parameter endpoints: the container's places in networks, while it runs.
    init(
        record: ContainerRecord, state: ContainerState, directory: ContainerDirectory, endpoints: [Endpoint] = []
    ) {
        self.endpoints = endpoints
        self.record = record
        self.state = state
        self.directory = directory
    }

    /// The object.
    public var json: JSONValue {
        [
            "Id": .string(record.id), "Created": .string(record.created),
            "Path": .string(record.arguments.first ?? ""), "Args": JSONValue(record.arguments.dropFirst()),
            "State": stateObject, "Image": .string(record.imageID),
            "ResolvConfPath": .string(directory.path + "/resolv.conf"),
            "HostnamePath": .string(directory.path + "/hostname"), "HostsPath": .string(directory.path + "/hosts"),
            "LogPath": .string(directory.logPath), "Name": .string("/" + record.name),
            "RestartCount": JSONValue(state.restartCount),
            "Driver": "overlay2", "Platform": "linux", "MountLabel": "", "ProcessLabel": "", "AppArmorProfile": "",
            "ExecIDs": nil, "HostConfig": hostConfig, "GraphDriver": graphDriver,
            "Mounts": .array(record.mounts.map(mount)),
            "Config": config, "NetworkSettings": networkSettings,
        ]
    }

    private var stateObject: JSONValue {
        var object = JSONObject([
            ("Status", .string(state.word)), ("Running", .bool(state.isAlive)), ("Paused", .bool(state.isPaused)),
            ("Restarting", .bool(state.status == .restarting)), ("OOMKilled", .bool(state.oomKilled)), ("Dead", false),
            ("Pid", JSONValue(state.pid)), ("ExitCode", JSONValue(state.exitCode)), ("Error", .string(state.error)),
            ("StartedAt", .string(state.startedAt)), ("FinishedAt", .string(state.finishedAt)),
        ])
        object["Health"] = directory.health(record, state)?.json
        return .object(object)
    }

    private var config: JSONValue {
        var object: JSONObject = JSONObject(configMembers.objectValue?.members.map { ($0.key, $0.value) } ?? [])
        object["Healthcheck"] = record.health?.inspection
        return .object(object)
    }

    private var configMembers: JSONValue {
        [
            "Hostname": .string(record.hostname), "Domainname": .string(record.domainname),
            "User": .string(record.user),
            "AttachStdin": .bool(record.interactive), "AttachStdout": true, "AttachStderr": true,
            "ExposedPorts": .object(
                JSONObject(record.ports.map { ("\($0.containerPort)/\($0.proto)", .object(JSONObject())) })),
            "Tty": .bool(record.terminal), "OpenStdin": .bool(record.interactive),
            "StdinOnce": .bool(record.closesInput),
            "Env": JSONValue(record.environment), "Cmd": record.command.isEmpty ? nil : JSONValue(record.command),
            "Image": .string(record.image),
            "Volumes": .object(
                JSONObject(record.mounts.filter { $0.kind == .volume }.map { ($0.destination, .object(JSONObject())) })),
            "WorkingDir": .string(record.workingDirectory),
            "Entrypoint": record.entrypoint.isEmpty ? nil : JSONValue(record.entrypoint),
            "Labels": JSONValue(record.labels), "StopSignal": .string(record.stopSignal),
            "StopTimeout": JSONValue(record.stopTimeout),
        ]
    }

    private var hostConfig: JSONValue {
        let limits = record.limits
        var object = JSONObject([
            ("Binds", .array(record.mounts.filter { $0.kind != .tmpfs }.map(bindText))),
            ("NetworkMode", .string(record.network)), ("PortBindings", portMap(record.ports)),
            (
                "RestartPolicy",
                ["Name": .string(record.restart.kind.rawValue), "MaximumRetryCount": JSONValue(record.restart.maximum)]
            ), ("AutoRemove", .bool(record.autoRemove)),
            ("LogConfig", logConfig),
            ("CapAdd", capabilityDifference(added: true)), ("CapDrop", capabilityDifference(added: false)),
            ("Dns", JSONValue(record.dns)), ("DnsSearch", JSONValue(record.networking.searchDomains ?? [])),
            ("DnsOptions", JSONValue(record.networking.resolverOptions ?? [])),
            ("ExtraHosts", JSONValue(record.extraHosts)),
            ("GroupAdd", JSONValue(record.groupAdd)), ("IpcMode", mode("ipc", "private")),
            ("CgroupnsMode", mode("cgroup", "private")),
            ("OomScoreAdj", JSONValue(record.oomScoreAdjustment ?? 0)), ("PidMode", mode("pid", "")),
            ("Privileged", .bool(record.extras.isPrivileged)),
            ("ReadonlyRootfs", .bool(record.readOnlyRoot)), ("SecurityOpt", securityOptions),
            ("UTSMode", record.network == "host" ? "host" : mode("uts", "")),
            ("UsernsMode", .string(record.security.usesHostUsers ? "host" : "private")),
            ("ShmSize", JSONValue(record.shmSize)), ("Sysctls", JSONValue(record.sysctls)), ("Runtime", "berth"),
        ])
        object["Memory"] = JSONValue(limits.memory ?? 0)
        object["MemoryReservation"] = JSONValue(limits.memoryReservation ?? 0)
        object["MemorySwap"] = JSONValue(limits.memorySwap ?? (limits.memory.map { $0 * 2 } ?? 0))
        object["NanoCpus"] = JSONValue(limits.nanoCPUs ?? 0)
        object["CpuShares"] = JSONValue(limits.cpuShares ?? 0)
        object["CpuPeriod"] = JSONValue(limits.cpuPeriod ?? 0)
        object["CpuQuota"] = JSONValue(limits.cpuQuota ?? 0)
        object["CpusetCpus"] = .string(limits.cpusetCPUs ?? "")
        object["CpusetMems"] = .string(limits.cpusetMems ?? "")
        object["PidsLimit"] = limits.pids.map { JSONValue($0) } ?? .null
        object["Init"] = .bool(record.usesInit)
        object["Ulimits"] = .array(
            record.ulimits.map { ["Name": .string($0.name), "Hard": JSONValue($0.hard), "Soft": JSONValue($0.soft)] })
        object["Devices"] = .array(
            record.extras.devices.map {
                [
                    "PathOnHost": .string($0.source), "PathInContainer": .string($0.destination),
                    "CgroupPermissions": .string($0.access),
                ]
            })
        object["DeviceCgroupRules"] = record.extras.deviceRules.isEmpty ? .null : JSONValue(record.extras.deviceRules)
        object["BlkioWeight"] = JSONValue(record.extras.blockWeight ?? 0)
        object["MemorySwappiness"] = record.extras.swappiness.map { JSONValue($0) } ?? .null
        object["OomKillDisable"] = .bool(record.extras.disablesOutOfMemoryKiller)
        if !record.extras.annotations.isEmpty { object["Annotations"] = JSONValue(record.extras.annotations) }
        object["MaskedPaths"] = nil
        return .object(object)
    }

    private func mode(_ kind: String, _ otherwise: String) -> JSONValue {
        .string(record.extras.hostNamespaces.contains(kind) ? "host" : otherwise)
    }

    private var logConfig: JSONValue {
        var options = JSONObject()
        options["max-size"] = record.extras.logSize.map { .string(String($0)) }
        options["max-file"] = record.extras.logFiles.map { .string(String($0)) }
        return ["Type": .string(record.extras.logDriver), "Config": .object(options)]
    }

    private func capabilityDifference(added: Bool) -> JSONValue {
        let standard = Set(ContainerSecurity.defaultCapabilities), own = Set(record.security.capabilities)
        let names = added ? own.subtracting(standard) : standard.subtracting(own)
        return names.isEmpty ? nil : JSONValue(names.sorted())
    }

    private var securityOptions: JSONValue {
        var options = [String]()
        if record.security.noNewPrivileges { options.append("no-new-privileges") }
        if record.security.seccomp == .unconfined { options.append("seccomp=unconfined") }
        return options.isEmpty ? nil : JSONValue(options)
    }

    private func bindText(_ mount: ContainerMount) -> JSONValue {
        .string(
            "\(mount.kind == .volume ? mount.name : mount.source):\(mount.destination)\(mount.isReadOnly ? ":ro" : "")")
    }

    private func mount(_ mount: ContainerMount) -> JSONValue {
        var object = JSONObject([("Type", .string(mount.kind.rawValue))])
        if mount.kind == .volume { object["Name"] = .string(mount.name) }
        object["Source"] = .string(mount.source)
        object["Destination"] = .string(mount.destination)
        if mount.kind == .volume { object["Driver"] = "local" }
        object["Mode"] = .string(mount.isReadOnly ? "ro" : "")
        object["RW"] = .bool(!mount.isReadOnly)
        object["Propagation"] = .string(mount.kind == .bind ? mount.propagation : "")
        return .object(object)
    }

    private var graphDriver: JSONValue {
        [
            "Name": "overlay2",
            "Data": [
                "LowerDir": .string(record.layers.reversed().map(\.path).joined(separator: ":")),
                "UpperDir": .string(directory.upperDirectory), "WorkDir": .string(directory.workDirectory),
            ],
        ]
    }

    private func portMap(_ ports: [ContainerRecord.Port]) -> JSONValue {
        var object = JSONObject()
        for port in ports {
            let key = "\(port.containerPort)/\(port.proto)"
            let binding: JSONValue = [
                "HostIp": .string(port.hostAddress),
                "HostPort": .string(port.hostPort == 0 ? "" : String(port.hostPort)),
            ]
            object[key] = .array((object[key]?.arrayValue ?? []) + [binding])
        }
        return .object(object)
    }

    private var networkSettings: JSONValue {
        let running = state.status == .running
        let first = endpoints.first { $0.v4?.isDefaultRoute == true } ?? endpoints.first
        var object = JSONObject([
            ("SandboxKey", .string(running ? "/proc/\(state.pid)/ns/net" : "")),
            (
                "Ports",
                running ? portMap(endpoints.flatMap(\.ports).map(ContainerRecord.Port.init)) : .object(JSONObject())
            ),
        ])
        for (key, value) in Self.addresses(running ? first : nil) { object[key] = value }
        var networks = JSONObject()
        let names =
            record.joinsNetworks
            ? record.attachments.map(\.network) : record.sharedNetworkContainer == nil ? [record.network] : []
        for name in names {
            let endpoint = running ? endpoints.first { $0.network == name } : nil
            let wish = record.attachments.first { $0.network == name }
            var entry = JSONObject([
                ("Aliases", wish.map { $0.aliases.isEmpty ? .null : JSONValue($0.aliases) } ?? .null),
                ("NetworkID", .string(endpoint?.networkID ?? "")), ("EndpointID", .string(endpoint?.identifier ?? "")),
                ("DNSNames", endpoint.map { JSONValue($0.names) } ?? .null),
            ])
            for (key, value) in Self.addresses(endpoint) { entry[key] = value }
            networks[name] = .object(entry)
        }
        object["Networks"] = .object(networks)
        return .object(object)
    }

    /// Docker's words for the addresses of an endpoint; empty ones without one.
    private static func addresses(_ endpoint: Endpoint?) -> [(String, JSONValue)] {
        [
            ("IPAddress", .string(endpoint?.v4?.address.description ?? "")),
            ("IPPrefixLen", JSONValue(endpoint?.v4?.network.prefixLength ?? 0)),
            ("Gateway", .string(endpoint?.v4?.gateway?.description ?? "")),
            ("GlobalIPv6Address", .string(endpoint?.v6?.address.description ?? "")),
            ("GlobalIPv6PrefixLen", JSONValue(endpoint?.v6?.network.prefixLength ?? 0)),
            ("IPv6Gateway", .string(endpoint?.v6?.gateway?.description ?? "")),
            ("MacAddress", .string(endpoint?.macAddress.description ?? "")),
        ]
    }
}

extension Engine {
    /// `inspect` of one container.
    public func inspection(_ text: String) throws(EngineError) -> JSONValue {
        let (record, state, directory) = try inspect(text)
        return ContainerInspection(
            record: record, state: state, directory: directory, endpoints: networks.endpoints(of: record.id)
        ).json
    }
}
