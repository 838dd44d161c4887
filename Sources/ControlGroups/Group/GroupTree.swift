import LinuxKernel

/// Walks over a group and all groups below it.
///
/// A container that may write its cgroup file system can nest groups as deep as it likes, so the walk holds one
/// descriptor, not one for each level, and does not recurse. The way up is "..", which in a cgroup file system cannot be
/// made to lead elsewhere: groups never move to another parent.
enum GroupTree {
    /// One open group directory. A class, because the walk replaces it at every step.
    private final class Place {
        let directory: FileDescriptor
        init(_ directory: consuming FileDescriptor) { self.directory = directory }

        func child(_ name: PathBytes) -> Place? {
            guard
                let descriptor = try? Files.open(
                    at: directory.rawValue, name, [.readOnly, .directory, .noFollow],
                    resolve: [.beneath, .noSymbolicLinks, .noMountCrossing])
            else { return nil }
            return Place(descriptor)
        }

        func parent() -> Place? {
            guard
                let descriptor = try? Files.open(
                    at: directory.rawValue, "..", [.readOnly, .directory, .noFollow],
                    resolve: [.noSymbolicLinks, .noMountCrossing])
            else { return nil }
            return Place(descriptor)
        }

        func names() -> [PathBytes] { (try? GroupTree.childGroups(directory)) ?? [] }
    }

    /// Calls `visit` with each group's open directory, the top first. Groups that vanish meanwhile are left out.
    static func visit(_ top: consuming FileDescriptor, _ visit: (borrowing FileDescriptor) -> Void) {
        var place = Place(top)
        visit(place.directory)
        var levels = [place.names()]
        while !levels.isEmpty {
            guard let name = levels[levels.count - 1].popLast() else {
                levels.removeLast()
                if levels.isEmpty { return }
                guard let above = place.parent() else { return }
                place = above
                continue
            }
            guard let child = place.child(name) else { continue }
            visit(child.directory)
            let names = child.names()
            if names.isEmpty { continue }
            place = child
            levels.append(names)
        }
    }

    /// Removes every group below `top`, deepest first, as far as they are empty.
    static func removeChildren(of top: consuming FileDescriptor) {
        var place = Place(top)
        var levels = [place.names()]
        var way: [PathBytes] = []
        while !levels.isEmpty {
            guard let name = levels[levels.count - 1].popLast() else {
                levels.removeLast()
                guard let name = way.popLast(), let above = place.parent() else { return }
                place = above
                try? Files.unlink(at: place.directory.rawValue, name, directory: true)
                continue
            }
            if (try? Files.unlink(at: place.directory.rawValue, name, directory: true)) != nil { continue }
            guard let child = place.child(name) else { continue }
            let names = child.names()
            if names.isEmpty { continue }
            place = child
            levels.append(names)
            way.append(name)
        }
    }

    /// Names of the groups directly below an open one.
    static func childGroups(_ directory: borrowing FileDescriptor) throws(Errno) -> [PathBytes] {
        // cgroupfs gives each entry's type.
        try directory.directoryEntries().filter { $0.type == 4 /* DT_DIR */ }.map(\.name)
    }
}
