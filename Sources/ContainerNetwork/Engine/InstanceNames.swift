/// The names of everything one engine makes in the kernel. Engines with different roots live side by side, so every name
/// carries the instance's token; no name is the beginning of another instance's.
struct InstanceNames: Hashable, Sendable {
    /// Empty for the default root, else at most seven letters and digits.
    let token: String

    /// Names for a token. One that is no short word of small letters and digits is replaced by its hash.
    init(_ instance: String) {
        let fits =
            instance.utf8.count <= 7
            && instance.utf8.allSatisfy { (0x61...0x7A).contains($0) || (0x30...0x39).contains($0) }
        token = fits ? instance : StableHash.word(instance, length: 7)
    }

    /// The default network's bridge, at most 13 bytes.
    var defaultBridge: String { token.isEmpty ? "berth0" : "berth-\(token)" }

    /// The bridge of a network with another name, 15 bytes.
    func bridge(forNetwork network: String) -> String {
        network == NetworkEngine.defaultNetwork
            ? defaultBridge : "bn-" + StableHash.word("\(token)/\(network)", length: 12)
    }

    /// The nf_tables table's name, in both families.
    var table: String { token.isEmpty ? "berth" : "berth_\(token)" }

    /// What the names of the host's ends of all veth pairs start with. The hyphens, which no token has, keep one
    /// instance's pattern from matching another's names.
    var portPrefix: String { token.isEmpty ? "v-berth-" : "v\(token)-" }

    /// A new name for a host's end: the prefix and six random characters.
    func randomPort() -> String {
        portPrefix + StableHash.word(of: UInt64.random(in: .min ... .max), length: 6)
    }
}

/// A hash that is the same in every process and release (FNV-1a), and its form as a word for names.
enum StableHash {
    /// 64 bits of FNV-1a over the text's UTF-8.
    static func number(_ text: String) -> UInt64 {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in text.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        return hash
    }

    /// `length` (at most 12) small letters and digits.
    static func word(_ text: String, length: Int) -> String { word(of: number(text), length: length) }

    static func word(of number: UInt64, length: Int) -> String {
        let alphabet = Array("abcdefghijklmnopqrstuvwxyz234567".utf8)
        var rest = number
        var characters = [UInt8]()
        for _ in 0..<length {
            characters.append(alphabet[Int(rest & 31)])
            rest >>= 5
        }
        return String(decoding: characters, as: UTF8.self)
    }
}
