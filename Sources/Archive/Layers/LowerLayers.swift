/// The applied layers below one that is being applied.
public protocol LowerLayers: AnyObject {
    /// Their trees, bottom first. Called from the thread that applies, which may be kept waiting until they are complete.
    ///
    /// - Throws: ``ArchiveError`` when one of them will never be.
    func directories() throws(ArchiveError) -> [LowerDirectory]
}

/// Layers that stand already.
final class ReadyLowers: LowerLayers {
    private let ready: [LowerDirectory]

    init(_ ready: [LowerDirectory]) { self.ready = ready }

    func directories() throws(ArchiveError) -> [LowerDirectory] { ready }
}
