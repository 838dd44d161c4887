import LinuxKernel
import Netlink

/// Answers a container's questions on 127.0.0.11, from the host's side: its own networks' names here, everything else from
/// the servers that the host asks, or those the user named.
///
/// It never blocks: its owner waits for ``number`` to become readable and calls ``serve()``. What a container can make it hold
/// is bounded: so many questions on their way, so many streams, each for so long.
public final class NameServer {
    /// Questions on their way to other servers at once; one more is refused.
    static let pendingLimit = 256
    /// Milliseconds that one server has to answer.
    static let patience: Int64 = 1500
    /// Rounds through all servers.
    static let rounds = 2

    private enum Token {
        static let datagrams: UInt64 = 1
        static let streams: UInt64 = 2
        static let timer: UInt64 = 3
        static let first: UInt64 = 16
    }

    /// Whom an answer goes to.
    enum Asker {
        case datagram(InternetPeer)
        /// A stream by its token.
        case stream(UInt64)
    }

    /// A question on its way.
    private struct Pending {
        let query: DNSQuery
        let message: [UInt8]
        let asker: Asker
        var attempt: Int
        var id: UInt16
        var socket: SharedDescriptor
        var deadline: Int64
        /// What is left to write to a server asked by a stream; nil for a datagram.
        var toWrite: [UInt8]?
        var received: [UInt8] = []
    }

    let poller: Poller
    private let timer: Timer
    private let sockets: ResolverSockets
    private let lookup: NameLookup
    private let upstreams: Upstreams
    private var own: CachedEndpoints
    private var pending: [UInt64: Pending] = [:]
    var streams: [UInt64: NameStream] = [:]
    private var nextToken = Token.first
    private let batch = DatagramBatch(limit: DNSQuery.limit)
    private let names: CachedNames
    /// For the answers of other servers; made with the first question for one.
    private var buffer: [UInt8] = []
    private var timerStands = true
    /// Until when streams are accepted (milliseconds of the monotonic clock); nil while they are not.
    private var streamsEnd: Int64?

    /// A server for one container.
    ///
    /// - Parameter servers: those the user named; none takes the host's.
    public init(_ lookup: NameLookup, _ sockets: ResolverSockets, servers: [IPAddress]) throws(NetworkError) {
        self.lookup = lookup
        self.sockets = sockets
        upstreams = Upstreams(servers)
        names = CachedNames(lookup.engine.nameIndex)
        own = CachedEndpoints(lookup.engine, containerID: lookup.containerID)
        do throws(Errno) {
            poller = try Poller()
            timer = try Timer()
            try poller.add(sockets.datagrams.number, .readable, token: Token.datagrams)
            try poller.add(timer.number, .readable, token: Token.timer)
        } catch { throw NetworkError("serve names for container", lookup.containerID, error) }
    }

    /// Becomes readable when there is something to do.
    public var number: Int32 { poller.number }

    /// Does what there is to do, without waiting.
    public func serve() {
        guard let events = try? poller.wait(milliseconds: 0) else { return }
        for event in events {
            names.look()
            switch event.token {
            case Token.datagrams: readDatagrams()
            case Token.streams: acceptStreams()
            case Token.timer: expire()
            default:
                if streams[event.token] != nil { serveStream(event.token) } else { serveUpstream(event.token) }
            }
        }
        setTimer()
    }

    func makeToken() -> UInt64 {
        nextToken += 1
        return nextToken
    }

    // MARK: Questions

    private func readDatagrams() {
        // A batch, so that the output of the container is not kept waiting by a flood.
        for _ in 0..<4 {
            guard let count = try? batch.receive(sockets.datagrams.number), count > 0 else { return }
            let endpoints = own.value()
            for index in 0..<count {
                if let message = batch.received(index) { ask(message, .datagram(batch.sender(index)), endpoints) }
            }
            batch.send(sockets.datagrams.number)
            if count < DatagramBatch.width { return }
            names.look()
        }
    }

    /// Answers a message, or sends it on.
    func ask(_ message: [UInt8], _ asker: Asker) { ask(message, asker, own.value()) }

