import CommandLine

/// `-u USER[:GROUP]`, names or numbers. What a name means is looked up in the container's own files.
enum UserText {
    /// Refuses what could be read in two ways: an empty half, signs and spaces before a number, numbers beyond 32 bits.
    static func check(_ text: String) throws(ValueError) {
        if text.isEmpty { return }
        let halves = ByteText.fields(text, by: ":")
        guard halves.count <= 2 else { throw ValueError("it has more than one colon; write USER or USER:GROUP") }
        for (half, what) in zip(halves, ["user", "group"]) {
            guard let first = half.utf8.first else {
                throw ValueError("the \(what) is empty; write USER or USER:GROUP")
            }
            guard half.utf8.count <= 256, half.utf8.allSatisfy({ $0 > 32 && $0 != 127 && $0 != 47 }), first != 43,
                first != 45
            else {
                throw ValueError("\(quoted(half)) is not the name or number of a \(what)")
            }
            // 2³² − 1 means "unchanged" to the kernel.
            if half.utf8.allSatisfy({ (48...57).contains($0) }), NumberValue.plain(half, limit: 4_294_967_294) == nil {
                throw ValueError("the \(what) \(half) is not a number from 0 to 4294967294")
            }
        }
    }
}
