import AsyncHTTPClient
import ImageStore
import JSON
import LinuxKernel
import NIOCore
import NIOHTTP1
import OCI

/// Docker's daemon, over its Unix socket (Engine API 1.24 and later).
public struct DockerDaemon: Sendable {
    let session: RegistrySession
    private let socket: String

    /// The daemon of DOCKER_HOST, or of the usual socket.
    public init(session: RegistrySession, variable: (String) -> String?) throws(RegistryError) {
        self.session = session
        let host = variable("DOCKER_HOST") ?? ""
        if host.isEmpty {
            socket = "/var/run/docker.sock"
        } else if host.utf8.starts(with: "unix://".utf8) {
            socket = String(host.dropFirst("unix://".count))
        } else {
            throw RegistryError(
                .unsupported, operation: "reach", object: host, cause: "only Docker's Unix socket is supported")
        }
    }

    private func send(
        _ method: HTTPMethod, _ path: String, body: HTTPClientRequest.Body? = nil
    ) async throws -> HTTPClientResponse {
        var request = HTTPClientRequest(url: "http+unix://\(WebAddress.escaped(socket))\(path)")
        request.method = method
        request.headers.add(name: "Host", value: "docker")
        if let body {
            request.body = body
            request.headers.add(name: "Content-Type", value: "application/x-tar")
        }
        do {
            let response = try await session.transport.sendLocally(request)
            guard response.status == .ok else {
                let bytes = try await response.body.collect(upTo: 1 << 20)
                let message = (try? JSONValue(parsing: Array(bytes.readableBytesView)))?["message"]?.stringValue
                throw refuse(message ?? "\(response.status)", response.status == .notFound ? .notFound : .unavailable)
            }
            return response
        } catch let error as RegistryError {
            throw error
        } catch {
            let address = WebAddress(isSecure: false, host: "docker")
            throw refuse(
                "\(socket): " + TransportFailure(error, address: address).sentence.replacing("docker: ", with: ""),
                .unavailable)
        }
    }

    private func refuse(_ cause: String, _ kind: RegistryError.Kind) -> RegistryError {
        RegistryError(kind, operation: "ask", object: "Docker's daemon", cause: cause)
    }

    /// The names of all its images.
    public func names() async throws -> [Reference] {
        let response = try await send(.GET, "/images/json")
        let bytes = Array(try await response.body.collect(upTo: 64 << 20).readableBytesView)
        guard let list = (try? JSONValue(parsing: bytes))?.arrayValue else {
            throw refuse("its list of images is none", .invalidContent)
        }
        var result = [Reference]()
        for image in list {
            for tag in image["RepoTags"]?.arrayValue?.compactMap(\.stringValue) ?? [] {
                if let reference = try? Reference(parsing: tag) { result.append(reference) }
            }
        }
        return result
    }

    /// An image of it.
    func source(_ name: Reference, scratch: String) async throws -> any ImageSource {
        let response = try await send(.GET, "/images/\(WebAddress.escaped(name.familiar))/get")
        let file = try ScratchFile.make(in: scratch)
        var position: Int64 = 0
        for try await chunk in response.body {
            let at = position
            try chunk.withUnsafeReadableBytes { bytes in
                try Files.writeAll(file.number, bytes, at: at)
                try Files.requireSpace(file.number, atLeast: 16 << 20)
            }
            position += Int64(chunk.readableBytes)
        }
        return try await session.transport.blocking {
            let tree = try TarTree(file, shown: "the archive of \(name.familiar)", scratch: scratch)
            // Newer daemons write both forms; the layout has the image's own manifest.
            if try tree.file("index.json") != nil, let source = try? LayoutSource(tree, tag: nil) { return source }
            return try DockerArchiveSource(tree, name: name)
        }
    }

    /// Gives it an archive.
    func load(_ path: String) async throws {
        let file = SharedDescriptor(try Files.open(path, .readOnly))
        let size = try Files.status(path).size
        let response = try await send(
            .POST, "/images/load?quiet=1",
            body: .stream(
                FileChunks(file: file, from: 0, size: size, watch: StallWatch()), length: .known(size)))
        let bytes = Array(try await response.body.collect(upTo: 16 << 20).readableBytesView)
        let text = String(decoding: bytes, as: UTF8.self)
        guard !text.contains("\"error\"") else { throw refuse(text, .unavailable) }
    }
}

/// Docker's daemon as a sink: an archive is made, and given to it.
struct DockerDaemonSink: ImageSink {
    private let daemon: DockerDaemon
    private let path: String
    private let archive: DockerArchiveSink

    init(_ daemon: DockerDaemon, name: Reference?, scratch: String) throws {
        self.daemon = daemon
        try Files.makeDirectories(scratch, mode: 0o700)
        var random = SystemRandomNumberGenerator()
        path = "\(scratch)/docker-\(String(random.next() as UInt64, radix: 36)).tar"
        archive = DockerArchiveSink(path: path, name: name, scratch: scratch, session: daemon.session)
    }

    func hasManifest(_ digest: Digest) async throws -> Bool { false }

    func put(
        _ descriptor: Descriptor, from source: any ImageSource, progress: any TransferProgress
    ) async throws { try await archive.put(descriptor, from: source, progress: progress) }

    func put(_ manifest: FetchedManifest, isTop: Bool) async throws { try await archive.put(manifest, isTop: isTop) }

    func finish() async throws {
        defer { try? Files.unlink(path) }
        try await archive.finish()
        try await daemon.load(path)
    }

    func abandon() async { try? Files.unlink(path) }
}
