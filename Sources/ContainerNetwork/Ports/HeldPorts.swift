import LinuxKernel

/// The sockets that keep an endpoint's host ports from everybody else. The container's monitor holds them as long as the
/// container runs; they close when this goes out of scope. Those that the kernel cannot serve listen.
public struct HeldPorts: ~Copyable, Sendable {
    /// A socket that the monitor accepts connections from, to pass them on.
    public struct Listener: Sendable, Equatable {
        /// The socket's number, owned by the ``HeldPorts``.
        public var number: Int32
        /// Where the container answers.
        public var port: PublishedPort
    }

    private var numbers: [Int32] = []
    /// The sockets that listen.
    public private(set) var listeners: [Listener] = []

    init() {}

    /// None, for a container without ports.
    public static func none() -> HeldPorts { HeldPorts() }

    deinit { for number in numbers { _ = FileDescriptor(owning: number) } }

    mutating func add(_ socket: consuming FileDescriptor, listensFor port: PublishedPort? = nil) {
        let number = socket.release()
        numbers.append(number)
        if let port { listeners.append(Listener(number: number, port: port)) }
    }

    /// Takes over another's sockets.
    public mutating func add(_ other: consuming HeldPorts) {
        listeners += other.listeners
        numbers += other.release()
    }

    /// The sockets' numbers, still owned here.
    public var descriptorNumbers: [Int32] { numbers }

    /// Gives up ownership without closing.
    public consuming func release() -> [Int32] {
        let result = numbers
        numbers = []
        return result
    }
}
