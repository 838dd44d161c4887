import AsyncHTTPClient
import LinuxKernel
import NIOCore
import NIOHTTP1

/// Fetches one file by its address: what ADD and a build's context name.
public struct FileFetch: Sendable {
    private let session: RegistrySession
    /// A redirection leads to a redirection, and so on.
    private static let redirections = 10

    /// What the server said of a file.
    public struct Answer: Sendable {
        /// It is what it was: nothing was written.
        public var isUnchanged: Bool
        /// By which the server knows its content; nil when it does not say.
        public var tag: String?
        /// As the server writes it.
        public var modified: String?
        /// Bytes that were written.
        public var size: Int64
    }

    /// Fetches with a session's settings.
    public init(_ session: RegistrySession) { self.session = session }

    /// Writes the file that an address names.
    ///
    /// - Parameter tag: the answer's tag when it was fetched before: the same content is not sent again.
    /// - Throws: ``RegistryError``.
    public func run(_ text: String, tag: String?, to file: SharedDescriptor) async throws -> Answer {
        guard let start = WebAddress(parsing: text) else {
            throw RegistryError(
                .invalidName, operation: "fetch", object: text, cause: "it is no http or https address",
                remedy: "names and passwords in addresses are not supported")
        }
        var failures = 0
        while true {
            do { return try await attempt(start, tag, file) } catch let failure as TransportFailure {
                failures += 1
                guard !failure.isFinal, !failure.isImpostor, failures <= session.settings.retries else {
                    throw RegistryError(.unavailable, operation: "fetch", object: start.shown, cause: failure.sentence)
                }
                try await Task.sleep(for: .milliseconds(200 * failures))
                guard ftruncate(file) else {
                    throw RegistryError(
                        .unavailable, operation: "fetch", object: start.shown, cause: failure.sentence)
                }
            }
        }
    }

    private func ftruncate(_ file: SharedDescriptor) -> Bool {
        (try? Files.open(at: WorkingDirectory.rawValue, "/proc/self/fd/\(file.number)", [.writeOnly, .truncate])) != nil
    }

    private func attempt(_ start: WebAddress, _ tag: String?, _ file: SharedDescriptor) async throws -> Answer {
        var address = start
        for _ in 0...Self.redirections {
            var headers = RegistrySession.standardHeaders
            if let tag { headers.append(("If-None-Match", tag)) }
            let settings = ConnectionSettings(
                certificates: try CertificateDirectory.find(address.authority, in: session.certificatePlaces))
            let response = try await session.transport.send(
                HTTPRequest(method: .GET, address: address, headers: headers), settings: settings,
                headSeconds: session.settings.stallSeconds)
            let status = Int(response.status.code)
            switch status {
            case 200: return try await receive(response, address, file)
            case 304:
                return Answer(
                    isUnchanged: true, tag: tag, modified: response.headers.first(name: "Last-Modified"), size: 0)
            case 301, 302, 303, 307, 308:
                guard let place = response.headers.first(name: "Location"), let next = address.resolving(place) else {
                    throw refusal(address, "it redirects to no address")
                }
                guard next.isSecure || !address.isSecure else {
                    throw refusal(address, "it redirects from https to \(next.shown), which is not encrypted")
                }
                address = next
            case 408, 429, 500...599:
                throw TransportFailure(sentence: "it answers \(status)", address: address)
            default: throw refusal(address, "it answers \(status) \(response.status.reasonPhrase)")
            }
        }
        throw refusal(address, "it redirects too often")
    }

    private func refusal(_ address: WebAddress, _ cause: String) -> RegistryError {
        RegistryError(.notFound, operation: "fetch", object: address.shown, cause: cause)
    }

    private func receive(
        _ response: HTTPClientResponse, _ address: WebAddress, _ file: SharedDescriptor
    ) async throws -> Answer {
        let watch = StallWatch()
        let body = response.body
        let expected = response.headers.first(name: "Content-Length").flatMap { Int64($0) }
        let seconds = session.settings.stallSeconds
        let size: Int64
        do {
            size = try await watch.run(seconds: seconds) {
                var size: Int64 = 0
                watch.beginWait()
                for try await chunk in body {
                    watch.endWait()
                    watch.add(chunk.readableBytes)
                    try chunk.withUnsafeReadableBytes { try Files.writeAll(file.number, $0, at: size) }
                    size += Int64(chunk.readableBytes)
                    watch.beginWait()
                }
                return size
            }
        } catch let error as Errno {
            throw RegistryError(
                .store, operation: "fetch", object: address.shown, cause: "it cannot be written: \(error)")
        } catch {
            if watch.hasStalled {
                throw TransportFailure(sentence: "it sent next to nothing for \(seconds) seconds", address: address)
            }
            throw TransportFailure(error, address: address)
        }
        if let expected, expected != size {
            throw TransportFailure(sentence: "it sent \(size) of \(expected) bytes", address: address)
        }
        return Answer(
            isUnchanged: false, tag: response.headers.first(name: "ETag"),
            modified: response.headers.first(name: "Last-Modified"), size: size)
    }
}
