import OCI

/// What a transfer tells while it is under way. Called from any thread.
public protocol TransferProgress: Sendable {
    /// A line about the whole.
    func line(_ text: String)
    /// A line about one blob, which replaces its last one on a terminal.
    func status(_ blob: Digest, _ text: String)
    /// How far a blob is.
    func bytes(_ blob: Digest, _ verb: String, done: Int64, of total: Int64)
}

/// Tells nothing.
public struct SilentProgress: TransferProgress {
    /// Nothing.
    public init() {}
    /// Nothing.
    public func line(_ text: String) {}
    /// Nothing.
    public func status(_ blob: Digest, _ text: String) {}
    /// Nothing.
    public func bytes(_ blob: Digest, _ verb: String, done: Int64, of total: Int64) {}
}
