import Archive
import CommandLine
import Engine
import Glibc
import ImageBuilder
import ImageStore
import JSON
import LinuxKernel
import OCI

extension ProgramExecution {
    /// `build`.
    func build(_ options: BuildOptions) throws -> Int32 {
        let cache = try BuildCache(path: engine.buildCachePath, store: engine.images)
        cache.sweep()
        engine.sweepBuilds()
        let progress = BuildProgress.make(options.progress)
        let remotes = remotes(cache, options, progress)
        let input: BuildInput
        do throws(BuildError) {
            remotes.secrets = try BuildSecrets.read(options.secrets)
            remotes.sockets = try BuildSecrets.sockets(options.sockets)
            input = try BuildInput(options, cachePath: engine.buildCachePath, remotes)
        } catch {
            progress.end()
            return fail(error, SourceFile(name: "Dockerfile", bytes: []))
        }
        defer { input.hold() }
        let name = input.name
        let file: Dockerfile
        do throws(BuildError) { file = try Dockerfile(parsing: input.dockerfile, name: name) } catch {
            return fail(error, SourceFile(name: name, bytes: input.dockerfile))
        }
        do throws(BuildError) {
            let (request, unpacked) = try self.request(options, remotes)
            defer { withExtendedLifetime(unpacked) {} }
            let plan = try Planner.plan(
                file, request, images: images(options), ignored: input.ignored,
                checksOnly: options.checksOnly)
            if options.checksOnly { return showFindings(plan, file.source) }
            for argument in plan.unusedArguments {
                progress.hear(.warning("[Warning] build-arg \(printable(argument)) was not consumed"))
            }
            if plan.findingsAreErrors {
                _ = showFindings(plan, file.source)
                throw BuildError(
                    cause: "lint violation found for rules: "
                        + Array(Set(plan.findings.map(\.check.rawValue))).sorted().joined(separator: ", "))
            }
            var environment = BuildEnvironment(
                store: engine.images, cache: cache, runner: BuildRunner(engine: engine), context: input.context,
                ignored: input.ignored)
            environment.epoch = plan.epoch
            environment.isReproducible = options.isReproducible
            environment.secrets = remotes.secrets
            environment.sockets = remotes.sockets
            environment.remotes = remotes
            environment.options.limits = options.bounds.map {
                (name: $0.name, soft: Self.limit($0.soft), hard: Self.limit($0.hard))
            }
            environment.options.sharedMemory = options.sharedMemory
            environment.options.controlGroupParent = options.controlGroupParent
            let names = try references(options.tags)
            try environment.fetchRemotes(plan)
            let session = try BuildSession(plan, environment) { progress.hear($0) }
            importCaches(options, session, progress)
            do throws(BuildError) { try session.run() } catch {
                progress.end()
                // Steps that were ended had no time to put anything away.
                cache.sweep()
                engine.sweepBuilds()
                try? engine.images.collect()
                return fail(error, file.source)
            }
            let status = try deliver(session, options, names, progress)
            try exportCaches(options, session, progress)
            if progress.showsWarnings, !plan.findings.isEmpty { showShortFindings(plan) }
            return status
        } catch {
            progress.end()
            return fail(error, file.source)
        }
    }

    /// The store's images; those that are missing are pulled, with `--pull` all of them. A check fetches nothing.
    private func images(_ options: BuildOptions) -> BuildImages {
        if options.checksOnly { return BuildImages(engine: engine) }
        let root = engine.roots.state
        return BuildImages(engine: engine, fetchesAlways: options.pulls) { name in
            do {
                let words = ["--root", root, "pull"] + (options.progress == .quiet ? ["--quiet"] : []) + ["--", name]
                return try NetworkProgram.run(words) == 0 ? nil : "it could not be pulled"
            } catch {
                return "\(error)"
            }
        }
    }

    /// What comes from the net goes through the networked program, as images do, or through git.
    private func remotes(_ cache: BuildCache, _ options: BuildOptions, _ progress: BuildProgress) -> RemoteSources {
        let root = engine.roots.state
        return RemoteSources(cache, warn: { progress.hear(.warning("[Warning] \(printable($0))")) }) {
            (address, tag, path) throws(BuildError) in
            let result: ChildProcess.Result
            do {
                let words = ["--root", root, "fetch"] + (tag.map { ["--etag", $0] } ?? []) + ["--", address, path]
                result = try NetworkProgram.collect(words)
            } catch {
                throw BuildError(operation: "fetch", object: quote(address), cause: "\(error)")
            }
            guard result.status == 0 else {
                // Its sentence is whole: "berth: cannot fetch …".
                let said =
                    String(decoding: result.errorOutput, as: UTF8.self).utf8.split(separator: 10).last
                    .map { String(decoding: $0, as: UTF8.self) } ?? ""
                throw BuildError(
                    cause: ByteText.begins(said, with: "berth: ")
                        ? String(decoding: said.utf8.dropFirst(7), as: UTF8.self)
                        : "cannot fetch \(quote(address)): \(said)")
            }
        }
    }

