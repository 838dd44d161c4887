import Archive
import Glibc
import LinuxKernel
import OCI

/// Fetches one commit's files with the program `git`, which gets nothing of the caller's settings: no configuration, no
/// hooks, no templates, no filters, no submodules, no protocols but those of the net.
struct GitFetch {
    let reference: GitReference
    /// `--secret id=GIT_AUTH_TOKEN` and `GIT_AUTH_HEADER`.
    let secrets: [String: [UInt8]]
    /// `--ssh default`.
    let agent: String?
    private let program: String

    /// How long one call may take, in milliseconds.
    private static let patience = 30 * 60 * 1000

    init(_ reference: GitReference, secrets: [String: [UInt8]], agent: String?) throws(BuildError) {
        guard let program = ChildProcess.find("git") else {
            throw BuildError(
                operation: "fetch", object: quote(reference.shown), cause: "the program git is not installed",
                remedy: "install it, or give a directory")
        }
        self.reference = reference
        self.secrets = secrets
        self.agent = agent
        self.program = program
    }

    private var environment: [String] {
        var result =
            ChildProcess.standardEnvironment + [
                "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null", "GIT_TERMINAL_PROMPT=0",
                "GIT_ASKPASS=/bin/false",
                "SSH_ASKPASS=/bin/false", "GIT_ALLOW_PROTOCOL=http:https:git:ssh", "GIT_LFS_SKIP_SMUDGE=1",
                "GIT_SSH_COMMAND=ssh -F /dev/null -o BatchMode=yes", "HOME=/nonexistent", "GIT_OPTIONAL_LOCKS=0",
            ]
        if let agent { result.append("SSH_AUTH_SOCK=\(agent)") }
        for name in PredefinedArguments.proxies {
            if let value = getenv(name) { result.append("\(name)=\(String(cString: value))") }
        }
        // In the environment and not among the arguments, which everybody can read.
        if let header = authorization, let origin {
            result += [
                "GIT_CONFIG_COUNT=1", "GIT_CONFIG_KEY_0=http.\(origin).extraHeader", "GIT_CONFIG_VALUE_0=\(header)",
            ]
        }
        return result
    }

    /// `https://host/`: a token is for the host that it was given for, wherever that redirects.
    private var origin: String? {
        guard RemoteSource.begins(reference.remote, "http"), let scheme = reference.shown.firstRange(of: "://") else {
            return nil
        }
        let host = reference.shown[scheme.upperBound...].utf8.prefix { $0 != UInt8(ascii: "/") }
        return String(reference.shown[..<scheme.upperBound]) + String(decoding: host, as: UTF8.self) + "/"
    }

    private var authorization: String? {
        let host =
            origin.map { String(decoding: $0.utf8.drop { $0 != 47 }.dropFirst(2).dropLast(), as: UTF8.self) } ?? ""
        for name in ["GIT_AUTH_HEADER", "GIT_AUTH_TOKEN"] {
            guard let value = secrets["\(name).\(host)"] ?? secrets[name] else { continue }
            let text = value.filter { $0 >= 32 }
            if name == "GIT_AUTH_HEADER" { return "Authorization: \(String(decoding: text, as: UTF8.self))" }
            return "Authorization: basic \(Base64Text.encode(Array("x-access-token:".utf8) + text))"
        }
        return nil
    }

    @discardableResult
    private func git(_ words: [String]) throws(BuildError) -> String {
        let fixed = [
            "-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false", "-c", "protocol.ext.allow=never",
            "-c", "protocol.file.allow=never", "-c", "submodule.recurse=false", "-c", "gc.auto=0",
            "-c", "http.followRedirects=initial", "-c", "advice.detachedHead=false", "-c", "core.askPass=/bin/false",
        ]
        let former = umask(0o022)
        defer { umask(former) }
        let result = try converting("run", "git") { () throws(Errno) in
            try ChildProcess.run(
                program, fixed + words, environment: environment, outputLimit: 16 << 20, timeLimit: Self.patience)
        }
        guard result.status == 0 else {
            let lines = result.errorOutput.split(separator: 10).map { String(decoding: $0, as: UTF8.self) }
            let said =
                lines.last { RemoteSource.begins($0, "fatal: ") || RemoteSource.begins($0, "error: ") } ?? lines.last
                ?? ""
            throw BuildError(
                operation: "fetch", object: quote(reference.shown),
                cause: "git: " + harmless(said.isEmpty ? "status \(result.status)" : withoutSecrets(said)))
        }
        return String(decoding: result.output, as: UTF8.self)
    }

