/// A file descriptor with several owners, closed with the last one: for optional members of long-lived objects.
public final class SharedDescriptor: Sendable {
    private let descriptor: FileDescriptor

    /// Takes over a descriptor.
    public init(_ descriptor: consuming FileDescriptor) { self.descriptor = descriptor }

    /// The number, valid while this object lives.
    public var number: Int32 { descriptor.rawValue }
}
