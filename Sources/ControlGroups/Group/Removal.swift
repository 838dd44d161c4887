import LinuxKernel

extension ControlGroup {
    /// Removes the group and all groups below it, in every hierarchy, deepest first.
    ///
    /// A group can only go when its processes have; killed ones take a moment, so a busy one is tried again for up to
    /// `timeout` microseconds. What is already gone is fine.
    ///
    /// - Parameter emptyParents: how many levels above to remove as well, as long as they are empty: 1 for
    ///   "/berth/ID/payload" takes "/berth/ID" too.
    public func remove(emptyParents: Int = 0, timeoutMicroseconds timeout: Int = 2_000_000) throws(ControlGroupError) {
        let end = ShortWait.now + timeout
        for hierarchy in hierarchies {
            do throws(Errno) {
                let root = try hierarchy.openRoot()
                try Self.remove(path, hierarchy, root, until: end)
                var parent = path.parent
                for _ in 0..<emptyParents {
                    guard let level = parent else { break }
                    do throws(Errno) {
                        try Files.unlink(at: root.rawValue, level.relative, directory: true)
                    } catch {
                        if error != .noSuchFile { break }
                    }
                    parent = level.parent
                }
            } catch {
                let members = ((try? processes()) ?? []).prefix(3).map { "\($0)" }.joined(separator: ", ")
                throw ControlGroupError(
                    operation: "remove the control group", object: hierarchy.mountPoint + path.description,
                    cause: error == .busy && !members.isEmpty
                        ? "processes are still in it (\(members))" : error.description,
                    remedy: error == .busy ? "stop them and try again" : nil, errno: error)
            }
        }
    }

    private static func remove(
        _ path: GroupPath, _ hierarchy: Hierarchy, _ root: borrowing FileDescriptor, until end: Int
    ) throws(Errno) {
        // The usual case is a leaf whose processes are gone: one call.
        if try removeOne(path, root) == nil { return }
        var pause = 50
        while true {
            if let directory = try? hierarchy.open(path, in: root, .readOnly) {
                GroupTree.removeChildren(of: directory)
            }
            // The last try comes after the last look at the clock: emptying a deep tree may take long by itself.
            let isLast = ShortWait.now >= end
            guard let obstacle = try removeOne(path, root) else { return }
            if isLast { throw obstacle }
            if awaitEmpty(path, hierarchy, root, until: min(end, ShortWait.now + 100_000)) { continue }
            // No process is to be seen, only what the kernel has not put away yet: that has no event.
            ShortWait.sleep(microseconds: pause)
            pause = min(pause * 2, 20_000)
        }
    }

    /// Waits until the group's processes have ended: by the kernel's announcement on version 2, by their pidfds on version 1.
    ///
    /// - Returns: false at once when there were none.
    private static func awaitEmpty(
        _ path: GroupPath, _ hierarchy: Hierarchy, _ root: borrowing FileDescriptor, until end: Int
    ) -> Bool {
        if hierarchy.isUnified {
            guard let events = try? GroupEvents(hierarchy, path), (try? events.read()["populated"]) == 1 else {
                return false
            }
            return (try? events.wait(microseconds: max(0, end - ShortWait.now))) != nil
        }
        var members: [Int32] = []
        guard let directory = try? hierarchy.open(path, in: root, .readOnly) else { return false }
        GroupTree.visit(directory) { group in
            let text = (try? ControlFile.read(group, "cgroup.procs")) ?? ""
            members += text.split(separator: "\n").compactMap { Int32($0) }.filter { $0 > 0 }
        }
        return HeldProcesses(members).awaitEnd(until: end)
    }

    /// Removes one directory. What is in the way, when that may pass; nil when it is gone.
    private static func removeOne(_ path: GroupPath, _ root: borrowing FileDescriptor) throws(Errno) -> Errno? {
        do throws(Errno) {
            try Files.unlink(at: root.rawValue, path.relative, directory: true)
            return nil
        } catch {
            if error == .noSuchFile { return nil }
            guard error == .busy || error == .directoryNotEmpty else { throw error }
            return error
        }
    }
}

extension HostControlGroups {
    /// Names of the groups directly below `path`, in any hierarchy: what a clean-up looks through.
    public func children(of path: String) throws(ControlGroupError) -> [String] {
        let path = try GroupPath(path)
        var names: Set<String> = []
        for hierarchy in hierarchies {
            do throws(Errno) {
                for name in try GroupTree.childGroups(try hierarchy.open(path, .readOnly)) {
                    names.insert(name.description)
                }
            } catch {
                if error != .noSuchFile {
                    throw ControlGroupError("list the groups below", hierarchy.mountPoint + path.description, error)
                }
            }
        }
        return names.sorted()
    }
}
