import AsyncHTTPClient
import LinuxKernel
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import Synchronization

/// One request.
struct HTTPRequest: Sendable {
    var method: HTTPMethod
    var address: WebAddress
    var headers: [(name: String, value: String)] = []
    var body: Body = .none

    enum Body: Sendable {
        case none
        case bytes([UInt8], type: String)
        /// A part of an open file, from a position to its end at `size`.
        case file(SharedDescriptor, from: Int64, size: Int64, watch: StallWatch)
    }
}

/// How the connections to one host are made.
struct ConnectionSettings: Hashable, Sendable {
    /// Certificates nobody has signed are accepted.
    var acceptsAnyCertificate = false
    var certificates = CertificateDirectory()

    func hash(into hasher: inout Hasher) { hasher.combine(certificates.authorities) }
}

/// HTTP/1.1 with TLS and proxies: one request, one answer, nothing followed and nothing tried again.
public final class HTTPTransport: Sendable {
    private struct Key: Hashable {
        var settings: ConnectionSettings
        var proxy: ProxySettings.Proxy?
    }

    private let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    private let clients = Mutex<[Key: HTTPClient]>([:])
    private let proxies: ProxySettings
    /// For work that blocks: unpacking, credential helpers.
    private let threads: NIOThreadPool
    private let hasThreads = Atomic(false)

    /// A transport with its own threads; to be ended with ``shutdown()``.
    public init(proxies: ProxySettings, threads count: Int) {
        self.proxies = proxies
        threads = NIOThreadPool(numberOfThreads: count)
    }

    /// Ends all connections and threads.
    public func shutdown() async {
        for client in clients.withLock({ Array($0.values) }) { try? await client.shutdown() }
        try? await threads.shutdownGracefully()
        try? await group.shutdownGracefully()
    }

    /// Waits for the threads of blocking work to end.
    func endThreads() async {
        if hasThreads.load(ordering: .relaxed) { try? await threads.shutdownGracefully() }
    }

    /// Sends a request and waits for the answer's head.
    ///
    /// - Parameter headSeconds: how long that may take.
    /// - Throws: ``TransportFailure``.
    func send(
        _ request: HTTPRequest, settings: ConnectionSettings, headSeconds: Int
    ) async throws -> HTTPClientResponse {
        let client = try client(for: request.address, settings)
        var message = HTTPClientRequest(url: request.address.description)
        message.method = request.method
        for header in request.headers { message.headers.add(name: header.name, value: header.value) }
        switch request.body {
        case .none:
            // Some servers refuse a POST or PUT that does not say that it is empty.
            if [.POST, .PUT, .PATCH].contains(request.method) { message.body = .bytes(ByteBuffer()) }
        case .bytes(let bytes, let type):
            message.headers.replaceOrAdd(name: "Content-Type", value: type)
            message.body = .bytes(ByteBuffer(bytes: bytes))
        case .file(let file, let from, let size, let watch):
            message.headers.replaceOrAdd(name: "Content-Type", value: "application/octet-stream")
            message.body = .stream(
                FileChunks(file: file, from: from, size: size, watch: watch), length: .known(size - from))
        }
        do {
            return try await client.execute(message, timeout: .seconds(Int64(headSeconds)))
        } catch {
            throw TransportFailure(error, address: request.address)
        }
    }

    /// Sends a request to a Unix socket of this machine.
    func sendLocally(_ request: HTTPClientRequest) async throws -> HTTPClientResponse {
        try await client(for: WebAddress(isSecure: false, host: "localhost"), ConnectionSettings())
            .execute(request, timeout: .hours(24))
    }

    private func client(for address: WebAddress, _ settings: ConnectionSettings) throws -> HTTPClient {
        let proxy = proxies.proxy(for: address)
        let key = Key(settings: address.isSecure ? settings : ConnectionSettings(), proxy: proxy)
        if let client = clients.withLock({ $0[key] }) { return client }
        var configuration = HTTPClient.Configuration()
        if address.isSecure { configuration.tlsConfiguration = try tls(settings, address) }
        configuration.redirectConfiguration = .disallow
        configuration.decompression = .disabled
        configuration.httpVersion = .http1Only
        configuration.timeout = .init(connect: .seconds(20))
        configuration.connectionPool.retryConnectionEstablishment = false
        configuration.connectionPool.idleTimeout = .seconds(30)
        if let proxy {
            configuration.proxy = .server(
                host: proxy.host, port: proxy.port,
                authorization: proxy.authorization.map { .basic(credentials: String($0.dropFirst("Basic ".count))) })
        }
        let client = HTTPClient(eventLoopGroupProvider: .shared(group), configuration: configuration)
        return clients.withLock { clients in
            // Somebody may have been faster; an unused client has to be shut down all the same.
            if let other = clients[key] {
                Task { try? await client.shutdown() }
                return other
            }
            clients[key] = client
            return client
        }
    }

    private func tls(_ settings: ConnectionSettings, _ address: WebAddress) throws -> TLSConfiguration {
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.minimumTLSVersion = .tlsv12
        if settings.acceptsAnyCertificate { configuration.certificateVerification = .none }
        var file = ""
        do {
            for path in settings.certificates.authorities {
                file = path
                let certificates = try NIOSSLCertificate.fromPEMFile(path)
                configuration.additionalTrustRoots.append(.certificates(certificates))
            }
            if let client = settings.certificates.client {
                file = client.certificate
                configuration.certificateChain = try NIOSSLCertificate.fromPEMFile(client.certificate).map {
                    .certificate($0)
                }
                file = client.key
                configuration.privateKey = .privateKey(try NIOSSLPrivateKey(file: client.key, format: .pem))
            }
        } catch {
            throw TransportFailure(
                sentence: "\(file) is no PEM file of the kind its name says", address: address, isFinal: true)
        }
        return configuration
    }

    /// Runs blocking work on a thread of its own.
    func blocking<T: Sendable>(_ body: @escaping @Sendable () throws -> T) async throws -> T {
        // Only now: a pull of what is there has nothing to do for them.
        hasThreads.store(true, ordering: .relaxed)
        threads.start()
        return try await threads.runIfActive(body)
    }
}

/// The bytes of an open file, a quarter of a megabyte at a time.
struct FileChunks: AsyncSequence, Sendable {
    typealias Element = ByteBuffer
    let file: SharedDescriptor
    let from: Int64
    let size: Int64
    let watch: StallWatch

    struct AsyncIterator: AsyncIteratorProtocol {
        let chunks: FileChunks
        var position: Int64

        mutating func next() async throws -> ByteBuffer? {
            chunks.watch.endWait()
            guard position < chunks.size else { return nil }
            let wanted = Int(Swift.min(256 << 10, chunks.size - position))
            var buffer = ByteBufferAllocator().buffer(capacity: wanted)
            let count = try buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: wanted) { space in
                try Files.read(
                    chunks.file.number, into: UnsafeMutableRawBufferPointer(rebasing: space[..<wanted]), at: position)
            }
            guard count > 0 else { throw Errno.ioError }
            position += Int64(count)
            chunks.watch.add(count)
            chunks.watch.beginWait()
            return buffer
        }
    }

    func makeAsyncIterator() -> AsyncIterator { AsyncIterator(chunks: self, position: from) }
}
