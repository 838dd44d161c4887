/// Understands HEALTHCHECK.
struct HealthcheckReader {
    let raw: RawInstruction

    func read() throws(BuildError) -> HealthcheckInstruction {
        let bytes = Array(raw.rest.utf8)
        let word = bytes.prefix { !ByteClass.isBlank($0) }
        let rest = String(decoding: ByteClass.trim(bytes[word.endIndex...]), as: UTF8.self)
        switch String(decoding: word, as: UTF8.self).uppercased() {
        case "NONE":
            _ = try InstructionFlags(raw)
            guard rest.isEmpty else { throw .syntax("HEALTHCHECK NONE takes no arguments", at: raw.range) }
            return HealthcheckInstruction(test: ["NONE"])
        case "CMD": return try check(rest)
        case "": throw .syntax("HEALTHCHECK needs CMD and a command, or NONE", at: raw.range)
        default:
            throw .syntax(
                "unknown type \(quote(String(decoding: word, as: UTF8.self))) in HEALTHCHECK",
                remedy: "it is CMD or NONE",
                at: raw.range.highlighting(String(decoding: word, as: UTF8.self)))
        }
    }

    private func check(_ rest: String) throws(BuildError) -> HealthcheckInstruction {
        let flags = try InstructionFlags(
            raw,
            known: [
                ("interval", .text), ("timeout", .text), ("start-period", .text), ("start-interval", .text),
                ("retries", .text),
            ])
        var result = HealthcheckInstruction(test: [])
        switch JSONWords.parse(rest) {
        case .words(let words): result.test = ["CMD"] + words
        case .notStrings:
            throw .syntax("only strings may stand in the JSON array of HEALTHCHECK", at: raw.range.highlighting(rest))
        case .notJSON: result.test = ["CMD-SHELL", rest]
        }
        guard result.test.count > 1, !rest.isEmpty else {
            throw .syntax("missing command after HEALTHCHECK CMD", at: raw.range)
        }
        result.interval = try time(flags, "interval")
        result.timeout = try time(flags, "timeout")
        result.startPeriod = try time(flags, "start-period")
        result.startInterval = try time(flags, "start-interval")
        if let text = flags.text("retries") {
            guard let retries = Int32(text), retries >= 0 else {
                throw .syntax("--retries takes a number from 0, not \(quote(text))", at: flags.place("retries"))
            }
            result.retries = Int(retries)
        }
        return result
    }

    private func time(_ flags: InstructionFlags, _ name: String) throws(BuildError) -> Int64 {
        guard let text = flags.text(name) else { return 0 }
        guard let value = GoDuration.nanoseconds(text) else {
            throw .syntax(
                "\(quote(text)) is no duration", remedy: "write a number and a unit, such as 30s or 1m30s",
                at: flags.place(name))
        }
        guard value == 0 || value >= 1_000_000 else {
            throw .syntax("--\(name) cannot be less than 1ms", at: flags.place(name))
        }
        return value
    }
}

/// Durations as Go writes them: `1h2m3.5s`, `300ms`.
enum GoDuration {
    private static let units: [(String, Double)] = [
        ("ns", 1), ("us", 1e3), ("µs", 1e3), ("μs", 1e3), ("ms", 1e6), ("s", 1e9), ("m", 60e9), ("h", 3600e9),
    ]

    /// nil for anything else, and for what does not fit.
    static func nanoseconds(_ text: String) -> Int64? {
        if text == "0" { return 0 }
        var rest = Array(text.utf8)[...]
        var isNegative = false
        if let sign = rest.first, sign == 43 || sign == 45 {
            isNegative = sign == 45
            rest = rest.dropFirst()
        }
        guard !rest.isEmpty else { return nil }
        var total = 0.0
        while !rest.isEmpty {
            let digits = rest.prefix { ByteClass.isDigit($0) || $0 == 46 }
            rest = rest[digits.endIndex...]
            let word = rest.prefix { !ByteClass.isDigit($0) && $0 != 46 }
            rest = rest[word.endIndex...]
            guard let number = Double(String(decoding: digits, as: UTF8.self)), number.isFinite,
                let unit = units.first(where: { Array($0.0.utf8) == Array(word) })
            else { return nil }
            total += number * unit.1
        }
        guard total < 9.2e18 else { return nil }
        return Int64(isNegative ? -total : total)
    }
}
