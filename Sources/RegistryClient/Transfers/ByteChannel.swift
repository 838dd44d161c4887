import Archive
import LinuxKernel
import NIOCore

/// Bytes from the network to a thread that unpacks them: a queue of bounded length. The sending side suspends while it is
/// full, the reading side blocks while it is empty.
final class ByteChannel: ByteSource, Sendable {
    fileprivate struct State {
        var chunks = [ByteBuffer]()
        var next = 0
        var waitingBytes = 0
        var isFinished = false
        var failure: RegistryError?
        /// The reader wants no more.
        var isClosed = false
        var sender: CheckedContinuation<Bool, Never>?
    }

    /// How many bytes wait at most, save for the last chunk.
    private static let capacity = 1 << 20
    private let state = ThreadCondition(State())

    /// Hands bytes over, waiting for room.
    ///
    /// - Returns: false when the reader wants no more.
    func send(_ chunk: ByteBuffer) async -> Bool {
        await withCheckedContinuation { continuation in
            let answer: Bool? = state.change { state in
                if state.isClosed { return false }
                state.chunks.append(chunk)
                state.waitingBytes += chunk.readableBytes
                if state.waitingBytes < Self.capacity { return true }
                state.sender = continuation
                return nil
            }
            if let answer { continuation.resume(returning: answer) }
        }
    }

    /// Says that all has been sent.
    func finish() { state.change { $0.isFinished = true } }

    /// Says that the rest will not come.
    func fail(_ error: RegistryError) { state.change { $0.failure = $0.failure ?? error } }

    /// Why the rest will not come.
    var failure: RegistryError? { state.change { $0.failure } }

    /// Says that no more is wanted.
    func close() {
        let sender = state.change { state in
            state.isClosed = true
            state.chunks = []
            state.next = 0
            return state.takeSender()
        }
        sender?.resume(returning: false)
    }

    func read(into buffer: UnsafeMutableRawBufferPointer) throws(ArchiveError) -> Int {
        enum Outcome {
            case bytes(Int, CheckedContinuation<Bool, Never>?)
            case end
            case failed(RegistryError)
        }
        let outcome: Outcome = state.wait { state in
            if let failure = state.failure { return .failed(failure) }
            var done = 0
            while done < buffer.count, state.next < state.chunks.count {
                let room = UnsafeMutableRawBufferPointer(rebasing: buffer[done...])
                let count = min(room.count, state.chunks[state.next].readableBytes)
                state.chunks[state.next].withUnsafeReadableBytes { bytes in
                    room.copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[..<count]))
                }
                state.chunks[state.next].moveReaderIndex(forwardBy: count)
                done += count
                if state.chunks[state.next].readableBytes == 0 {
                    // The memory goes now; the array is tidied up when it is empty.
                    state.chunks[state.next] = ByteBuffer()
                    state.next += 1
                    if state.next == state.chunks.count {
                        state.chunks.removeAll(keepingCapacity: true)
                        state.next = 0
                    }
                }
            }
            if done > 0 {
                state.waitingBytes -= done
                return .bytes(done, state.waitingBytes <= Self.capacity / 2 ? state.takeSender() : nil)
            }
            return state.isFinished || state.isClosed ? .end : nil
        }
        switch outcome {
        case .bytes(let count, let sender):
            sender?.resume(returning: true)
            return count
        case .end: return 0
        case .failed(let error):
            throw ArchiveError(
                operation: error.operation, object: error.object, cause: error.cause, remedy: error.remedy)
        }
    }
}

extension ByteChannel.State {
    fileprivate mutating func takeSender() -> CheckedContinuation<Bool, Never>? {
        defer { sender = nil }
        return sender
    }
}
