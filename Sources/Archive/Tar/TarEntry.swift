import LinuxKernel

/// One thing an archive holds: a name and what it stands for. Content of regular files is read from the reader.
public struct TarEntry: Sendable {
    /// What a name stands for.
    public enum Kind: Sendable, Equatable {
        case regular, directory, fifo
        /// Another name of an earlier entry's file, given by ``linkTarget``.
        case hardLink
        /// A link with the text ``linkTarget``.
        case symbolicLink
        case characterDevice(major: UInt32, minor: UInt32)
        case blockDevice(major: UInt32, minor: UInt32)
    }

    /// A moment; may lie before 1970.
    public typealias Time = FileTime

    /// An extended attribute.
    public struct Attribute: Hashable, Sendable {
        /// `security.capability`, `user.x`…
        public var name: PathBytes
        /// Any bytes.
        public var value: [UInt8]

        /// Makes one of its parts.
        public init(name: PathBytes, value: [UInt8]) {
            self.name = name
            self.value = value
        }
    }

    /// A part of a sparse file that holds data.
    public struct Segment: Hashable, Sendable {
        /// Where in the file, in bytes.
        public var offset: Int64
        /// How many bytes.
        public var length: Int64

        /// Makes one of its parts.
        public init(offset: Int64, length: Int64) {
            self.offset = offset
            self.length = length
        }
    }

    /// The name, exactly as stored: any bytes but zero, not checked in any other way.
    public var path: PathBytes
    /// What it stands for.
    public var kind: Kind
    /// Text of a symbolic link, name of a hard link's target; empty otherwise.
    public var linkTarget: PathBytes
    /// The twelve permission bits.
    public var mode: UInt32
    /// Owner.
    public var uid: UInt32
    /// Group.
    public var gid: UInt32
    /// Length of a regular file in bytes, holes included; 0 for everything else.
    public var size: Int64
    /// When the content last changed.
    public var modificationTime: Time
    /// Extended attributes in the archive's order.
    public var attributes: [Attribute]
    /// The parts of a sparse file that hold data, in order and disjoint; nil for an ordinary file. The stored content is
    /// these parts one after the other.
    public var segments: [Segment]?

    /// An entry; what is not given is root's, from 1970, and empty.
    public init(
        path: PathBytes, kind: Kind, mode: UInt32 = 0o644, uid: UInt32 = 0, gid: UInt32 = 0, size: Int64 = 0,
        modificationTime: Time = Time(seconds: 0), linkTarget: PathBytes = "", attributes: [Attribute] = []
    ) {
        self.path = path
        self.kind = kind
        self.linkTarget = linkTarget
        self.mode = mode
        self.uid = uid
        self.gid = gid
        self.size = size
        self.modificationTime = modificationTime
        self.attributes = attributes
        self.segments = nil
    }

    /// How many bytes of content the archive stores for it.
    public var storedSize: Int64 { segments.map { $0.reduce(0) { $0 + $1.length } } ?? size }
}
