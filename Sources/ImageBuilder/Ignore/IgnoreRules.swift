/// Which paths of a context are left out: the patterns of a `.dockerignore`, or of `--exclude` and the like. Of all
/// patterns that match a path or a directory above it the last one decides.
///
/// Literal patterns and those of the form `**/NAME` are looked up, so that 100,000 of them cost no more than ten.
public struct IgnoreRules: Sendable {
    /// What a directory hands down to what is in it: the last pattern that matched it or one above; -1 for none.
    public struct Inherited: Equatable, Sendable {
        fileprivate var last = -1
        /// Nothing has matched above the context's root.
        public init() {}
    }

    private struct Rule: Sendable {
        let pattern: PathPattern
        let includes: Bool
    }

    private var rules = [Rule]()
    /// Places of literal patterns.
    private var literals = [[UInt8]: Int]()
    /// Places of `**/LITERAL`.
    private var anywhere = [[UInt8]: Int]()
    /// Places of all others, ascending.
    private var others = [Int]()
    /// The last pattern that begins with `!`; directories that a later one leaves out need no look inside.
    private var lastException = -1

    /// No rules.
    public init() {}

    /// Reads a `.dockerignore`.
    ///
    /// - Throws: ``BuildError`` with the line, for a pattern that is malformed.
    public init(parsing bytes: [UInt8], name: String = ".dockerignore") throws(BuildError) {
        var text = bytes[...]
        if text.starts(with: [0xEF, 0xBB, 0xBF]) { text = text.dropFirst(3) }
        var number = 0
        for line in text.split(separator: 10, omittingEmptySubsequences: false) {
            number += 1
            // Only at a line's very beginning does a '#' make a comment.
            if line.first == UInt8(ascii: "#") { continue }
            var pattern = ByteClass.trim(line)
            let includes = pattern.first == UInt8(ascii: "!")
            if includes { pattern = ByteClass.trim(pattern.dropFirst()) }
            if pattern.isEmpty, !includes { continue }
            do throws(PatternError) {
                guard !pattern.isEmpty else { throw PatternError("'!' needs a pattern behind it") }
                try add(Array(pattern), includes: includes)
            } catch {
                throw BuildError(
                    operation: "read", object: "\(harmless(name)):\(number)",
                    cause: "the pattern \(quote(String(decoding: line, as: UTF8.self))) is wrong: \(error.cause)")
            }
        }
    }

    /// Rules of patterns that are written as words (`--exclude`).
    ///
    /// - Throws: ``BuildError`` for a pattern that is malformed.
    public init(patterns: [String]) throws(BuildError) {
        for pattern in patterns {
            let bytes = ByteClass.trim(Array(pattern.utf8)[...])
            let includes = bytes.first == UInt8(ascii: "!")
            let rest = includes ? bytes.dropFirst() : bytes
            do throws(PatternError) {
                guard !rest.isEmpty else { throw PatternError("it is empty") }
                try add(Array(rest), includes: includes)
            } catch {
                throw BuildError(cause: "the pattern \(quote(pattern)) is wrong: \(error.cause)")
            }
        }
    }

    /// Whether there are none.
    public var isEmpty: Bool { rules.isEmpty }

    private mutating func add(_ text: [UInt8], includes: Bool) throws(PatternError) {
        let clean = Self.clean(text)
        let pattern = try PathPattern(clean)
        let place = rules.count
        rules.append(Rule(pattern: pattern, includes: includes))
        if includes { lastException = place }
        if pattern.isLiteral {
            literals[clean] = place
        } else if clean.starts(with: [42, 42, 47]), let rest = Optional(Array(clean.dropFirst(3))),
            (try? PathPattern(rest))?.isLiteral == true
        {
            anywhere[rest] = place
        } else {
            others.append(place)
        }
    }

    /// Go's `filepath.Clean`, and without a slash at the beginning.
    static func clean(_ text: [UInt8]) -> [UInt8] {
        var names = [ArraySlice<UInt8>]()
        for name in text.split(separator: 47) where !name.elementsEqual([46]) {
            if name.elementsEqual([46, 46]), let last = names.last, !last.elementsEqual([46, 46]) {
                names.removeLast()
            } else if name.elementsEqual([46, 46]), text.first == 47 {
                continue
            } else {
                names.append(name)
            }
        }
        if names.isEmpty { return [46] }
        return Array(names.joined(separator: [47]))
    }

    /// Decides on a path below the root, without a slash at either end.
    ///
    /// - Parameter parent: what the directory it is in has handed down.
    /// - Returns: whether it is left out, and what it hands down itself.
    public func excludes(_ path: [UInt8], in parent: Inherited) -> (isExcluded: Bool, inherited: Inherited) {
        if rules.isEmpty { return (false, parent) }
        var result = parent
        if let place = literals[path] { result.last = max(result.last, place) }
        if !anywhere.isEmpty {
            var start = 0
            while true {
                if let place = anywhere[Array(path[start...])] { result.last = max(result.last, place) }
                guard let slash = path[start...].firstIndex(of: 47) else { break }
                start = slash + 1
            }
        }
        for place in others.reversed() {
            if place <= result.last { break }
            if rules[place].pattern.matches(path[...]) {
                result.last = place
                break
            }
        }
        return (result.last >= 0 && !rules[result.last].includes, result)
    }

    /// Decides on a path without having walked to it.
    public func excludes(_ path: [UInt8]) -> Bool {
        var inherited = Inherited()
        var isExcluded = false
        for (place, byte) in path.enumerated() where byte == 47 {
            inherited = excludes(Array(path[..<place]), in: inherited).inherited
        }
        (isExcluded, inherited) = excludes(path, in: inherited)
        return isExcluded
    }

    /// Whether something in an excluded directory may be taken in again.
    public func mayInclude(below inherited: Inherited) -> Bool { lastException > inherited.last }
}
