import CLinux
import Glibc

extension FileDescriptor {
    /// Sets an extended attribute (`fsetxattr(2)`); the descriptor must be open for more than its path.
    public func setExtendedAttribute(_ name: some PathConvertible, _ value: [UInt8]) throws(Errno) {
        try checked(
            name.withPathPointer { n in
                value.withUnsafeBytes { berth_result(Int64(fsetxattr(rawValue, n, $0.baseAddress, $0.count, 0))) }
            })
    }

    /// The value of an extended attribute; ENODATA when it is not set.
    public func extendedAttribute(_ name: some PathConvertible) throws(Errno) -> [UInt8] {
        // The kernel's limit for one value is 64 KiB (XATTR_SIZE_MAX).
        var buffer = [UInt8](repeating: 0, count: 65536)
        let count = try checked(
            name.withPathPointer { n in
                buffer.withUnsafeMutableBytes { berth_result(Int64(fgetxattr(rawValue, n, $0.baseAddress, $0.count))) }
            })
        return Array(buffer[..<count])
    }

    /// The names of all extended attributes; none where the file system has no such thing.
    public func extendedAttributeNames() throws(Errno) -> [PathBytes] {
        try attributeNames { berth_result(Int64(flistxattr(rawValue, $0, $1))) }
    }

    /// Removes an extended attribute (`fremovexattr(2)`).
    public func removeExtendedAttribute(_ name: some PathConvertible) throws(Errno) {
        try checked(name.withPathPointer { berth_result(Int64(fremovexattr(rawValue, $0))) })
    }
}

// Before Linux 6.13 no call sets an attribute of a name relative to a directory descriptor. The path
// `/proc/self/fd/N/NAME` with the calls that follow no link does: N pins the directory, NAME is one component.

extension Files {
    private static func procPath(_ directory: Int32, _ name: PathBytes) -> PathBytes {
        PathBytes(Array("/proc/self/fd/\(directory)/".utf8) + name.bytes)
    }

    /// Sets an extended attribute of one name (no slash) in a directory without following a link.
    public static func setExtendedAttribute(
        at directory: Int32, _ name: PathBytes, _ attribute: PathBytes, _ value: [UInt8]
    ) throws(Errno) {
        try checked(
            procPath(directory, name).withPathPointer { p in
                attribute.withPathPointer { a in
                    value.withUnsafeBytes { berth_result(Int64(lsetxattr(p, a, $0.baseAddress, $0.count, 0))) }
                }
            })
    }

    /// The names of all extended attributes of one name (no slash) in a directory, of a link itself.
    public static func extendedAttributeNames(at directory: Int32, _ name: PathBytes) throws(Errno) -> [PathBytes] {
        let path = procPath(directory, name)
        return try attributeNames { buffer, size in
            path.withPathPointer { berth_result(Int64(llistxattr($0, buffer, size))) }
        }
    }

    /// The value of an extended attribute of one name (no slash) in a directory, of a link itself.
    public static func extendedAttribute(
        at directory: Int32, _ name: PathBytes, _ attribute: PathBytes
    ) throws(Errno) -> [UInt8] {
        var buffer = [UInt8](repeating: 0, count: 65536)
        let count = try checked(
            procPath(directory, name).withPathPointer { p in
                attribute.withPathPointer { a in
                    buffer.withUnsafeMutableBytes { berth_result(Int64(lgetxattr(p, a, $0.baseAddress, $0.count))) }
                }
            })
        return Array(buffer[..<count])
    }
}

private func attributeNames(
    _ list: (UnsafeMutablePointer<CChar>?, Int) -> Int64
) throws(Errno) -> [PathBytes] {
    // The kernel's limit for the whole list is 64 KiB (XATTR_LIST_MAX). Most files have none: ask for the size first.
    var result = [PathBytes]()
    let size: Int
    do throws(Errno) { size = try checked(list(nil, 0)) } catch {
        if error == .notSupported { return [] }
        throw error
    }
    if size == 0 { return [] }
    var buffer = [CChar](repeating: 0, count: 65536)
    let count = try checked(buffer.withUnsafeMutableBufferPointer { list($0.baseAddress, $0.count) })
    for name in buffer[..<count].split(separator: 0) { result.append(PathBytes(name.map { UInt8(bitPattern: $0) })) }
    return result
}