    private func withoutSecrets(_ text: String) -> String {
        var text = text
        while let range = text.firstRange(of: reference.remote), reference.remote != reference.shown {
            text.replaceSubrange(range, with: reference.shown)
        }
        return text
    }

    /// The commit that is meant now, and the ref by which it can be fetched.
    func resolve() throws(BuildError) -> (commit: String, ref: String?) {
        let result: (commit: String, ref: String?)
        if reference.isCommit, let commit = reference.reference {
            result = (commit, nil)
        } else {
            let name = reference.reference ?? "HEAD"
            var known = [String: String]()
            for line in try git(["ls-remote", "--", reference.remote]).utf8.split(separator: 10) {
                let fields = line.split(separator: 9).map { String(decoding: $0, as: UTF8.self) }
                if fields.count == 2 { known[fields[1]] = fields[0] }
            }
            var found: (String, String)?
            for ref in ["refs/heads/\(name)", "refs/tags/\(name)", name] where found == nil {
                if let commit = known["\(ref)^{}"] ?? known[ref] { found = (commit, ref) }
            }
            guard let found else {
                throw BuildError(
                    operation: "fetch", object: quote(reference.shown), cause: "it has no branch or tag \(quote(name))",
                    remedy: "a commit is given with all 40 digits")
            }
            result = (found.0, found.1)
        }
        guard result.commit.utf8.count >= 40,
            result.commit.utf8.allSatisfy({ ByteClass.isDigit($0) || (97...102).contains($0) })
        else { throw BuildError(operation: "fetch", object: quote(reference.shown), cause: "it names no commit") }
        if let checksum = reference.checksum, !RemoteSource.begins(result.commit, checksum) {
            throw BuildError(
                operation: "fetch", object: quote(reference.shown),
                cause: "the commit is \(result.commit), and not \(checksum)")
        }
        return result
    }

    /// Puts a commit's files into a directory that is not there yet.
    ///
    /// - Returns: whether the repository has submodules, which are not fetched.
    func checkOut(_ commit: String, _ ref: String?, to path: String, keepsGitDirectory: Bool) throws(BuildError) -> Bool
    {
        try git(["init", "--quiet", "--template=", path])
        let base = ["-C", path]
        do throws(BuildError) {
            try git(
                base + [
                    "fetch", "--quiet", "--depth=1", "--no-tags", "--no-recurse-submodules", "--", reference.remote,
                    ref ?? commit,
                ])
            try git(base + ["cat-file", "-e", "\(commit)^{commit}"])
        } catch {
            // Not every server gives a single commit.
            try git(
                base + [
                    "fetch", "--quiet", "--no-recurse-submodules", "--", reference.remote,
                    "+refs/heads/*:refs/remotes/origin/*", "+refs/tags/*:refs/tags/*",
                ])
        }
        try git(base + ["checkout", "--quiet", "--force", "--detach", commit])
        if keepsGitDirectory {
            try git(base + ["remote", "add", "origin", reference.shown])
        } else {
            try converting("remove", "\(path)/.git") { () throws(Errno) in try Files.removeTree("\(path)/.git") }
        }
        return Files.exists("\(path)/.gitmodules")
    }
}

/// RFC 4648, section 4.
public enum Base64Text {
    /// With padding.
    public static func encode(_ bytes: [UInt8]) -> String {
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
        var result = [UInt8]()
        var place = 0
        while place < bytes.count {
            let part = bytes[place..<min(place + 3, bytes.count)]
            var word: UInt32 = 0
            for index in 0..<3 { word = word << 8 | (index < part.count ? UInt32(part[place + index]) : 0) }
            for index in 0..<4 {
                result.append(
                    index <= part.count ? alphabet[Int(word >> UInt32(18 - 6 * index) & 63)] : UInt8(ascii: "="))
            }
            place += 3
        }
        return String(decoding: result, as: UTF8.self)
    }
}