    private static func limit(_ value: Int64) -> UInt64 { value < 0 ? .max : UInt64(value) }

    private func fail(_ error: BuildError, _ source: SourceFile) -> Int32 {
        let text = error.report(in: source)
        let parts = text.utf8.split(separator: 10, omittingEmptySubsequences: false)
        if parts.count > 1 {
            writeText(text.prefixLines(parts.count - 1) + "\n", to: 2)
        }
        writeText("ERROR: failed to build: \(printable(error.place == nil ? error.description : "\(error)"))\n", to: 2)
        // Docker's client ends with 1 whatever the program's status was; 130 for Ctrl-C.
        return error.exitCode.map { $0 > 128 && error.place == nil ? $0 : 1 } ?? 1
    }

    private func references(_ tags: [String]) throws(BuildError) -> [Reference] {
        var result = [Reference]()
        for tag in tags {
            do throws(OCIError) {
                let reference = try Reference(parsing: tag)
                guard reference.digest == nil else {
                    throw OCIError(operation: "use the tag", object: tag, cause: "a name with a digest cannot be given")
                }
                result.append(reference.withDefaultTag)
            } catch {
                throw BuildError(operation: error.operation, object: quote(tag), cause: error.cause)
            }
        }
        return result
    }

    /// - Returns: and what holds contexts that were unpacked for it.
    private func request(
        _ options: BuildOptions, _ remotes: RemoteSources
    ) throws(BuildError) -> (BuildRequest, [BuildScratch]) {
        var unpacked = [BuildScratch]()
        var request = BuildRequest()
        request.arguments = options.arguments.map { ($0.name, $0.value) }
        for name in ["SOURCE_DATE_EPOCH"] where !request.arguments.contains(where: { $0.name == name }) {
            if let value = getenv(name) { request.arguments.append((name, String(cString: value))) }
        }
        request.target = options.target
        if let text = options.platform {
            do throws(OCIError) { request.platform = try Platform(parsing: text) } catch {
                throw BuildError(operation: error.operation, object: error.object, cause: error.cause)
            }
        }
        request.labels = options.labels.map { ($0.name, $0.value) }
        request.ignoresCache = options.ignoresCache
        request.uncachedStages = options.uncachedStages
        request.network = options.network
        request.extraHosts = options.extraHosts
        for context in options.contexts {
            if ByteText.begins(context.value, with: "docker-image://") {
                request.contexts.append(
                    NamedContext(
                        name: context.name,
                        source: .image(String(decoding: context.value.utf8.dropFirst(15), as: UTF8.self))))
            } else if RemoteSource.isRemote(context.value) {
                let fetched = try remotes.fetch(context.value)
                var path = fetched.path
                if let name = fetched.name {
                    let scratch = try BuildInput.unpacked("\(path)/\(name)", cachePath: engine.buildCachePath)
                    unpacked.append(scratch)
                    path = scratch.path
                }
                request.contexts.append(NamedContext(name: context.name, source: .directory(path)))
            } else {
                let path = MountRequest.absolute(context.value, from: CallerView.real().workingDirectory)
                guard (try? Files.status(path, followLink: true))?.kind == .directory else {
                    throw BuildError(
                        operation: "use", object: "the context \(quote(context.value))", cause: "it is no directory")
                }
                request.contexts.append(NamedContext(name: context.name, source: .directory(path)))
            }
        }
        return (request, unpacked)
    }

    // MARK: Checks

    private func showFindings(_ plan: BuildPlan, _ source: SourceFile) -> Int32 {
        if plan.findings.isEmpty {
            writeText("Check complete, no warnings found.\n", to: 1)
            return 0
        }
        let count = plan.findings.count
        var text =
            "Check complete, \(count) warning\(count == 1 ? "" : "s") \(count == 1 ? "has" : "have") been found!\n\n"
        for finding in plan.findings {
            text += "WARNING: \(finding.check.rawValue)\n\(finding.check.summary)\n\(finding.message)\n\n"
            text += source.excerpt(finding.range) + "\n\n"
        }
        writeText(text, to: 1)
        return 1
    }

    private func showShortFindings(_ plan: BuildPlan) {
        let count = plan.findings.count
        var text = "\n \(count) warning\(count == 1 ? "" : "s") found (use --check to see what and where):\n"
        for finding in plan.findings { text += " - \(finding.line)\n" }
        writeText(text, to: 2)
    }

    // MARK: The result

