import Archive
import Glibc
import JSON
import LinuxKernel
import OCI

/// Fetches what a build takes from the net, before its steps run, and remembers it below the cache: files by the tag their
/// server gave them, commits by their name.
public final class RemoteSources {
    /// Fetches the file of an address: address, the tag of what is there already, where to. It writes what the server
    /// said beside it, as `PATH.answer`.
    public typealias Fetcher = (String, String?, String) throws(BuildError) -> Void

    /// Something fetched.
    public struct Fetched: Sendable, Equatable {
        /// A directory; for a file the one that it is in.
        public var path: String
        /// The file's name; nil where the whole directory is meant.
        public var name: String?
        /// What it is, to the byte.
        public var key: String
    }

    private let cache: BuildCache
    private let fetcher: Fetcher
    private let warn: (String) -> Void
    /// As `--secret` and `--ssh` gave them.
    public var secrets: [String: [UInt8]] = [:]
    public var sockets: [String: String] = [:]
    private var known = [String: Fetched]()
    /// Held while this build lives: what it fetched stays until then.
    private var use: LockBox?

    private final class LockBox {
        let lock: FileLock
        init(_ lock: consuming FileLock) { self.lock = lock }
    }

    public init(_ cache: BuildCache, warn: @escaping (String) -> Void, fetcher: @escaping Fetcher) {
        self.cache = cache
        self.fetcher = fetcher
        self.warn = warn
    }

    /// What was fetched for a source of ADD.
    func fetched(_ source: String, keepsGitDirectory: Bool) throws(BuildError) -> Fetched {
        guard let found = known["\(keepsGitDirectory) \(source)"] else {
            throw BuildError(operation: "use", object: quote(source), cause: "it was not fetched")
        }
        return found
    }

    /// Fetches a source of ADD or a context, once a build.
    ///
    /// - Parameter checksum: `sha256:…` of a file, or a commit.
    @discardableResult
    public func fetch(
        _ source: String, checksum: String? = nil, keepsGitDirectory: Bool = false
    ) throws(BuildError) -> Fetched {
        let place = "\(keepsGitDirectory) \(source)"
        if let found = known[place] {
            if let checksum, RemoteSource.isHTTP(source) { try check(found, checksum, source) }
            return found
        }
        if use == nil {
            use = try converting("lock", "the fetched sources") { () throws(Errno) in
                LockBox(try FileLock("\(cache.path)/locks/remote", shared: true))
            }
        }
        let result =
            RemoteSource.isGit(source)
            ? try git(source, checksum, keepsGitDirectory) : try file(source, checksum)
        known[place] = result
        return result
    }

    // MARK: Files

    private func file(_ address: String, _ checksum: String?) throws(BuildError) -> Fetched {
        let directory = "\(cache.path)/remote/\(Digest(of: Array(address.utf8)).hex)"
        let name = RemoteSource.fileName(address)
        let lock = try converting("lock", quote(address)) { () throws(Errno) in
            try Files.makeDirectories(directory, mode: 0o700)
            return try FileLock("\(directory)/lock")
        }
        defer { withExtendedLifetime(lock) {} }
        let state = (try? Files.read("\(directory)/state", limit: 1 << 16)).flatMap { try? JSONValue(parsing: $0) }
        var former: Fetched?
        if let key = state?["key"]?.stringValue, BuildCache.isKey(key), Files.exists("\(directory)/\(key)/\(name)") {
            former = Fetched(path: "\(directory)/\(key)", name: name, key: key)
        }
        // Content of a known hash needs no look at where it came from.
        if let former, let checksum, checksum == "sha256:\(former.key)" { return former }
        let scratch = try BuildScratch(cache.path)
        try converting("make", scratch.path) { () throws(Errno) in
            try Files.makeDirectories(scratch.path, mode: 0o700)
        }
        let body = "\(scratch.path)/body"
        let tag = former == nil ? nil : state?["etag"]?.stringValue.flatMap { $0.isEmpty ? nil : $0 }
        try fetcher(address, tag, body)
        guard let answer = (try? Files.read(body + ".answer", limit: 1 << 16)).flatMap({ try? JSONValue(parsing: $0) })
        else { throw BuildError(operation: "fetch", object: quote(address), cause: "there was no answer") }
        if answer["unchanged"]?.boolValue == true, let former {
            if let checksum { try check(former, checksum, address) }
            return former
        }
        let fetched = try keep(body, address, name, directory, answer)
        if let checksum { try check(fetched, checksum, address) }
        let record: JSONValue = ["key": .string(fetched.key), "etag": answer["etag"] ?? .string("")]
        try converting("write to", "the build cache") { () throws(Errno) in
            try Files.replace("\(directory)/state", with: record.serialized(), mode: 0o600)
        }
        return fetched
    }

