import CLinux
import Glibc

/// How a local socket carries data.
public enum SocketKind: Sendable {
    /// Bytes without boundaries.
    case stream
    /// Messages in order, each whole (`SOCK_SEQPACKET`).
    case sequencedPacket

    var number: Int32 {
        switch self {
        case .stream: Int32(SOCK_STREAM.rawValue)
        case .sequencedPacket: Int32(SOCK_SEQPACKET.rawValue)
        }
    }
}

/// A pair of connected local sockets (`socketpair(2)`), close-on-exec.
@frozen
public struct SocketPair: ~Copyable {
    /// One end.
    public let first: FileDescriptor
    /// The other end.
    public let second: FileDescriptor

    /// Makes a pair.
    public init(_ kind: SocketKind) throws(Errno) {
        var numbers: [Int32] = [-1, -1]
        let all = kind.number | Int32(SOCK_CLOEXEC.rawValue)
        try checked(berth_result(Int64(socketpair(AF_UNIX, all, 0, &numbers))))
        first = FileDescriptor(owning: numbers[0])
        second = FileDescriptor(owning: numbers[1])
    }
}

/// One message with the descriptors that came with it.
public struct ReceivedMessage: ~Copyable {
    /// The bytes; empty at the peer's end of file.
    public let bytes: [UInt8]
    private var numbers: [Int32]

    init(bytes: [UInt8], numbers: [Int32]) {
        self.bytes = bytes
        self.numbers = numbers
    }

    deinit { for number in numbers { close(number) } }

    /// How many descriptors are left to take.
    public var descriptorCount: Int { numbers.count }

    /// Takes the next descriptor, nil when there is none.
    public mutating func takeDescriptor() -> FileDescriptor? {
        numbers.isEmpty ? nil : FileDescriptor(owning: numbers.removeFirst())
    }
}

extension FileDescriptor {
    /// Sends one message on a Unix socket with descriptors (at most 250, `SCM_RIGHTS`); they stay ours too.
    public func sendMessage(_ bytes: [UInt8], descriptors: [Int32] = []) throws(Errno) {
        try checkedUninterrupted {
            bytes.withUnsafeBytes { data in
                descriptors.withUnsafeBufferPointer { numbers in
                    berth_send_fds(rawValue, data.baseAddress, data.count, numbers.baseAddress, numbers.count)
                }
            }
        }
    }

    /// Receives one message of at most `limit` bytes; an empty one is the end.
    public func receiveMessage(limit: Int = 64 << 10, flags: Int32 = 0) throws(Errno) -> ReceivedMessage {
        // Not cleared before: nearly all messages are short, and each page that is touched is a fault.
        let data = UnsafeMutableRawBufferPointer.allocate(byteCount: limit, alignment: 16)
        defer { data.deallocate() }
        var numbers = [Int32](repeating: -1, count: Int(BERTH_MAX_FDS))
        var count = numbers.count
        let received = try checkedUninterrupted {
            numbers.withUnsafeMutableBufferPointer { room in
                count = room.count
                return berth_receive_fds(rawValue, data.baseAddress, data.count, room.baseAddress, &count, flags)
            }
        }
        return ReceivedMessage(bytes: Array(data[..<Int(received)]), numbers: Array(numbers[..<count]))
    }
}

/// Pathname Unix sockets, by directory descriptor, so that a long path does not meet the 107-byte limit.
public enum UnixSocket {
    private static func address(_ directory: Int32, _ name: String) throws(Errno) -> sockaddr_un {
        let path = directory == WorkingDirectory.rawValue ? name : "/proc/self/fd/\(directory)/\(name)"
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let bytes = Array(path.utf8)
        guard bytes.count < MemoryLayout.size(ofValue: address.sun_path) else { throw .nameTooLong }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
        return address
    }

    /// Listens at a new name (mode 0600).
    public static func listen(
        at directory: Int32, _ name: String, kind: SocketKind = .stream, backlog: Int32 = 16
    ) throws(Errno) -> FileDescriptor {
        let number = try checked(berth_result(Int64(socket(AF_UNIX, kind.number | Int32(SOCK_CLOEXEC.rawValue), 0))))
        let result = FileDescriptor(owning: Int32(number))
        var address = try address(directory, name)
        let old = umask(0o177)
        let bound = berth_bind(result.rawValue, &address, UInt32(MemoryLayout<sockaddr_un>.size))
        umask(old)
        try checked(bound)
        try checked(berth_result(Int64(Glibc.listen(result.rawValue, backlog))))
        return result
    }

    /// Connects to a name.
    public static func connect(
        at directory: Int32, _ name: String, kind: SocketKind = .stream
    ) throws(Errno) -> FileDescriptor {
        let number = try checked(berth_result(Int64(socket(AF_UNIX, kind.number | Int32(SOCK_CLOEXEC.rawValue), 0))))
        let result = FileDescriptor(owning: Int32(number))
        var address = try address(directory, name)
        try checkedUninterrupted {
            berth_connect(result.rawValue, &address, UInt32(MemoryLayout<sockaddr_un>.size))
        }
        return result
    }

    /// Takes the next connection of a listening socket; it is close-on-exec.
    public static func accept(_ listener: borrowing FileDescriptor) throws(Errno) -> FileDescriptor {
        let listening = listener.rawValue
        return FileDescriptor(
            owning: Int32(
                try checkedUninterrupted { berth_accept(listening) }))
    }
}
