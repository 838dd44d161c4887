import CommandLine
import Engine
import GoTemplate
import ImageStore
import JSON
import LinuxKernel
import OCI

extension ProgramExecution {
    /// `system df`.
    func diskUsage(_ options: DiskUsageOptions) throws {
        let usage = try engine.usage()
        if options.verbose { return writeText(verbose(usage), to: 1) }
        let format = try GoTemplate.ListingFormat(
            parsing: options.format, table: "{{.Type}}\t{{.TotalCount}}\t{{.Active}}\t{{.Size}}\t{{.Reclaimable}}")
        let containers = usage.containers
        let stopped = containers.filter { $0.state.status != .running }
        let unused = usage.volumes.filter { $0.users == 0 }
        let rows = [
            row(
                "Images", usage.images.count, usage.images.filter(usage.isUsed).count, usage.imageSize,
                usage.reclaimableImages),
            row(
                "Containers", containers.count, containers.count - stopped.count, sum(containers.map(\.size)),
                sum(stopped.map(\.size))),
            row(
                "Local Volumes", usage.volumes.count, usage.volumes.count - unused.count,
                sum(usage.volumes.map(\.size)), sum(unused.map(\.size))),
            row(
                "Build Cache", usage.builds.count, usage.builds.active, usage.builds.size, usage.builds.size,
                share: false),
        ]
        writeText(
            try format.text(
                rows: rows,
                headings: [
                    "Type": "TYPE", "TotalCount": "TOTAL", "Active": "ACTIVE", "Size": "SIZE",
                    "Reclaimable": "RECLAIMABLE",
                ]), to: 1)
    }

    private func sum(_ sizes: [Int64]) -> Int64 { sizes.reduce(0, +) }

    private func row(
        _ type: String, _ count: Int, _ active: Int, _ size: Int64, _ reclaimable: Int64, share: Bool = true
    ) -> JSONObject {
        var text = ByteSize.decimalText(reclaimable)
        if share, size > 0 { text += " (\(reclaimable * 100 / size)%)" }
        return JSONObject([
            ("Active", .string(String(active))), ("Reclaimable", .string(text)),
            ("Size", .string(ByteSize.decimalText(size))), ("TotalCount", .string(String(count))),
            ("Type", .string(type)),
        ])
    }

    private func verbose(_ usage: EngineUsage) -> String {
        var images = Table([
            "REPOSITORY", "TAG", "IMAGE ID", "CREATED", "SIZE", "SHARED SIZE", "UNIQUE SIZE", "CONTAINERS",
        ])
        for entry in usage.images {
            for reference in entry.image.references.isEmpty ? [nil] : entry.image.references.map(Optional.some) {
                images.add([
                    reference?.familiarName ?? "<none>", reference?.tag ?? "<none>", entry.image.id.short,
                    ImageRow.since(entry.image.created), ByteSize.decimalText(entry.size),
                    ByteSize.decimalText(entry.shared), ByteSize.decimalText(entry.unique), String(usage.users(entry)),
                ])
            }
        }
        var containers = Table([
            "CONTAINER ID", "IMAGE", "COMMAND", "LOCAL VOLUMES", "SIZE", "CREATED", "STATUS", "NAMES",
        ])
        for entry in usage.containers {
            let record = entry.record
            let created = WallClock.parse(record.created)?.seconds ?? 0
            containers.add([
                ContainerID.short(record.id), record.image,
                "\"\(Table.shortened(record.arguments.joined(separator: " "), to: 20))\"",
                String(record.mounts.count { $0.kind == .volume }), ByteSize.decimalText(entry.size),
                TimeSpan.rough(seconds: max(0, WallClock.seconds() - created)) + " ago", entry.state.status.rawValue,
                record.name,
            ])
        }
        var volumes = Table(["VOLUME NAME", "LINKS", "SIZE"])
        for volume in usage.volumes {
            volumes.add([volume.name, String(volume.users), ByteSize.decimalText(volume.size)])
        }
        return """
            Images space usage:

            \(images.text)
            Interrupted downloads: \(ByteSize.decimalText(usage.store.partial))

            Containers space usage:

            \(containers.text)
            Local Volumes space usage:

            \(volumes.text)
            Build cache usage: \(ByteSize.decimalText(usage.builds.size))

            """
    }
}
