import LinuxKernel

/// Names of layer entries as components below the layer's root.
enum LayerPath {
    /// Linux takes no longer path in one call; an entry beyond it could never be opened by its name.
    static let maximumLength = 4095

    /// The components of an entry's name. Absolute names count from the root; `.` and doubled slashes vanish; `..`
    /// takes a component away, as Go's `path.Clean` does.
    ///
    /// - Throws: ``ArchiveError`` when `..` leads out of the root, or the name is too long.
    static func components(_ path: [UInt8], of entry: [UInt8]) throws(ArchiveError) -> [ArraySlice<UInt8>] {
        guard path.count <= maximumLength else { throw .entry(entry, "its name is longer than \(maximumLength) bytes") }
        var result = [ArraySlice<UInt8>]()
        for part in path.split(separator: UInt8(ascii: "/")) {
            if part.elementsEqual(".".utf8) { continue }
            if part.elementsEqual("..".utf8) {
                guard result.popLast() != nil else {
                    throw .entry(entry, "its name leads out of the layer", remedy: "do not trust this image")
                }
                continue
            }
            result.append(part)
        }
        return result
    }

    /// The components of a symbolic link's text, `..` kept, for walking.
    static func linkComponents(_ text: [UInt8]) -> [ArraySlice<UInt8>] {
        text.split(separator: UInt8(ascii: "/")).filter { !$0.elementsEqual(".".utf8) }
    }
}

/// What a name says about files of lower layers (image-spec `layer.md`, "Whiteouts").
enum Whiteout: Equatable {
    /// An ordinary name.
    case none
    /// The directory it stands in hides what lower layers have there.
    case opaque
    /// This name of lower layers is gone.
    case hides([UInt8])
    /// Book-keeping of AUFS that means nothing to anybody else.
    case ignored

    private static let prefix = Array(".wh.".utf8)

    /// What the last component of a name means.
    ///
    /// - Throws: ``ArchiveError`` for a whiteout of `.`, `..` or nothing.
    init(name: ArraySlice<UInt8>, of entry: [UInt8]) throws(ArchiveError) {
        guard name.starts(with: Self.prefix) else {
            self = .none
            return
        }
        let rest = Array(name.dropFirst(Self.prefix.count))
        if rest == Array(".wh..opq".utf8) {
            self = .opaque
        } else if rest.starts(with: Self.prefix) {
            self = .ignored
        } else if rest.isEmpty || rest == Array(".".utf8) || rest == Array("..".utf8) {
            throw .entry(entry, "it is a whiteout of no file's name", remedy: "do not trust this image")
        } else {
            self = .hides(rest)
        }
    }
}
