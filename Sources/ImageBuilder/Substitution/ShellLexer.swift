/// Why a text cannot be expanded, as a clause.
struct SubstitutionError: Error, Equatable, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}

/// What an expansion came to.
struct Expansion: Equatable {
    /// The whole text, blanks and all.
    var text = ""
    /// The same, cut at blanks that no quote covers. Blanks from variables cut too.
    var words = [String]()
    /// Variables that were named but are not set, in order.
    var unset = [String]()
    /// Variables that were named and are set.
    var used = Set<String>()
}

/// Quotes and variables in the arguments of instructions, by BuildKit's rules: `$v`, `${v}`, `${v:-w}`, `${v-w}`,
/// `${v:+w}`, `${v+w}`, `${v:?e}`, `${v?e}`, `${v#p}`, `${v##p}`, `${v%p}`, `${v%%p}`, `${v/p/r}`, `${v//p/r}` (Dockerfile
/// reference, "Environment replacement").
struct ShellLexer {
    /// The character that takes away another's meaning.
    var escape: Unicode.Scalar = "\\"
    /// Quotes stay in the result.
    var keepsQuotes = false
    /// Escape characters stay in the result.
    var keepsEscapes = false
    /// Quotes mean nothing.
    var ignoresQuotes = false
    /// A variable that is not set stays as it is written.
    var keepsUnset = false

    /// Expands a text.
    ///
    /// - Parameter variables: what is set.
    /// - Throws: ``SubstitutionError`` for a quote or brace that is not closed and for `${v:?e}`.
    func expand(_ text: String, _ variables: [String: String]) throws(SubstitutionError) -> Expansion {
        var run = LexerRun(rules: self, scalars: Array(text.unicodeScalars), variables: variables)
        let (result, words) = try run.until(nil, keepsEscapes: keepsEscapes)
        return Expansion(text: result, words: words, unset: run.unset, used: run.used)
    }
}

/// Words as they come together.
private struct WordSplitter {
    private var word = String.UnicodeScalarView()
    private var inWord = false
    private var words = [String]()

    /// A character that cuts if it is blank.
    mutating func add(_ scalar: Unicode.Scalar) {
        guard scalar.properties.isWhitespace else { return addRaw(scalar) }
        if inWord, !word.isEmpty { finish() }
    }

    mutating func addRaw(_ scalar: Unicode.Scalar) {
        word.append(scalar)
        inWord = true
    }

    mutating func addRaw(_ text: String) {
        word.append(contentsOf: text.unicodeScalars)
        inWord = true
    }

    private mutating func finish() {
        words.append(String(word))
        word = String.UnicodeScalarView()
        inWord = false
    }

    mutating func result() -> [String] {
        if !word.isEmpty { finish() }
        return words
    }
}

/// One expansion under way.
private struct LexerRun {
    let rules: ShellLexer
    let scalars: [Unicode.Scalar]
    let variables: [String: String]
    var place = 0
    var unset = [String]()
    var used = Set<String>()
    var depth = 0

    init(rules: ShellLexer, scalars: [Unicode.Scalar], variables: [String: String]) {
        self.rules = rules
        self.scalars = scalars
        self.variables = variables
    }

    private var peek: Unicode.Scalar? { place < scalars.count ? scalars[place] : nil }

    private mutating func next() -> Unicode.Scalar? {
        guard place < scalars.count else { return nil }
        defer { place += 1 }
        return scalars[place]
    }

    /// Everything up to a character (consumed), or with nil to the end.
    mutating func until(_ stop: Unicode.Scalar?, keepsEscapes: Bool) throws(SubstitutionError) -> (String, [String]) {
        depth += 1
        defer { depth -= 1 }
        // Each level of nesting is a call deeper; nobody nests a thousand, and a stack is not endless.
        guard depth <= 200 else { throw SubstitutionError("braces are nested too deep") }
        var result = String.UnicodeScalarView()
        var words = WordSplitter()
        while let scalar = peek {
            if let stop, scalar == stop {
                place += 1
                return (String(result), words.result())
            }
            if scalar == "$" {
                let text = try dollar(keepsEscapes)
                result.append(contentsOf: text.unicodeScalars)
                for scalar in text.unicodeScalars { words.add(scalar) }
            } else if !rules.ignoresQuotes, scalar == "'" || scalar == "\"" {
                let text = scalar == "'" ? try singleQuote() : try doubleQuote(keepsEscapes)
                result.append(contentsOf: text.unicodeScalars)
                words.addRaw(text)
            } else {
                place += 1
                guard scalar == rules.escape else {
                    words.add(scalar)
                    result.append(scalar)
                    continue
                }
                if keepsEscapes {
                    words.addRaw(scalar)
                    result.append(scalar)
                }
                // At the end of the text an escape character means nothing.
                guard let escaped = next() else { break }
                words.addRaw(escaped)
                result.append(escaped)
            }
        }
        if let stop { throw SubstitutionError("syntax error: missing '\(stop)'") }
        return (String(result), words.result())
    }

