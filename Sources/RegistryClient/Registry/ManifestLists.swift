import Archive
import JSON
import LinuxKernel
import OCI

/// Manifest lists that are being put together: one file each, until they are pushed.
public struct ManifestLists: Sendable {
    private let directory: String

    /// The lists in a directory.
    public init(directory: String) { self.directory = directory }

    /// Where an entry's manifest is; only in the file, never pushed.
    private static let sourceKey = "org.berth.manifest.source"

    private func path(_ name: Reference) -> String { "\(directory)/\(WebAddress.escaped(name.description)).json" }

    /// A list; nil when there is none of that name.
    public func list(_ name: Reference) throws(RegistryError) -> ImageIndex? {
        let bytes: [UInt8]
        do throws(Errno) { bytes = try Files.read(path(name), limit: ImageIndex.maximumSize) } catch {
            if error == .noSuchFile { return nil }
            throw RegistryError(.store, operation: "read", object: path(name), cause: "\(error)")
        }
        do throws(JSONError) { return try ImageIndex(parsing: bytes) } catch {
            throw RegistryError(.invalidContent, operation: "read", object: path(name), cause: "\(error)")
        }
    }

    private func write(_ index: ImageIndex, _ name: Reference) throws(RegistryError) {
        do throws(Errno) {
            try Files.makeDirectories(directory, mode: 0o700)
            try Files.replace(path(name), with: index.json.serialized(indent: 2), mode: 0o600)
        } catch {
            throw RegistryError(.store, operation: "write", object: path(name), cause: "\(error)")
        }
    }

    /// Removes a list.
    ///
    /// - Returns: whether there was one.
    public func remove(_ name: Reference) throws(RegistryError) -> Bool {
        do throws(Errno) {
            try Files.unlink(path(name))
            return true
        } catch {
            if error == .noSuchFile { return false }
            throw RegistryError(.store, operation: "remove", object: path(name), cause: "\(error)")
        }
    }

    /// Makes a list of manifests that registries have, or adds to one.
    public func create(
        _ name: Reference, of members: [Reference], amending: Bool, _ session: RegistrySession
    ) async throws {
        var index = ImageIndex(manifests: [])
        if let present = try list(name) {
            guard amending else {
                throw RegistryError(
                    .invalidName, operation: "create", object: "the manifest list \(name.familiar)",
                    cause: "it is there already", remedy: "use --amend, or remove it with \"berth manifest rm\"")
            }
            index = present
        }
        for member in members {
            let entry = try await describe(member, session)
            index.manifests.removeAll { $0.digest == entry.digest }
            index.manifests.append(entry)
        }
        let isDocker = index.manifests.contains { $0.mediaType == MediaType.dockerManifest }
        index.mediaType = isDocker ? MediaType.dockerManifestList : MediaType.ociIndex
        try write(index, name)
    }

    private func describe(_ member: Reference, _ session: RegistrySession) async throws -> Descriptor {
        let repository = Repository(member, session)
        let manifest = try await repository.manifest(
            member.digest?.description ?? member.tag ?? Reference.defaultTag, operation: "read")
        func refuse(_ cause: String) -> RegistryError {
            RegistryError(.invalidContent, operation: "add", object: member.familiar, cause: cause)
        }
        guard MediaType.isManifest(manifest.mediaType) else {
            throw refuse("it is a manifest list itself; name one of its manifests by digest")
        }
        let document: ImageManifest
        do throws(JSONError) { document = try ImageManifest(parsing: manifest.bytes) } catch {
            throw refuse("its manifest is wrong: \(error)")
        }
        var entry = manifest.descriptor
        entry.annotations[Self.sourceKey] = member.pinned(to: manifest.digest).description
        entry.annotations["org.berth.manifest.name"] = member.description
        if MediaType.isConfiguration(document.config.mediaType) {
            let bytes = try await repository.blob(
                document.config, limit: ImageConfiguration.maximumSize, operation: "read")
            do throws(JSONError) { entry.platform = try ImageConfiguration(parsing: bytes).platform } catch {
                throw refuse("its configuration is wrong: \(error)")
            }
        }
        return entry
    }

    /// What may be said of a member of a list.
    public struct Annotation: Sendable {
        /// Operating system.
        public var os: String?
        /// Processor.
        public var architecture: String?
        /// Its variant.
        public var variant: String?
        /// Version of the operating system.
        public var osVersion: String?
        /// Features of the operating system.
        public var osFeatures: [String] = []

        /// Nothing.
        public init() {}
    }

    /// Says more of a member.
    public func annotate(_ name: Reference, _ member: Reference, _ annotation: Annotation) throws(RegistryError) {
        func refuse(_ cause: String) -> RegistryError {
            RegistryError(.notFound, operation: "annotate", object: "the manifest list \(name.familiar)", cause: cause)
        }
        guard var index = try list(name) else { throw refuse("there is none of that name") }
        let place = index.manifests.firstIndex { entry in
            entry.annotations["org.berth.manifest.name"] == member.description
                || entry.annotations[Self.sourceKey] == member.description
                || (member.digest != nil && entry.digest == member.digest)
        }
        guard let place else { throw refuse("it has no manifest \(member.familiar)") }
        let old = index.manifests[place].platform
        index.manifests[place].platform = Platform(
            os: annotation.os ?? old?.os ?? Platform.host.os,
            architecture: annotation.architecture ?? old?.architecture ?? Platform.host.architecture,
            variant: annotation.variant ?? (annotation.architecture == nil ? old?.variant : nil),
            osVersion: annotation.osVersion ?? old?.osVersion,
            osFeatures: annotation.osFeatures.isEmpty ? old?.osFeatures ?? [] : annotation.osFeatures)
        try write(index, name)
    }

    /// The list as it is pushed.
    public static func document(_ list: ImageIndex) -> FetchedManifest {
        var index = list
        for place in index.manifests.indices { index.manifests[place].annotations = [:] }
        let bytes = index.json.serialized(indent: 3)
        return FetchedManifest(
            bytes: bytes, mediaType: index.mediaType ?? MediaType.ociIndex, digest: Digest(of: bytes))
    }

    /// Pushes a list: its manifests first, from wherever they are.
    public func push(
        _ name: Reference, _ session: RegistrySession, scratch: String, progress: any TransferProgress
    ) async throws -> FetchedManifest {
        guard let index = try list(name) else {
            throw RegistryError(
                .notFound, operation: "push", object: "the manifest list \(name.familiar)",
                cause: "there is none of that name")
        }
        for entry in index.manifests {
            guard let text = entry.annotations[Self.sourceKey], let source = try? Reference(parsing: text),
                source.name != name.name
            else { continue }
            _ = try await ImageCopy(
                from: RepositorySource(source, session, scratch: scratch),
                to: RepositorySink(name.pinned(to: entry.digest), session), platform: nil,
                parallel: session.settings.parallelTransfers, progress: progress, object: name.familiar,
                operation: "push"
            ).run()
        }
        let document = Self.document(index)
        try await Repository(name, session).putManifest(document, as: name.tag ?? Reference.defaultTag)
        return document
    }
}
