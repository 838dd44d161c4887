/// Lists of processors or memory nodes as the kernel writes them ("0-3,7", `cpuset(7)`), as bits.
enum NumberMask {
    /// The bits of a list, nil when it is none or names a number above 8191 (the kernel's own limit).
    static func words(_ list: String) -> [UInt64]? {
        var words = [UInt64]()
        for part in list.utf8.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false) {
            let ends = part.split(separator: UInt8(ascii: "-"), omittingEmptySubsequences: false)
            guard let first = ends.first.flatMap(number), let last = ends.last.flatMap(number), ends.count <= 2,
                first <= last
            else { return nil }
            for bit in first...last {
                while words.count <= bit / 64 { words.append(0) }
                words[bit / 64] |= 1 << UInt64(bit % 64)
            }
        }
        return words
    }

    private static func number(_ text: Substring.UTF8View) -> Int? {
        guard (1...4).contains(text.count), text.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
        let value = text.reduce(0) { $0 * 10 + Int($1 - 0x30) }
        return value < 8192 ? value : nil
    }
}
