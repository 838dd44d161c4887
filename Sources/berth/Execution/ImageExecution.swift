import CommandLine
import Engine
import Glibc
import GoTemplate
import ImageStore
import JSON
import LinuxKernel
import OCI

extension ProgramExecution {
    /// `images`.
    func images(_ options: ImagesOptions) throws -> Int32 {
        let listing = try ImageListing(engine.images, options)
        if options.quiet {
            var seen = Set<Digest>()
            for row in listing.rows where seen.insert(row.image.id).inserted {
                writeText("\(options.truncates ? row.image.id.short : row.image.id.description)\n", to: 1)
            }
            return 0
        }
        writeText(try listing.text(), to: 1)
        return 0
    }

    /// `rmi`.
    func removeImages(_ options: RemoveImageOptions) -> Int32 {
        each(options.images, printsName: false) { name in
            let platforms = try options.platforms.map { try Platform(parsing: $0) }
            for event in try engine.removeImage(name, platforms: platforms, force: options.force) {
                writeText("\(event)\n", to: 1)
            }
        }
    }

    /// `import`.
    func importImage(_ options: ImportOptions) throws -> Int32 {
        let reference = try options.reference.map { try Reference(parsing: $0).withDefaultTag }
        let changes = try options.changes.map { try ConfigurationChange(parsing: $0) }
        let platform = try options.platform.map { try Platform(parsing: $0) }
        // What is fetched lies in the store meanwhile, where the next command puts away what a killed one has left.
        let work = options.isAddress ? try StoreWork(engine.images) : nil
        defer { withExtendedLifetime(work) {} }
        let archive = try openInput(
            try work.map { try fetch(options.source, $0) } ?? (options.source == "-" ? nil : options.source))
        let image: StoredImage
        do throws(ImageStoreError) {
            image = try engine.images.importRootfs(
                archive: archive, reference: reference, changes: changes,
                message: options.message ?? (options.isAddress ? "Imported from \(options.source)" : nil),
                platform: platform)
        } catch {
            throw EngineError(options.source == "-" ? "\(error)" : "\(options.source): \(error)")
        }
        writeText("\(image.id)\n", to: 1)
        return 0
    }

    /// Fetches a file of the web into a piece of work's own directory.
    private func fetch(_ address: String, _ work: StoreWork) throws -> String {
        let path = work.newFile("download")
        let status = try NetworkProgram.run(["--root", engine.roots.state, "fetch", "--", address, path])
        // What is wrong has been said already.
        guard status == 0 else { throw SilentFailure(status: 1) }
        return path
    }

    /// `load`.
    func load(_ options: LoadOptions) throws -> Int32 {
        if options.input == nil, Terminal.isTerminal(0) {
            throw EngineError(
                "requested load from stdin, but stdin is empty: give an archive with -i or through a pipe")
        }
        let showsProgress = !options.quiet && Terminal.isTerminal(2)
        let archive = try openInput(options.input)
        let platform = try options.platform.map { try Platform(parsing: $0) }
        let loaded: [LoadedImage]
        do throws(ImageStoreError) {
            loaded = try engine.images.load(
                archive: archive, platform: platform, workers: max(1, Int(sysconf(Int32(_SC_NPROCESSORS_ONLN))))
            ) { line in
                if showsProgress { writeText("\(printable(line))\n", to: 2) }
            }
        } catch {
            throw EngineError(options.input.map { "\($0): \(error)" } ?? "\(error)")
        }
        for image in loaded {
            for (reference, old) in image.replaced {
                let id = old.map { " with ID \($0)" } ?? ""
                writeText(
                    "The image \(reference.familiar) already exists, renaming the old one\(id) to empty string\n", to: 1
                )
            }
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
    func inspect(_ options: InspectOptions) throws -> Int32 {
        let template: Template? =
            options.format.isEmpty || options.format == "json" ? nil : try Template(parsing: options.format)
        var found = [JSONValue]()
        var status: Int32 = 0
        for name in options.names {
            let result = Self.report(failure: 1) {
                let value = try inspectOne(name, options)
                if let template { writeText(try template.text(for: value) + "\n", to: 1) } else { found.append(value) }
                return 0
            }
            if result != 0 { status = 1 }
        }
        if template != nil { return status }
        if options.format == "json" {
            // One line, as `{{json .}}` of each would not give: the whole list, as Docker prints it.
            writeText(JSONValue.array(found).text() + "\n", to: 1)
        } else {
            writeText(JSONValue.array(found).text(indent: 4) + "\n", to: 1)
        }
        return status
    }

    private func inspectOne(_ name: String, _ options: InspectOptions) throws -> JSONValue {
        let kind = options.kind
        if kind == nil || kind == .container {
            do throws(EngineError) {
                let value = try engine.inspection(name)
                guard options.sizes, var object = value.objectValue else { return value }
                let sizes = engine.sizes(of: try engine.inspect(name).record)
                object["SizeRw"] = JSONValue(sizes.own)
                object["SizeRootFs"] = JSONValue(sizes.whole)
                return .object(object)
            } catch {
                guard kind == nil, error.description.hasPrefix("No such container") else { throw error }
            }
        }
        if kind == .network { return try engine.networkInspection(name) }
        if kind == .volume { return try engine.volume(name).json }
        let platform = try options.platform.map { try Platform(parsing: $0) }
        do throws(ImageStoreError) { return try engine.images.inspection(name, platform: platform) } catch {
            guard kind == nil, error.kind == .noSuchImage || error.kind == .invalidName else { throw error }
            if let network = try? engine.networkInspection(name) { return network }
            if let volume = try? engine.volume(name) { return volume.json }
            throw EngineError("No such object: \(name)")
        }
    }
}
