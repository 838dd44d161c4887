import LinuxKernel
import Netlink

/// Finds the process that has a port, through procfs. Only when a port turned out to be taken.
enum PortOwners {
    /// One row of `/proc/net/tcp` and its like.
    struct Row: Equatable {
        /// The local address.
        var address: IPAddress
        /// The local port.
        var port: UInt16
        /// The state (0A is listening, 06 TIME_WAIT).
        var state: UInt8
        /// The socket's inode, 0 for a connection no process has any more.
        var inode: UInt64
    }

    /// Reads `/proc/net/tcp`, `tcp6`, `udp` or `udp6` (`proc(5)`). Rows that make no sense are left out.
    static func parse(_ text: [UInt8]) -> [Row] {
        text.split(separator: 10).dropFirst().compactMap { line in
            let words = line.split(separator: 32, maxSplits: 11).map { String(decoding: $0, as: UTF8.self) }
            guard words.count >= 10, let colon = words[1].firstIndex(of: ":"),
                let port = UInt16(words[1][words[1].index(after: colon)...], radix: 16),
                let address = address(words[1][..<colon]), let state = UInt8(words[3], radix: 16),
                let inode = UInt64(words[9])
            else { return nil }
            return Row(address: address, port: port, state: state, inode: inode)
        }
    }

    /// The kernel prints each 32-bit word of an address as a number in host order.
    private static func address(_ text: Substring) -> IPAddress? {
        let digits = Array(text.utf8)
        guard digits.count == 8 || digits.count == 32 else { return nil }
        var bytes = [UInt8]()
        for start in stride(from: 0, to: digits.count, by: 8) {
            guard let word = UInt32(String(decoding: digits[start..<(start + 8)], as: UTF8.self), radix: 16) else {
                return nil
            }
            bytes += withUnsafeBytes(of: word) { Array($0) }
        }
        return IPAddress(bytes: bytes)
    }

    /// The sockets that collide with a port on an address.
    static func sockets(on port: UInt16, _ portProtocol: PortProtocol, at address: IPAddress) -> [Row] {
        guard portProtocol != .sctp else { return [] }
        var rows = [Row]()
        for file in [portProtocol.rawValue, portProtocol.rawValue + "6"] {
            guard let text = try? Files.read("/proc/thread-self/net/\(file)", limit: 64 << 20) else { continue }
            rows += parse(text).filter { row in
                row.port == port && row.inode != 0
                    && (row.address == address || row.address.isAny || address.isAny)
            }
        }
        return rows
    }

    /// "nginx (pid 123)" for a socket's inode, nil when no process here has it.
    static func process(holding inode: UInt64) -> String? {
        let wanted = "socket:[\(inode)]"
        guard let proc = try? Files.open("/proc", [.readOnly, .directory]), let entries = try? proc.directoryEntries()
        else { return nil }
        for entry in entries {
            guard let pid = Int32(entry.name.description),
                let opened = try? Files.open(at: proc.rawValue, "\(pid)/fd", [.readOnly, .directory]),
                let numbers = try? opened.directoryEntries()
            else { continue }
            for number in numbers {
                guard let target = try? Files.readLink(at: opened.rawValue, number.name), target.description == wanted
                else { continue }
                let name = (try? Files.readLine(at: proc.rawValue, "\(pid)/comm")) ?? "unknown"
                return "\(printable(name)) (pid \(pid))"
            }
        }
        return nil
    }

    /// A process may call itself anything, terminal escapes included.
    private static func printable(_ name: String) -> String {
        String(name.unicodeScalars.map { $0.value < 0x20 || $0.value == 0x7F || !$0.isASCII ? "?" : Character($0) })
    }
}