    private func ask(_ message: [UInt8], _ asker: Asker, _ endpoints: [Endpoint]) {
        let query: DNSQuery
        do throws(DNSQuery.Problem) { query = try DNSQuery(message[...]) } catch {
            if case .answer(let id, let flags, let code) = error {
                deliver(DNSAnswer.refusal(id: id, flags: flags, code), asker)
            }
            return
        }
        let limit = Self.limit(query, asker)
        guard query.recordClass == 1 || query.recordClass == 255 else {
            return deliver(DNSAnswer.message(query, .refused, limit: limit), asker)
        }
        switch lookup.answer(query, own: endpoints, names: names) {
        case .records(let records): deliver(DNSAnswer.message(query, .success, records, limit: limit), asker)
        case .noSuchName: deliver(DNSAnswer.message(query, .noSuchName, limit: limit), asker)
        case .elsewhere:
            // From an internal network nothing leaves, not even a question (CVE-2024-29018).
            guard endpoints.contains(where: { $0.addresses.contains(where: \.isDefaultRoute) }),
                pending.count < Self.pendingLimit
            else { return deliver(DNSAnswer.message(query, .serverFailure, limit: limit), asker) }
            forward(query, message, asker, attempt: 0)
        }
    }

    private static func limit(_ query: DNSQuery, _ asker: Asker) -> Int {
        if case .stream = asker { return 65535 }
        return query.datagramLimit ?? 512
    }

    private func deliver(_ answer: [UInt8], _ asker: Asker) {
        switch asker {
        case .datagram(let peer):
            if DNSForwarding.isCut(answer[...]) { openStreams() }
            // Those to a batch of questions go together, when it is worked off.
            if batch.isReceiving, batch.add(answer, to: peer) { return }
            InternetSocket.send(sockets.datagrams.number, answer[...], to: peer)
        case .stream(let token): write(answer, toStream: token)
        }
    }

    // MARK: Other servers

    private func forward(_ query: DNSQuery, _ message: [UInt8], _ asker: Asker, attempt: Int, byStream: Bool = false) {
        let servers = upstreams.servers()
        var attempt = attempt
        if buffer.isEmpty { buffer = [UInt8](repeating: 0, count: 65536) }
        while attempt < servers.count * Self.rounds {
            let server = servers[attempt % servers.count]
            let id = UInt16.random(in: .min ... .max)
            let peer = InternetPeer(address: server.bytes, port: 53)
            do throws(Errno) {
                let socket = try InternetSocket.connecting(byStream ? .tcp : .udp, to: peer)
                let shared = SharedDescriptor(socket.intoDescriptor())
                let body = DNSForwarding.renumbered(message[...], id)
                var entry = Pending(
                    query: query, message: message, asker: asker, attempt: attempt, id: id, socket: shared,
                    deadline: MonotonicClock.milliseconds() + (byStream ? 2 * Self.patience : Self.patience))
                if byStream {
                    entry.toWrite = [UInt8(body.count >> 8), UInt8(body.count & 255)] + body
                } else {
                    _ = try StreamSocket.send(shared.number, body[...])
                }
                let token = makeToken()
                try poller.add(shared.number, byStream ? [.readable, .writable] : .readable, token: token)
                pending[token] = entry
                return
            } catch { attempt += 1 }
        }
        deliver(DNSAnswer.message(query, .serverFailure, limit: Self.limit(query, asker)), asker)
    }

    private func serveUpstream(_ token: UInt64) {
        guard let entry = pending[token] else { return }
        if entry.toWrite != nil { return serveUpstreamStream(token) }
        let received: (length: Int, peer: InternetPeer)?
        do throws(Errno) { received = try InternetSocket.receive(entry.socket.number, into: &buffer) } catch {
            // Nobody listens there: the next one at once.
            return tryNext(token)
        }
        guard let (length, _) = received, length <= buffer.count else { return }
        // What is no answer to this question is not worth an end: somebody may be guessing.
        guard DNSForwarding.isAnswer(buffer[..<length], to: entry.query, id: entry.id) else { return }
        finish(token, Array(buffer[..<length]))
    }

