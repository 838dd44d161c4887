import CLinux
import Glibc

/// Datagrams of IPv4 that come and go several by one call (`recvmmsg(2)`, `sendmmsg(2)`).
///
/// The room for them is given by the kernel as it is used: a batch that never receives more than one costs a page.
public final class DatagramBatch {
    /// How many one call takes.
    public static let width = Int(BERTH_DATAGRAMS)

    private let slot: Int
    private let room: UnsafeMutableRawPointer
    private var lengths = [UInt32](repeating: 0, count: width)
    private var peers = [sockaddr_in](repeating: sockaddr_in(), count: width)
    private var outgoing: [UInt8] = []
    private var outgoingLengths: [UInt32] = []
    private var outgoingPeers: [sockaddr_in] = []

    /// - Parameter limit: the longest datagram that is of interest, in bytes.
    public init(limit: Int) {
        slot = limit
        // Not initialized: pages that are never received into are never there.
        room = UnsafeMutableRawPointer.allocate(byteCount: limit * Self.width, alignment: 16)
    }

    deinit { room.deallocate() }

    /// Receives what is there, not waiting.
    ///
    /// - Returns: how many.
    public func receive(_ number: Int32) throws(Errno) -> Int {
        let result = lengths.withUnsafeMutableBufferPointer { lengths in
            peers.withUnsafeMutableBufferPointer { peers in
                berth_inet4_receive_many(
                    number, room, slot, UInt32(Self.width), lengths.baseAddress, peers.baseAddress)
            }
        }
        if result == Int64(-EAGAIN) || result == Int64(-EINTR) { return 0 }
        let count = Int(try checked(result))
        isReceiving = count > 0
        return count
    }

    /// Whether something was received since the last ``send(_:)``: answers to it can go together.
    public private(set) var isReceiving = false

    /// One that was received, nil when it was longer than the limit.
    public func received(_ index: Int) -> [UInt8]? {
        let length = Int(lengths[index])
        guard length <= slot else { return nil }
        return Array(UnsafeRawBufferPointer(start: room + index * slot, count: length))
    }

    /// Who sent it.
    public func sender(_ index: Int) -> InternetPeer {
        let address = withUnsafeBytes(of: peers[index].sin_addr.s_addr) { Array($0) }
        return InternetPeer(address: address, port: UInt16(bigEndian: peers[index].sin_port))
    }

    /// Keeps a datagram for ``send(_:)``.
    ///
    /// - Returns: false when there are ``width`` of them already, or the peer has no address of IPv4.
    public func add(_ bytes: [UInt8], to peer: InternetPeer) -> Bool {
        guard outgoingLengths.count < Self.width, peer.address.count == 4 else { return false }
        var name = sockaddr_in()
        name.sin_family = sa_family_t(AF_INET)
        name.sin_port = peer.port.bigEndian
        withUnsafeMutableBytes(of: &name.sin_addr.s_addr) { $0.copyBytes(from: peer.address) }
        outgoing += bytes
        outgoingLengths.append(UInt32(bytes.count))
        outgoingPeers.append(name)
        return true
    }

    /// Sends what was added; one that the kernel has no room for is lost, as datagrams are.
    public func send(_ number: Int32) {
        var first = 0, offset = 0
        while first < outgoingLengths.count {
            let sent = outgoing.withUnsafeBytes { bytes in
                outgoingLengths.withUnsafeBufferPointer { lengths in
                    outgoingPeers.withUnsafeBufferPointer { peers -> Int64 in
                        guard let data = bytes.baseAddress, let lengths = lengths.baseAddress,
                            let peers = peers.baseAddress
                        else { return 0 }
                        return berth_inet4_send_many(
                            number, data + offset, lengths + first, UInt32(outgoingLengths.count - first), peers + first
                        )
                    }
                }
            }
            if sent == Int64(-EAGAIN) { break }
            // One that cannot be sent does not stop the others.
            let done = max(1, Int(sent))
            for length in outgoingLengths[first..<(first + done)] { offset += Int(length) }
            first += done
        }
        isReceiving = false
        outgoing.removeAll(keepingCapacity: true)
        outgoingLengths.removeAll(keepingCapacity: true)
        outgoingPeers.removeAll(keepingCapacity: true)
    }
}
