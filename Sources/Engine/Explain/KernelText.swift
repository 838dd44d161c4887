/// What the kernel says of a process in text, taken apart. Everything in it may have been chosen by somebody hostile.
enum KernelText {
    /// One line of `/proc/PID/mountinfo` (`proc_pid_mountinfo(5)`).
    struct Mount: Equatable {
        var root: String
        var target: String
        var options: [String]
        var propagation: [String]
        var type: String
        var source: String
        var superOptions: [String]

        init?(_ line: String) {
            let fields = line.split(separator: " ").map(String.init)
            guard fields.count >= 10, let dash = fields.firstIndex(of: "-"), dash >= 6, fields.count > dash + 3 else {
                return nil
            }
            root = KernelText.unescaped(fields[3])
            target = KernelText.unescaped(fields[4])
            options = fields[5].split(separator: ",").map(String.init)
            propagation = Array(fields[6..<dash])
            type = fields[dash + 1]
            source = KernelText.unescaped(fields[dash + 2])
            superOptions = fields[dash + 3].split(separator: ",").map { KernelText.unescaped(String($0)) }
        }
    }

    static func mounts(_ text: String) -> [Mount] { text.split(separator: "\n").compactMap { Mount(String($0)) } }

    /// `\040` and its like.
    static func unescaped(_ text: String) -> String {
        var bytes = [UInt8]()
        var rest = Array(text.utf8)[...]
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "\\"), rest.count >= 3,
                rest.prefix(3).allSatisfy({ (0x30...0x37).contains($0) })
            {
                let value = rest.prefix(3).reduce(0) { $0 * 8 + Int($1 - 0x30) }
                bytes.append(UInt8(truncatingIfNeeded: value))
                rest = rest.dropFirst(3)
            } else {
                bytes.append(byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// `/proc/PID/cgroup`: controllers (none for version 2) and path.
    static func groups(_ text: String) -> [(controllers: [String], path: String)] {
        text.split(separator: "\n").compactMap { line in
            let parts = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
            guard parts.count == 3 else { return nil }
            return (parts[1].split(separator: ",").map(String.init), String(parts[2]))
        }
    }

    /// `Name:\tvalue` of `/proc/PID/status`.
    static func fields(_ text: String) -> [String: String] {
        var result = [String: String]()
        for line in text.split(separator: "\n") {
            let parts = line.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2 else { continue }
            let value = parts[1].drop { $0 == " " || $0 == "\t" }
            result[String(parts[0])] = value.split(whereSeparator: { $0 == "\t" || $0 == " " }).joined(separator: " ")
        }
        return result
    }

    /// The addresses of its own that `/proc/PID/net/fib_trie` shows.
    static func addresses4(_ trie: String) -> [String] {
        var result = [String]()
        var last = ""
        for line in trie.split(separator: "\n") {
            let words = line.split(separator: " ").map(String.init)
            if let mark = words.firstIndex(of: "|--"), words.count > mark + 1 { last = words[mark + 1] }
            if words.contains("host"), words.contains("LOCAL"), !last.isEmpty, !result.contains(last),
                !last.hasPrefix("127.")
            {
                result.append(last)
            }
        }
        return result
    }

    /// Interface and gateway of the default route in `/proc/PID/net/route`.
    static func defaultRoute(_ text: String) -> (interface: String, gateway: String)? {
        for line in text.split(separator: "\n").dropFirst() {
            let words = line.split(separator: "\t").map { $0.filter { $0 != " " } }
            guard words.count > 3, words[1] == "00000000", let value = UInt32(words[2], radix: 16) else { continue }
            let bytes = (0..<4).map { String(value >> (8 * UInt32($0)) & 0xFF) }
            return (words[0], bytes.joined(separator: "."))
        }
        return nil
    }
}
