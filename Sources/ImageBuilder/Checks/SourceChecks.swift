/// The checks that need nothing but the file.
struct SourceChecks {
    let file: Dockerfile

    func run(_ findings: inout Findings) {
        for range in file.emptyContinuations {
            findings.add(.noEmptyContinuation, "Empty continuation line", at: range)
        }
        casing(&findings)
        stageNames(&findings)
        for place in file.globalArguments { describe(place, &findings) }
        for stage in file.stages {
            if let name = stage.from.name {
                description(of: "FROM", names: [name], stage.place, &findings)
            }
            for place in stage.instructions {
                switch place.instruction {
                case .maintainer:
                    findings.add(
                        .maintainerDeprecated, "Maintainer instruction is deprecated in favor of using label",
                        at: place.range)
                case .arg: describe(place, &findings)
                default: break
                }
            }
        }
    }

    private func describe(_ place: PlacedInstruction, _ findings: inout Findings) {
        guard case .arg(let arguments) = place.instruction else { return }
        description(of: "ARG", names: arguments.map(\.name), place, &findings)
    }

    private func description(
        of instruction: String, names: [String], _ place: PlacedInstruction, _ findings: inout Findings
    ) {
        guard let comment = place.comments.last, !names.isEmpty else { return }
        let first = WordSplitting.plain(comment).first ?? ""
        guard !names.contains(first) else { return }
        let example = names.count > 1 ? "<arg_key>" : names[0]
        findings.add(
            .invalidDefinitionDescription,
            "Comment for \(instruction == "FROM" ? "build stage" : "build argument") should follow the format: `# \(harmless(example)) <description>`",
            at: place.range)
    }

    private func casing(_ findings: inout Findings) {
        var lower = 0, upper = 0
        for keyword in file.keywords {
            if keyword.text == keyword.text.lowercased() {
                lower += 1
            } else if keyword.text == keyword.text.uppercased() {
                upper += 1
            }
        }
        let wantsLower = lower > upper
        for keyword in file.keywords
        where keyword.text != (wantsLower ? keyword.text.lowercased() : keyword.text.uppercased()) {
            findings.add(
                .consistentInstructionCasing,
                "Command '\(harmless(keyword.text))' should match the case of the command majority (\(wantsLower ? "lowercase" : "uppercase"))",
                at: keyword.range.highlighting(keyword.text))
        }
    }

    private func stageNames(_ findings: inout Findings) {
        var seen = Set<String>()
        for stage in file.stages {
            guard let name = stage.from.name, let written = stage.from.writtenName else { continue }
            let place = stage.place.range.highlighting(written)
            if name != written {
                findings.add(.stageNameCasing, "Stage name '\(written)' should be lowercase", at: place)
            }
            if ["context", "scratch"].contains(name) {
                findings.add(
                    .reservedStageName, "Stage name should not use the same name as reserved stage \(quote(name))",
                    at: place)
            }
            if !seen.insert(name).inserted {
                findings.add(
                    .duplicateStageName, "Duplicate stage name \(quote(name)), stage names should be unique", at: place)
            }
            // Where FROM itself is neither, its own check tells.
            let keyword = stage.place.keyword
            if let asKeyword = stage.from.asKeyword,
                keyword == keyword.lowercased() && asKeyword != asKeyword.lowercased()
                    || keyword == keyword.uppercased() && asKeyword != asKeyword.uppercased()
            {
                findings.add(
                    .fromAsCasing, "'\(asKeyword)' and '\(keyword)' keywords' casing do not match",
                    at: stage.place.range.highlighting(asKeyword))
            }
        }
    }

    /// Whether a variable's name sounds like a secret's.
    static func soundsSecret(_ name: String) -> Bool {
        let words = name.lowercased().utf8.split(separator: UInt8(ascii: "_"), omittingEmptySubsequences: false)
            .map { String(decoding: $0, as: UTF8.self) }
        let secret: Set = [
            "apikey", "auth", "credential", "credentials", "key", "password", "pword", "passwd", "secret", "token",
        ]
        return words.contains(where: secret.contains) && !words.contains { ["public", "file", "version"].contains($0) }
    }
}