    private mutating func singleQuote() throws(SubstitutionError) -> String {
        var result = String.UnicodeScalarView()
        if let open = next(), rules.keepsQuotes { result.append(open) }
        while let scalar = next() {
            if scalar == "'" {
                if rules.keepsQuotes { result.append(scalar) }
                return String(result)
            }
            result.append(scalar)
        }
        throw SubstitutionError("a single quote (') is not closed")
    }

    private mutating func doubleQuote(_ keepsEscapes: Bool) throws(SubstitutionError) -> String {
        var result = String.UnicodeScalarView()
        if let open = next(), rules.keepsQuotes { result.append(open) }
        while let scalar = peek {
            if scalar == "\"" {
                place += 1
                if rules.keepsQuotes { result.append(scalar) }
                return String(result)
            }
            if scalar == "$" {
                result.append(contentsOf: try dollar(keepsEscapes).unicodeScalars)
                continue
            }
            place += 1
            guard scalar == rules.escape else {
                result.append(scalar)
                continue
            }
            if keepsEscapes { result.append(scalar) }
            guard let following = peek else { continue }
            // Only these can be escaped within double quotes; before others the escape character stands for itself.
            if following == "\"" || following == "$" || following == rules.escape {
                place += 1
                result.append(following)
            } else if !keepsEscapes {
                result.append(scalar)
            }
        }
        throw SubstitutionError("a double quote (\") is not closed")
    }

    private mutating func lookUp(_ name: String) -> String? {
        if let value = variables[name] {
            used.insert(name)
            return value
        }
        unset.append(name)
        return nil
    }

    private mutating func dollar(_ keepsEscapes: Bool) throws(SubstitutionError) -> String {
        place += 1
        guard peek == "{" else {
            let name = self.name()
            if name.isEmpty { return "$" }
            return lookUp(name) ?? (rules.keepsUnset ? "$\(name)" : "")
        }
        place += 1
        guard let first = peek else { throw SubstitutionError("syntax error: missing '}'") }
        guard !["{", "}", ":"].contains(first) else { throw SubstitutionError("syntax error: bad substitution") }
        let name = self.name()
        guard var modifier = next() else { throw SubstitutionError("syntax error: missing '}'") }
        if modifier == "}" { return lookUp(name) ?? (rules.keepsUnset ? "${\(name)}" : "") }
        if modifier == "/" { return try replacement(name) }
        var shown = String(modifier)
        let emptyIsUnset = modifier == ":"
        if emptyIsUnset {
            guard let following = next() else { throw SubstitutionError("syntax error: missing '}'") }
            modifier = following
            shown.unicodeScalars.append(following)
        }
        guard ["+", "-", "?", "#", "%"].contains(modifier) else {
            throw SubstitutionError("unsupported modifier (\(quote(shown))) in substitution of \(quote(name))")
        }
        let (word, _) = try until("}", keepsEscapes: modifier == "#" || modifier == "%")
        let value = lookUp(name)
        if rules.keepsUnset, value == nil { return "${\(name)\(shown)\(word)}" }
        return try apply(modifier, word, to: value, name, emptyIsUnset: emptyIsUnset)
    }

    private func apply(
        _ modifier: Unicode.Scalar, _ word: String, to value: String?, _ name: String, emptyIsUnset: Bool
    ) throws(SubstitutionError) -> String {
        let counts = value.map { !(emptyIsUnset && $0.isEmpty) } ?? false
        switch modifier {
        case "-": return counts ? value ?? "" : word
        case "+": return counts ? word : ""
        case "?":
            if counts { return value ?? "" }
            let reason = value == nil ? "is not allowed to be unset" : "is not allowed to be empty"
            throw SubstitutionError("\(name): \(word.isEmpty ? reason : harmless(word))")
        default:
            let longest = word.unicodeScalars.first == modifier
            let pattern = try GlobPattern(longest ? String(word.unicodeScalars.dropFirst()) : word)
            return modifier == "#"
                ? pattern.trimmingPrefix(of: value ?? "", longest: longest)
                : pattern.trimmingSuffix(of: value ?? "", longest: longest)
        }
    }

    private mutating func replacement(_ name: String) throws(SubstitutionError) -> String {
        let all = peek == "/"
        if all { place += 1 }
        let (pattern, _) = try until("/", keepsEscapes: true)
        let (replacement, _) = try until("}", keepsEscapes: true)
        let value = lookUp(name)
        if rules.keepsUnset, value == nil { return "${\(name)/\(pattern)/\(replacement)}" }
        return try GlobPattern(pattern).replacing(in: value ?? "", with: replacement, all: all)
    }

    /// A variable's name: letters, digits and `_`; digits alone; or one of the shell's special parameters.
    private mutating func name() -> String {
        var result = String.UnicodeScalarView()
        while let scalar = peek {
            if result.isEmpty, scalar.properties.numericType == .decimal {
                while let digit = peek, digit.properties.numericType == .decimal {
                    result.append(digit)
                    place += 1
                }
                break
            }
            if result.isEmpty, ["@", "*", "#", "?", "-", "$", "!"].contains(scalar) {
                place += 1
                return String(scalar)
            }
            guard scalar == "_" || scalar.properties.isAlphabetic || scalar.properties.numericType == .decimal else {
                break
            }
            result.append(scalar)
            place += 1
        }
        return String(result)
    }
}
