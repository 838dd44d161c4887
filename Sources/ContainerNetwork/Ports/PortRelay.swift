import LinuxKernel
import Netlink

/// Passes streams on to a container from addresses that the kernel does not redirect: [::1], and IPv6 addresses of the host
/// for a container without IPv6. Bytes stay in the kernel (`splice(2)`).
///
/// It never blocks: its owner waits for ``number`` and calls ``serve()``.
public final class PortRelay {
    /// Streams at once; more wait in the listening socket.
    static let limit = 256

    /// One direction of a stream.
    private struct Direction {
        let from: Int32
        let to: Int32
        let pipe: (read: SharedDescriptor, write: SharedDescriptor)
        /// Bytes in the pipe.
        var held = 0
        var hasEnded = false
        var isDone = false
    }

    private struct Stream {
        let client: SharedDescriptor
        let container: SharedDescriptor
        var isConnected = false
        var inward: Direction
        var outward: Direction
        var clientEvents: PollEvents = []
        var containerEvents: PollEvents = []
    }

    private let poller: Poller
    private let engine: NetworkEngine
    private let containerID: String
    private let listeners: [HeldPorts.Listener]
    private var own: CachedEndpoints
    private var streams: [UInt64: Stream] = [:]
    private var nextStream: UInt64 = 1
    private var isPaused = false

    /// A relay for the sockets that listen; they must outlive it.
    public init(_ engine: NetworkEngine, containerID: String, _ listeners: [HeldPorts.Listener]) throws(NetworkError) {
        self.engine = engine
        self.containerID = containerID
        self.listeners = listeners
        own = CachedEndpoints(engine, containerID: containerID)
        do throws(Errno) {
            poller = try Poller()
            for (index, listener) in listeners.enumerated() {
                try poller.add(listener.number, .readable, token: UInt64(index))
            }
        } catch { throw NetworkError("pass ports on to container", containerID, error) }
    }

    /// Becomes readable when there is something to do.
    public var number: Int32 { poller.number }

    // Tokens: a listener's place; or a stream's number from the 32nd bit on, the lowest bit says which end.
    private static func token(_ stream: UInt64, container: Bool) -> UInt64 { stream << 32 | (container ? 1 : 0) }

    /// Does what there is to do, without waiting.
    public func serve() {
        guard let events = try? poller.wait(milliseconds: 0) else { return }
        for event in events {
            if event.token < 1 << 32 {
                if listeners.indices.contains(Int(event.token)) { accept(listeners[Int(event.token)]) }
            } else {
                serve(event.token >> 32, event.token & 1 == 1, event.events)
            }
        }
    }

    private func accept(_ listener: HeldPorts.Listener) {
        guard streams.count < Self.limit, let accepted = try? InternetSocket.accept(listener.number) else {
            pause(streams.count >= Self.limit)
            return
        }
        let client = SharedDescriptor(FileDescriptor(owning: accepted.socket))
        let endpoints = own.value()
        guard let endpoint = endpoints.first(where: { $0.ports.contains { $0.hostKey == listener.port.hostKey } }),
            let target = endpoint.v6?.address ?? endpoint.v4?.address,
            mayReach(endpoint, from: IPAddress(bytes: accepted.peer.address)),
            let socket = try? InternetSocket.connecting(
                .tcp, to: InternetPeer(address: target.bytes, port: listener.port.request.containerPort)),
            let inward = Self.pipe(), let outward = Self.pipe()
        else { return }
        let container = SharedDescriptor(socket.intoDescriptor())
        let number = nextStream
        nextStream = nextStream % 0x7FFF_FFFF + 1
        let stream = Stream(
            client: client, container: container,
            inward: Direction(from: client.number, to: container.number, pipe: inward),
            outward: Direction(from: container.number, to: client.number, pipe: outward), containerEvents: .writable)
        do throws(Errno) {
            try poller.add(client.number, [], token: Self.token(number, container: false))
            try poller.add(container.number, .writable, token: Self.token(number, container: true))
            streams[number] = stream
        } catch {}
    }

