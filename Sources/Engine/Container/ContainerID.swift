/// A container's id: 64 hexadecimal digits, random.
public enum ContainerID {
    /// A new one.
    public static func make() -> String {
        var generator = SystemRandomNumberGenerator()
        var text = ""
        for _ in 0..<4 {
            let part = String(generator.next() as UInt64, radix: 16)
            text += String(repeating: "0", count: 16 - part.count) + part
        }
        return text
    }

    /// The twelve digits people see.
    public static func short(_ id: String) -> String { String(id.prefix(12)) }

    /// Whether a text has the form of an id.
    static func isID(_ text: String) -> Bool {
        text.utf8.count == 64 && text.utf8.allSatisfy { isHexDigit($0) }
    }

    static func isHexDigit(_ byte: UInt8) -> Bool {
        (0x30...0x39).contains(byte) || (0x61...0x66).contains(byte)
    }
}

/// Container names.
public enum ContainerName {
    /// Docker's rule: a letter or digit, then at least one of letters, digits, `_`, `.`, `-`; here at most 200 of them.
    public static func isValid(_ name: String) -> Bool {
        let bytes = Array(name.utf8)
        guard bytes.count >= 2, bytes.count <= 200, let first = bytes.first, isLetterOrDigit(first) else { return false }
        return bytes.dropFirst().allSatisfy {
            isLetterOrDigit($0) || $0 == UInt8(ascii: "_") || $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: "-")
        }
    }

    private static func isLetterOrDigit(_ byte: UInt8) -> Bool {
        (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
    }

    /// A name for a container that was given none.
    public static func random() -> String {
        let kinds = [
            "amber", "bold", "brisk", "calm", "clever", "coral", "crisp", "daring", "eager", "early", "fair", "fleet",
            "gentle", "golden", "grand", "hardy", "honest", "jolly", "keen", "lively", "lucky", "mellow", "merry", "misty",
            "nimble", "noble", "patient", "plucky", "proud", "quick", "quiet", "ready", "rosy", "salty", "serene", "sharp",
            "silver", "sleek", "snug", "steady", "sturdy", "sunny", "swift", "tidy", "trusty", "vivid", "warm", "wise",
        ]
        let vessels = [
            "albatross", "anchor", "barge", "beacon", "brig", "buoy", "canoe", "caravel", "catamaran", "clipper", "coaster",
            "compass", "cormorant", "corvette", "cutter", "dhow", "dinghy", "dolphin", "dory", "ferry", "frigate", "galleon",
            "gannet", "gull", "harbour", "heron", "jetty", "junk", "kayak", "ketch", "lantern", "lighter", "lugger", "mooring",
            "narwhal", "osprey", "packet", "petrel", "pilot", "pinnace", "puffin", "quay", "rigger", "rudder", "schooner",
            "sextant", "skiff", "sloop", "tern", "tiller", "trawler", "tug", "wherry", "yawl",
        ]
        var generator = SystemRandomNumberGenerator()
        let kind = kinds[Int.random(in: 0..<kinds.count, using: &generator)]
        let vessel = vessels[Int.random(in: 0..<vessels.count, using: &generator)]
        return "\(kind)_\(vessel)"
    }
}
