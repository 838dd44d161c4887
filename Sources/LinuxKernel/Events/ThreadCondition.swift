import Glibc

/// A value that several threads change and wait for: a mutex and a condition variable. Only programs with threads use it.
///
/// Unchecked, because the compiler cannot see that `state` is touched only while `mutex` is held: in ``change(_:)`` and in
/// ``wait(until:)``, and in `deinit`, when nobody else has this object any more. Both pointers are constant, and what they
/// point at is made for being used by several threads. The standard library's `Mutex` would be checked, but it has no
/// condition to wait for.
public final class ThreadCondition<State: Sendable>: @unchecked Sendable {
    private var state: State
    private let mutex: UnsafeMutablePointer<pthread_mutex_t>
    private let condition: UnsafeMutablePointer<pthread_cond_t>

    /// Begins with a value.
    public init(_ state: State) {
        self.state = state
        mutex = .allocate(capacity: 1)
        condition = .allocate(capacity: 1)
        pthread_mutex_init(mutex, nil)
        pthread_cond_init(condition, nil)
    }

    deinit {
        pthread_cond_destroy(condition)
        pthread_mutex_destroy(mutex)
        condition.deallocate()
        mutex.deallocate()
    }

    /// Looks at the value and may change it; whoever waits looks again.
    public func change<Result>(_ body: (inout State) -> Result) -> Result {
        pthread_mutex_lock(mutex)
        defer {
            pthread_cond_broadcast(condition)
            pthread_mutex_unlock(mutex)
        }
        return body(&state)
    }

    /// Waits until `body` gives something; it is asked again after every change.
    public func wait<Result>(until body: (inout State) -> Result?) -> Result {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        while true {
            if let result = body(&state) { return result }
            pthread_cond_wait(condition, mutex)
        }
    }
}
