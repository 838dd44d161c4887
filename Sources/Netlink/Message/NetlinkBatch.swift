import CLinux
import LinuxKernel

/// Requests to be sent together. Every one asks for an acknowledgement, and every acknowledgement is read: the kernel
/// goes on after a request that failed, so the first failure says nothing about the rest.
public struct NetlinkBatch: Sendable {
    struct Entry: Sendable {
        let offset: Int
        let operation: StaticString
        let object: String
        let tolerated: [Errno]
    }

    var writer = NetlinkWriter()
    private(set) var entries: [Entry] = []
    /// Whether the kernel is to do all of it or nothing (nf_tables: `NFNL_MSG_BATCH_BEGIN` … `END`).
    public let isTransaction: Bool

    /// A batch of independent requests.
    public init() { isTransaction = false }

    init(transaction: Void) {
        isTransaction = true
        addEnvelope(UInt16(NFNL_MSG_BATCH_BEGIN))
    }

    /// How many requests it holds.
    public var count: Int { entries.count }
    /// Whether it holds no request.
    public var isEmpty: Bool { entries.isEmpty }

    /// Adds a request.
    ///
    /// - Parameters:
    ///   - operation: for messages: "add the address".
    ///   - object: for messages: what it is done to.
    ///   - tolerated: errors that mean the work is done already.
    ///   - body: writes the family header and the attributes.
    public mutating func add(
        _ operation: StaticString, _ object: String, tolerating tolerated: [Errno] = [], type: UInt16,
        flags: UInt16 = 0,
        _ body: (inout NetlinkWriter) -> Void
    ) {
        writer.align()
        entries.append(Entry(offset: writer.bytes.count, operation: operation, object: object, tolerated: tolerated))
        let all = flags | UInt16(NLM_F_REQUEST) | UInt16(NLM_F_ACK)
        writer.message(type: type, flags: all, sequence: 0, body)
    }

    /// Begin and end are no requests of their own: no acknowledgement (kernels before 6.10 give none).
    private mutating func addEnvelope(_ type: UInt16) {
        writer.message(type: type, flags: UInt16(NLM_F_REQUEST), sequence: 0) {
            $0.append(UInt8(AF_UNSPEC))
            $0.append(UInt8(NFNETLINK_V0))
            $0.append(UInt16(NFNL_SUBSYS_NFTABLES).bigEndian)
        }
    }

    /// The datagrams to send, each with the entries it carries, numbered from `first` on. A transaction is one
    /// datagram; its begin has the number `first`, its first request the next.
    func datagrams(numberedFrom first: UInt32, limit: Int = 64) -> [(bytes: ArraySlice<UInt8>, entries: Range<Int>)] {
        guard !entries.isEmpty else { return [] }
        var copy = self
        if isTransaction { copy.writer.setSequence(first, messageAt: 0) }
        for (index, entry) in entries.enumerated() {
            copy.writer.setSequence(sequence(ofEntry: index, numberedFrom: first), messageAt: entry.offset)
        }
        if isTransaction {
            let end = copy.writer.bytes.count
            copy.addEnvelope(UInt16(NFNL_MSG_BATCH_END))
            copy.writer.setSequence(first &+ UInt32(entries.count) &+ 1, messageAt: end)
            return [(copy.writer.bytes[...], 0..<entries.count)]
        }
        // Acknowledgements wait in the socket's receive buffer until the datagram is worked off: not too many at once.
        return stride(from: 0, to: entries.count, by: limit).map { start in
            let next = min(start + limit, entries.count)
            let end = next < entries.count ? entries[next].offset : copy.writer.bytes.count
            return (copy.writer.bytes[entries[start].offset..<end], start..<next)
        }
    }

    func sequence(ofEntry index: Int, numberedFrom first: UInt32) -> UInt32 {
        first &+ UInt32(index) &+ (isTransaction ? 1 : 0)
    }

    /// How many sequence numbers a send uses up.
    var sequenceCount: UInt32 { UInt32(entries.count) &+ (isTransaction ? 2 : 0) }
}