    /// Puts a fetched file where its content names it: whoever still uses the former one keeps it.
    private func keep(
        _ body: String, _ address: String, _ name: String, _ directory: String, _ answer: JSONValue
    ) throws(BuildError) -> Fetched {
        let modified = HTTPDate.seconds(answer["modified"]?.stringValue ?? "") ?? 0
        return try converting("keep", quote(address)) { () throws(Errno) in
            let file = try Files.open(body, [.readWrite, .noFollow])
            var hasher = StreamHasher()
            let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 128 << 10, alignment: 16)
            defer { buffer.deallocate() }
            while true {
                let count = try file.read(into: buffer)
                if count == 0 { break }
                hasher.update(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
            }
            let key = hasher.digest().hex
            // BuildKit's mode for what comes from the net.
            try file.changeMode(0o600)
            try file.setModificationTime(FileTime(seconds: modified))
            let place = "\(directory)/\(key)"
            if !Files.exists(place) { try Files.makeDirectory(place, mode: 0o700) }
            try Files.rename(body, "\(place)/\(name)")
            return Fetched(path: place, name: name, key: key)
        }
    }

    private func check(_ fetched: Fetched, _ checksum: String, _ address: String) throws(BuildError) {
        guard let digest = try? Digest(parsing: checksum) else {
            throw BuildError(
                operation: "verify", object: quote(address), cause: "\(quote(checksum)) is no digest",
                remedy: "the form is sha256:HEX")
        }
        guard digest.algorithm == .sha256 else {
            throw BuildError(operation: "verify", object: quote(address), cause: "only sha256 checksums are supported")
        }
        guard digest.hex == fetched.key else {
            throw BuildError(
                operation: "verify", object: quote(address),
                cause: "its checksum is sha256:\(fetched.key), and not \(checksum)")
        }
    }

    // MARK: Git

    private func git(_ source: String, _ checksum: String?, _ keepsDirectory: Bool) throws(BuildError) -> Fetched {
        var reference = try GitReference(parsing: source)
        if let checksum { reference.checksum = checksum }
        let keeps = keepsDirectory || reference.keepsGitDirectory
        let fetch = try GitFetch(reference, secrets: secrets, agent: sockets["default"])
        let (commit, ref) = try fetch.resolve()
        let name = Digest(of: Array("git \(reference.remote)".utf8)).hex
        let directory = "\(cache.path)/remote/git-\(name)-\(commit)\(keeps ? "-kept" : "")"
        if !Files.exists(directory) {
            let scratch = try BuildScratch(cache.path)
            try converting("make", scratch.path) { () throws(Errno) in
                try Files.makeDirectories(scratch.path, mode: 0o700)
            }
            if try fetch.checkOut(commit, ref, to: "\(scratch.path)/tree", keepsGitDirectory: keeps) {
                warn("\(reference.shown) has submodules, which are not fetched")
            }
            try converting("keep", quote(reference.shown)) { () throws(Errno) in
                do throws(Errno) { try Files.rename("\(scratch.path)/tree", directory, exclusive: true) } catch {
                    guard error == .fileExists || error == .directoryNotEmpty else { throw error }
                }
            }
        } else if let opened = try? Files.open(directory, [.readOnly, .directory]) {
            try? opened.setModificationTime(FileTime(seconds: WallClock.seconds()))
        }
        return Fetched(
            path: try Self.path(reference.directory, in: directory, reference), name: nil,
            key: "\(commit)\(keeps ? "-kept" : ""):\(reference.directory ?? "")")
    }

    /// A directory of a repository, whose links lead nowhere outside.
    private static func path(
        _ written: String?, in root: String, _ reference: GitReference
    ) throws(BuildError) -> String {
        guard let written else { return root }
        let object = "\(quote(written)) of \(reference.shown)"
        let opened = try converting("open", root) { () throws(Errno) in
            SharedDescriptor(try Files.open(root, [.readOnly, .directory]))
        }
        let tree = SourceTree(opened, name: reference.shown, isContext: false)
        let names = written.utf8.split(separator: 47).map { Array($0) }.filter { !$0.elementsEqual([46]) }
        guard let found = try tree.find(names), found.status.kind == .directory else {
            throw BuildError(operation: "use", object: object, cause: "there is no such directory")
        }
        return ([root] + found.path.map { String(decoding: $0, as: UTF8.self) }).joined(separator: "/")
    }
}

/// `Tue, 15 Nov 1994 08:12:31 GMT` (RFC 9110, 5.6.7; the other two forms are obsolete).
enum HTTPDate {
    private static let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]

    /// Seconds since 1970; nil when it is none.
    static func seconds(_ text: String) -> Int64? {
        let words = text.utf8.split(separator: 32).map { String(decoding: $0, as: UTF8.self) }
        guard words.count == 6, let month = months.firstIndex(of: words[2]), words[5] == "GMT" else { return nil }
        let number = month + 1
        return Timestamp(
            parsing: "\(words[3])-\(number < 10 ? "0" : "")\(number)-\(words[1])T\(words[4])Z")?.seconds
    }
}
