/// A pattern of a shell's parameter expansion: `*` any text, `?` any character, a backslash before either for itself
/// (POSIX, "Shell & Utilities" 2.13, without brackets, as Dockerfiles have it). Matching takes time proportional to
/// pattern times text, whatever the pattern.
struct GlobPattern {
    private enum Token: Equatable {
        case any
        case one
        case literal(Unicode.Scalar)
    }

    private var tokens = [Token]()

    /// - Throws: the escape that is none.
    init(_ text: String) throws(SubstitutionError) {
        var scalars = text.unicodeScalars.makeIterator()
        while let scalar = scalars.next() {
            switch scalar {
            case "*": if tokens.last != .any { tokens.append(.any) }
            case "?": tokens.append(.one)
            case "\\":
                guard let next = scalars.next() else { throw SubstitutionError("a pattern ends with a backslash") }
                // The brace and slash that delimit the expansion need a backslash that is no part of the pattern.
                guard ["*", "?", "\\", "}", "/"].contains(next) else {
                    throw SubstitutionError(
                        "invalid escape '\\\(next)' in a pattern; only \\*, \\?, \\\\, \\} and \\/ are")
                }
                tokens.append(.literal(next))
            default: tokens.append(.literal(scalar))
            }
        }
    }

    private init(tokens: [Token]) { self.tokens = tokens }

    /// The pattern for texts read from their ends.
    var reversed: GlobPattern { GlobPattern(tokens: tokens.reversed()) }

    /// Where a match that begins at `start` ends: the furthest place with `longest`, else the nearest; nil for none.
    func end(in text: [Unicode.Scalar], from start: Int, longest: Bool) -> Int? {
        // The states are how many tokens have matched; a wildcard never matches a line's end, as in Go's regexps.
        var states = [Bool](repeating: false, count: tokens.count + 1)
        states[0] = true
        close(&states)
        var found: Int? = states[tokens.count] ? start : nil
        var place = start
        while place < text.count, longest || found == nil, states.contains(true) {
            let scalar = text[place]
            var next = [Bool](repeating: false, count: tokens.count + 1)
            for (index, token) in tokens.enumerated() where states[index] {
                switch token {
                case .any: if scalar != "\n" { next[index] = true }
                case .one: if scalar != "\n" { next[index + 1] = true }
                case .literal(let wanted): if scalar == wanted { next[index + 1] = true }
                }
            }
            close(&next)
            states = next
            place += 1
            if states[tokens.count] { found = place }
        }
        return found
    }

    private func close(_ states: inout [Bool]) {
        for (index, token) in tokens.enumerated() where states[index] && token == .any { states[index + 1] = true }
    }

    /// `${v#p}`: the text without the shortest or longest match at its beginning.
    func trimmingPrefix(of text: String, longest: Bool) -> String {
        let scalars = Array(text.unicodeScalars)
        guard let end = end(in: scalars, from: 0, longest: longest) else { return text }
        return Self.text(scalars[end...])
    }

    /// `${v%p}`: the text without the shortest or longest match at its end.
    func trimmingSuffix(of text: String, longest: Bool) -> String {
        let scalars = Array(text.unicodeScalars.reversed())
        guard let end = reversed.end(in: scalars, from: 0, longest: longest) else { return text }
        return Self.text(scalars[end...].reversed())
    }

    /// `${v/p/r}` and `${v//p/r}`: the text with the first or every longest match replaced.
    func replacing(in text: String, with replacement: String, all: Bool) -> String {
        let scalars = Array(text.unicodeScalars)
        var result = String.UnicodeScalarView()
        var place = 0
        var lastEnd = -1
        while place <= scalars.count {
            if let end = end(in: scalars, from: place, longest: true), end > place || lastEnd != place {
                result.append(contentsOf: replacement.unicodeScalars)
                lastEnd = end
                if !all {
                    result.append(contentsOf: scalars[end...])
                    return String(result)
                }
                if end > place {
                    place = end
                    continue
                }
            }
            if place < scalars.count { result.append(scalars[place]) }
            place += 1
        }
        return String(result)
    }

    private static func text(_ scalars: some Sequence<Unicode.Scalar>) -> String {
        var view = String.UnicodeScalarView()
        view.append(contentsOf: scalars)
        return String(view)
    }
}
