import Archive
import Glibc
import ImageBuilder
import LinuxKernel

/// What a build reads: the Dockerfile's bytes, the context's directory, the rules of what is left out.
struct BuildInput {
    let dockerfile: [UInt8]
    /// What messages call the Dockerfile.
    let name: String
    let context: String?
    let ignored: IgnoreRules
    /// A context that came as an archive, unpacked.
    private let temporary: BuildScratch?

    private static let limit = 16 << 20

    init(_ options: BuildOptions, cachePath: String, _ remotes: RemoteSources) throws(BuildError) {
        let directory = CallerView.real().workingDirectory
        // What is in a context that came from elsewhere is found there, and nowhere on this machine.
        let isForeign: Bool
        if RemoteSource.isGit(options.context) {
            let keeps = options.arguments.contains { $0.name == "BUILDKIT_CONTEXT_KEEP_GIT_DIR" && $0.value == "1" }
            context = try remotes.fetch(options.context, keepsGitDirectory: keeps).path
            temporary = nil
            isForeign = true
        } else if options.context == "-" || RemoteSource.isRemote(options.context) {
            let input: InputBuffer
            if options.context == "-" {
                input = InputBuffer(FileSource(try Self.standardInput()))
            } else {
                let fetched = try remotes.fetch(options.context)
                input = InputBuffer(FileSource(try Self.open("\(fetched.path)/\(fetched.name ?? "")")))
            }
            isForeign = true
            if try Self.isArchive(input) {
                let scratch = try BuildScratch(cachePath)
                try Self.unpack(input, to: scratch.path)
                temporary = scratch
                context = scratch.path
            } else {
                // It is the Dockerfile itself, and there is no context.
                guard options.file == nil else {
                    throw BuildError(
                        operation: "read", object: "the context",
                        cause: "\(options.context == "-" ? "standard input" : quote(options.context)) is no archive",
                        remedy: "with -f the context has to be one")
                }
                dockerfile = try Self.all(input)
                name = "Dockerfile"
                context = nil
                ignored = IgnoreRules()
                temporary = nil
                return
            }
        } else {
            let path = MountRequest.absolute(options.context, from: directory)
            guard let status = try? Files.status(path, followLink: true) else {
                throw BuildError(
                    operation: "prepare", object: "the context", cause: "path \(quote(options.context)) not found")
            }
            guard status.kind == .directory else {
                throw BuildError(
                    operation: "prepare", object: "the context",
                    cause: "path \(quote(options.context)) is no directory",
                    remedy: "give the directory, and the Dockerfile with -f")
            }
            context = path
            temporary = nil
            isForeign = false
        }
        let root = context ?? "/"
        var ignoreName = ".dockerignore"
        var own: [UInt8]?
        if options.file == "-" {
            dockerfile = try Self.all(InputBuffer(FileSource(try Self.standardInput())))
            name = "Dockerfile"
        } else if let file = options.file {
            // In an archive the name is the archive's; else it is the caller's.
            let path = isForeign ? nil : MountRequest.absolute(file, from: directory)
            if let path { dockerfile = try Self.read(path, file) } else { dockerfile = try Self.read(in: root, file) }
            name = StepName.last(file)
            own =
                isForeign
                ? try? Self.read(in: root, file + ".dockerignore")
                : path.flatMap { try? Files.read($0 + ".dockerignore", limit: Self.limit) }
            if own != nil { ignoreName = name + ".dockerignore" }
        } else {
            dockerfile = try Self.read(in: root, "Dockerfile")
            name = "Dockerfile"
            own = try? Self.read(in: root, "Dockerfile.dockerignore")
            if own != nil { ignoreName = "Dockerfile.dockerignore" }
        }
        let text = own ?? (try? Self.read(in: root, ".dockerignore")) ?? []
        ignored = try IgnoreRules(parsing: text, name: ignoreName)
    }

    /// Says that an unpacked context is wanted up to here.
    func hold() { withExtendedLifetime(temporary) {} }

    private static func standardInput() throws(BuildError) -> FileDescriptor {
        do throws(Errno) { return FileDescriptor(owning: try ProcessControl.duplicate(0, minimum: 3)) } catch {
            throw BuildError(operation: "read", object: "standard input", cause: "\(error)")
        }
    }

    private static func open(_ path: String) throws(BuildError) -> FileDescriptor {
        do throws(Errno) { return try Files.open(path, [.readOnly]) } catch {
            throw BuildError(operation: "read", object: "the context", cause: "\(error)")
        }
    }

    /// A directory with what an archive that was fetched holds.
    static func unpacked(_ path: String, cachePath: String) throws(BuildError) -> BuildScratch {
        let input = InputBuffer(FileSource(try open(path)))
        guard try isArchive(input) else {
            throw BuildError(operation: "use", object: "the context", cause: "what was fetched is no archive")
        }
        let scratch = try BuildScratch(cachePath)
        try unpack(input, to: scratch.path)
        return scratch
    }

    private static func read(_ path: String, _ shown: String) throws(BuildError) -> [UInt8] {
        do throws(Errno) { return try Files.read(path, limit: limit) } catch {
            throw BuildError(
                operation: "read", object: "the Dockerfile", cause: "open \(quote(shown)): \(error)",
                remedy: error == .noSuchFile ? "name another with -f" : "")
        }
    }

