import ImageStore
import LinuxKernel
import OCI

/// Makes sources and sinks of what a user named.
public struct CopyEnds: Sendable {
    let session: RegistrySession
    let store: ImageStore
    let scratch: String
    /// Docker's daemon; nil where DOCKER_HOST names something else.
    let daemon: DockerDaemon?
    private let lock: HeldLock?

    /// Ends that use the session's registries and a store; temporary files go into a directory of the store.
    public init(session: RegistrySession, store: ImageStore, variable: (String) -> String?) {
        self.session = session
        self.store = store
        scratch = "\(store.path)/scratch"
        // What a copy that was killed has left goes when nobody copies; this process copies until it ends.
        let name = "\(store.path)/locks/scratch"
        if let alone = try? FileLock.attempt(name) {
            try? Files.removeTree(scratch)
            _ = consume alone
        }
        lock = Self.hold(name)
        daemon = try? DockerDaemon(session: session, variable: variable)
    }

    private static func hold(_ name: String) -> HeldLock? {
        guard let lock = try? FileLock(name, shared: true) else { return nil }
        return HeldLock(lock)
    }

    private func docker() throws(RegistryError) -> DockerDaemon {
        guard let daemon else {
            throw RegistryError(
                .unsupported, operation: "reach", object: "DOCKER_HOST", cause: "only Docker's Unix socket is supported"
            )
        }
        return daemon
    }

    /// A source.
    public func source(_ place: CopyPlace) async throws -> any ImageSource {
        let scratch = scratch
        switch place {
        case .store(let name):
            let store = store
            return try await session.transport.blocking { try StoreSource(store, name: name, scratch: scratch) }
        case .registry(let name): return RepositorySource(name, session, scratch: scratch)
        case .layout(let path, let tag): return try LayoutSource(try DirectoryTree(path), tag: tag)
        case .directory(let path): return try PlainDirectorySource(path: path)
        case .layoutArchive(let path, let tag):
            return try await session.transport.blocking {
                try LayoutSource(try TarTree(path: path, scratch: scratch), tag: tag)
            }
        case .dockerArchive(let path, let name):
            return try await session.transport.blocking {
                try DockerArchiveSource(try TarTree(path: path, scratch: scratch), name: name)
            }
        case .dockerDaemon(.some(let name)): return try await docker().source(name, scratch: scratch)
        case .containersStorage(.some(let name)):
            let storage = try ContainersStorage()
            return try await session.transport.blocking { try storage.source(name, scratch: scratch) }
        case .dockerDaemon(nil), .containersStorage(nil):
            throw RegistryError(
                .invalidName, operation: "copy", object: "the image", cause: "it needs a name, or --all for all of them"
            )
        }
    }

    /// A sink.
    public func sink(_ place: CopyPlace) throws -> any ImageSink {
        switch place {
        case .store(let name): return try StoreSink(store, names: [name], session: session)
        case .registry(let name): return RepositorySink(name, session)
        case .layout(let path, let tag): return try LayoutSink(path: path, tag: tag, session: session)
        case .directory(let path): return try PlainDirectorySink(path: path, session: session)
        case .layoutArchive(let path, let tag):
            return try LayoutArchiveSink(path: path, tag: tag, scratch: scratch, session: session)
        case .dockerArchive(let path, let name):
            return DockerArchiveSink(path: path, name: name, scratch: scratch, session: session)
        case .dockerDaemon(let name): return try DockerDaemonSink(try docker(), name: name, scratch: scratch)
        case .containersStorage:
            throw RegistryError(
                .unsupported, operation: "write to", object: "containers-storage", cause: "its locks are podman's own",
                remedy: "copy to oci-archive: and use \"podman load\"")
        }
    }

    /// All images of another engine.
    public func names(in place: CopyPlace) async throws -> [Reference] {
        switch place {
        case .dockerDaemon(nil): return try await docker().names()
        case .containersStorage(nil): return try ContainersStorage().names()
        case .store, .registry, .layout, .layoutArchive, .dockerArchive, .directory, .dockerDaemon, .containersStorage:
            throw RegistryError(
                .invalidName, operation: "copy", object: "all images",
                cause: "all images can be copied from docker-daemon: and containers-storage: alone")
        }
    }
}

/// A lock that is held as long as anybody has this object.
final class HeldLock: Sendable {
    private let lock: FileLock

    init(_ lock: consuming FileLock) { self.lock = lock }
}
