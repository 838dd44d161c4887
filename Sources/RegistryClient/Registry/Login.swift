import AsyncHTTPClient
import NIOCore
import NIOHTTP1
import OCI

/// The grammar of a registry's name.
public enum RegistryName {
    /// Whether a text is `HOST[:PORT]`.
    public static func isValid(_ text: String) -> Bool { WebAddress.authority(Array(text.utf8)[...]) != nil }
}

extension RegistrySession {
    /// Tries credentials at a registry; from then on this session uses them.
    ///
    /// - Throws: ``RegistryError``, kind `denied` when the registry does not take them.
    public func verify(_ credentials: Credentials, for registry: String) async throws {
        use(credentials, for: registry)
        guard let endpoint = endpoints(for: registry, reading: false).first else { return }
        let state = try await state(of: endpoint)
        let probe = Repository(try Self.anyName(registry), self)
        do {
            _ = try await probe.exchange(
                endpoint, HTTPRequest(method: .GET, address: state.base.with(target: "/v2/")), "log in to", scopes: [],
                accepted: [200])
        } catch let error as RegistryError {
            throw RegistryError(
                error.kind, operation: "log in to", object: registry, cause: error.cause,
                remedy: error.kind == .denied ? "see whether name and password are right" : error.remedy)
        }
    }

    /// A request that is about no repository needs a name for its messages.
    private static func anyName(_ registry: String) throws -> Reference {
        do throws(OCIError) { return try Reference(parsing: "\(registry)/v2") } catch { throw RegistryError(error) }
    }
}
