import LinuxKernel

extension ControlGroup {
    /// Gives the group of version 2 to a user, so that root of a container's user namespace can make groups below it
    /// (config-linux.md, "Cgroup ownership"; cgroups(7), "Delegation"): the directory and the files that the kernel lists as
    /// safe to give away, none that hold a limit. Version 1 cannot be delegated safely and is left as it is.
    public func delegate(toUser uid: UInt32) throws(ControlGroupError) {
        guard host.layout == .v2, let unified else { return }
        let listed = (try? Files.readLine("/sys/kernel/cgroup/delegate"))?.utf8.split(separator: 10)
        let names =
            listed.map { $0.map { String(decoding: $0, as: UTF8.self) } }
            ?? ["cgroup.procs", "cgroup.subtree_control", "cgroup.threads"]
        do throws(Errno) {
            let directory = try unified.open(path)
            for name in names {
                do throws(Errno) { try Files.changeOwner(at: directory.rawValue, name, uid: uid, gid: .max) } catch {
                    // Not every group has every file.
                    if error != .noSuchFile { throw error }
                }
            }
            try Files.changeOwner(at: directory.rawValue, ".", uid: uid, gid: .max)
        } catch {
            throw failure("give away", error)
        }
    }
}
