/// What happens when a container ends by itself.
public struct RestartPolicy: Equatable, Sendable {
    /// Docker's words.
    public enum Kind: String, Sendable { case no, always, unlessStopped = "unless-stopped", onFailure = "on-failure" }

    public var kind = Kind.no
    /// How often at most (`on-failure`); 0 is no limit.
    public var maximum = 0

    /// It stays ended.
    public init() {}

    /// Reads `no`, `always`, `unless-stopped`, `on-failure` or `on-failure:N`; nil for anything else.
    public init?(_ text: String) {
        if text.isEmpty { return }
        let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        guard let kind = Kind(rawValue: String(parts[0])) else { return nil }
        self.kind = kind
        guard parts.count == 2 else { return }
        // Docker takes a count of 0 behind every word.
        guard let count = Int(parts[1]), count >= 0, count <= 1_000_000_000, parts[1].utf8.first != UInt8(ascii: "+"),
            kind == .onFailure || count == 0
        else { return nil }
        maximum = count
    }

    /// As it is written.
    public var text: String { maximum > 0 ? "\(kind.rawValue):\(maximum)" : kind.rawValue }

    /// Whether a container is started again.
    ///
    /// - Parameters:
    ///   - exitCode: how it ended.
    ///   - stoppedByHand: whether a person ended it.
    ///   - count: how often it was started again already.
    public func applies(exitCode: Int32, stoppedByHand: Bool, count: Int) -> Bool {
        switch kind {
        case .no: false
        case .always, .unlessStopped: !stoppedByHand
        case .onFailure: !stoppedByHand && exitCode != 0 && (maximum == 0 || count < maximum)
        }
    }

    /// Milliseconds to wait before the next start: 100, doubled each time up to a minute; after a run of ten seconds from
    /// the beginning.
    public static func delay(after last: Int64, ranMilliseconds: Int64) -> Int64 {
        last == 0 || ranMilliseconds >= 10_000 ? 100 : min(last * 2, 60_000)
    }
}
