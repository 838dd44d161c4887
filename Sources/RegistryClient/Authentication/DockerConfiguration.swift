import Glibc
import JSON
import LinuxKernel
import OCI

/// `~/.docker/config.json`: credentials, and the programs that keep them. What this program does not know of it stays as
/// it is.
public struct DockerConfiguration: Sendable {
    /// The file.
    public let place: ConfigurationPlace
    private var document: JSONObject

    /// Reads the file; an empty configuration when there is none.
    ///
    /// - Throws: ``RegistryError`` when the file cannot be read or is no JSON object.
    public init(_ place: ConfigurationPlace) throws(RegistryError) {
        self.place = place
        let bytes: [UInt8]
        do throws(Errno) {
            bytes = try place.asOwner { () throws(Errno) in try Files.read(place.path, limit: 16 << 20) }
        } catch {
            guard error == .noSuchFile || error == .notDirectory else {
                throw RegistryError(.invalidName, operation: "read", object: place.path, cause: "\(error)")
            }
            document = JSONObject()
            return
        }
        document = try Self.parse(bytes, place.path)
    }

    /// A configuration from its bytes.
    package init(path: String, parsing bytes: [UInt8]) throws(RegistryError) {
        place = ConfigurationPlace(path: path)
        document = try Self.parse(bytes, path)
    }

    private static func parse(_ bytes: [UInt8], _ path: String) throws(RegistryError) -> JSONObject {
        if bytes.allSatisfy({ $0 <= 0x20 }) { return JSONObject() }
        do throws(JSONError) {
            guard let object = try JSONValue(parsing: bytes).objectValue else {
                throw JSONError(problem: "it is no JSON object")
            }
            return object
        } catch {
            throw RegistryError(
                .invalidName, operation: "read", object: path, cause: "\(error)", remedy: "correct it, or log in anew")
        }
    }

    /// Docker Hub's key, as old as it looks.
    public static let hubKey = "https://index.docker.io/v1/"

    /// The key of a registry: its host and port.
    public static func key(_ registry: String) -> String {
        switch registry {
        case Reference.defaultDomain, "index.docker.io", "registry-1.docker.io", "registry.hub.docker.com": hubKey
        default: registry
        }
    }

    /// The program that keeps a registry's credentials, `docker-credential-NAME`; nil when the file itself does.
    public func helper(for registry: String) -> String? {
        let key = Self.key(registry)
        let helpers = document["credHelpers"]?.objectValue
        for name in [key, registry] {
            if let helper = helpers?[name]?.stringValue, !helper.isEmpty { return helper }
        }
        return document["credsStore"]?.stringValue.flatMap { $0.isEmpty ? nil : $0 }
    }

    /// What the file itself has for a registry.
    public func credentials(for registry: String) -> Credentials {
        guard let entry = entry(for: registry) else { return .anonymous }
        if let token = entry["identitytoken"]?.stringValue, !token.isEmpty { return .identityToken(token) }
        if let token = entry["registrytoken"]?.stringValue, !token.isEmpty { return .registryToken(token) }
        if let user = entry["username"]?.stringValue, let secret = entry["password"]?.stringValue, !user.isEmpty {
            return .password(user: user, secret: secret)
        }
        guard let text = entry["auth"]?.stringValue, let plain = Base64.decode(text) else { return .anonymous }
        let bytes = plain.utf8
        guard let colon = bytes.firstIndex(of: UInt8(ascii: ":")) else { return .anonymous }
        var secret = String(plain[plain.index(after: colon)...])
        while secret.utf8.last == 0 { secret.removeLast() }
        return .password(user: String(plain[..<colon]), secret: secret)
    }

    /// The entry under the registry's name, or under an address that old versions wrote.
    private func entry(for registry: String) -> JSONObject? {
        guard let entries = document["auths"]?.objectValue else { return nil }
        let key = Self.key(registry)
        if let entry = entries[key]?.objectValue { return entry }
        if let entry = entries[registry]?.objectValue { return entry }
        for member in entries.members where Self.host(of: member.key) == Self.host(of: key) {
            if let entry = member.value.objectValue { return entry }
        }
        return nil
    }