    /// A file of a context, which may hold links: they lead nowhere outside.
    private static func read(in root: String, _ name: String) throws(BuildError) -> [UInt8] {
        do throws(Errno) {
            let directory = try Files.open(root, [.readOnly, .directory])
            let file = try Files.open(
                at: directory.rawValue, name, [.readOnly, .nonBlocking], resolve: [.inRoot, .noMagicLinks])
            guard try file.status().kind == .regular else { throw .invalidArgument }
            return try file.readAll(limit: limit)
        } catch {
            throw BuildError(
                operation: "read", object: "the Dockerfile", cause: "open \(quote(name)): \(error)",
                remedy: error == .noSuchFile ? "name another with -f" : "")
        }
    }

    private static func all(_ input: InputBuffer) throws(BuildError) -> [UInt8] {
        do throws(ArchiveError) {
            var result = [UInt8]()
            while true {
                let bytes = try input.available(limit: InputBuffer.capacity)
                if bytes.isEmpty { return result }
                result += Array(bytes)
                input.consume(bytes.count)
                guard result.count <= limit else {
                    throw ArchiveError(operation: "read", object: "the Dockerfile", cause: "it is larger than 16 MiB")
                }
            }
        } catch {
            throw BuildError(operation: "read", object: "the Dockerfile", cause: error.cause)
        }
    }

    private static func isArchive(_ input: InputBuffer) throws(BuildError) -> Bool {
        do throws(ArchiveError) {
            if try input.compression() != .none { return true }
            let head = Array(try input.peek(512))
            return head.count == 512 && Array(head[257..<262]).elementsEqual("ustar".utf8)
        } catch {
            throw BuildError(operation: "read", object: "standard input", cause: error.cause)
        }
    }

    private static func unpack(_ input: InputBuffer, to path: String) throws(BuildError) {
        do throws(ArchiveError) {
            let directory: FileDescriptor
            do throws(Errno) {
                try Files.removeTree(path)
                try Files.makeDirectories(path, mode: 0o700)
                directory = try Files.open(path, [.readOnly, .directory])
            } catch {
                throw ArchiveError(operation: "make", object: path, cause: "\(error)", errno: error)
            }
            let content = InputBuffer(try input.decompressed())
            _ = try LayerApplier.apply(TarReader(content, endMarker: .optional), to: directory)
        } catch {
            try? Files.removeTree(path)
            throw BuildError(operation: "unpack", object: "the context", cause: "\(error.object): \(error.cause)")
        }
    }
}

/// Names of files.
enum StepName {
    static func last(_ path: String) -> String {
        path.utf8.split(separator: 47).last.map { String(decoding: $0, as: UTF8.self) } ?? path
    }
}

/// `--secret` and `--ssh`.
enum BuildSecrets {
    /// Contents by id.
    static func read(_ list: [String]) throws(BuildError) -> [String: [UInt8]] {
        var result = [String: [UInt8]]()
        for text in list {
            var id: String?, file: String?, variable: String?, type = "file"
            for field in text.utf8.split(separator: 44) {
                let pair = field.split(separator: 61, maxSplits: 1, omittingEmptySubsequences: false)
                    .map { String(decoding: $0, as: UTF8.self) }
                guard pair.count == 2 else {
                    throw BuildError(
                        operation: "read", object: "the secret \(quote(text))", cause: "it is not KEY=VALUE,…")
                }
                switch pair[0] {
                case "id": id = pair[1]
                case "src", "source": file = pair[1]
                case "env": variable = pair[1]
                case "type": type = pair[1]
                default:
                    throw BuildError(
                        operation: "read", object: "the secret \(quote(text))",
                        cause: "unexpected key \(quote(pair[0]))",
                        remedy: "id, src, env and type are known")
                }
            }
            guard ["file", "env"].contains(type) else {
                throw BuildError(
                    operation: "read", object: "the secret \(quote(text))", cause: "its type is neither file nor env")
            }
            if type == "env", variable == nil, let source = file { (variable, file) = (source, nil) }
            guard let id, !id.isEmpty else {
                throw BuildError(operation: "read", object: "the secret \(quote(text))", cause: "it has no id")
            }
            if let file {
                do throws(Errno) {
                    result[id] = try Files.read(
                        MountRequest.absolute(file, from: CallerView.real().workingDirectory), limit: 500 << 10)
                } catch {
                    throw BuildError(
                        operation: "read", object: "the secret \(quote(id))", cause: "\(quote(file)): \(error)")
                }
            } else {
                guard let value = getenv(variable ?? id) else {
                    throw BuildError(
                        operation: "read", object: "the secret \(quote(id))",
                        cause: "neither a file nor the variable \(quote(variable ?? id)) is there")
                }
                result[id] = Array(String(cString: value).utf8)
            }
        }
        return result
    }

    /// Sockets by id.
    static func sockets(_ list: [String]) throws(BuildError) -> [String: String] {
        var result = [String: String]()
        for text in list {
            let pair = text.utf8.split(separator: 61, maxSplits: 1, omittingEmptySubsequences: false)
                .map { String(decoding: $0, as: UTF8.self) }
            let path: String
            if pair.count == 2 {
                path = MountRequest.absolute(pair[1], from: CallerView.real().workingDirectory)
            } else {
                guard let agent = getenv("SSH_AUTH_SOCK") else {
                    throw BuildError(
                        operation: "use", object: "the ssh agent", cause: "SSH_AUTH_SOCK is not set",
                        remedy: "start an agent, or give \(pair[0])=SOCKET")
                }
                path = String(cString: agent)
            }
            guard (try? Files.status(path, followLink: true))?.kind == .socket else {
                throw BuildError(
                    operation: "use", object: "the ssh agent \(quote(pair[0]))", cause: "\(quote(path)) is no socket")
            }
            result[pair[0]] = path
        }
        return result
    }
}
