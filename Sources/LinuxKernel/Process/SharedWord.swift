import CLinux

/// A number in memory that a process shares with those it clones afterwards.
public struct SharedWord: ~Copyable {
    private let place: UnsafeMutablePointer<Int32>

    /// Zero.
    public init() throws(Errno) {
        guard let place = berth_shared_word() else { throw .noMemory }
        self.place = place
    }

    deinit { berth_free_shared_word(place) }

    /// Stores a value without a system call; what was written before is visible to who reads it.
    public func store(_ value: Int32) { berth_store_word(place, value) }
    /// The value.
    public func load() -> Int32 { berth_load_word(place) }
}
