/// How a person's terminal is tied to a container.
public struct AttachOptions: Sendable {
    /// Whether signals go to the container's program.
    public var passesSignals = true
    /// The keys that leave the container running.
    public var detachKeys = DetachKeys()
    /// Whether standard input stays with the caller.
    public var withoutInput = false
    /// Which of the container's streams are shown.
    public var showsOutput = true
    public var showsErrors = true
    /// Whether the container ran before.
    var isGuest = false

    /// The defaults.
    public init() {}
}

/// A sequence of keys, `ctrl-p,ctrl-q` unless asked otherwise, that detaches a terminal.
public struct DetachKeys: Sendable, Equatable {
    /// What the terminal sends for them.
    public var bytes: [UInt8] = [16, 17]

    /// Docker's.
    public init() {}

    /// Reads keys between commas: a character, or `ctrl-` and one of a–z, @, [, \\, ], ^, _. Nil for anything else; an empty
    /// text is Docker's sequence.
    public init?(_ text: String) {
        if text.isEmpty { return }
        bytes = []
        for key in text.split(separator: ",", omittingEmptySubsequences: false) {
            let key = Array(key.utf8)
            if key.count == 1, key[0] >= 0x20, key[0] < 0x7F {
                bytes.append(key[0])
            } else if key.count == 6, Array(key[..<5]) == Array("ctrl-".utf8) {
                switch key[5] {
                case 0x61...0x7A: bytes.append(key[5] - 0x60)
                case 0x40, 0x5B...0x5F: bytes.append(key[5] - 0x40)
                default: return nil
                }
            } else {
                return nil
            }
        }
    }

    /// Looks for the keys in what is typed, also when they come one by one.
    struct Matcher {
        private let keys: [UInt8]
        private var matched = 0

        init(_ keys: DetachKeys) { self.keys = keys.bytes }

        /// Takes typed bytes: what may be the beginning of the sequence is kept back until it is known.
        ///
        /// - Returns: whether the whole sequence was typed; `bytes` is what came before it.
        mutating func take(_ bytes: inout [UInt8]) -> Bool {
            guard !keys.isEmpty else { return false }
            var passed = [UInt8]()
            for byte in bytes {
                if byte == keys[matched] {
                    matched += 1
                    if matched == keys.count {
                        matched = 0
                        bytes = passed
                        return true
                    }
                    continue
                }
                passed += keys[..<matched]
                matched = byte == keys[0] ? 1 : 0
                if matched == 0 { passed.append(byte) }
            }
            bytes = passed
            return false
        }
    }
}
