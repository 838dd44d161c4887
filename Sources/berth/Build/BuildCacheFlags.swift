import CommandLine
import OCI

/// A value of `--cache-from` or `--cache-to`.
struct CachePlace: Sendable, Equatable {
    enum Kind: Sendable, Equatable {
        /// An image of a registry.
        case registry(String)
        /// A directory in the form of an OCI layout.
        case local(String)
        /// In the image itself.
        case inline
    }

    var kind: Kind
    /// `mode=max`: steps of all stages, and not only of the target's.
    var isComplete = false
    /// `ignore-error=true`.
    var ignoresErrors = false

    /// Reads `type=registry,ref=NAME`, `type=local,src=DIRECTORY` (`dest` for what is written), `type=inline`, or a name.
    static func parse(_ text: String, writes: Bool) throws(ValueError) -> CachePlace {
        if !ByteText.holds(text, "=") { return CachePlace(kind: .registry(try name(text))) }
        var members = [String: String]()
        for field in try CommaFields.parse(text) {
            guard let (key, value) = ByteText.cut(field, at: "=") else {
                throw ValueError("\(quoted(field)) is not KEY=VALUE")
            }
            members[key] = value
        }
        let type = members.removeValue(forKey: "type") ?? ""
        var place: CachePlace
        switch type {
        case "registry":
            guard let ref = members.removeValue(forKey: "ref") else { throw ValueError("type=registry needs ref=NAME") }
            place = CachePlace(kind: .registry(try name(ref)))
        case "local":
            let key = writes ? "dest" : "src"
            guard let path = members.removeValue(forKey: key), !path.isEmpty else {
                throw ValueError("type=local needs \(key)=DIRECTORY")
            }
            guard !ByteText.holds(path, ":") else { throw ValueError("the directory \(quoted(path)) holds a colon") }
            place = CachePlace(kind: .local(path))
        case "inline" where writes: place = CachePlace(kind: .inline)
        case "gha", "s3", "azblob":
            throw ValueError(
                "the cache type \(quoted(type)) belongs to a hosted service: registry, local and inline are known")
        default:
            throw ValueError(
                "unknown cache type \(quoted(type)): registry, local\(writes ? " and inline" : "") are known")
        }
        if writes, let mode = members.removeValue(forKey: "mode") {
            guard mode == "min" || mode == "max" else { throw ValueError("mode is min or max") }
            guard place.kind != .inline || mode == "min" else {
                throw ValueError("type=inline knows mode=min only: the image holds no other stage's layers")
            }
            place.isComplete = mode == "max"
        }
        if writes, let value = members.removeValue(forKey: "ignore-error") {
            guard value == "true" || value == "false" else { throw ValueError("ignore-error is true or false") }
            place.ignoresErrors = value == "true"
        }
        if let key = members.keys.min() { throw ValueError("unknown cache option \(quoted(key))") }
        return place
    }

    private static func name(_ text: String) throws(ValueError) -> String {
        do throws(OCIError) {
            let reference = try Reference(parsing: text)
            guard reference.digest == nil else {
                throw OCIError(operation: "use", object: text, cause: "it has a digest")
            }
            return reference.withDefaultTag.description
        } catch {
            throw ValueError(error.cause)
        }
    }
}
