import Synchronization

/// A count that one task changes and another looks at.
final class Position: Sendable {
    private let count: Atomic<Int64>

    init(_ start: Int64) { count = Atomic(start) }

    var value: Int64 { count.load(ordering: .relaxed) }

    /// Adds, and says the sum.
    func add(_ more: Int) -> Int64 { count.add(Int64(more), ordering: .relaxed).newValue }
}
