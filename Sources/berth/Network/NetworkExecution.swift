import CommandLine
import ContainerNetwork
import Engine
import GoTemplate
import JSON
import LinuxKernel
import Netlink

extension ProgramExecution {
    /// A `network` command, or `port`.
    func network(_ options: NetworkRequestOptions) throws -> Int32 {
        switch options {
        case .create(let request):
            writeText("\(try engine.createNetwork(request))\n", to: 1)
            return 0
        case .list(let options): return try listNetworks(options)
        case .inspect(let names, let format): return try inspectNetworks(names, format)
        case .remove(let names, let force):
            return each(names) {
                do throws(EngineError) { try engine.removeNetwork($0) } catch {
                    guard force, error.description.hasSuffix("not found") else { throw error }
                }
            }
        case .connect(let container, let attachment):
            for warning in try engine.connect(container, attachment) {
                writeText("WARNING: \(printable(warning.description))\n", to: 2)
            }
            return 0
        case .disconnect(let container, let network, let force):
            try engine.disconnect(container, network: network, force: force)
            return 0
        case .prune(let force, let filters): return try prune(force, filters)
        case .check(let repair): return try checkNetworks(repair: repair)
        case .port(let container, let wanted): return try ports(container, wanted)
        }
    }

    private func listNetworks(_ options: NetworkListOptions) throws -> Int32 {
        let format = try GoTemplate.ListingFormat(
            parsing: options.format, table: "{{.ID}}\\t{{.Name}}\\t{{.Driver}}\\t{{.Scope}}")
        let needsUse = options.filters.contains { $0.key == .dangling }
        var used = Set<String>()
        if needsUse { for (record, _) in try engine.list() { used.formUnion(record.attachments.map(\.network)) } }
        let entries = try engine.networkEntries().filter {
            NetworkFilter.passes($0, options.filters, isUsed: { used.contains($0) }, now: WallClock.seconds())
        }
        func id(_ entry: NetworkEntry) -> String { options.truncates ? String(entry.id.prefix(12)) : entry.id }
        if options.quiet {
            for entry in entries { writeText("\(id(entry))\n", to: 1) }
            return 0
        }
        let rows = entries.map { entry -> JSONObject in
            let labels = (entry.record?.labels ?? [:]).sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
            return JSONObject([
                ("CreatedAt", .string(entry.record?.created ?? "")), ("Driver", .string(entry.driver)),
                ("ID", .string(id(entry))),
                ("IPv4", .string(entry.record?.v4 == nil && entry.record?.v6 != nil ? "false" : "true")),
                ("IPv6", .string(entry.record?.v6 == nil ? "false" : "true")),
                ("Internal", .string(entry.record?.allowsOutside == false ? "true" : "false")),
                ("Labels", .string(labels.joined(separator: ","))), ("Name", .string(entry.name)), ("Scope", "local"),
            ])
        }
        let headings = [
            "ID": "NETWORK ID", "Name": "NAME", "Driver": "DRIVER", "Scope": "SCOPE", "IPv4": "IPV4", "IPv6": "IPV6",
            "Internal": "INTERNAL", "Labels": "LABELS", "CreatedAt": "CREATED AT",
        ]
        let labels = entries.map { $0.record?.labels ?? [:] }
        writeText(
            try format.text(rows: rows, headings: headings) { place in
                let own = labels.indices.contains(place) ? labels[place] : [:]
                return [
                    "Label": { arguments throws(TemplateError) in
                        .string(own[arguments.first?.stringValue ?? ""] ?? "")
                    }
                ]
            }, to: 1)
        return 0
    }

    private func inspectNetworks(_ names: [String], _ format: String?) throws -> Int32 {
        var template: Template?
        if let format, !format.isEmpty, format != "json" { template = try Template(parsing: format) }
        var found = [JSONValue]()
        var status: Int32 = 0
        for name in names {
            let result = Self.report(failure: 1) {
                found.append(try engine.networkInspection(name))
                return 0
            }
            if result != 0 { status = 1 }
        }
        if let template {
            for value in found { writeText(try template.text(for: value) + "\n", to: 1) }
        } else if format == "json" {
            writeText(JSONValue.array(found).text() + "\n", to: 1)
        } else {
            writeText(JSONValue.array(found).text(indent: 4) + "\n", to: 1)
        }
        return status
    }

    private func prune(_ force: Bool, _ filters: [NetworkFilter]) throws -> Int32 {
        if !force {
            guard Terminal.isTerminal(0) else {
                throw EngineError("network prune removes all networks that no container uses: confirm with --force")
            }
            writeText(
                "WARNING! This will remove all custom networks not used by at least one container.\nAre you sure you want to continue? [y/N] ",
                to: 1)
            guard let answer = readLine(), answer.lowercased().hasPrefix("y") else { return 1 }
        }
        let now = WallClock.seconds()
        let gone = try engine.pruneNetworks { record in
            let entry = NetworkEntry(id: record.id, name: record.name, driver: record.driver.rawValue, record: record)
            return NetworkFilter.passes(entry, filters, isUsed: { _ in false }, now: now)
        }
        if !gone.isEmpty { writeText("Deleted Networks:\n" + gone.map { "\($0)\n" }.joined() + "\n", to: 1) }
        return 0
    }

    /// `port`.
    private func ports(_ container: String, _ wanted: String?) throws -> Int32 {
        let (_, ports) = try engine.publishedPorts(container)
        guard let wanted else {
            let sorted = ports.sorted {
                ($0.request.containerPort, $0.request.portProtocol.rawValue, $0.hostAddress)
                    < ($1.request.containerPort, $1.request.portProtocol.rawValue, $1.hostAddress)
            }
            for port in sorted {
                writeText(
                    "\(port.request.containerPort)/\(port.request.portProtocol.rawValue) -> \(port.hostText)\n", to: 1)
            }
            return 0
        }
        let parts = ByteText.fields(wanted, by: "/", limit: 2)
        guard let number = UInt16(parts[0]), number > 0,
            let transport = PortProtocol(rawValue: parts.count == 2 ? parts[1].lowercased() : "tcp")
        else { throw EngineError("invalid port \(quoted(wanted)): write PORT or PORT/PROTOCOL") }
        let matching = ports.filter { $0.request.containerPort == number && $0.request.portProtocol == transport }
        guard !matching.isEmpty else {
            throw EngineError("no public port '\(number)/\(transport.rawValue)' published for \(container)")
        }
        for port in matching { writeText("\(port.hostText)\n", to: 1) }
        return 0
    }

    private func checkNetworks(repair: Bool) throws -> Int32 {
        let findings = try engine.checkNetworks(repair: repair)
        for finding in findings {
            writeText("\(printable(finding.description))\(finding.isMended ? " (put right)" : "")\n", to: 1)
        }
        if findings.isEmpty { writeText("the networks are as they should be\n", to: 1) }
        return findings.contains { !$0.isMended && $0.isFault } ? 1 : 0
    }
}
