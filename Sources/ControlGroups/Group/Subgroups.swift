import LinuxKernel

extension ControlGroup {
    /// An existing group below this one, in some of its hierarchies.
    ///
    /// - Parameter controllers: whose version 1 hierarchies are meant (the empty name is version 2); nil means all in which
    ///   there is such a group.
    /// - Throws: ``ControlGroupError`` when there is none, or the path leads elsewhere.
    public func subgroup(_ text: String, controllers: [String]?) throws(ControlGroupError) -> ControlGroup {
        let below = try GroupPath(path.description + "/" + text)
        var result = ControlGroup(path: below, host: host, hierarchies: [])
        for hierarchy in hierarchies {
            if let controllers {
                let names = hierarchy.isUnified ? [""] : hierarchy.controllers
                guard names.contains(where: controllers.contains) else { continue }
            }
            guard (try? hierarchy.open(below)) != nil else { continue }
            result.hierarchies.append(hierarchy)
        }
        guard result.exists else {
            throw ControlGroupError(
                operation: "find", object: below.description, cause: "there is no such control group",
                remedy: "make it first")
        }
        return result
    }

    /// This group without the hierarchies in which another is joined instead.
    public func leaving(to other: ControlGroup) -> ControlGroup {
        ControlGroup(path: path, host: host, hierarchies: hierarchies.filter { !other.hierarchies.contains($0) })
    }
}
