import Archive
import CommandLine
import Engine
import Glibc
import GoTemplate
import ImageStore
import JSON
import LinuxKernel
import OCI

extension ProgramExecution {
    /// The commands about images and what they take up.
    func image(_ request: ImageRequest) throws -> Int32 {
        // Trees are walked with a descriptor or two a level, and somebody's image may be 2,000 levels deep.
        if let limit = try? ProcessControl.limit(Int32(RLIMIT_NOFILE.rawValue)) {
            try? ProcessControl.setLimit(Int32(RLIMIT_NOFILE.rawValue), soft: limit.hard, hard: limit.hard, of: 0)
        }
        switch request {
        case .save(let options):
            let platform = try options.platform.map { try Platform(parsing: $0) }
            try writingArchive(options.output, verb: "save") { sink in
                try engine.images.save(options.images, platform: platform, to: sink)
            }
        case .tag(let source, let target):
            try engine.images.tag(source, as: try Reference(parsing: target))
        case .export(let container, let output):
            try writingArchive(output, verb: "export") { sink in try engine.export(container, to: sink) }
        case .commit(let options): try commit(options)
        case .history(let options): try history(options)
        case .prune(let options): return try prune(options)
        case .diskUsage(let options): try diskUsage(options)
        case .check(let repair): return try check(repair: repair)
        }
        return 0
    }

    /// Gives an archive's bytes to a file, which appears only when it is whole, or to standard output.
    private func writingArchive(_ path: String?, verb: String, _ body: (any ByteSink) throws -> Void) throws {
        guard let path else {
            guard !Terminal.isTerminal(1) else {
                throw EngineError("cowardly refusing to save to a terminal. Use the -o flag or redirect")
            }
            return try body(FileSink(FileDescriptor(owning: try ProcessControl.duplicate(1, minimum: 3))))
        }
        // Into a pipe or a device that is there: as it is.
        if let status = try? Files.status(path, followLink: true), status.kind != .regular {
            guard status.kind != .directory else { throw EngineError("cannot \(verb) to \(path): it is a directory") }
            return try body(FileSink(try Files.open(path, .writeOnly)))
        }
        let temporary = "\(path).\(getpid()).tmp"
        let file: FileDescriptor
        do throws(Errno) {
            file = try Files.open(temporary, [.writeOnly, .create, .exclusive, .noFollow], mode: 0o600)
        } catch {
            throw EngineError("cannot \(verb) to \(path): \(error)")
        }
        do {
            try body(FileSink(file))
            try Files.rename(temporary, to: WorkingDirectory.rawValue, path)
        } catch {
            try? Files.unlink(temporary)
            throw error
        }
    }

    private func commit(_ options: CommitOptions) throws {
        var request = CommitRequest()
        request.reference = try options.reference.map { try Reference(parsing: $0) }
        if request.reference?.digest != nil { throw EngineError("refusing to create a tag with a digest reference") }
        request.author = options.author
        request.message = options.message
        request.changes = try options.changes.map { try ConfigurationChange(parsing: $0) }
        request.pauses = options.pauses
        writeText("\(try engine.commit(options.container, request).id)\n", to: 1)
    }

    private func history(_ options: HistoryOptions) throws {
        let platform = try options.platform.map { try Platform(parsing: $0) }
        let image = try engine.images.resolve(options.image, platform: platform)
        var rows = [JSONObject]()
        let format = try GoTemplate.ListingFormat(parsing: options.format, table: Self.historyTable(options))
        for (place, step) in try engine.images.history(of: image).enumerated() {
            let id = options.truncates ? image.id.short : image.id.description
            let created = step.step.created.flatMap { Timestamp(parsing: $0) }
            var command = step.step.createdBy ?? ""
            // A tab in a RUN line would look like the next column.
            command = String(command.map { $0 == "\t" ? " " : $0 })
            if options.truncates { command = Table.shortened(command, to: 45) }
            rows.append(
                JSONObject([
                    ("Comment", .string(step.step.comment ?? "")),
                    ("CreatedAt", .string(created.map { ImageRow.goTime($0, isShort: true) } ?? "")),
                    ("CreatedBy", .string(command)), ("CreatedSince", .string(ImageRow.since(created))),
                    ("ID", .string(place == 0 ? id : "<missing>")),
                    ("Size", .string(options.human ? ByteSize.decimalText(step.size) : String(step.size))),
                ]))
        }
        if options.quiet {
            for row in rows { writeText("\(row["ID"]?.stringValue ?? "")\n", to: 1) }
            return
        }
        writeText(
            try format.text(
                rows: rows,
                headings: [
                    "ID": "IMAGE", "CreatedSince": "CREATED", "CreatedAt": "CREATED AT", "CreatedBy": "CREATED BY",
                    "Size": "SIZE", "Comment": "COMMENT",
                ]), to: 1)
    }

    private static func historyTable(_ options: HistoryOptions) -> String {
        "{{.ID}}\t{{.\(options.human ? "CreatedSince" : "CreatedAt")}}\t{{.CreatedBy}}\t{{.Size}}\t{{.Comment}}"
    }

    private func prune(_ options: ImagePruneOptions) throws -> Int32 {
        if !options.force {
            let what =
                options.all
                ? "all images without at least one container associated to them" : "all dangling images"
            guard confirmed("WARNING! This will remove \(what).") else { return 0 }
        }
        var filter = PruneFilter()
        filter.all = options.all
        filter.labels = options.labels
        filter.absentLabels = options.absentLabels
        if let until = options.until?.resolved(now: (WallClock.seconds(), 0)) {
            filter.until = Timestamp(seconds: until.seconds, nanoseconds: Int32(until.nanoseconds))
        }
        let (events, bytes) = try engine.pruneImages(filter)
        if !events.isEmpty {
            writeText("Deleted Images:\n", to: 1)
            for event in events {
                writeText("\(event.description.prefix(1).lowercased())\(event.description.dropFirst())\n", to: 1)
            }
            writeText("\n", to: 1)
        }
        writeText("Total reclaimed space: \(ByteSize.decimalText(bytes))\n", to: 1)
        return 0
    }

    /// Asks before something is lost; no answer is no.
    func confirmed(_ warning: String) -> Bool {
        writeText("\(warning)\nAre you sure you want to continue? [y/N] ", to: 1)
        guard let answer = readLine() else { return false }
        return answer.lowercased() == "y" || answer.lowercased() == "yes"
    }

    private func check(repair: Bool) throws -> Int32 {
        let report = try engine.check(repair: repair)
        for finding in report.findings { writeText("\(printable(finding.description, limit: 1000))\n", to: 1) }
        let count = report.findings.count
        let verdict = count == 0 ? "nothing is wrong" : "\(count) problem\(count == 1 ? "" : "s")"
        writeText("Checked \(report.looked.joined(separator: ", ")): \(verdict)\n", to: 1)
        return report.isFaulty ? 1 : 0
    }
}
