import CLinux
import LinuxKernel

/// iptables of the old kind (`ip_tables.ko`), whose rules nf_tables does not show.
public enum LegacyTables {
    /// Whether the old `filter` table drops what is forwarded and met no rule; nil where there is no such table.
    ///
    /// Asking for a table by this call would load it: `/proc/net/ip_tables_names` tells first which are there.
    public static func dropsForwarded(six: Bool) -> Bool? {
        let names = (try? Files.read("/proc/thread-self/net/\(six ? "ip6" : "ip")_tables_names", limit: 65536)) ?? []
        guard names.split(separator: 10).contains(where: { $0.elementsEqual("filter".utf8) }) else { return nil }
        let opened = berth_iptables_socket(six ? 1 : 0)
        guard opened >= 0 else { return nil }
        let socket = FileDescriptor(owning: Int32(opened))
        // struct ipt_getinfo: name[32], valid_hooks, hook_entry[5], underflow[5], num_entries, size (ip_tables.h).
        var info = Array("filter".utf8) + [UInt8](repeating: 0, count: 84 - 6)
        guard get(socket.rawValue, six, 64, &info), let size = info[...].number(at: 80, as: UInt32.self),
            size < 64 << 20
        else { return nil }
        // struct ipt_get_entries: name[32], size, and at the next multiple of eight the rules.
        var entries = Array("filter".utf8) + [UInt8](repeating: 0, count: 40 - 6 + Int(size))
        withUnsafeBytes(of: size) { entries.replaceSubrange(32..<36, with: $0) }
        guard get(socket.rawValue, six, 65, &entries) else { return nil }
        return forwardPolicy(info: info[...], rules: entries[40...], six: six).map { $0 == -1 }
    }

    private static func get(_ socket: Int32, _ six: Bool, _ what: Int32, _ bytes: inout [UInt8]) -> Bool {
        var size = UInt32(bytes.count)
        return bytes.withUnsafeMutableBytes { berth_iptables_get(socket, six ? 1 : 0, what, $0.baseAddress, &size) }
            == 0
    }

    /// The verdict at the end of the forward chain: -1 drop, -2 accept; nil when the bytes make no sense.
    ///
    /// - Parameters:
    ///   - info: `struct ipt_getinfo`; the chain's last rule stands at `underflow[NF_INET_FORWARD]`.
    ///   - rules: the rules: `ipt_entry` has 112 bytes (`ip6t_entry` 168), its target's place at offset 88 (140); a standard
    ///     target is a head of 32 bytes with an empty name, then the verdict.
    public static func forwardPolicy(info: ArraySlice<UInt8>, rules: ArraySlice<UInt8>, six: Bool) -> Int32? {
        guard let last = info.number(at: 32 + 4 + 20 + 8, as: UInt32.self),
            let target = rules.number(at: Int(last) + (six ? 140 : 88), as: UInt16.self),
            let name = rules.number(at: Int(last) + Int(target) + 2, as: UInt8.self), name == 0
        else { return nil }
        return rules.number(at: Int(last) + Int(target) + 32, as: Int32.self)
    }
}
