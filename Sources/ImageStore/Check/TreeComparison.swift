import Glibc
import LinuxKernel

/// Tells the first difference of two trees: names, kinds, owners, modes, times, links, devices, attributes, contents.
struct TreeComparison {
    private var links = [UInt64: UInt64]()

    /// Where and how the trees differ; nil when they are the same.
    static func difference(_ one: String, _ two: String) throws(Errno) -> String? {
        var comparison = TreeComparison()
        let first = try Files.open(one, [.readOnly, .directory])
        let second = try Files.open(two, [.readOnly, .directory])
        return try comparison.compare(first.rawValue, second.rawValue, "/")
    }

    private mutating func compare(_ one: Int32, _ two: Int32, _ path: String) throws(Errno) -> String? {
        let a = try Files.open(at: one, ".", [.readOnly, .directory])
        let b = try Files.open(at: two, ".", [.readOnly, .directory])
        if let difference = try compareItself(one, two, ".", path) { return difference }
        let names = try a.directoryEntries().map(\.name).sorted { $0.bytes.lexicographicallyPrecedes($1.bytes) }
        let others = try b.directoryEntries().map(\.name).sorted { $0.bytes.lexicographicallyPrecedes($1.bytes) }
        if names != others {
            let missing = Set(others).subtracting(names).first, extra = Set(names).subtracting(others).first
            return missing.map { "\(path)\($0) is missing" }
                ?? "\(path)\(extra?.description ?? "") does not belong there"
        }
        for name in names {
            let status = try Files.status(at: one, name)
            guard status.kind == .directory, try Files.status(at: two, name).kind == .directory else {
                if let difference = try compareItself(one, two, name, "\(path)\(name)") { return difference }
                continue
            }
            let left = try Files.open(at: one, name, [.readOnly, .directory, .noFollow])
            let right = try Files.open(at: two, name, [.readOnly, .directory, .noFollow])
            if let difference = try compare(left.rawValue, right.rawValue, "\(path)\(name)/") { return difference }
        }
        return nil
    }

    private mutating func compareItself(
        _ one: Int32, _ two: Int32, _ name: PathBytes, _ path: String
    ) throws(Errno) -> String? {
        let a = try Files.status(at: one, name)
        let b = try Files.status(at: two, name)
        if a.kind != b.kind { return "\(path) is of another kind" }
        // A whiteout has nothing but its name.
        if a.kind == .characterDevice, a.deviceNumber == (0, 0), b.deviceNumber == (0, 0) { return nil }
        if a.uid != b.uid || a.gid != b.gid { return "\(path) has another owner" }
        if a.permissions != b.permissions { return "\(path) has another mode" }
        // A root that no entry is about has the time it was made at.
        if a.modified.seconds != b.modified.seconds, path != "/" { return "\(path) has another time" }
        if a.kind == .regular, a.size != b.size { return "\(path) has another length" }
        if a.kind == .characterDevice || a.kind == .blockDevice, a.deviceNumber != b.deviceNumber {
            return "\(path) is another device"
        }
        if a.kind == .symbolicLink, try Files.readLink(at: one, name) != Files.readLink(at: two, name) {
            return "\(path) leads elsewhere"
        }
        if try attributes(one, name) != attributes(two, name) { return "\(path) has other attributes" }
        guard a.kind == .regular else { return nil }
        if a.linkCount > 1 || b.linkCount > 1 {
            if a.linkCount != b.linkCount { return "\(path) has other names" }
            if let known = links[a.inode] { return known == b.inode ? nil : "\(path) is linked to another file" }
            links[a.inode] = b.inode
        }
        return try sameContent(one, two, name) ? nil : "\(path) has another content"
    }

    private func attributes(_ directory: Int32, _ name: PathBytes) throws(Errno) -> [PathBytes: [UInt8]] {
        var result = [PathBytes: [UInt8]]()
        for attribute in try Files.extendedAttributeNames(at: directory, name)
        // What the host's security modules and a mount over the layer have left is not the layer's.
        where attribute != "security.selinux" && attribute != "trusted.overlay.origin"
            && attribute != "trusted.overlay.uuid"
        {
            result[attribute] = try Files.extendedAttribute(at: directory, name, attribute)
        }
        return result
    }

    private func sameContent(_ one: Int32, _ two: Int32, _ name: PathBytes) throws(Errno) -> Bool {
        let a = try Files.open(at: one, name, [.readOnly, .noFollow])
        let b = try Files.open(at: two, name, [.readOnly, .noFollow])
        let size = 256 << 10
        let left = UnsafeMutableRawBufferPointer.allocate(byteCount: size, alignment: 16)
        let right = UnsafeMutableRawBufferPointer.allocate(byteCount: size, alignment: 16)
        defer {
            left.deallocate()
            right.deallocate()
        }
        while true {
            let count = try a.read(into: left)
            var got = 0
            while got < count {
                let more = try b.read(into: UnsafeMutableRawBufferPointer(rebasing: right[got..<count]))
                if more == 0 { return false }
                got += more
            }
            if count == 0 { return true }
            if let l = left.baseAddress, let r = right.baseAddress, memcmp(l, r, count) != 0 { return false }
        }
    }
}
