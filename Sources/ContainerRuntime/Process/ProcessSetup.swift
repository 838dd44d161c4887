import Glibc
import LinuxKernel

/// The last steps before a program runs, the same for a container's first process and for an exec'ed one.
enum ProcessSetup {
    /// Makes the terminal, or the given descriptors, the standard streams.
    static func connectStreams(
        console: Int32?, streams: (input: Int32, output: Int32, error: Int32)
    ) throws(RuntimeError) {
        try attempt("connect", "standard streams") { () throws(Errno) in
            if let console {
                try Terminal.setControlling(console)
                for number in Int32(0)...2 { try ProcessControl.duplicate(console, to: number) }
                if console > 2 { close(console) }
                return
            }
            // Through high numbers first: a source may be another stream's target.
            let copies = [
                try ProcessControl.duplicate(streams.input, minimum: 64),
                try ProcessControl.duplicate(streams.output, minimum: 64),
                try ProcessControl.duplicate(streams.error, minimum: 64),
            ]
            for (number, copy) in copies.enumerated() {
                try ProcessControl.duplicate(copy, to: Int32(number))
                close(copy)
            }
        }
    }

    /// Goes to the working directory, inside the root only and by no magic link: `/proc/self/fd/N` of a descriptor
    /// that is still open here would be a way out (CVE-2024-21626).
    static func changeDirectory(
        _ path: String, root: Int32, make: Bool, owner: ResolvedUser
    ) throws(RuntimeError) {
        guard PathText.isAbsolute(path), !path.utf8.contains(0) else {
            throw RuntimeError("change to", "working directory \"\(path)\"", cause: "it must be an absolute path")
        }
        try attempt("change to", "working directory \"\(path)\"") { () throws(Errno) in
            let directory = RootDirectory(descriptor: root)
            let target =
                make ? try directory.openMakingDirectory(path) : try directory.open(path, [.pathOnly, .directory])
            do throws(Errno) { try ProcessControl.changeDirectory(target.rawValue) } catch {
                // A directory that root of the namespace may not enter may still be the user's own: try as the user.
                guard error == .accessDenied else { throw error }
                try ProcessControl.withFileSystemIDs(uid: owner.uid, gid: owner.gid) { () throws(Errno) in
                    try ProcessControl.changeDirectory(target.rawValue)
                }
            }
        }
    }

    /// Gives up everything the program must not have.
    static func drop(
        _ credentials: Credentials, limits: ProcessLimits, seccomp: PreparedSeccomp?, noNewPrivileges: Bool,
        diesWithParent: Bool,
        preservedDescriptors: Int, channel: Int32, hostPID: Int32 = 0
    ) throws(RuntimeError) {
        try attempt("close", "inherited descriptors") { () throws(Errno) in
            try ProcessControl.closeOnExec(from: 3 + UInt32(preservedDescriptors))
            for number in 3..<(3 + Int32(preservedDescriptors)) { ProcessControl.keepOverExec(number) }
        }
        try limits.assume()
        if noNewPrivileges {
            try attempt("set", "no_new_privs") { () throws(Errno) in try ProcessControl.setNoNewPrivileges() }
        } else if let seccomp {
            // Without no_new_privs the filter needs CAP_SYS_ADMIN, which goes away next.
            try seccomp.install(pid: hostPID)
        }
        try credentials.assume()
        if diesWithParent {
            // After the change of user, which clears it. The parent may have died before: its socket says so.
            try attempt("set", "parent-death signal") { () throws(Errno) in
                try ProcessControl.setParentDeathSignal(SIGKILL)
            }
            var entry = pollfd(fd: channel, events: 0, revents: 0)
            if poll(&entry, 1, 0) > 0, entry.revents & Int16(POLLHUP) != 0 { _exit(125) }
        }
        if noNewPrivileges, let seccomp { try seccomp.install(pid: hostPID) }
    }

    /// The environment with `HOME` where it has none.
    static func environment(_ given: [String], home: String) -> [String] {
        given.contains { $0.hasPrefix("HOME=") } ? given : given + ["HOME=\(home)"]
    }
}
