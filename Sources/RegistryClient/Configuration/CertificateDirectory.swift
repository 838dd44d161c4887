import LinuxKernel

/// Certificates for one registry, as Docker keeps them: `certs.d/HOST[:PORT]/` with `*.crt` for authorities to trust
/// besides the system's, and pairs `NAME.cert` and `NAME.key` to show to the registry.
public struct CertificateDirectory: Equatable, Sendable {
    /// PEM files of authorities.
    public var authorities: [String] = []
    /// The client's certificate (a PEM file with its chain) and its key.
    public var client: (certificate: String, key: String)?

    /// Where certs.d is looked for, the first that has the registry counts.
    public static let places = ["/etc/berth/certs.d", "/etc/containers/certs.d", "/etc/docker/certs.d"]

    /// Nothing.
    public init() {}

    /// What the places have for a registry.
    ///
    /// - Throws: ``RegistryError`` on a certificate without its key or the reverse.
    public static func find(_ host: String, in places: [String]) throws(RegistryError) -> CertificateDirectory {
        for place in places {
            let path = "\(place)/\(host)"
            guard !host.utf8.contains(UInt8(ascii: "/")), host != "..", host != ".",
                let directory = try? Files.open(path, [.readOnly, .directory]),
                let entries = try? directory.directoryEntries()
            else { continue }
            return try CertificateDirectory(path, entries.map(\.name.description).sorted())
        }
        return CertificateDirectory()
    }

    init(_ path: String, _ names: [String]) throws(RegistryError) {
        for name in names {
            if name.utf8.suffix(4).elementsEqual(".crt".utf8) {
                authorities.append("\(path)/\(name)")
            } else if name.utf8.suffix(5).elementsEqual(".cert".utf8) {
                let key = "\(name.dropLast(5)).key"
                guard names.contains(key) else { throw Self.missing(key, path) }
                if client == nil { client = ("\(path)/\(name)", "\(path)/\(key)") }
            } else if name.utf8.suffix(4).elementsEqual(".key".utf8) {
                let certificate = "\(name.dropLast(4)).cert"
                guard names.contains(certificate) else { throw Self.missing(certificate, path) }
            }
        }
    }

    private static func missing(_ name: String, _ path: String) -> RegistryError {
        RegistryError(
            .invalidName, operation: "use the certificates in", object: path, cause: "\(name) is missing")
    }

    /// Whether they are the same files.
    public static func == (a: CertificateDirectory, b: CertificateDirectory) -> Bool {
        a.authorities == b.authorities && a.client?.certificate == b.client?.certificate
            && a.client?.key == b.client?.key
    }
}
