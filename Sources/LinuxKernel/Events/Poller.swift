import CLinux
import Glibc

/// What a descriptor is watched for, and what happened to it.
public struct PollEvents: OptionSet, Sendable {
    public let rawValue: UInt32
    public init(rawValue: UInt32) { self.rawValue = rawValue }

    public static let readable = PollEvents(rawValue: 0x001)
    public static let writable = PollEvents(rawValue: 0x004)
    public static let error = PollEvents(rawValue: 0x008)
    public static let hangUp = PollEvents(rawValue: 0x010)
    public static let peerClosed = PollEvents(rawValue: 0x2000)
}

/// An `epoll(7)` instance: the one place where a single-threaded Berth program waits.
public struct Poller: ~Copyable {
    private let instance: FileDescriptor

    /// Makes an instance.
    public init() throws(Errno) {
        instance = FileDescriptor(owning: Int32(try checked(berth_result(Int64(epoll_create1(Int32(EPOLL_CLOEXEC)))))))
    }

    /// The instance's own number: one poller can be watched by another.
    public var number: Int32 { instance.rawValue }

    private func control(_ operation: Int32, _ number: Int32, _ events: PollEvents, _ token: UInt64) throws(Errno) {
        var event = epoll_event()
        event.events = events.rawValue
        event.data.u64 = token
        try checked(berth_result(Int64(epoll_ctl(instance.rawValue, operation, number, &event))))
    }

    /// Watches a descriptor; `token` comes back with its events.
    public func add(_ number: Int32, _ events: PollEvents, token: UInt64) throws(Errno) {
        try control(EPOLL_CTL_ADD, number, events, token)
    }

    /// Changes what a descriptor is watched for.
    public func modify(_ number: Int32, _ events: PollEvents, token: UInt64) throws(Errno) {
        try control(EPOLL_CTL_MOD, number, events, token)
    }

    /// Stops watching.
    public func remove(_ number: Int32) throws(Errno) { try control(EPOLL_CTL_DEL, number, [], 0) }

    /// Waits for events, at most `milliseconds` (nil: for ever). A signal ends the wait with no events.
    public func wait(milliseconds: Int32? = nil) throws(Errno) -> [(token: UInt64, events: PollEvents)] {
        var room = [epoll_event](repeating: epoll_event(), count: 32)
        let result = berth_result(Int64(epoll_wait(instance.rawValue, &room, 32, milliseconds ?? -1)))
        if result == Int64(-EINTR) { return [] }
        let count = try checked(result)
        return room[..<count].map { ($0.data.u64, PollEvents(rawValue: $0.events)) }
    }
}

/// Waits for one descriptor.
public enum Poll {
    /// Whether the descriptor becomes ready for reading (or hangs up) within the time; nil waits for ever.
    public static func readable(_ number: Int32, milliseconds: Int32?) throws(Errno) -> Bool {
        var entry = pollfd(fd: number, events: Int16(POLLIN), revents: 0)
        let deadline = milliseconds.map { MonotonicClock.milliseconds() + Int64($0) }
        while true {
            let left = deadline.map { Int32(clamping: max(0, $0 - MonotonicClock.milliseconds())) } ?? -1
            let result = berth_result(Int64(poll(&entry, 1, left)))
            if result == Int64(-EINTR) { continue }
            return try checked(result) > 0
        }
    }
}

/// Time that never jumps.
public enum MonotonicClock {
    /// Milliseconds since some fixed moment.
    public static func milliseconds() -> Int64 { nanoseconds() / 1_000_000 }
    /// Nanoseconds since some fixed moment.
    public static func nanoseconds() -> Int64 {
        var now = timespec()
        clock_gettime(CLOCK_MONOTONIC, &now)
        return Int64(now.tv_sec) * 1_000_000_000 + Int64(now.tv_nsec)
    }
}
