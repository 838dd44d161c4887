import Glibc
import Synchronization

/// Whether what was written to standard output arrived: a full disk must not look like success.
public enum StandardOutput {
    private static let first = Atomic<Int32>(0)

    /// Notes the first failed write; only standard output's count. A reader that has gone (EPIPE) has seen what it wanted.
    public static func note(_ error: Int32, _ number: Int32) {
        guard number == 1, error != EPIPE else { return }
        _ = first.compareExchange(expected: 0, desired: error, ordering: .relaxed)
    }

    /// Why output was lost; nil when none was.
    public static var failure: Errno? {
        let error = first.load(ordering: .relaxed)
        return error == 0 ? nil : Errno(rawValue: error)
    }
}
