import LinuxKernel
import OCI

/// Looks up whom a program runs as in the container's own user and group files.
enum ContainerUser {
    /// - Parameters:
    ///   - root: the container's root directory.
    ///   - specification: Docker's `USER[:GROUP]`; nil takes `numeric` as it is.
    ///   - numeric: `process.user`; its additional groups are always added.
    static func resolve(
        root: Int32, specification: String?, numeric: RuntimeUser, additionalGroups: [String] = []
    ) throws(RuntimeError) -> ResolvedUser {
        let directory = RootDirectory(descriptor: root)
        // Also root's entry is looked up: HOME comes from it.
        let database = UserDatabase(
            passwd: directory.readRegularFile("/etc/passwd") ?? [], group: directory.readRegularFile("/etc/group") ?? []
        )
        do throws(UserError) {
            var user: ResolvedUser
            if let specification {
                user = try database.resolve(specification)
            } else {
                let entry = database.users.first { $0.uid == numeric.uid }
                user = ResolvedUser(
                    uid: numeric.uid, gid: numeric.gid, additionalGroups: [], home: entry?.home ?? "/",
                    name: entry?.name)
            }
            var groups = numeric.additionalGids
            for text in additionalGroups { groups.append(try database.resolveGroup(text)) }
            for gid in groups where !user.additionalGroups.contains(gid) { user.additionalGroups.append(gid) }
            return user
        } catch {
            throw RuntimeError("find", "the user", cause: error.description)
        }
    }
}
