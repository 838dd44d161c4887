/// One rule of device access (OCI `linux.resources.devices`): the last rule that matches an access decides it.
public struct DeviceRule: Sendable, Equatable {
    /// Which device nodes.
    public enum Kind: String, Sendable {
        case all = "a"
        case character = "c"
        case block = "b"
    }

    /// The ways to use a device node.
    public struct Access: OptionSet, Sendable {
        public let rawValue: UInt32
        public init(rawValue: UInt32) { self.rawValue = rawValue }
        // Values of BPF_DEVCG_ACC_* in linux/bpf.h.
        public static let makeNode = Access(rawValue: 1)
        public static let read = Access(rawValue: 2)
        public static let write = Access(rawValue: 4)
        public static let all: Access = [.makeNode, .read, .write]

        /// Reads OCI's letters "rwm"; nil for any other letter. Empty means all three.
        public init?(letters: String) {
            var access: Access = []
            for letter in letters.utf8 {
                switch letter {
                case 114: access.insert(.read)
                case 119: access.insert(.write)
                case 109: access.insert(.makeNode)
                default: return nil
                }
            }
            self = access.isEmpty ? .all : access
        }

        /// The letters in the order the kernel writes them.
        public var letters: String {
            (contains(.read) ? "r" : "") + (contains(.write) ? "w" : "") + (contains(.makeNode) ? "m" : "")
        }
    }

    public var allow: Bool
    public var kind: Kind
    /// Major number; nil is any.
    public var major: UInt32?
    /// Minor number; nil is any.
    public var minor: UInt32?
    public var access: Access

    /// A rule; without numbers it is for every device of its kind.
    public init(allow: Bool, kind: Kind = .all, major: UInt32? = nil, minor: UInt32? = nil, access: Access = .all) {
        self.allow = allow
        self.kind = kind
        self.major = major
        self.minor = minor
        self.access = access
    }

    /// Whether the rule is for every access to every device.
    var isTotal: Bool {
        (kind == .all && major == nil && minor == nil) && access == .all
    }
}
