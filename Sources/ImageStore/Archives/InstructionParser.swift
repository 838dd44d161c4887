import JSON
import OCI

/// Reads the one-line forms of Dockerfile instructions that change a configuration.
struct InstructionParser {
    private let text: String

    init(_ text: String) { self.text = text }

    private func refuse(_ cause: String) -> ImageStoreError {
        ImageStoreError(.invalidName, operation: "make the change", object: "\"\(printable(text))\"", cause: cause)
    }

    func kind() throws(ImageStoreError) -> ConfigurationChange.Kind {
        let trimmed = Self.trim(text[...])
        let end = trimmed.firstIndex(where: Self.isSpace) ?? trimmed.endIndex
        let word = trimmed[..<end].uppercased()
        let rest = Self.trim(trimmed[end...])
        guard !rest.contains("\0"), !rest.contains("\n") else { throw refuse("it holds a line's end or a zero byte") }
        if rest.isEmpty { throw refuse(word.isEmpty ? "it is empty" : "\(printable(word)) needs a value") }
        switch word {
        case "CMD": return .command(try command(rest))
        case "ENTRYPOINT": return .entrypoint(try command(rest))
        case "SHELL":
            guard let words = try jsonArray(rest), !words.isEmpty else { throw refuse("SHELL needs a JSON array") }
            return .shell(words)
        case "ENV": return .environment(try pairs(rest))
        case "LABEL": return .label(try pairs(rest))
        case "EXPOSE":
            var ports = [String]()
            for word in try words(rest) { ports.append(try port(word)) }
            return .expose(ports)
        case "VOLUME":
            let array = try jsonArray(rest)
            let paths = if let array { array } else { try words(rest) }
            guard paths.allSatisfy({ !$0.isEmpty }) else { throw refuse("a volume needs a path") }
            return .volume(paths)
        case "USER": return .user(try single(rest))
        case "WORKDIR": return .workingDirectory(try words(rest).joined(separator: " "))
        case "STOPSIGNAL": return .stopSignal(try single(rest))
        case "ONBUILD": return .onBuild(String(rest))
        case "HEALTHCHECK": return .healthcheck(try healthcheck(rest))
        default:
            throw refuse(
                "\(printable(word)) is none of CMD, ENTRYPOINT, ENV, EXPOSE, HEALTHCHECK, LABEL, ONBUILD, SHELL, STOPSIGNAL, USER, VOLUME, WORKDIR"
            )
        }
    }

    private static func isSpace(_ character: Character) -> Bool { character == " " || character == "\t" }

    private static func trim(_ text: Substring) -> Substring {
        var result = text.drop(while: isSpace)
        while let last = result.last, isSpace(last) { result.removeLast() }
        return result
    }

    /// A JSON array of words, or a line for the shell.
    private func command(_ rest: Substring) throws(ImageStoreError) -> [String] {
        try jsonArray(rest) ?? ["/bin/sh", "-c", String(rest)]
    }

    /// The words of a JSON array; nil when the text is something else (a shell line may well begin with `[`).
    private func jsonArray(_ rest: Substring) throws(ImageStoreError) -> [String]? {
        guard rest.first == "[", let elements = try? JSONValue(parsing: String(rest)).arrayValue else { return nil }
        var words = [String]()
        for element in elements {
            guard let word = element.stringValue else { throw refuse("only strings may stand in the array") }
            words.append(word)
        }
        return words
    }

    /// Words with a shell's quotes: `'…'`, `"…"` and backslashes.
    private func words(_ rest: Substring) throws(ImageStoreError) -> [String] {
        var result = [String]()
        var current = ""
        var isWord = false
        var quote: Character?
        var characters = rest.makeIterator()
        while let character = characters.next() {
            if character == "\\", quote != "'" {
                guard let next = characters.next() else { throw refuse("it ends with a backslash") }
                if quote == "\"", next != "\"", next != "\\", next != "$" { current.append("\\") }
                current.append(next)
                isWord = true
            } else if let open = quote {
                if character == open { quote = nil } else { current.append(character) }
            } else if character == "'" || character == "\"" {
                quote = character
                isWord = true
            } else if Self.isSpace(character) {
                if isWord { result.append(current) }
                current = ""
                isWord = false
            } else {
                current.append(character)
                isWord = true
            }
        }
        guard quote == nil else { throw refuse("a quote is not closed") }
        if isWord { result.append(current) }
        return result
    }

