import CLinux
import LinuxKernel

/// One message as it came from the kernel.
public struct NetlinkMessage: Sendable, Equatable {
    /// `RTM_NEWLINK`, `NLMSG_ERROR`…
    public let type: UInt16
    /// `NLM_F_MULTI`, `NLM_F_DUMP_INTR`…
    public let flags: UInt16
    /// The sequence number of the request it answers.
    public let sequence: UInt32
    /// What stands behind the header.
    public let payload: ArraySlice<UInt8>

    /// Splits a datagram into its messages.
    ///
    /// - Throws: EBADMSG when a header's length is shorter than a header or longer than what is there.
    public static func parse(_ bytes: ArraySlice<UInt8>) throws(Errno) -> [NetlinkMessage] {
        var messages = [NetlinkMessage]()
        var rest = bytes
        while !rest.isEmpty {
            guard let length = rest.number(at: 0, as: UInt32.self), length >= 16, length <= rest.count,
                let type = rest.number(at: 4, as: UInt16.self), let flags = rest.number(at: 6, as: UInt16.self),
                let sequence = rest.number(at: 8, as: UInt32.self)
            else { throw Errno(rawValue: EBADMSG) }
            let payload = rest.dropFirst(16).prefix(Int(length) - 16)
            messages.append(NetlinkMessage(type: type, flags: flags, sequence: sequence, payload: payload))
            rest = rest.dropFirst((Int(length) + 3) & ~3)
        }
        return messages
    }

    /// Attributes behind a family header of `headerSize` bytes.
    public func attributes(after headerSize: Int) -> NetlinkAttributes {
        NetlinkAttributes(payload.dropFirst((headerSize + 3) & ~3))
    }

    /// What an NLMSG_ERROR (also an acknowledgement) or NLMSG_DONE says: 0 or a positive error number, and the
    /// kernel's own words where it gives any (`NETLINK_EXT_ACK`).
    public var acknowledgement: (code: Int32, text: String)? {
        guard type == UInt16(NLMSG_ERROR) || type == UInt16(NLMSG_DONE) else { return nil }
        guard let code = payload.number(at: 0, as: Int32.self) else {
            return (type == UInt16(NLMSG_DONE) ? 0 : EBADMSG, "")
        }
        let positive = code == Int32.min ? EBADMSG : abs(code)
        guard flags & UInt16(NLM_F_ACK_TLVS) != 0 else { return (positive, "") }
        var skip = 4
        if type == UInt16(NLMSG_ERROR) {
            // The request's header is repeated; with NETLINK_CAP_ACK (flag NLM_F_CAPPED) its body is not.
            skip += 16
            if flags & UInt16(NLM_F_CAPPED) == 0 {
                guard let length = payload.number(at: 4, as: UInt32.self), length >= 16, length <= payload.count else {
                    return (positive, "")
                }
                skip += (Int(length) - 16 + 3) & ~3
            }
        }
        return (positive, NetlinkAttributes(payload.dropFirst(skip)).text(1 /* NLMSGERR_ATTR_MSG */) ?? "")
    }
}

/// A run of attributes. Reading stops at the first one whose length cannot be true; what stood before it is kept.
public struct NetlinkAttributes: Sendable, Sequence {
    /// One attribute: its number without the flag bits, and its value.
    public typealias Element = (type: UInt16, value: ArraySlice<UInt8>)

    private let bytes: ArraySlice<UInt8>

    /// Attributes that start at the beginning of these bytes.
    public init(_ bytes: ArraySlice<UInt8>) { self.bytes = bytes }

    /// Walks over the attributes.
    public struct Iterator: IteratorProtocol {
        fileprivate var rest: ArraySlice<UInt8>

        public mutating func next() -> Element? {
            guard let length = rest.number(at: 0, as: UInt16.self), let type = rest.number(at: 2, as: UInt16.self),
                length >= 4, length <= rest.count
            else { return nil }
            let value = rest.dropFirst(4).prefix(Int(length) - 4)
            rest = rest.dropFirst((Int(length) + 3) & ~3)
            return (type & UInt16(NLA_TYPE_MASK_VALUE), value)
        }
    }

    public func makeIterator() -> Iterator { Iterator(rest: bytes) }

    /// The value of the first attribute with this number.
    public subscript(_ type: some AttributeType) -> ArraySlice<UInt8>? {
        let wanted = type.attributeNumber
        for attribute in self where attribute.type == wanted { return attribute.value }
        return nil
    }

    /// A number in host order; nil when absent or of another size.
    public func number<Number: FixedWidthInteger>(_ type: some AttributeType, as: Number.Type = Number.self) -> Number?
    {
        guard let value = self[type], value.count == MemoryLayout<Number>.size else { return nil }
        return value.number(at: 0, as: Number.self)
    }

    /// A number in network order; nil when absent or of another size.
    public func bigEndian<Number: FixedWidthInteger>(_ type: some AttributeType, as: Number.Type = Number.self)
        -> Number?
    {
        number(type, as: Number.self).map { Number(bigEndian: $0) }
    }

    /// Text up to its zero byte, bytes that are not UTF-8 replaced.
    public func text(_ type: some AttributeType) -> String? {
        self[type].map { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
    }

    /// Attributes inside an attribute.
    public func nested(_ type: some AttributeType) -> NetlinkAttributes? { self[type].map(NetlinkAttributes.init) }
}

/// The 14 low bits of an attribute's type are its number (`NLA_TYPE_MASK`, which Swift cannot import).
private let NLA_TYPE_MASK_VALUE = 0x3FFF

extension ArraySlice<UInt8> {
    /// A number in host order `offset` bytes from the start, nil beyond the end.
    func number<Number: FixedWidthInteger>(at offset: Int, as: Number.Type) -> Number? {
        guard offset >= 0, offset <= count - MemoryLayout<Number>.size else { return nil }
        return withUnsafeBytes { $0.loadUnaligned(fromByteOffset: offset, as: Number.self) }
    }
}
