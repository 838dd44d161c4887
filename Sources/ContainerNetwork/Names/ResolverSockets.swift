import LinuxKernel
import Netlink

/// The sockets of a container's resolver: opened in its namespace, served from the host's side.
///
/// A container may have a name server of its own on every address. Both sockets let it: datagrams by SO_REUSEADDR, streams
/// because the socket listens only while an answer was too long for a datagram. A server that does not set SO_REUSEADDR is
/// told by its port: who exposes or publishes port 53 gets no resolver.
public final class ResolverSockets: Sendable {
    /// Where the container asks.
    public static let address = IPAddress.v4(0x7F00_000B)

    /// For datagrams.
    public let datagrams: SharedDescriptor
    /// For streams.
    public let streams: SharedDescriptor

    init(datagrams: SharedDescriptor, streams: SharedDescriptor) {
        self.datagrams = datagrams
        self.streams = streams
    }

    /// Opens both in the calling thread's network namespace, whose loopback interface is on.
    static func open(container: String) throws(NetworkError) -> ResolverSockets {
        do throws(Errno) {
            let datagrams = try InternetSocket.bound(.udp, address.bytes, port: 53)
            let streams = try InternetSocket.bound(.tcp, address.bytes, port: 53)
            return ResolverSockets(
                datagrams: SharedDescriptor(datagrams.intoDescriptor()),
                streams: SharedDescriptor(streams.intoDescriptor()))
        } catch { throw NetworkError("open the resolver of container", container, error) }
    }
}
