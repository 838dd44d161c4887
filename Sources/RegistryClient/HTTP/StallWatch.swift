import Synchronization

/// Watches one transfer: bytes that pass, and whether the other side is being waited for. Time in which this side is busy
/// does not count against the other.
final class StallWatch: Sendable {
    private let bytes = Atomic<Int64>(0)
    private let waiting = Atomic<Bool>(false)
    private let stalled = Atomic<Bool>(false)

    /// Less than this a second is as good as nothing.
    static let leastBytesPerSecond: Int64 = 1024

    /// Called with the sum after each piece.
    private let observer: (@Sendable (Int64) -> Void)?

    init(_ observer: (@Sendable (Int64) -> Void)? = nil) { self.observer = observer }

    func add(_ count: Int) {
        let sum = bytes.add(Int64(count), ordering: .relaxed).newValue
        observer?(sum)
    }
    func beginWait() { waiting.store(true, ordering: .relaxed) }
    func endWait() { waiting.store(false, ordering: .relaxed) }

    /// Whether ``run(seconds:_:)`` has given the transfer up.
    var hasStalled: Bool { stalled.load(ordering: .relaxed) }

    /// Runs a transfer, and cancels it when the other side gives next to nothing for so long.
    func run<T: Sendable>(seconds: Int, _ body: @escaping @Sendable () async throws -> T) async throws -> T {
        let transfer = Task { try await body() }
        let guardian = Task {
            var last = bytes.load(ordering: .relaxed)
            var slow = 0.0
            let step = min(1.0, Double(seconds) / 4)
            while true {
                try await Task.sleep(for: .seconds(step))
                let now = bytes.load(ordering: .relaxed)
                let isSlow = Double(now - last) < Double(Self.leastBytesPerSecond) * step
                slow = isSlow && waiting.load(ordering: .relaxed) ? slow + step : 0
                last = now
                if slow >= Double(seconds) {
                    stalled.store(true, ordering: .relaxed)
                    transfer.cancel()
                    return
                }
            }
        }
        defer { guardian.cancel() }
        return try await withTaskCancellationHandler {
            try await transfer.value
        } onCancel: {
            transfer.cancel()
        }
    }
}
