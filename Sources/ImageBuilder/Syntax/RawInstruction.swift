/// One instruction as it is written: lines joined, comments gone, nothing understood yet but its first word.
struct RawInstruction: Equatable {
    /// The first word as written.
    var keyword: String
    /// The words with two dashes that follow it.
    var flags: [String]
    /// Everything after those.
    var rest: String
    /// The whole instruction in one line.
    var text: String
    var heredocs: [Heredoc] = []
    var range: SourceRange
    /// The comments right before it, without their `#`.
    var comments: [String]

    /// Takes a joined line apart.
    init(line: String, range: SourceRange, comments: [String]) throws(BuildError) {
        let bytes = ByteClass.trim(Array(line.utf8)[...])
        let word = bytes.prefix { !ByteClass.isBlank($0) }
        keyword = String(decoding: word, as: UTF8.self)
        text = String(decoding: bytes, as: UTF8.self)
        self.range = range
        self.comments = comments
        var flags = FlagWords(String(decoding: bytes[word.endIndex...].drop(while: ByteClass.isBlank), as: UTF8.self))
        flags.read()
        self.flags = flags.words
        rest = ByteClass.trim(flags.rest)
    }

    /// The instruction's name in capitals.
    var name: String { keyword.uppercased() }

    /// Whether documents may follow: RUN, COPY and ADD unless in JSON form, also behind ONBUILD.
    var mayHoldHeredocs: Bool {
        var name = self.name
        var rest = self.rest
        if name == "ONBUILD" {
            let inner = try? RawInstruction(line: rest, range: range, comments: [])
            name = inner?.name ?? ""
            rest = inner?.rest ?? ""
        }
        guard ["RUN", "COPY", "ADD"].contains(name) else { return false }
        return JSONWords.parse(rest) == .notJSON
    }
}

/// The flags between an instruction's name and its arguments. Quotes and backslashes as in a shell.
private struct FlagWords {
    private let scalars: [Unicode.Scalar]
    private(set) var words = [String]()
    private var place = 0

    init(_ text: String) { scalars = Array(text.unicodeScalars) }

    /// What follows the last flag.
    var rest: String {
        var view = String.UnicodeScalarView()
        view.append(contentsOf: scalars[min(place, scalars.count)...])
        return String(view)
    }

    mutating func read() {
        while true {
            var start = place
            while start < scalars.count, scalars[start].properties.isWhitespace { start += 1 }
            guard start + 1 < scalars.count, scalars[start] == "-", scalars[start + 1] == "-" else { return }
            place = start
            let word = self.word()
            // A lone "--" ends the flags.
            if word == "--" { return }
            words.append(word)
        }
    }

    private mutating func word() -> String {
        var result = String.UnicodeScalarView()
        var quote: Unicode.Scalar?
        while place < scalars.count {
            let scalar = scalars[place]
            if let open = quote {
                if scalar == open {
                    quote = nil
                    place += 1
                    continue
                }
            } else if scalar.properties.isWhitespace {
                break
            } else if scalar == "'" || scalar == "\"" {
                quote = scalar
                place += 1
                continue
            }
            place += 1
            if scalar == "\\" {
                guard place < scalars.count else { break }
                result.append(scalars[place])
                place += 1
            } else {
                result.append(scalar)
            }
        }
        return String(result)
    }
}
