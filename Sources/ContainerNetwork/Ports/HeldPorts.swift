import LinuxKernel

/// The sockets that keep an endpoint's host ports from everybody else: bound, never listening. The container's monitor
/// holds them as long as the container runs; they close when this goes out of scope.
public struct HeldPorts: ~Copyable, Sendable {
    private var numbers: [Int32] = []

    init() {}

    /// Takes over descriptors that another process handed on.
    public init(adopting numbers: [Int32]) { self.numbers = numbers }

    deinit { for number in numbers { _ = FileDescriptor(owning: number) } }

    mutating func add(_ socket: consuming FileDescriptor) { numbers.append(socket.release()) }

    /// The descriptors' numbers, to be handed to the process that is to hold the ports; still owned here.
    public var descriptorNumbers: [Int32] { numbers }

    /// Gives up ownership without closing.
    public consuming func release() -> [Int32] {
        let result = numbers
        numbers = []
        return result
    }
}
