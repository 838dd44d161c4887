import CommandLine
import Glibc

/// IP addresses as text.
enum AddressText {
    /// Whether the text is an IPv4 address of four numbers or an IPv6 address without a zone (inet_pton(3)).
    static func isValid(_ text: some StringProtocol) -> Bool {
        guard text.utf8.count <= 45, !text.utf8.contains(0) else { return false }
        var buffer = [UInt8](repeating: 0, count: 16)
        let family = ByteText.holds(text, ":") ? AF_INET6 : AF_INET
        return inet_pton(family, String(text), &buffer) == 1
    }
}

/// An entry for a container's hosts file, `--add-host NAME:ADDRESS` or `NAME=ADDRESS`.
enum HostEntry {
    /// The entry as "name:address"; brackets around an IPv6 address are taken off. "host-gateway" stays, for the engine.
    static func parse(_ text: String) throws(ValueError) -> String {
        guard let (name, given) = ByteText.cut(text, at: "=") ?? ByteText.cut(text, at: ":"), !name.isEmpty else {
            throw ValueError("bad format for add-host: \(quoted(text))")
        }
        let address = ByteText.unwrapped(given, "[", "]") ?? given
        guard address == "host-gateway" || AddressText.isValid(address) else {
            throw ValueError("invalid IP address in add-host: \(quoted(address))")
        }
        // The name goes into a file of lines and words.
        guard name.utf8.allSatisfy({ $0 > 32 && $0 != 127 && $0 != 35 }), name.utf8.count <= 253 else {
            throw ValueError("bad format for add-host: \(quoted(text))")
        }
        return "\(name):\(address)"
    }
}
