/// A pattern of `.dockerignore` or `--exclude` against a path below the context's root: Go's `filepath.Match` with `**`
/// for any number of directories (Dockerfile reference, ".dockerignore file"). Matching takes time proportional to
/// pattern times path, whatever the pattern.
struct PathPattern: Sendable {
    private enum Token: Sendable, Equatable {
        case literal(Unicode.Scalar)
        /// `?`: one character but a slash.
        case one
        /// `*`: any characters but slashes.
        case many
        /// `**/`, any number of whole directories, is two: whether there are any…
        case directories
        /// …and the characters of them, up to a slash.
        case insideDirectories
        /// `**` at the end or before something that is no slash at the beginning: anything, slashes too.
        case anything
        case characters([ClosedRange<Unicode.Scalar>], negated: Bool)
    }

    /// The cleaned text.
    let text: [UInt8]
    /// No character of it means anything but itself.
    let isLiteral: Bool
    private let tokens: [Token]
    /// How the paths that match begin and end, to tell most others apart at once.
    private let prefix: [UInt8]
    private let suffix: [UInt8]

    /// Reads a pattern that is clean and relative.
    ///
    /// - Throws: what is wrong with it, as a clause.
    init(_ text: [UInt8]) throws(PatternError) {
        self.text = text
        let scalars = Array(String(decoding: text, as: UTF8.self).unicodeScalars)
        var tokens = [Token]()
        var place = 0
        var isLiteral = true
        while place < scalars.count {
            let scalar = scalars[place]
            place += 1
            switch scalar {
            case "*":
                isLiteral = false
                guard place < scalars.count, scalars[place] == "*" else {
                    tokens.append(.many)
                    continue
                }
                place += 1
                let isAtStart = place == 2
                var hasSlash = false
                if place < scalars.count, scalars[place] == "/" {
                    place += 1
                    hasSlash = true
                }
                if place == scalars.count || (isAtStart && !hasSlash) {
                    tokens.append(.anything)
                } else {
                    tokens += [.directories, .insideDirectories]
                }
            case "?":
                isLiteral = false
                tokens.append(.one)
            case "[":
                isLiteral = false
                tokens.append(try Self.characters(scalars, &place))
            case "\\":
                guard place < scalars.count else { throw PatternError("it ends with a backslash") }
                isLiteral = false
                tokens.append(.literal(scalars[place]))
                place += 1
            default: tokens.append(.literal(scalar))
            }
        }
        self.tokens = tokens
        self.isLiteral = isLiteral
        prefix = Self.literals(tokens)
        suffix = Self.literals(tokens.reversed()).reversed()
    }

    /// The bytes of ASCII characters at the beginning.
    private static func literals(_ tokens: [Token]) -> [UInt8] {
        var bytes = [UInt8]()
        for token in tokens {
            guard case .literal(let scalar) = token, scalar.isASCII else { break }
            bytes.append(UInt8(scalar.value))
        }
        return bytes
    }

    private static func characters(_ scalars: [Unicode.Scalar], _ place: inout Int) throws(PatternError) -> Token {
        var negated = false
        if place < scalars.count, scalars[place] == "^" {
            negated = true
            place += 1
        }
        var ranges = [ClosedRange<Unicode.Scalar>]()
        func one() throws(PatternError) -> Unicode.Scalar {
            guard place < scalars.count else { throw PatternError("a '[' is not closed") }
            var scalar = scalars[place]
            place += 1
            if scalar == "-" || scalar == "]" { throw PatternError("a range in brackets is malformed") }
            if scalar == "\\" {
                guard place < scalars.count else { throw PatternError("it ends with a backslash") }
                scalar = scalars[place]
                place += 1
            }
            return scalar
        }
        while true {
            if place < scalars.count, scalars[place] == "]", !ranges.isEmpty {
                place += 1
                return .characters(ranges, negated: negated)
            }
            let low = try one()
            var high = low
            if place < scalars.count, scalars[place] == "-" {
                place += 1
                high = try one()
            }
            guard low <= high else { throw PatternError("a range in brackets is the wrong way round") }
            ranges.append(low...high)
        }
    }

    /// Whether the whole path matches.
    func matches(_ path: ArraySlice<UInt8>) -> Bool {
        if isLiteral { return path.elementsEqual(text) }
        guard path.count >= prefix.count, path.starts(with: prefix), path.suffix(suffix.count).elementsEqual(suffix)
        else {
            return false
        }
        return simulate(Array(String(decoding: path, as: UTF8.self).unicodeScalars))
    }

    private func simulate(_ path: [Unicode.Scalar]) -> Bool {
        // The states are how many tokens have matched.
        var states = [Bool](repeating: false, count: tokens.count + 1)
        states[0] = true
        close(&states)
        for scalar in path {
            var next = [Bool](repeating: false, count: tokens.count + 1)
            var isAlive = false
            for (index, token) in tokens.enumerated() where states[index] {
                switch token {
                case .literal(let wanted): if wanted == scalar { next[index + 1] = true }
                case .one: if scalar != "/" { next[index + 1] = true }
                case .many: if scalar != "/" { next[index] = true }
                case .anything: next[index] = true
                case .directories: break
                case .insideDirectories:
                    next[index] = true
                    if scalar == "/" { next[index + 1] = true }
                case .characters(let ranges, let negated):
                    if scalar != "/", ranges.contains(where: { $0.contains(scalar) }) != negated {
                        next[index + 1] = true
                    }
                }
                isAlive = isAlive || next[index] || next[index + 1]
            }
            guard isAlive else { return false }
            close(&next)
            states = next
        }
        return states[tokens.count]
    }

    /// Adds the states that need no further character.
    private func close(_ states: inout [Bool]) {
        for (index, token) in tokens.enumerated() where states[index] {
            switch token {
            case .many, .anything: states[index + 1] = true
            case .directories:
                states[index + 1] = true
                states[index + 2] = true
            default: break
            }
        }
    }
}

/// What is wrong with a pattern, as a clause.
struct PatternError: Error, Equatable {
    let cause: String
    init(_ cause: String) { self.cause = cause }
}
