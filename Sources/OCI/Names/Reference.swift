/// The name of an image as Docker reads it: registry, repository, tag, digest. `ubuntu` is
/// `docker.io/library/ubuntu`; grammar and normalisation are those of distribution's `reference` package.
public struct Reference: Hashable, Sendable, CustomStringConvertible {
    /// Registry host with optional port: `docker.io`, `localhost:5000`, `[::1]:5000`.
    public let domain: String
    /// Repository inside the registry: `library/ubuntu`.
    public let path: String
    /// The tag; nil when the text named none.
    public let tag: String?
    /// The digest of the manifest; nil when the text named none.
    public let digest: Digest?

    /// The registry that names without one belong to.
    public static let defaultDomain = "docker.io"
    /// The tag that is meant when neither tag nor digest is given.
    public static let defaultTag = "latest"

    init(domain: String, path: String, tag: String?, digest: Digest?) {
        self.domain = domain
        self.path = path
        self.tag = tag
        self.digest = digest
    }

    /// Registry and repository: `docker.io/library/ubuntu`.
    public var name: String { "\(domain)/\(path)" }

    /// The full form: `docker.io/library/ubuntu:24.04`.
    public var description: String { name + suffix }

    /// The short form people see: `ubuntu:24.04`.
    public var familiar: String { familiarName + suffix }

    /// The short form without tag and digest, the REPOSITORY column of `images`.
    public var familiarName: String {
        guard domain == Self.defaultDomain else { return name }
        let parts = path.split(separator: "/")
        // Only `library/NAME` is an official image; `library/a/b` keeps its first part.
        return parts.count == 2 && parts[0] == "library" ? String(parts[1]) : path
    }

    private var suffix: String { (tag.map { ":\($0)" } ?? "") + (digest.map { "@\($0)" } ?? "") }

    /// The same name, with the tag `latest` where it has neither tag nor digest.
    public var withDefaultTag: Reference {
        tag == nil && digest == nil ? Reference(domain: domain, path: path, tag: Self.defaultTag, digest: nil) : self
    }

    /// The same repository with another tag and no digest.
    ///
    /// - Throws: ``OCIError`` when the tag breaks the grammar.
    public func tagged(_ tag: String) throws(OCIError) -> Reference {
        guard ReferenceGrammar.isTag(tag.utf8[...]) else {
            throw OCIError(operation: "use the tag", object: tag, cause: ReferenceGrammar.tagRule)
        }
        return Reference(domain: domain, path: path, tag: tag, digest: nil)
    }

    /// The same repository with a digest and no tag.
    public func pinned(to digest: Digest) -> Reference {
        Reference(domain: domain, path: path, tag: nil, digest: digest)
    }
}
