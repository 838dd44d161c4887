import CommandLine
import Engine
import GoTemplate
import JSON
import LinuxKernel

extension ProgramExecution {
    /// A `volume` command.
    func volume(_ request: VolumeRequest) throws -> Int32 {
        switch request {
        case .create(let name, let labels):
            writeText("\(try engine.createVolume(name, labels: labels))\n", to: 1)
        case .list(let quiet, let format, let filters): try listVolumes(quiet, format, filters)
        case .inspect(let names, let format): return try inspectVolumes(names, format)
        case .remove(let names, let force):
            return each(names) {
                do throws(EngineError) { try engine.removeVolume($0) } catch {
                    guard force, error.description.hasSuffix("no such volume") else { throw error }
                }
            }
        case .prune(let force, let all, let filters):
            let kind = all ? "all local volumes" : "anonymous local volumes"
            guard force || confirmed("WARNING! This will remove \(kind) not used by at least one container.") else {
                return 0
            }
            let (names, bytes) = try engine.pruneVolumes { record in
                (all || record.isAnonymous) && VolumeFilter.passes(record, filters, isUsed: false)
            }
            report(pruned: "Deleted Volumes:", names, bytes)
        case .import(let source, let wanted):
            let (directory, name) = Self.foreignVolume(source)
            let chosen = wanted.isEmpty ? name : wanted
            guard !chosen.isEmpty else { throw EngineError("give the new volume a name behind \(printable(source))") }
            try engine.importVolume(from: directory, as: chosen)
            writeText("\(chosen)\n", to: 1)
        }
        return 0
    }

    /// Where an engine keeps a volume's content: `docker:NAME`, `podman:NAME`, or a directory as it is.
    static func foreignVolume(_ text: String) -> (directory: String, name: String) {
        for (prefix, root) in [
            ("docker:", "/var/lib/docker/volumes"), ("podman:", "/var/lib/containers/storage/volumes"),
        ] where ByteText.begins(text, with: prefix) {
            let name = String(decoding: text.utf8.dropFirst(prefix.utf8.count), as: UTF8.self)
            if VolumeStore.isValid(name) { return ("\(root)/\(name)/_data", name) }
        }
        return (text, "")
    }

    private func listVolumes(_ quiet: Bool, _ format: String, _ filters: [VolumeFilter]) throws {
        let users = engine.volumeUsers()
        let records = engine.volumes.all().filter {
            VolumeFilter.passes($0, filters, isUsed: users[$0.name] != nil)
        }
        if quiet, format.isEmpty {
            for record in records { writeText("\(record.name)\n", to: 1) }
            return
        }
        let listing = try GoTemplate.ListingFormat(parsing: format, table: "{{.Driver}}\t{{.Name}}")
        let rows = records.map { record in
            JSONObject([
                ("Availability", "N/A"), ("Driver", "local"), ("Group", "N/A"),
                (
                    "Labels",
                    .string(
                        printable(
                            record.labels.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(
                                separator: ",")))
                ), ("Links", "N/A"), ("Mountpoint", .string(record.mountpoint)), ("Name", .string(record.name)),
                ("Scope", "local"), ("Size", "N/A"), ("Status", "N/A"),
            ])
        }
        let labels = records.map(\.labels)
        writeText(
            try listing.text(
                rows: rows,
                headings: [
                    "Driver": "DRIVER", "Name": "VOLUME NAME", "Labels": "LABELS", "Mountpoint": "MOUNTPOINT",
                    "Scope": "SCOPE", "Size": "SIZE", "Links": "LINKS", "Availability": "AVAILABILITY",
                    "Group": "GROUP", "Status": "STATUS",
                ]
            ) { place in
                let own = labels.indices.contains(place) ? labels[place] : [:]
                return [
                    "Label": { arguments throws(TemplateError) in
                        .string(printable(own[arguments.first?.stringValue ?? ""] ?? ""))
                    }
                ]
            }, to: 1)
    }

    private func inspectVolumes(_ names: [String], _ format: String) throws -> Int32 {
        let template: Template? = format.isEmpty || format == "json" ? nil : try Template(parsing: format)
        var found = [JSONValue]()
        var status: Int32 = 0
        for name in names {
            let result = Self.report(failure: 1) {
                found.append(try engine.volume(name).json)
                return 0
            }
            if result != 0 { status = 1 }
        }
        if let template {
            for value in found { writeText(try template.text(for: value) + "\n", to: 1) }
        } else {
            writeText(JSONValue.array(found).text(indent: format == "json" ? nil : 4) + "\n", to: 1)
        }
        return status
    }

    /// What a prune command says in the end.
    func report(pruned heading: String, _ names: [String], _ bytes: Int64) {
        if !names.isEmpty { writeText("\(heading)\n" + names.map { "\($0)\n" }.joined() + "\n", to: 1) }
        writeText("Total reclaimed space: \(ByteSize.decimalText(bytes))\n", to: 1)
    }
}
