import LinuxKernel
import Netlink

/// Notices that somebody emptied or removed the rules, and puts them back.
///
/// Of all monitors of an engine one watches: the one that holds a lock. The kernel tells it of everything that is removed from
/// nf_tables; a socket filter keeps what is added from waking it. A thousand listeners would make each change a thousand times
/// as dear. The others try the lock now and then: it is free when the watcher has died.
public final class RuleWatch {
    /// Milliseconds between two tries of those that do not watch.
    static let patience: Int64 = 15_000
    /// Milliseconds that a storm of changes has to pass before the rules are looked at.
    static let settling: Int64 = 60

    private enum Token {
        static let timer: UInt64 = 1
        static let events: UInt64 = 2
    }

    private let engine: NetworkEngine
    private let poller: Poller
    private let timer: Timer
    private var watching: (lock: SharedLock, events: TableEvents)?

    /// A watch that begins at once, or when its turn comes.
    public init(_ engine: NetworkEngine) throws(NetworkError) {
        self.engine = engine
        do throws(Errno) {
            poller = try Poller()
            timer = try Timer()
            try poller.add(timer.number, .readable, token: Token.timer)
        } catch { throw NetworkError("watch the firewall rules of", engine.runRoot, error) }
        // Some time apart, so that a thousand monitors do not try at once.
        if !begin() { timer.set(milliseconds: Self.patience + Int64.random(in: 0..<Self.patience)) }
    }

    /// Becomes readable when there is something to do.
    public var number: Int32 { poller.number }

    /// Does what there is to do.
    public func serve() {
        guard let events = try? poller.wait(milliseconds: 0) else { return }
        for event in events {
            if event.token == Token.events {
                watching?.events.drain()
                timer.set(milliseconds: Self.settling)
            } else if watching != nil || begin() {
                timer.set(milliseconds: nil)
                _ = try? engine.heal()
            } else {
                timer.set(milliseconds: Self.patience + Int64.random(in: 0..<Self.patience))
            }
        }
    }

    /// Becomes the one that watches, if nobody is.
    private func begin() -> Bool {
        guard let lock = try? FileLock.attempt("\(engine.runRoot)/watch"), let events = try? TableEvents() else {
            return false
        }
        do throws(Errno) { try poller.add(events.number, .readable, token: Token.events) } catch { return false }
        watching = (SharedLock(lock), events)
        return true
    }
}

/// A lock that an optional member can hold.
private final class SharedLock: Sendable {
    private let lock: FileLock
    init(_ lock: consuming FileLock) { self.lock = lock }
}