    private static func pipe() -> (read: SharedDescriptor, write: SharedDescriptor)? {
        do throws(Errno) {
            let ends = try PipeEnds()
            return (
                SharedDescriptor(try ends.readEnd.duplicated()), SharedDescriptor(try ends.writeEnd.duplicated())
            )
        } catch { return nil }
    }

    /// Networks that are kept apart stay so here as well: what comes from a member of one goes past the rules for forwarding.
    private func mayReach(_ endpoint: Endpoint, from peer: IPAddress?) -> Bool {
        guard let peer, !peer.isLoopback, let networks = try? engine.allNetworks() else { return peer != nil }
        let target = networks.first { $0.name == endpoint.network }
        guard
            let source = networks.first(where: {
                $0.driver == .bridge && $0.plans.contains { $0.subnet.contains(peer) }
            })
        else { return true }
        if source.plans.contains(where: { $0.gateway == peer }) { return true }
        if source.name == target?.name { return source.allowsMembers }
        return source.allowsOutside && !source.isIsolated && !(target?.isIsolated ?? false)
    }

    private func serve(_ number: UInt64, _ isContainer: Bool, _ events: PollEvents) {
        guard var stream = streams[number] else { return }
        if !stream.isConnected {
            guard isContainer else { return end(number) }
            if InternetSocket.error(stream.container.number) != nil || events.contains(.error) { return end(number) }
            stream.isConnected = true
        } else if events.contains(.error) {
            return end(number)
        }
        guard move(&stream.inward), move(&stream.outward) else { return end(number) }
        if stream.inward.isDone, stream.outward.isDone { return end(number) }
        let clientEvents = Self.interest(reads: stream.inward, writes: stream.outward)
        let containerEvents = Self.interest(reads: stream.outward, writes: stream.inward)
        // A hang-up is always reported: an end that nothing more is wanted of is not watched.
        if clientEvents != stream.clientEvents {
            try? poller.modify(stream.client.number, clientEvents, token: Self.token(number, container: false))
        }
        if containerEvents != stream.containerEvents {
            try? poller.modify(stream.container.number, containerEvents, token: Self.token(number, container: true))
        }
        if clientEvents.isEmpty, events.contains(.hangUp), !isContainer { return end(number) }
        if containerEvents.isEmpty, events.contains(.hangUp), isContainer { return end(number) }
        stream.clientEvents = clientEvents
        stream.containerEvents = containerEvents
        streams[number] = stream
    }

    private static func interest(reads: Direction, writes: Direction) -> PollEvents {
        var events: PollEvents = []
        if !reads.hasEnded, reads.held == 0 { events.insert(.readable) }
        if writes.held > 0 { events.insert(.writable) }
        return events
    }

    /// Moves what can be moved.
    ///
    /// - Returns: false when an end has gone.
    private func move(_ direction: inout Direction) -> Bool {
        do throws(Errno) {
            for _ in 0..<16 {
                if direction.held == 0, !direction.hasEnded {
                    guard
                        let count = try InternetSocket.splice(
                            from: direction.from, to: direction.pipe.write.number, limit: 65536)
                    else { return true }
                    if count == 0 { direction.hasEnded = true }
                    direction.held = count
                }
                if direction.held > 0 {
                    guard
                        let count = try InternetSocket.splice(
                            from: direction.pipe.read.number, to: direction.to, limit: direction.held)
                    else { return true }
                    direction.held -= count
                }
                if direction.hasEnded, direction.held == 0 {
                    if !direction.isDone { InternetSocket.endWriting(direction.to) }
                    direction.isDone = true
                    return true
                }
            }
            return true
        } catch { return false }
    }

    private func end(_ number: UInt64) {
        guard let stream = streams.removeValue(forKey: number) else { return }
        try? poller.remove(stream.client.number)
        try? poller.remove(stream.container.number)
        pause(false)
    }

    private func pause(_ pause: Bool) {
        guard pause != isPaused else { return }
        isPaused = pause
        for (index, listener) in listeners.enumerated() {
            try? poller.modify(listener.number, pause ? [] : .readable, token: UInt64(index))
        }
    }
}
