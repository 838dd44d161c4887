/// What an overlay is made of, from its mount's options (Documentation/filesystems/overlayfs.rst).
public struct OverlayOptions: Sendable, Equatable {
    /// Read-only layers, the uppermost first, as the kernel names them. A layer that was given as an open directory of a
    /// detached mount has no path any more: the kernel shows its root, "/".
    public var lower: [String]
    /// Where writes go; nil for an overlay that takes none.
    public var upper: String?
    /// The kernel's own directory beside it.
    public var work: String?

    /// The overlay behind a mount; nil for a mount of another kind.
    public init?(_ mount: MountEntry) {
        guard mount.type == "overlay" else { return nil }
        lower = mount.superValues("lowerdir").flatMap { Self.paths($0) }
        lower += mount.superValues("lowerdir+").map { String(decoding: $0, as: UTF8.self) }
        lower += mount.superValues("datadir+").map { String(decoding: $0, as: UTF8.self) }
        upper = mount.superValues("upperdir").last.map { String(decoding: $0, as: UTF8.self) }
        work = mount.superValues("workdir").last.map { String(decoding: $0, as: UTF8.self) }
    }

    /// Cuts at colons; `\:` is a colon in a name, and layers behind `::` hold data alone.
    static func paths(_ value: [UInt8]) -> [String] {
        var result: [[UInt8]] = [[]]
        var isEscaped = false
        for byte in value {
            if isEscaped {
                if byte != UInt8(ascii: ":") && byte != UInt8(ascii: "\\") { result[result.count - 1].append(92) }
                result[result.count - 1].append(byte)
                isEscaped = false
            } else if byte == UInt8(ascii: "\\") {
                isEscaped = true
            } else if byte == UInt8(ascii: ":") {
                result.append([])
            } else {
                result[result.count - 1].append(byte)
            }
        }
        if isEscaped { result[result.count - 1].append(92) }
        return result.filter { !$0.isEmpty }.map { String(decoding: $0, as: UTF8.self) }
    }
}
