import LinuxKernel
import OCI

/// How CRIU saves and restores a container.
public struct CheckpointOptions: Sendable {
    /// CRIU's program: a path, or a name looked up in the system's directories.
    public var program: String
    public var imagePath = "checkpoint"
    public var workPath: String?
    public var parentPath: String?
    public var leavesRunning = false
    public var allowsConnections = false
    public var allowsOuterSockets = false
    public var allowsOuterTerminal = false
    public var keepsFileLocks = false
    public var isLazy = false
    public var isPreDump = false
    public var dropsDuplicates = false
    public var groupMode = "soft"
    public var leavesNetworkEmpty = false
    public var pageServer: String?
    public var statusDescriptor: Int32?
    public var profile: String?
    public var mountContext: String?

    /// Everything at its default.
    public init(program: String) { self.program = program }

    /// What both directions share.
    private func shared(_ images: String) -> [String] {
        var words = ["--images-dir", images, "--work-dir", workPath ?? images, "-v4"]
        if allowsConnections { words.append("--tcp-established") }
        if allowsOuterSockets { words.append("--ext-unix-sk") }
        if allowsOuterTerminal { words.append("--shell-job") }
        if keepsFileLocks { words.append("--file-locks") }
        if isLazy { words.append("--lazy-pages") }
        if dropsDuplicates { words.append("--auto-dedup") }
        words.append("--manage-cgroups=\(groupMode)")
        if leavesNetworkEmpty { words += ["--empty-ns", "net"] }
        return words
    }

    /// The command line of `criu dump`.
    ///
    /// - Parameters:
    ///   - images: the image directory, absolute.
    ///   - pid: the container's first process.
    ///   - mounts: the container's binds of files from outside, which CRIU must not save.
    func dumpArguments(images: String, pid: Int32, root: String, mounts: [String]) throws(RuntimeError) -> [String] {
        var words = [isPreDump ? "pre-dump" : "dump", "--tree", "\(pid)"] + shared(images)
        words += ["--log-file", "dump.log", "--root", root]
        if isPreDump { words.append("--track-mem") }
        if leavesRunning, !isPreDump { words.append("--leave-running") }
        if let parentPath {
            guard !PathText.isAbsolute(parentPath) else {
                throw RuntimeError("use", "parent path \(parentPath)", cause: "it must be relative to the image path")
            }
            words += ["--prev-images-dir", parentPath, "--track-mem"]
        }
        if let pageServer {
            let parts = pageServer.utf8.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
            guard parts.count == 2, !parts[0].isEmpty, let port = UInt16(Substring(parts[1])) else {
                throw RuntimeError("use", "page server \"\(pageServer)\"", cause: "it is not ADDRESS:PORT")
            }
            words += ["--page-server", "--address", String(Substring(parts[0])), "--port", "\(port)"]
        }
        if let statusDescriptor { words += ["--status-fd", "\(statusDescriptor)"] }
        for mount in mounts { words += ["--external", "mnt[\(mount)]:\(mount)"] }
        return words
    }

    /// The command line of `criu restore`.
    func restoreArguments(
        images: String, root: String, pidFile: String, mounts: [(destination: String, source: String)]
    ) -> [String] {
        var words = ["restore"] + shared(images)
        words += ["--log-file", "restore.log", "--root", root, "--restore-detached", "--restore-sibling"]
        words += ["--pidfile", pidFile]
        for mount in mounts { words += ["--external", "mnt[\(mount.destination)]:\(mount.source)"] }
        if let profile { words += ["--lsm-profile", profile] }
        if let mountContext { words += ["--lsm-mount-context", mountContext] }
        return words
    }
}

/// The program that saves and restores processes.
enum Criu {
    /// Its path.
    static func find(_ name: String) throws(RuntimeError) -> String {
        if PathText.isAbsolute(name), Files.exists(name) { return name }
        if !name.utf8.contains(UInt8(ascii: "/")), let path = ChildProcess.find(name) { return path }
        throw RuntimeError(
            "checkpoint", "", cause: "there is no \(name) program on this machine",
            remedy: "install CRIU, or name it with --criu")
    }

    /// Runs it; what it says of a failure, on its streams or in its log, is the cause.
    static func run(
        _ program: String, _ arguments: [String], log: String, for operation: String, _ id: String
    ) throws(RuntimeError) {
        let result = try attempt("run", program) { () throws(Errno) in
            try ChildProcess.run(program, arguments, timeLimit: 24 * 3_600_000)
        }
        guard result.status != 0 else { return }
        let logged = (try? Files.read(log, limit: 64 << 20)) ?? []
        let cause =
            firstError(logged) ?? firstError(result.errorOutput + result.output)
            ?? "it ended with status \(result.status)"
        throw RuntimeError(operation, "container \(id)", cause: "criu failed: \(cause)", remedy: "its log is \(log)")
    }

    /// The first line that says "Error", without the time before it.
    static func firstError(_ text: [UInt8]) -> String? {
        for line in text.split(separator: 10) {
            let words = String(decoding: line, as: UTF8.self)
            let parts = words.split(separator: " ")
            guard let place = parts.firstIndex(where: { $0.hasPrefix("Error") }) else { continue }
            return String(parts[place...].joined(separator: " ").prefix(300))
        }
        return nil
    }
}