    private func deliver(
        _ session: BuildSession, _ options: BuildOptions, _ names: [Reference], _ progress: BuildProgress
    ) throws(BuildError) -> Int32 {
        switch options.output {
        case .none:
            progress.end()
            return 0
        case .directory(let path):
            try BuildExport.directory(
                session.product(), MountRequest.absolute(path, from: CallerView.real().workingDirectory))
            progress.end()
            return 0
        case .tar(let path):
            try BuildExport.tar(session.product(), to: path)
            progress.end()
            return 0
        case .image, .archive: break
        }
        var annotations = [String: String]()
        for annotation in options.annotations { annotations[annotation.name] = annotation.value }
        let image = try session.register(
            names, annotations: annotations,
            remembersSteps: options.cacheTargets.contains { $0.kind == .inline })
        progress.exported(image.id.description, names.map(\.description))
        progress.end()
        if options.pushes { try push(names, options) }
        if case .archive(let path) = options.output {
            try save(image.id.description, names, path)
        }
        if let path = options.idFile {
            try writeFile(path, image.id.description)
        }
        if let path = options.metadataFile {
            let metadata: JSONValue = [
                "containerimage.config.digest": .string(image.id.description),
                "containerimage.descriptor": [
                    "mediaType": .string(image.manifest.mediaType), "digest": .string(image.manifestDigest.description),
                    "size": .integer(image.manifest.size),
                ],
                "containerimage.digest": .string(image.manifestDigest.description),
                "image.name": .string(names.map(\.description).joined(separator: ",")),
            ]
            try writeFile(path, metadata.text(indent: 2) + "\n")
        }
        if options.isQuiet { writeText("\(image.id)\n", to: 1) }
        return 0
    }

    private func writeFile(_ path: String, _ text: String) throws(BuildError) {
        do throws(Errno) {
            try Files.replace(
                MountRequest.absolute(path, from: CallerView.real().workingDirectory), with: Array(text.utf8))
        } catch {
            throw BuildError(operation: "write", object: quote(path), cause: "\(error)")
        }
    }

    private func save(_ id: String, _ names: [Reference], _ path: String?) throws(BuildError) {
        if path == nil, Terminal.isTerminal(1) {
            throw BuildError(
                operation: "write", object: "the archive", cause: "standard output is a terminal",
                remedy: "give dest=FILE")
        }
        do {
            let sink: FileSink
            if let path {
                sink = FileSink(
                    try Files.open(
                        MountRequest.absolute(path, from: CallerView.real().workingDirectory),
                        [.writeOnly, .create, .truncate],
                        mode: 0o644))
            } else {
                sink = FileSink(FileDescriptor(owning: try ProcessControl.duplicate(1, minimum: 3)))
            }
            try engine.images.save(names.isEmpty ? [id] : names.map(\.familiar), platform: nil, to: sink)
        } catch {
            throw BuildError(operation: "write", object: "the archive", cause: "\(error)")
        }
    }

    // MARK: The cache

    /// `builder du`.
    func builderUsage() throws -> Int32 {
        let cache = try BuildCache(path: engine.buildCachePath, store: engine.images)
        var table = Table(["ID", "TYPE", "LAST ACCESSED", "SIZE"])
        let now = WallClock.seconds()
        var total: Int64 = 0
        for usage in try cache.usage().reversed() {
            total += usage.record.size
            table.add([
                String(usage.record.key.prefix(12)), usage.record.kind,
                TimeSpan.rough(seconds: max(0, now - usage.lastUsed)) + " ago", ByteSize.decimalText(usage.record.size),
            ])
        }
        for source in try cache.sources() {
            total += source.size
            table.add([
                String(source.name.prefix(12)), source.kind,
                TimeSpan.rough(seconds: max(0, now - source.lastUsed)) + " ago", ByteSize.decimalText(source.size),
            ])
        }
        writeText(table.text + "Total: \(ByteSize.decimalText(total))\n", to: 1)
        return 0
    }

    /// `builder prune`.
    func builderPrune(_ options: BuilderPruneOptions) throws -> Int32 {
        if !options.force {
            writeText("WARNING! This will remove the build cache.\nAre you sure you want to continue? [y/N] ", to: 1)
            var answer = [UInt8](repeating: 0, count: 64)
            let count = read(0, &answer, 64)
            guard count > 0, answer[0] == UInt8(ascii: "y") || answer[0] == UInt8(ascii: "Y") else { return 0 }
        }
        let cache = try BuildCache(path: engine.buildCachePath, store: engine.images)
        let former = try cache.sources().reduce(Int64(0)) { $0 + $1.size }
        let removed = try cache.prune(
            before: options.unusedFor.map { WallClock.seconds() - $0 }, keepBytes: options.keepBytes)
        let freed = former - (try cache.sources().reduce(Int64(0)) { $0 + $1.size })
        for usage in removed { writeText("\(usage.record.key.prefix(12))\n", to: 1) }
        writeText(
            "Total reclaimed space: \(ByteSize.decimalText(removed.reduce(freed) { $0 + $1.record.size }))\n", to: 1)
        return 0
    }
}

extension String {
    /// The first lines of a text.
    fileprivate func prefixLines(_ count: Int) -> String {
        utf8.split(separator: 10, omittingEmptySubsequences: false).prefix(count)
            .map { String(decoding: $0, as: UTF8.self) }.joined(separator: "\n")
    }
}
