import Glibc
import LinuxKernel

/// A clone into namespaces of which some exist already, or whose clocks are set before anybody is in them: an intermediate
/// process joins those, makes the time namespace, and clones the rest as a sibling, so that the launching process stays the
/// parent.
enum JoinedClone {
    /// - Parameters:
    ///   - options: the kinds that the clone itself makes.
    ///   - joining: kinds and paths, the user namespace last.
    ///   - newTime: the offsets of a new time namespace, nil without one (`time_namespaces(7)`).
    static func run(
        _ options: CloneOptions, joining: [(kind: NamespaceSet, path: String)], newTime: String?, _ body: () -> Int32
    ) throws(RuntimeError) -> ChildHandle {
        var descriptors = [(kind: NamespaceSet, number: Int32)]()
        defer { for entry in descriptors { close(entry.number) } }
        for entry in joining {
            guard PathText.isAbsolute(entry.path) else {
                throw RuntimeError("join namespace", entry.path, cause: "its path must be absolute")
            }
            let file = try attempt("join namespace", entry.path) { () throws(Errno) in
                let file = try Files.open(entry.path, .readOnly)
                guard try file.fileSystemMagic() == FileSystemMagic.nsfs else { throw .invalidArgument }
                return file
            }
            guard (try? NamespaceFile.kind(of: file)) == entry.kind else {
                throw RuntimeError("join namespace", entry.path, cause: "it is a namespace of another kind")
            }
            // One's own is no change, and joining one's own user namespace an error (setns(2)).
            if (try? NamespaceFile.isOwn(file, kind: entry.kind)) == true { continue }
            descriptors.append((entry.kind, file.release()))
        }
        let pair = try attempt("make", "socket pair") { () throws(Errno) in try SocketPair(.sequencedPacket) }
        let answer = pair.second.rawValue
        let targets = descriptors
        let intermediate = try attempt("clone", "the joining process") { () throws(Errno) in
            try ProcessClone.run {
                var sibling = options
                sibling.sibling = true
                do throws(Errno) {
                    try join(targets)
                    if let newTime {
                        try ProcessControl.unshare(.time)
                        if !newTime.isEmpty { try Files.writeKernelFile("/proc/self/timens_offsets", newTime) }
                    }
                    let child = try ProcessClone.run(sibling, body)
                    return report(Int64(child.pid), to: answer)
                } catch {
                    return report(-Int64(error.rawValue), to: answer)
                }
            }
        }
        defer { _ = try? intermediate.wait() }
        // Our copy of the other end must go first, or a process that died unheard would be waited for.
        try? pair.second.close()
        let receiver = pair.first
        let message = try attempt("wait for", "the joining process") { () throws(Errno) in
            try receiver.receiveMessage(limit: 8)
        }
        guard message.bytes.count == 8 else {
            throw RuntimeError("join namespaces", "", cause: "the joining process ended too early")
        }
        let value = message.bytes.reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        let result = Int64(bitPattern: value)
        return try attempt("join", "namespaces") { () throws(Errno) in
            let pid = Int32(try checked(result))
            return ChildHandle(pid: pid, pidfd: try ProcessClone.open(pid: pid))
        }
    }

    /// Joins each. What the host's root may not join (another's user namespace owns it) is tried again from inside that
    /// user namespace, which comes last; an unprivileged caller has rights only there.
    private static func join(_ targets: [(kind: NamespaceSet, number: Int32)]) throws(Errno) {
        var denied = [(kind: NamespaceSet, number: Int32)]()
        var hasUser = false
        for target in targets {
            do throws(Errno) {
                try ProcessControl.join(target.kind, of: target.number)
                if target.kind == .user { hasUser = true }
            } catch {
                guard error == .notPermitted, target.kind != .user else { throw error }
                denied.append(target)
            }
        }
        guard denied.isEmpty || hasUser else { throw .notPermitted }
        for target in denied { try ProcessControl.join(target.kind, of: target.number) }
    }

    private static func report(_ value: Int64, to socket: Int32) -> Int32 {
        var little = value.littleEndian
        return withUnsafeBytes(of: &little) { Int32(write(socket, $0.baseAddress, 8) == 8 ? 0 : 1) }
    }
}
