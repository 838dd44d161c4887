import CLinux

/// Builds netlink messages: headers in host order, attributes padded to four bytes (`linux/netlink.h`).
///
/// An attribute's length has 16 bits. One that would be longer sets ``overflowed`` instead of trapping, and a socket
/// refuses to send such bytes.
public struct NetlinkWriter: Sendable {
    /// What has been written so far.
    public private(set) var bytes: [UInt8] = []
    /// Whether something did not fit its length field. The bytes are then useless.
    public private(set) var overflowed = false

    /// An empty writer.
    public init() { bytes.reserveCapacity(512) }

    /// Appends a number in host order.
    @inlinable
    public mutating func append(_ number: some FixedWidthInteger) {
        withUnsafeBytes(of: number) { raw.append(contentsOf: $0) }
    }

    /// Appends bytes as they are.
    @inlinable
    public mutating func append(_ content: some Sequence<UInt8>) { raw.append(contentsOf: content) }

    @usableFromInline
    var raw: [UInt8] {
        get { bytes }
        _modify { yield &bytes }
    }

    /// Fills up with zeros to a multiple of four.
    public mutating func align() { while bytes.count % 4 != 0 { bytes.append(0) } }

    /// A whole message: `nlmsghdr` and what `body` writes behind it.
    public mutating func message(type: UInt16, flags: UInt16, sequence: UInt32, _ body: (inout NetlinkWriter) -> Void) {
        align()
        let start = bytes.count
        append(UInt32(0))
        append(type)
        append(flags)
        append(sequence)
        append(UInt32(0))
        body(&self)
        align()
        overwrite(UInt32(truncatingIfNeeded: bytes.count - start), at: start)
        if bytes.count - start > Int(UInt32.max) { overflowed = true }
    }

    /// Replaces the sequence number of a message that starts at `offset`.
    mutating func setSequence(_ sequence: UInt32, messageAt offset: Int) { overwrite(sequence, at: offset + 8) }

    private mutating func overwrite(_ number: some FixedWidthInteger, at offset: Int) {
        withUnsafeBytes(of: number) { bytes.replaceSubrange(offset..<(offset + $0.count), with: $0) }
    }

    private mutating func attribute(_ type: UInt16, _ body: (inout NetlinkWriter) -> Void) {
        align()
        let start = bytes.count
        append(UInt16(0))
        append(type)
        body(&self)
        let length = bytes.count - start
        if length > Int(UInt16.max) { overflowed = true }
        overwrite(UInt16(truncatingIfNeeded: length), at: start)
        align()
    }

    /// An attribute that holds attributes (`NLA_F_NESTED`).
    public mutating func nested(_ type: some AttributeType, _ body: (inout NetlinkWriter) -> Void) {
        attribute(type.attributeNumber | UInt16(NLA_F_NESTED), body)
    }

    /// An attribute with these bytes.
    public mutating func attribute(_ type: some AttributeType, bytes content: some Sequence<UInt8>) {
        attribute(type.attributeNumber) { $0.append(content) }
    }

    /// An attribute with one number in host order.
    public mutating func attribute<Number: FixedWidthInteger>(_ type: some AttributeType, _ number: Number) {
        attribute(type.attributeNumber) { $0.append(number) }
    }

    /// An attribute with one number in network order, as nf_tables wants them.
    public mutating func attribute<Number: FixedWidthInteger>(_ type: some AttributeType, bigEndian number: Number) {
        attribute(type.attributeNumber) { $0.append(number.bigEndian) }
    }

    /// An attribute with zero-terminated text. A zero byte inside ends the text early, as it would in the kernel.
    public mutating func attribute(_ type: some AttributeType, text: String) {
        attribute(type.attributeNumber) {
            $0.append(text.utf8.prefix { $0 != 0 })
            $0.append(UInt8(0))
        }
    }
}

/// Anything that names an attribute: the kernel's headers declare them as plain numbers and as C enumerations.
public protocol AttributeType {
    /// The number, without flags.
    var attributeNumber: UInt16 { get }
}

extension Int: AttributeType {
    public var attributeNumber: UInt16 { UInt16(truncatingIfNeeded: self) }
}

extension AttributeType where Self: RawRepresentable, RawValue == UInt32 {
    public var attributeNumber: UInt16 { UInt16(truncatingIfNeeded: rawValue) }
}

extension rtattr_type_t: AttributeType {}
extension nft_table_attributes: AttributeType {}
extension nft_chain_attributes: AttributeType {}
extension nft_hook_attributes: AttributeType {}
extension nft_set_elem_attributes: AttributeType {}
extension nft_set_elem_list_attributes: AttributeType {}
extension nft_data_attributes: AttributeType {}
extension nft_list_attributes: AttributeType {}
