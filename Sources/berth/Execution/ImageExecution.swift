import CommandLine
import Engine
import Glibc
import ImageStore
import JSON
import LinuxKernel
import OCI

extension ProgramExecution {
    /// `images`.
    func images(_ options: ImagesOptions) throws -> Int32 {
        var rows = [(image: StoredImage, repository: String, tag: String)]()
        for image in try engine.images.images() {
            if image.references.isEmpty { rows.append((image, "<none>", "<none>")) }
            for reference in image.references {
                rows.append((image, reference.familiarName, reference.tag ?? "<none>"))
            }
        }
        if let filter = options.reference {
            let wanted = try Reference(parsing: filter)
            rows = rows.filter { row in
                row.image.references.contains { $0.familiarName == row.repository && $0.name == wanted.name }
                    && (wanted.tag == nil || wanted.tag == row.tag)
            }
        }
        if options.quiet {
            var seen = Set<Digest>()
            for row in rows where seen.insert(row.image.id).inserted {
                writeText("\(options.truncates ? row.image.id.short : row.image.id.description)\n", to: 1)
            }
            return 0
        }
        var headings = ["REPOSITORY", "TAG", "IMAGE ID", "CREATED", "SIZE"]
        if options.digests { headings.insert("DIGEST", at: 2) }
        var table = Table(headings)
        let now = WallClock.seconds()
        for row in rows {
            let created = row.image.configuration.created.flatMap { WallClock.parse($0) }
            var cells = [
                row.repository, row.tag, options.truncates ? row.image.id.short : row.image.id.description,
                created.map { TimeSpan.rough(seconds: max(0, now - $0.seconds)) + " ago" } ?? "N/A",
                ByteSize.decimalText(row.image.size),
            ]
            if options.digests { cells.insert(row.image.manifestDigest.description, at: 2) }
            table.add(cells)
        }
        writeText(table.text, to: 1)
        return 0
    }

    /// `rmi`.
    func removeImages(_ options: RemoveImageOptions) -> Int32 {
        each(options.images, printsName: false) { name in
            for event in try engine.removeImage(name, force: options.force) { writeText("\(event)\n", to: 1) }
        }
    }

    /// `import`.
    func importImage(_ options: ImportOptions) throws -> Int32 {
        let reference = try options.reference.map { try Reference(parsing: $0).withDefaultTag }
        let changes = try options.changes.map { try ConfigurationChange(parsing: $0) }
        let archive = try openInput(options.source == "-" ? nil : options.source)
        let image: StoredImage
        do throws(ImageStoreError) {
            image = try engine.images.importRootfs(
                archive: archive, reference: reference, changes: changes, message: options.message)
        } catch {
            throw EngineError(options.source == "-" ? "\(error)" : "\(options.source): \(error)")
        }
        writeText("\(image.id)\n", to: 1)
        return 0
    }

    /// `load`.
    func load(_ options: LoadOptions) throws -> Int32 {
        if options.input == nil, Terminal.isTerminal(0) {
            throw EngineError("requested load from stdin, but stdin is empty: give an archive with -i or through a pipe")
        }
        let showsProgress = !options.quiet && Terminal.isTerminal(2)
        let archive = try openInput(options.input)
        let loaded: [LoadedImage]
        do throws(ImageStoreError) {
            loaded = try engine.images.load(archive: archive) { line in
                if showsProgress { writeText("\(printable(line))\n", to: 2) }
            }
        } catch {
            throw EngineError(options.input.map { "\($0): \(error)" } ?? "\(error)")
        }
        for image in loaded {
            if image.references.isEmpty { writeText("Loaded image ID: \(image.image.id)\n", to: 1) }
            for reference in image.references { writeText("Loaded image: \(reference.familiar)\n", to: 1) }
        }
        return 0
    }

    private func openInput(_ path: String?) throws(EngineError) -> FileDescriptor {
        do throws(Errno) {
            guard let path else { return FileDescriptor(owning: try ProcessControl.duplicate(0, minimum: 3)) }
            let file = try Files.open(path, .readOnly)
            if try file.status().kind == .directory { throw .isDirectory }
            return file
        } catch {
            throw EngineError("open \(path ?? "standard input"): \(error)")
        }
    }

    /// `inspect`, `container inspect` and `image inspect`.
    func inspect(_ options: InspectOptions) -> Int32 {
        var found = [JSONValue]()
        var status: Int32 = 0
        for name in options.names {
            let result = Self.report(failure: 1) {
                found.append(try inspectOne(name, options.kind))
                return 0
            }
            if result != 0 { status = 1 }
        }
        writeText(JSONValue.array(found).text(indent: 4) + "\n", to: 1)
        return status
    }

    private func inspectOne(_ name: String, _ kind: InspectOptions.Kind?) throws -> JSONValue {
        if kind != .image {
            do throws(EngineError) { return try engine.inspection(name) } catch {
                guard kind == nil, error.description.hasPrefix("No such container") else { throw error }
            }
        }
        do throws(ImageStoreError) { return try engine.images.resolve(name).inspection } catch {
            guard kind == nil, error.kind == .noSuchImage || error.kind == .invalidName else { throw error }
            throw EngineError("No such object: \(name)")
        }
    }
}
