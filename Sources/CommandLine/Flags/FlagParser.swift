/// Splits a command's words into flags and operands by the rules of Go's pflag package, which Docker's command line has:
/// `--flag value`, `--flag=value`, `-f value`, `-fvalue`, `-f=value`, clustered `-it`, booleans that take a value only
/// behind `=`, `--` as the end of flags.
struct FlagParser {
    let flags: [Flag]
    /// Whether flags may follow operands. `run` and `exec` say no: what follows the image is the container's.
    let interspersed: Bool

    enum Failure: Error, Equatable {
        /// `--help`, or `-h` where nothing else has that letter.
        case help
        /// A sentence.
        case usage(String)
        /// A flag that is known and not carried out.
        case unsupported(String)
    }

    struct Result {
        var values = FlagValues()
        /// The operands and, for each, its place in the words given.
        var operands: [(word: String, place: Int)] = []
        /// How many operands came before `--`; nil without one.
        var operandsBeforeDashes: Int?
    }

    func parse(_ words: [String]) throws(Failure) -> Result {
        var result = Result()
        var next = 0
        while next < words.count {
            let word = words[next]
            next += 1
            if word.utf8.first != 45 || word == "-" {
                result.operands.append((word, next - 1))
                if interspersed { continue }
                while next < words.count {
                    result.operands.append((words[next], next))
                    next += 1
                }
            } else if word == "--" {
                result.operandsBeforeDashes = result.operands.count
                while next < words.count {
                    result.operands.append((words[next], next))
                    next += 1
                }
            } else if word.utf8.dropFirst().first == 45 {
                try parseLong(word, words, &next, &result)
            } else {
                try parseShort(word, words, &next, &result)
            }
        }
        return result
    }

    private func parseLong(_ word: String, _ words: [String], _ next: inout Int, _ result: inout Result) throws(Failure)
    {
        let body = String(decoding: word.utf8.dropFirst(2), as: UTF8.self)
        if let first = body.utf8.first, first == 45 || first == 61 {
            throw .usage("bad flag syntax: \(printable(word))")
        }
        let pair = ByteText.cut(body, at: "=")
        let name = pair?.before ?? body
        guard let flag = flags.first(where: { $0.name == name }) else {
            if name == "help" { throw .help }
            throw .usage("unknown flag: --\(printable(name))")
        }
        if let pair {
            try set(flag, pair.after, &result)
        } else if flag.kind == .boolean {
            try set(flag, "true", &result)
        } else if next < words.count {
            next += 1
            try set(flag, words[next - 1], &result)
        } else {
            throw .usage("flag needs an argument: --\(printable(name))")
        }
    }

    private func parseShort(_ word: String, _ words: [String], _ next: inout Int, _ result: inout Result)
        throws(Failure)
    {
        var cluster = word.unicodeScalars.dropFirst()
        while let letter = cluster.first {
            guard let flag = flags.first(where: { $0.short == letter }) else {
                if letter == "h" { throw .help }
                throw .usage(
                    "unknown shorthand flag: \(quoted(String(Character(letter)), mark: "'")) in -\(printable(String(cluster)))"
                )
            }
            let rest = cluster.dropFirst()
            if rest.first == "=", rest.count > 1 {
                return try set(flag, String(rest.dropFirst()), &result)
            }
            if flag.kind == .boolean {
                try set(flag, "true", &result)
                cluster = rest
                continue
            }
            if !rest.isEmpty { return try set(flag, String(rest), &result) }
            guard next < words.count else {
                throw .usage(
                    "flag needs an argument: \(quoted(String(Character(letter)), mark: "'")) in -\(printable(String(cluster)))"
                )
            }
            next += 1
            return try set(flag, words[next - 1], &result)
        }
    }

    private func set(_ flag: Flag, _ value: String, _ result: inout Result) throws(Failure) {
        do throws(ValueError) {
            try flag.kind.check(value)
            try flag.check?(value)
        } catch {
            throw .usage(
                "invalid argument \(quoted(value)) for \"\(flag.title)\" flag: \(printable(error.description))")
        }
        switch flag.support {
        case .works: result.values.add(value, to: flag)
        case .always: break
        case .notYet(let harmless):
            // A switch that is off, and the value the help names as the default, ask for nothing.
            if flag.kind == .boolean, (try? NumberValue.boolean(value)) == false, flag.defaultText != "true" { break }
            if harmless.contains(value) || (flag.defaultText != nil && flag.defaultText == value) { break }
            throw .unsupported("--\(flag.name) is not supported yet")
        case .never(let reason):
            // An empty value, and what the help names as the default, ask for nothing.
            if flag.kind != .boolean, value.isEmpty || flag.defaultText == value { break }
            throw .unsupported("--\(flag.name) is not supported: \(reason)")
        }
    }
}
