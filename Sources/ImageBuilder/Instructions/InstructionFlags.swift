/// The flags of one instruction against those it knows.
struct InstructionFlags {
    enum Kind: Equatable {
        case text
        case list
        case boolean
    }

    private let instruction: String
    private let range: SourceRange
    private var values = [String: [String]]()

    /// - Throws: an unknown flag, one without its value, one given twice.
    init(_ raw: RawInstruction, known: [(String, Kind)] = []) throws(BuildError) {
        instruction = raw.name
        range = raw.range
        for word in raw.flags {
            let place = raw.range.highlighting(word)
            let body = word.utf8.dropFirst(2)
            let name = String(decoding: body.prefix { $0 != UInt8(ascii: "=") }, as: UTF8.self)
            let value =
                body.count > name.utf8.count
                ? String(decoding: body.dropFirst(name.utf8.count + 1), as: UTF8.self) : nil
            guard let kind = known.first(where: { $0.0 == name })?.1 else {
                throw .syntax(
                    "\(raw.name) has no flag --\(harmless(name))",
                    remedy: Suggestion.text(for: name, among: known.map { $0.0 }, prefix: "--")
                        ?? (known.isEmpty
                            ? "it takes none"
                            : "it takes " + known.map { "--" + $0.0 }.joined(separator: ", ")),
                    at: place)
            }
            if kind != .list, values[name] != nil {
                throw .syntax("the flag --\(name) is given twice", at: place)
            }
            if kind == .boolean {
                guard value == nil || value == "true" || value == "false" else {
                    throw .syntax(
                        "--\(name) takes true or false, not \(quote(value ?? ""))", at: place)
                }
                values[name] = [value ?? "true"]
            } else {
                guard let value else {
                    throw .syntax(
                        "the flag --\(name) has no value", remedy: "write --\(name)=VALUE, with no blank", at: place)
                }
                values[name, default: []].append(value)
            }
        }
    }

    func text(_ name: String) -> String? {
        guard let value = values[name]?.first, !value.isEmpty else { return nil }
        return value
    }

    func list(_ name: String) -> [String] { values[name] ?? [] }

    func flag(_ name: String) -> Bool { values[name]?.first == "true" }

    /// nil when the flag is not given.
    func boolean(_ name: String) -> Bool? { values[name]?.first.map { $0 == "true" } }

    /// Where a flag stands, for messages.
    func place(_ name: String) -> SourceRange { range.highlighting("--\(name)") }
}

/// What somebody may have meant.
enum Suggestion {
    /// "did you mean X?" when a known word is near.
    static func text(for word: String, among known: [String], prefix: String = "") -> String? {
        let written = Array(word.lowercased().utf8.prefix(64))
        var best: (String, Int)?
        for candidate in known {
            let distance = self.distance(written, Array(candidate.lowercased().utf8))
            if distance <= max(1, candidate.utf8.count / 3), distance < (best?.1 ?? .max) {
                best = (candidate, distance)
            }
        }
        return best.map { "did you mean \(prefix)\($0.0)?" }
    }

    /// How many letters differ (Levenshtein, a swap of neighbours counts once).
    private static func distance(_ a: [UInt8], _ b: [UInt8]) -> Int {
        var beforeLast = [Int]()
        var last = Array(0...b.count)
        for i in 0..<a.count {
            var row = [i + 1]
            for j in 0..<b.count {
                var cost = min(last[j + 1] + 1, row[j] + 1, last[j] + (a[i] == b[j] ? 0 : 1))
                if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] { cost = min(cost, beforeLast[j - 1] + 1) }
                row.append(cost)
            }
            beforeLast = last
            last = row
        }
        return last[b.count]
    }
}
