import CLinux

/// A timer that is waited for like any descriptor (`timerfd_create(2)`).
public struct Timer: ~Copyable, Sendable {
    private let descriptor: FileDescriptor

    /// A timer that stands still.
    public init() throws(Errno) { descriptor = FileDescriptor(owning: Int32(try checked(berth_timerfd()))) }

    /// Becomes readable once the time has passed.
    public var number: Int32 { descriptor.rawValue }

    /// Lets it fire once, this many milliseconds from now (at least 1); nil stops it. What it had fired before is forgotten.
    public func set(milliseconds: Int64?) {
        _ = berth_timerfd_set(descriptor.rawValue, milliseconds.map { max(1, $0) } ?? 0)
    }
}