    private func serveUpstreamStream(_ token: UInt64) {
        guard var entry = pending[token], let toWrite = entry.toWrite else { return }
        if InternetSocket.error(entry.socket.number) != nil { return tryNext(token) }
        if !toWrite.isEmpty {
            do throws(Errno) {
                if let sent = try StreamSocket.send(entry.socket.number, toWrite[...]) {
                    entry.toWrite = Array(toWrite.dropFirst(sent))
                    if sent == toWrite.count { try poller.modify(entry.socket.number, .readable, token: token) }
                }
            } catch {
                if error != .wouldBlock, error != Errno(rawValue: 107 /* ENOTCONN */) { return tryNext(token) }
            }
        }
        var hasEnded = false
        do throws(Errno) {
            while let length = try InternetSocket.read(entry.socket.number, into: &buffer) {
                hasEnded = length == 0
                if hasEnded { break }
                entry.received += buffer[..<length]
                if entry.received.count > 65537 { return tryNext(token) }
            }
        } catch {
            if error != Errno(rawValue: 107) { return tryNext(token) }
        }
        pending[token] = entry
        let length = entry.received.count < 2 ? 0 : Int(entry.received[0]) << 8 | Int(entry.received[1])
        guard entry.received.count >= 2 + max(length, 1) else {
            if hasEnded { tryNext(token) }
            return
        }
        let answer = entry.received[2..<(2 + length)]
        guard DNSForwarding.isAnswer(answer, to: entry.query, id: entry.id) else { return tryNext(token) }
        finish(token, Array(answer))
    }

    /// An answer has come.
    private func finish(_ token: UInt64, _ answer: [UInt8]) {
        guard let entry = drop(token) else { return }
        let code = DNSForwarding.code(answer[...])
        let isLast = entry.attempt + 1 >= upstreams.servers().count
        if code == DNSCode.serverFailure.rawValue || code == DNSCode.refused.rawValue
            || code == DNSCode.notImplemented.rawValue,
            !isLast
        {
            return forward(
                entry.query, entry.message, entry.asker, attempt: entry.attempt + 1, byStream: entry.toWrite != nil)
        }
        let limit = Self.limit(entry.query, entry.asker)
        if case .stream = entry.asker, DNSForwarding.isCut(answer[...]), entry.toWrite == nil {
            return forward(entry.query, entry.message, entry.asker, attempt: entry.attempt, byStream: true)
        }
        var message = DNSForwarding.renumbered(answer[...], entry.query.id)
        if message.count > limit {
            // Cut to nothing: the asker comes back by a stream.
            message = DNSAnswer.message(entry.query, .success, limit: limit)
            message[2] |= 0x02
        }
        deliver(message, entry.asker)
    }

    private func tryNext(_ token: UInt64) {
        guard let entry = drop(token) else { return }
        forward(entry.query, entry.message, entry.asker, attempt: entry.attempt + 1, byStream: entry.toWrite != nil)
    }

    private func drop(_ token: UInt64) -> Pending? {
        guard let entry = pending.removeValue(forKey: token) else { return nil }
        try? poller.remove(entry.socket.number)
        return entry
    }

    // MARK: Time

    private func expire() {
        timerStands = true
        let now = MonotonicClock.milliseconds()
        for token in pending.filter({ $0.value.deadline <= now }).keys.sorted() { tryNext(token) }
        for token in streams.filter({ $0.value.deadline <= now }).keys { endStream(token) }
        if let end = streamsEnd, end <= now, streams.isEmpty {
            try? poller.remove(sockets.streams.number)
            InternetSocket.endListening(sockets.streams.number)
            streamsEnd = nil
        }
    }

    private func setTimer() {
        // The earliest end; looked for only while the timer stands, so that it may fire early but never late by much.
        guard timerStands, !pending.isEmpty || !streams.isEmpty || streamsEnd != nil else { return }
        timer.set(milliseconds: 250)
        timerStands = false
    }

    // MARK: Streams

    /// Accepts streams for a while: somebody was told to come back by one.
    private func openStreams() {
        let isOpen = streamsEnd != nil
        if !isOpen, !InternetSocket.beginListening(sockets.streams.number, backlog: 64) { return }
        streamsEnd = MonotonicClock.milliseconds() + 3 * NameStream.patience
        if !isOpen { try? poller.add(sockets.streams.number, .readable, token: Token.streams) }
    }

    private func acceptStreams() {
        while let accepted = try? InternetSocket.accept(sockets.streams.number) {
            let shared = SharedDescriptor(FileDescriptor(owning: accepted.socket))
            guard streams.count < NameStream.limit else { continue }
            let token = makeToken()
            do throws(Errno) { try poller.add(shared.number, .readable, token: token) } catch { continue }
            streams[token] = NameStream(socket: shared)
        }
    }
}
