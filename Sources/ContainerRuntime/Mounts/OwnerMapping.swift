import LinuxKernel

/// The id map of a bind mount or volume: which id on disk is which id in the container.
///
/// The source directory's owner and the container's user are the same person, so that what the container writes in
/// `-v $PWD:/src` belongs to whoever owns the directory. All other ids are themselves. Where that would make a
/// container id the host's root although the directory is not root's, the id is written as the container's own
/// (nobody on the host) instead: a container must not plant files of root in a user's directory.
enum OwnerMapping {
    /// The mapping lines for one kind of id: `inside` is the id on disk, `outside` the host id that the container's
    /// user namespace knows.
    ///
    /// - Parameters:
    ///   - owner: the source directory's owner (or group) on disk.
    ///   - user: the container's user (or group), in container ids.
    ///   - container: the container's own id map.
    static func lines(owner: UInt32, user: UInt32, container: [IDMapping]) -> [IDMapping] {
        // Container id -> id on disk.
        var disk = [(container: UInt32, disk: UInt32)]()
        disk.append((user, owner))
        if owner != user {
            // The owner's number as a container id is displaced; it takes the user's number on disk.
            disk.append((owner, user))
        }
        if owner != 0 {
            for index in disk.indices where disk[index].disk == 0 {
                guard let own = container.outside(of: disk[index].container) else { continue }
                disk[index].disk = own
            }
            if !disk.contains(where: { $0.container == 0 }), let own = container.outside(of: 0) { disk.append((0, own)) }
        }
        // Ids outside the container's range cannot be shown at all.
        let special = disk.filter { container.outside(of: $0.container) != nil }.sorted { $0.container < $1.container }

        var result = [IDMapping]()
        for range in container {
            var next = range.inside
            let end = range.inside + range.size
            func identity(upTo limit: UInt32) {
                if next < limit {
                    result.append(IDMapping(inside: next, outside: range.outside + (next - range.inside), size: limit - next))
                }
            }
            for entry in special where entry.container >= range.inside && entry.container < end {
                identity(upTo: entry.container)
                result.append(
                    IDMapping(inside: entry.disk, outside: range.outside + (entry.container - range.inside), size: 1))
                next = entry.container + 1
            }
            identity(upTo: end)
        }
        return merged(withoutCollisions(result, special: special.map(\.disk)))
    }

    /// An id on disk may stand in one line only: the special lines win over the identity ranges.
    private static func withoutCollisions(_ lines: [IDMapping], special: [UInt32]) -> [IDMapping] {
        var result = [IDMapping]()
        for line in lines {
            if line.size == 1, special.contains(line.inside) {
                if !result.contains(where: { $0.size == 1 && $0.inside == line.inside }) { result.append(line) }
                continue
            }
            var start = line.inside
            let end = line.inside + line.size
            for hole in special.sorted() where hole >= start && hole < end {
                if start < hole {
                    result.append(
                        IDMapping(inside: start, outside: line.outside + (start - line.inside), size: hole - start))
                }
                start = hole + 1
            }
            if start < end {
                result.append(IDMapping(inside: start, outside: line.outside + (start - line.inside), size: end - start))
            }
        }
        return result
    }

    private static func merged(_ lines: [IDMapping]) -> [IDMapping] {
        var result = [IDMapping]()
        for line in lines {
            if let last = result.last, last.inside + last.size == line.inside, last.outside + last.size == line.outside {
                result[result.count - 1].size += line.size
            } else {
                result.append(line)
            }
        }
        return result
    }
}