    private static func host(of key: String) -> String {
        var bytes = Array(key.utf8)[...]
        for prefix in ["https://", "http://"] where bytes.starts(with: prefix.utf8) {
            bytes = bytes.dropFirst(prefix.utf8.count)
        }
        return String(decoding: bytes.prefix { $0 != UInt8(ascii: "/") }, as: UTF8.self)
    }

    /// Whether the file has an entry for a registry.
    public func hasEntry(for registry: String) -> Bool { entry(for: registry) != nil }

    /// Puts credentials into the file; nil takes them out. With a helper only the name of the registry goes in.
    public mutating func set(_ credentials: Credentials?, for registry: String, keptByHelper: Bool = false) {
        var entries = document["auths"]?.objectValue ?? JSONObject()
        let key = Self.key(registry)
        for member in entries.members where Self.host(of: member.key) == Self.host(of: key) {
            entries[member.key] = nil
        }
        if let credentials {
            var entry = JSONObject()
            if !keptByHelper {
                switch credentials {
                case .password(let user, let secret): entry["auth"] = .string(Base64.encode("\(user):\(secret)"))
                case .identityToken(let token): entry["identitytoken"] = .string(token)
                case .registryToken(let token): entry["registrytoken"] = .string(token)
                case .anonymous: break
                }
            }
            entries[key] = .object(entry)
        }
        document["auths"] = .object(entries)
    }

    /// Writes the file, readable by its owner alone, in one step; a symbolic link's target is replaced, not the link.
    public func write() throws(RegistryError) {
        do throws(Errno) {
            try place.asOwner { () throws(Errno) in
                let target = (try? Files.readLink(place.path))?.description ?? place.path
                let file = PathText.isAbsolute(target) ? target : Self.directory(of: place.path) + "/" + target
                let directory = Self.directory(of: file)
                try Files.makeDirectories(directory, mode: 0o700)
                try Files.replace(
                    file, with: JSONValue.object(document).serialized(indent: 8), mode: 0o600, synchronize: true)
            }
        } catch {
            throw RegistryError(.invalidName, operation: "write", object: place.path, cause: "\(error)")
        }
    }

    private static func directory(of path: String) -> String {
        (PathText.isAbsolute(path) ? "/" : "") + PathText.names(path).dropLast().joined(separator: "/")
    }
}

/// Where the configuration is, and whose it is.
public struct ConfigurationPlace: Sendable {
    /// The file.
    public var path: String
    /// Whoever called `sudo`: the file is read and written with that user's rights, since its directory is in that user's
    /// hands. Nil is this process's own user.
    public var owner: (uid: UInt32, gid: UInt32)?

    /// A file of this process's own user.
    public init(path: String, owner: (uid: UInt32, gid: UInt32)? = nil) {
        self.path = path
        self.owner = owner
    }

    /// The usual place: `--config`, DOCKER_CONFIG, or `.docker` in the home directory of the user who called `sudo`, or
    /// of this process's own.
    public init(directory: String?, variable: (String) -> String?) {
        if let directory = directory ?? variable("DOCKER_CONFIG"), !directory.isEmpty {
            self.init(path: directory + "/config.json")
            return
        }
        if geteuid() == 0, let text = variable("SUDO_UID"), let uid = UInt32(text), uid != 0,
            let passwd = try? Files.read("/etc/passwd", limit: 64 << 20),
            let user = UserDatabase(passwd: passwd, group: []).users.first(where: { $0.uid == uid })
        {
            self.init(path: user.home + "/.docker/config.json", owner: (user.uid, user.gid))
            return
        }
        self.init(path: (variable("HOME") ?? "/root") + "/.docker/config.json")
    }

    func asOwner<T>(_ body: () throws(Errno) -> T) throws(Errno) -> T {
        guard let owner else { return try body() }
        var result: T?
        try ProcessControl.withFileSystemIDs(uid: owner.uid, gid: owner.gid) { () throws(Errno) in
            result = try body()
        }
        guard let result else { throw .invalidArgument }
        return result
    }
}
