import CLinux
import LinuxKernel

/// Sends batches and dumps through a transport and matches the answers.
public struct NetlinkConnection<Transport: NetlinkTransport & ~Copyable>: ~Copyable {
    /// What the messages go through.
    public let transport: Transport
    private var sequence: UInt32
    private var buffer: [UInt8]

    /// False once sending or receiving failed: answers may be left unread.
    private(set) var isSound = true

    /// A connection over an open transport, whose requests are numbered from `firstSequence` on.
    public init(_ transport: consuming Transport, firstSequence: UInt32 = 1) {
        self.transport = transport
        sequence = firstSequence
        // The kernel fills dump datagrams up to 32 KiB for a reader that offers that much.
        buffer = [UInt8](repeating: 0, count: 32 << 10)
    }

    consuming func intoTransport() -> Transport { transport }

    /// What became of one request of a batch.
    public struct Outcome: Sendable {
        /// Why it failed, nil when it did not, or failed in a tolerated way.
        public var error: NetlinkError?
        /// The error number that was tolerated.
        public var tolerated: Errno?
        /// What the kernel answered besides the acknowledgement.
        public var replies: [NetlinkMessage] = []
        fileprivate var acknowledged = false
    }

    /// Sends a batch and reads every acknowledgement.
    ///
    /// - Returns: one outcome for each request, in order. A transaction that failed has an error in at least one.
    /// - Throws: ``NetlinkError`` when the kernel could not be asked, or its answers make no sense.
    public mutating func execute(_ batch: NetlinkBatch) throws(NetlinkError) -> [Outcome] {
        var outcomes = [Outcome](repeating: Outcome(), count: batch.count)
        let first = sequence
        guard !batch.writer.overflowed else { throw failure(batch, 0, Errno(rawValue: EMSGSIZE)) }
        sequence = sequence &+ batch.sequenceCount
        for datagram in batch.datagrams(numberedFrom: first) {
            do throws(Errno) {
                try transport.send(datagram.bytes)
                try collect(batch, datagram.entries, first, into: &outcomes)
            } catch {
                isSound = false
                throw failure(batch, datagram.entries.lowerBound, error)
            }
        }
        return outcomes
    }

    /// Sends a batch; throws the first failure that is not tolerated, after all answers are read.
    public mutating func run(_ batch: NetlinkBatch) throws(NetlinkError) {
        for outcome in try execute(batch) { if let error = outcome.error { throw error } }
    }

    private func failure(_ batch: NetlinkBatch, _ index: Int, _ cause: Errno, _ text: String = "") -> NetlinkError {
        let entry = batch.entries[index]
        return NetlinkError(operation: "\(entry.operation)", object: entry.object, cause: cause, kernelText: text)
    }

    private mutating func collect(
        _ batch: NetlinkBatch, _ entries: Range<Int>, _ first: UInt32, into outcomes: inout [Outcome]
    ) throws(Errno) {
        var waiting = entries.count
        let base = batch.sequence(ofEntry: 0, numberedFrom: first)
        // The whole transaction failed: what else is said about it is there already, nothing more will come.
        var transactionFailed = false
        while waiting > 0 {
            let messages: [NetlinkMessage]
            do throws(Errno) {
                messages = try receive(wait: !transactionFailed)
            } catch {
                if transactionFailed, error == .wouldBlock { return }
                throw error == .wouldBlock ? .timedOut : error
            }
            for message in messages {
                let place = Int(message.sequence &- base)
                guard entries.contains(place) else {
                    let envelope = message.sequence == first || message.sequence == first &+ UInt32(batch.count) &+ 1
                    if batch.isTransaction, envelope, let said = message.acknowledgement, said.code != 0 {
                        transactionFailed = true
                        outcomes[entries.lowerBound].error = failure(
                            batch, entries.lowerBound, Errno(rawValue: said.code), said.text)
                    }
                    continue
                }
                guard message.type == UInt16(NLMSG_ERROR), let said = message.acknowledgement else {
                    outcomes[place].replies.append(message)
                    continue
                }
                if !outcomes[place].acknowledged { waiting -= 1 }
                outcomes[place].acknowledged = true
                if said.code == 0 { continue }
                let cause = Errno(rawValue: said.code)
                if batch.entries[place].tolerated.contains(cause), !batch.isTransaction {
                    outcomes[place].tolerated = cause
                } else {
                    outcomes[place].error = failure(batch, place, cause, said.text)
                }
            }
        }
    }

    private mutating func receive(wait: Bool) throws(Errno) -> [NetlinkMessage] {
        let length = try transport.receive(into: &buffer, wait: wait)
        guard length <= buffer.count else { throw Errno(rawValue: EMSGSIZE) }
        // A copy of what is there: the messages outlive the buffer's next use.
        return try NetlinkMessage.parse(Array(buffer[..<length])[...])
    }

    /// Asks for all objects of a kind (`NLM_F_DUMP`). A dump that a change interrupted is asked for again, at most
    /// eight times.
    ///
    /// - Throws: ``NetlinkError``; EINTR when the objects never stood still.
    public mutating func dump(
        _ operation: StaticString, type: UInt16, _ body: (inout NetlinkWriter) -> Void
    ) throws(NetlinkError) -> [NetlinkMessage] {
        do throws(Errno) {
            for _ in 0..<8 {
                if let messages = try dumpOnce(operation, type: type, body) { return messages }
            }
            throw .interrupted
        } catch {
            isSound = false
            throw NetlinkError(operation: "\(operation)", object: "", cause: error, kernelText: refusal)
        }
    }

    /// The kernel's words about the last dump it refused.
    private var refusal = ""

    private mutating func dumpOnce(
        _ operation: StaticString, type: UInt16, _ body: (inout NetlinkWriter) -> Void
    ) throws(Errno) -> [NetlinkMessage]? {
        var writer = NetlinkWriter()
        let number = sequence
        sequence = sequence &+ 1
        refusal = ""
        writer.message(type: type, flags: UInt16(NLM_F_REQUEST | NLM_F_DUMP), sequence: number, body)
        guard !writer.overflowed else { throw Errno(rawValue: EMSGSIZE) }
        try transport.send(writer.bytes[...])
        var result = [NetlinkMessage]()
        var interrupted = false
        while true {
            let messages: [NetlinkMessage]
            do throws(Errno) { messages = try receive(wait: true) } catch {
                throw error == .wouldBlock ? .timedOut : error
            }
            for message in messages where message.sequence == number {
                if message.flags & UInt16(NLM_F_DUMP_INTR) != 0 { interrupted = true }
                if let said = message.acknowledgement {
                    // A dump of nf_tables that a change overtook ends with EINTR.
                    if said.code == EINTR { return nil }
                    if said.code != 0 {
                        refusal = said.text
                        throw Errno(rawValue: said.code)
                    }
                    return interrupted ? nil : result
                }
                result.append(message)
            }
        }
    }
}

/// A connection for links, addresses, routes and neighbours.
public typealias RouteConnection = NetlinkConnection<NetlinkSocket>
/// A connection for nf_tables and conntrack.
public typealias FilterConnection = NetlinkConnection<NetlinkSocket>

extension NetlinkConnection where Transport == NetlinkSocket {
    /// Opens a socket in the calling thread's network namespace.
    public init(opening family: NetlinkSocket.Family) throws(NetlinkError) {
        do throws(Errno) { self.init(try NetlinkSocket(family)) } catch {
            throw NetlinkError(
                operation: "open a netlink socket for", object: family == .route ? "links and routes" : "nf_tables",
                cause: error)
        }
    }
}
