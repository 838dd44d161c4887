/// Words of an instruction before variables are expanded.
enum WordSplitting {
    /// Words between blanks.
    static func plain(_ text: String) -> [String] {
        text.utf8.split(whereSeparator: ByteClass.isBlank).map { String(decoding: $0, as: UTF8.self) }
    }

    /// Words between blanks that neither quotes nor the escape character cover. Quotes and escapes stay: the expansion
    /// takes them away.
    static func quoted(_ text: String, escape: UInt8) -> [String] {
        let bytes = Array(text.utf8)
        var words = [String]()
        var word = [UInt8]()
        var isWord = false
        var quote: UInt8?
        var place = 0
        while place < bytes.count {
            let byte = bytes[place]
            place += 1
            if quote == nil, ByteClass.isBlank(byte) {
                if isWord { words.append(String(decoding: word, as: UTF8.self)) }
                word = []
                isWord = false
                continue
            }
            isWord = true
            word.append(byte)
            if byte == escape, quote != UInt8(ascii: "'") {
                if place < bytes.count {
                    word.append(bytes[place])
                    place += 1
                }
            } else if byte == quote {
                quote = nil
            } else if quote == nil, byte == UInt8(ascii: "'") || byte == UInt8(ascii: "\"") {
                quote = byte
            }
        }
        if isWord { words.append(String(decoding: word, as: UTF8.self)) }
        return words
    }

    /// `A=b C="d e"`, or the old form `A b c`, which is one pair.
    static func pairs(_ raw: RawInstruction, escape: UInt8) throws(BuildError) -> [KeyValue] {
        let words = quoted(raw.rest, escape: escape)
        guard let first = words.first else {
            throw .syntax("\(raw.name) needs at least one NAME=VALUE", at: raw.range)
        }
        if !first.utf8.contains(UInt8(ascii: "=")) {
            let rest = ByteClass.trim(raw.rest.utf8.dropFirst(first.utf8.count).map { $0 }[...])
            guard !rest.isEmpty else {
                throw .syntax(
                    "\(raw.name) needs a name and a value", remedy: "write \(raw.name) \(harmless(first))=VALUE",
                    at: raw.range.highlighting(first))
            }
            return [KeyValue(key: first, value: String(decoding: rest, as: UTF8.self), isLegacy: true)]
        }
        var result = [KeyValue]()
        for word in words {
            let bytes = word.utf8
            guard let equals = bytes.firstIndex(of: UInt8(ascii: "=")) else {
                throw .syntax(
                    "cannot find = in \(quote(word))",
                    remedy: "the form is NAME=VALUE; a value with blanks needs quotes",
                    at: raw.range.highlighting(word))
            }
            guard equals != bytes.startIndex else {
                throw .syntax("\(raw.name) names cannot be blank", at: raw.range.highlighting(word))
            }
            result.append(
                KeyValue(
                    key: String(decoding: bytes[..<equals], as: UTF8.self),
                    value: String(decoding: bytes[bytes.index(after: equals)...], as: UTF8.self), isLegacy: false))
        }
        return result
    }
}