    private func single(_ rest: Substring) throws(ImageStoreError) -> String {
        let all = try words(rest)
        guard all.count == 1, let word = all.first, !word.isEmpty else { throw refuse("it needs exactly one word") }
        return word
    }

    /// `A=b C="d e"`, or the old form `A b c`.
    private func pairs(_ rest: Substring) throws(ImageStoreError) -> [(String, String)] {
        let all = try words(rest)
        guard let first = all.first else { throw refuse("it needs NAME=VALUE") }
        if !first.contains("=") {
            guard all.count > 1 else { throw refuse("it needs NAME=VALUE") }
            return [(first, all.dropFirst().joined(separator: " "))]
        }
        var result = [(String, String)]()
        for word in all {
            guard let equals = word.firstIndex(of: "="), equals != word.startIndex else {
                throw refuse("it needs NAME=VALUE")
            }
            result.append((String(word[..<equals]), String(word[word.index(after: equals)...])))
        }
        return result
    }

    private func port(_ word: String) throws(ImageStoreError) -> String {
        let parts = word.split(separator: "/", omittingEmptySubsequences: false)
        let transport = parts.count == 2 ? parts[1].lowercased() : "tcp"
        let range = parts[0].split(separator: "-", omittingEmptySubsequences: false)
        guard parts.count <= 2, ["tcp", "udp", "sctp"].contains(transport), (1...2).contains(range.count),
            range.allSatisfy({ $0.utf8.allSatisfy { (0x30...0x39).contains($0) } && UInt16($0) != nil })
        else { throw refuse("\"\(printable(word))\" is no PORT[/PROTOCOL]") }
        return "\(parts[0])/\(transport)"
    }

    private func healthcheck(_ rest: Substring) throws(ImageStoreError) -> ImageConfiguration.Healthcheck {
        var check = ImageConfiguration.Healthcheck(test: [])
        var rest = rest
        while rest.hasPrefix("--") {
            let end = rest.firstIndex(where: Self.isSpace) ?? rest.endIndex
            let parts = rest[..<end].dropFirst(2).split(separator: "=", maxSplits: 1)
            guard parts.count == 2 else { throw refuse("an option needs a value") }
            let value = String(parts[1])
            switch parts[0] {
            case "interval": check.interval = try duration(value)
            case "timeout": check.timeout = try duration(value)
            case "start-period": check.startPeriod = try duration(value)
            case "start-interval": check.startInterval = try duration(value)
            case "retries":
                guard let count = Int(value), count >= 0 else {
                    throw refuse("\"\(printable(value))\" is no number of retries")
                }
                check.retries = count
            default: throw refuse("the option \"\(printable(String(parts[0])))\" is not known")
            }
            rest = Self.trim(rest[end...])
        }
        if rest.uppercased() == "NONE" {
            check.test = ["NONE"]
            return check
        }
        guard rest.uppercased().hasPrefix("CMD") else { throw refuse("HEALTHCHECK needs CMD or NONE") }
        let line = Self.trim(rest.dropFirst(3))
        guard !line.isEmpty else { throw refuse("HEALTHCHECK needs a command") }
        check.test = try jsonArray(line).map { ["CMD"] + $0 } ?? ["CMD-SHELL", String(line)]
        return check
    }

    /// A duration as Go writes it (`1m30s`, `1.5s`, `500ms`), in nanoseconds.
    private func duration(_ text: String) throws(ImageStoreError) -> Int64 {
        let units: [(String, Double)] = [
            ("ns", 1), ("us", 1e3), ("µs", 1e3), ("ms", 1e6), ("s", 1e9), ("m", 60e9), ("h", 3600e9),
        ]
        var total = 0.0
        var rest = text[...]
        let bad = refuse("\"\(printable(text))\" is no duration such as 30s")
        guard !rest.isEmpty else { throw bad }
        while !rest.isEmpty {
            let digits = rest.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
            let unit = rest[digits.endIndex...].prefix { !($0.isASCII && ($0.isNumber || $0 == ".")) }
            guard let number = Double(digits), let factor = units.first(where: { $0.0 == unit })?.1 else { throw bad }
            total += number * factor
            rest = rest[unit.endIndex...]
        }
        guard total >= 0, total < 9e18 else { throw bad }
        return Int64(total)
    }
}
