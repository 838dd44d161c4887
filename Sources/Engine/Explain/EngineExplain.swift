import ContainerNetwork
import ControlGroups
import JSON
import LinuxKernel
import Netlink

extension Engine {
    /// `explain --process`: any process of the host, whoever started it.
    public func explain(process pid: Int32) throws(EngineError) -> Explanation {
        guard pid > 0 else { throw EngineError("\(pid) is no process") }
        let running = try list().filter { $0.state.status == .running }
        if let own = running.first(where: { $0.state.pid == pid }) { return try explain(own.record.id) }
        return try ExplanationReader(pid: pid, neighbours: running.map { ($0.record.name, $0.state.pid) }).read()
    }

    /// `explain`: a running container, held against what was asked for.
    public func explain(_ text: String) throws(EngineError) -> Explanation {
        let (record, state, directory) = try inspectStarted(text)
        guard state.status == .running else {
            throw EngineError("container \(record.name) is not running: there is nothing in the kernel to explain")
        }
        let process = try openProcess(record, state)
        defer { withExtendedLifetime(process) {} }
        let running = try list().filter { $0.state.status == .running }
        var result = try ExplanationReader(
            pid: state.pid, neighbours: running.map { ($0.record.name, $0.state.pid) }
        ).read()
        result.process["Container"] = .string(record.name)
        result.process["Id"] = .string(record.id)
        result.process["Monitor"] = JSONValue(state.monitorPID)
        describeLayers(record, directory, &result)
        describeWay(record, &result)
        result.differences = ExplanationDifferences(record: record, state: state, explanation: result).all
        if record.joinsNetworks, let findings = try? checkNetworks(repair: false) {
            result.differences += findings.filter(\.isFault).map { "network: \($0.description)" }
        }
        return result
    }

    /// Each layer's size and who else has it.
    private func describeLayers(
        _ record: ContainerRecord, _ directory: ContainerDirectory, _ result: inout Explanation
    ) {
        let others = containers.ids().filter { $0 != record.id }
            .compactMap { try? ContainerDirectory(roots: roots, id: $0).readRecord() }
        result.root["Layers"] = .array(
            record.layers.reversed().map { layer in
                var usage = PathUsage()
                try? usage.add(layer.path)
                let sharing = others.filter { $0.layers.contains { $0.path == layer.path } }.map(\.name).sorted()
                return [
                    "Path": .string(layer.path), "Bytes": JSONValue(usage.bytes), "SharedWith": JSONValue(sharing),
                ]
            })
        var own = PathUsage()
        try? own.add(directory.upperDirectory)
        result.root["OwnBytes"] = JSONValue(own.bytes)
    }

    /// The way of a packet from a port of the host to the program.
    private func describeWay(_ record: ContainerRecord, _ result: inout Explanation) {
        var ways = [String]()
        for endpoint in networks.endpoints(of: record.id) {
            for port in endpoint.ports {
                let address = endpoint.v4?.address.description ?? endpoint.v6?.address.description ?? ""
                ways.append(
                    "\(port.hostAddress):\(port.hostPort)/\(port.request.portProtocol.rawValue) → map of table inet \(networks.tableName) → network \(endpoint.network) → \(address):\(port.request.containerPort)"
                )
            }
        }
        if !ways.isEmpty { result.network["Ways"] = JSONValue(ways) }
    }
}

/// Holds what the kernel says against what was asked for.
struct ExplanationDifferences {
    let record: ContainerRecord
    let state: ContainerState
    let explanation: Explanation

    var all: [String] {
        var found = [String]()
        let security = explanation.security
        let bounding = Set((security["CapabilitiesBounding"]?.arrayValue ?? []).compactMap(\.stringValue))
        let wanted = Set(record.security.capabilities)
        let more = bounding.subtracting(wanted).sorted(), less = wanted.subtracting(bounding).sorted()
        if !more.isEmpty { found.append("capabilities that were not asked for: \(more.joined(separator: ", "))") }
        if !less.isEmpty { found.append("capabilities that are missing: \(less.joined(separator: ", "))") }
        let filters = security["Seccomp"]?.stringValue == "filter"
        if filters != (record.security.seccomp != .unconfined) {
            found.append(filters ? "a seccomp filter that was not asked for" : "no seccomp filter")
        }
        if record.security.noNewPrivileges, security["NoNewPrivileges"]?.boolValue != true {
            found.append("new privileges are possible")
        }
        if explanation.root["ReadOnly"]?.boolValue != record.readOnlyRoot {
            found.append(
                record.readOnlyRoot ? "the root file system can be written" : "the root file system is read-only")
        }
        for kind in ["pid", "mnt", "ipc", "cgroup"] where isHost(kind) {
            found.append("shares the host's \(kind) namespace")
        }
        if isHost("net") != (record.network == "host") {
            found.append(isHost("net") ? "shares the host's network" : "does not share the host's network")
        }
        if isHost("user") != record.security.usesHostUsers {
            found.append(isHost("user") ? "root inside is root on the host" : "has a user namespace of its own")
        }
        check("Memory", record.limits.memory.map(String.init), &found)
        check("Processes", record.limits.pids.map { $0 < 0 ? "max" : String($0) }, &found)
        check("CpuWeight", nil, &found)
        if let score = record.oomScoreAdjustment,
            explanation.process["OomScoreAdjustment"]?.stringValue != String(score)
        {
            found.append("its oom score adjustment is not \(score)")
        }
        return found
    }

    private func isHost(_ kind: String) -> Bool { explanation.namespaces[kind]?["Host"]?.boolValue == true }

    private func check(_ name: String, _ wanted: String?, _ found: inout [String]) {
        guard let wanted else { return }
        for (_, group) in explanation.controlGroups.members {
            guard let text = group[name]?.stringValue else { continue }
            let limit = text.split(separator: " ").last.map(String.init) ?? ""
            if limit != wanted { found.append("\(name): the kernel's limit is \(limit), \(wanted) was asked for") }
        }
    }
}
