import Glibc
import LinuxKernel
import OCI

/// An unprivileged user's way to a container: this process itself becomes root of the container's user namespace, in a
/// mount namespace of its own, and does there what otherwise the host's root does.
enum RootlessEntry {
    /// Whether this process is in another user namespace than the machine's first, and so may make no device nodes.
    static var isInUserNamespace: Bool {
        // The first one has this inode number on every kernel (PROC_USER_INIT_INO).
        (try? Files.status("/proc/self/ns/user", followLink: true))?.inode != 0xEFFF_FFFD
    }

    /// Enters the user namespace that a configuration asks for and takes it out of the configuration.
    static func enter(_ linux: inout RuntimeLinux) throws(RuntimeError) {
        func refuse(_ cause: String, _ remedy: String? = nil) -> RuntimeError {
            RuntimeError("create container", "without root", cause: cause, remedy: remedy)
        }
        guard let index = linux.namespaces.firstIndex(where: { $0.type == "user" }) else {
            throw refuse("the configuration has no user namespace", "make one with berth-runtime spec --rootless")
        }
        guard linux.namespaces[index].path == nil else { throw refuse("joining a user namespace needs root") }
        let uid = geteuid(), gid = getegid()
        guard linux.uidMappings.count == 1, linux.gidMappings.count == 1, linux.uidMappings[0].size == 1,
            linux.gidMappings[0].size == 1, linux.uidMappings[0].hostID == uid, linux.gidMappings[0].hostID == gid
        else {
            throw refuse(
                "an unprivileged user maps one id, the own one",
                "use the mappings of uid \(uid) and gid \(gid) with size 1")
        }
        let uids = [IDMapping(inside: linux.uidMappings[0].containerID, outside: uid, size: 1)]
        let gids = [IDMapping(inside: linux.gidMappings[0].containerID, outside: gid, size: 1)]
        try attempt("make", "a user namespace") { () throws(Errno) in try ProcessControl.unshare([.user, .mount]) }
        try attempt("map", "the user's own ids") { () throws(Errno) in
            // The kernel lets a user map a group only when no group can be dropped any more (user_namespaces(7)).
            try Files.writeKernelFile("/proc/self/setgroups", "deny")
            try Files.writeKernelFile("/proc/self/uid_map", uids.mapText)
            try Files.writeKernelFile("/proc/self/gid_map", gids.mapText)
        }
        try attempt("make", "the mounts private") { () throws(Errno) in
            try MountTree.setPropagation("/", .slave, recursive: true)
        }
        linux.namespaces.remove(at: index)
        linux.uidMappings = []
        linux.gidMappings = []
    }
}
