import Glibc
import LinuxKernel

/// A clone into namespaces of which some exist already: an intermediate process joins those and clones the new ones,
/// as a sibling, so that the launching process stays the parent.
enum JoinedClone {
    static func run(
        _ options: CloneOptions, joining: [(kind: NamespaceSet, path: String)], _ body: () -> Int32
    ) throws(RuntimeError) -> ChildHandle {
        var descriptors = [(kind: NamespaceSet, number: Int32)]()
        defer { for entry in descriptors { close(entry.number) } }
        for entry in joining {
            let file = try attempt("join namespace", entry.path) { () throws(Errno) in
                let file = try Files.open(entry.path, .readOnly)
                guard try file.fileSystemMagic() == FileSystemMagic.nsfs else { throw .invalidArgument }
                return file
            }
            descriptors.append((entry.kind, file.release()))
        }
        let pair = try attempt("make", "socket pair") { () throws(Errno) in try SocketPair(.sequencedPacket) }
        let answer = pair.second.rawValue
        let targets = descriptors
        let intermediate = try attempt("clone", "the joining process") { () throws(Errno) in
            try ProcessClone.run {
                var sibling = options
                sibling.sibling = true
                for target in targets {
                    do throws(Errno) { try ProcessControl.join(target.kind, of: target.number) } catch {
                        return report(-Int64(error.rawValue), to: answer)
                    }
                }
                do throws(Errno) {
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

    private static func report(_ value: Int64, to socket: Int32) -> Int32 {
        var little = value.littleEndian
        return withUnsafeBytes(of: &little) { Int32(write(socket, $0.baseAddress, 8) == 8 ? 0 : 1) }
    }
}
