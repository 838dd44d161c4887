/// Understands one instruction.
struct InstructionReader {
    let raw: RawInstruction
    let escape: UInt8

    static let names = [
        "ADD", "ARG", "CMD", "COPY", "ENTRYPOINT", "ENV", "EXPOSE", "FROM", "HEALTHCHECK", "LABEL", "MAINTAINER",
        "ONBUILD", "RUN", "SHELL", "STOPSIGNAL", "USER", "VOLUME", "WORKDIR",
    ]

    /// - Throws: ``BuildError`` with the place and what would be right.
    func read() throws(BuildError) -> Instruction {
        switch raw.name {
        case "ADD": return .add(try copy(isAdd: true))
        case "ARG": return .arg(try arguments())
        case "CMD": return .cmd(try command())
        case "COPY": return .copy(try copy(isAdd: false))
        case "ENTRYPOINT": return .entrypoint(try command())
        case "ENV":
            try noFlags()
            return .env(try WordSplitting.pairs(raw, escape: escape))
        case "EXPOSE":
            try noFlags()
            return .expose(try someWords("a port"))
        case "FROM": return .from(try from())
        case "HEALTHCHECK": return .healthcheck(try HealthcheckReader(raw: raw).read())
        case "LABEL":
            try noFlags()
            return .label(try WordSplitting.pairs(raw, escape: escape))
        case "MAINTAINER": return .maintainer(try oneText("a name"))
        case "ONBUILD": return .onBuild(try trigger())
        case "RUN": return .run(try run())
        case "SHELL": return .shell(try shell())
        case "STOPSIGNAL": return .stopSignal(try oneText("a signal"))
        case "USER": return .user(try oneText("a user"))
        case "VOLUME": return .volume(try volumes())
        case "WORKDIR": return .workdir(try oneText("a path"))
        default:
            throw .syntax(
                "unknown instruction: \(harmless(raw.keyword))",
                remedy: Suggestion.text(for: raw.name, among: Self.names)
                    ?? "a line that goes on needs a backslash at its end",
                at: raw.range.highlighting(raw.keyword))
        }
    }

    private func noFlags() throws(BuildError) { _ = try InstructionFlags(raw) }

    private func oneText(_ what: String) throws(BuildError) -> String {
        try noFlags()
        guard !raw.rest.isEmpty else { throw .syntax("\(raw.name) needs \(what)", at: raw.range) }
        return raw.rest
    }

    private func someWords(_ what: String) throws(BuildError) -> [String] {
        let words = WordSplitting.plain(raw.rest)
        guard !words.isEmpty else { throw .syntax("\(raw.name) needs \(what)", at: raw.range) }
        return words
    }

    /// Words of the JSON form; nil for another form.
    private func jsonWords() throws(BuildError) -> [String]? {
        switch JSONWords.parse(raw.rest) {
        case .words(let words): return words
        case .notJSON: return nil
        case .notStrings:
            throw .syntax(
                "only strings may stand in the JSON array of \(raw.name)",
                remedy: "put double quotes around each word", at: raw.range.highlighting(raw.rest))
        }
    }

    private func command() throws(BuildError) -> CommandForm {
        try noFlags()
        return try commandForm()
    }

    private func commandForm() throws(BuildError) -> CommandForm {
        if let words = try jsonWords() { return CommandForm(words: words, usesShell: false) }
        return CommandForm(words: raw.rest.isEmpty ? [] : [raw.rest], usesShell: true, heredocs: raw.heredocs)
    }

    private func run() throws(BuildError) -> RunInstruction {
        let flags = try InstructionFlags(
            raw, known: [("mount", .list), ("network", .text), ("security", .text), ("device", .list)])
        guard flags.list("device").isEmpty else {
            throw .syntax(
                "RUN --device is not supported", remedy: "CDI devices are not available to build steps",
                at: flags.place("device"))
        }
        var result = RunInstruction(command: try commandForm(), mounts: flags.list("mount"))
        result.network = flags.text("network")
        result.security = flags.text("security")
        if let network = result.network, !["default", "none", "host"].contains(network) {
            throw .syntax(
                "unsupported network mode \(quote(network))", remedy: "it is default, none or host",
                at: flags.place("network"))
        }
        if let security = result.security, !["sandbox", "insecure"].contains(security) {
            throw .syntax(
                "security \(quote(security)) is not valid", remedy: "it is sandbox or insecure",
                at: flags.place("security"))
        }
        guard !result.command.words.isEmpty, result.command.words != [""] else {
            throw .syntax("RUN needs a command", at: raw.range)
        }
        // Written wrong they are wrong whatever the variables are.
        for mount in result.mounts { try RunMount.check(mount, at: raw.range) }
        return result
    }

    private func from() throws(BuildError) -> FromInstruction {
        let flags = try InstructionFlags(raw, known: [("platform", .text)])
        let words = WordSplitting.plain(raw.rest)
        guard words.count == 1 || words.count == 3 else {
            throw .syntax(
                "FROM requires either one or three arguments", remedy: "the form is FROM IMAGE or FROM IMAGE AS NAME",
                at: raw.range)
        }
        var result = FromInstruction(base: words[0], platform: flags.text("platform"))
        guard words.count == 3 else { return result }
        guard words[1].lowercased() == "as" else {
            throw .syntax(
                "the second word of FROM must be AS", remedy: "the form is FROM IMAGE AS NAME",
                at: raw.range.highlighting(words[1]))
        }
        let name = words[2].lowercased()
        let isValid =
            name.utf8.first.map(ByteClass.isLetter) == true
            && name.utf8.allSatisfy { ByteClass.isAlphanumeric($0) || $0 == 45 || $0 == 46 || $0 == 95 }
        guard isValid else {
            throw .syntax(
                "invalid name for build stage: \(quote(words[2]))",
                remedy: "it begins with a letter and holds letters, digits, '-', '_' and '.'",
                at: raw.range.highlighting(words[2]))
        }
        result.name = name
        result.writtenName = words[2]
        result.asKeyword = words[1]
        return result
    }

    private func arguments() throws(BuildError) -> [ArgumentDeclaration] {
        try noFlags()
        let words = WordSplitting.quoted(raw.rest, escape: escape)
        guard !words.isEmpty else { throw .syntax("ARG needs a name", at: raw.range) }
        var result = [ArgumentDeclaration]()
        for word in words {
            let bytes = word.utf8
            guard let equals = bytes.firstIndex(of: UInt8(ascii: "=")) else {
                result.append(ArgumentDeclaration(name: word))
                continue
            }
            guard equals != bytes.startIndex else {
                throw .syntax("ARG names cannot be blank", at: raw.range.highlighting(word))
            }
            result.append(
                ArgumentDeclaration(
                    name: String(decoding: bytes[..<equals], as: UTF8.self),
                    value: String(decoding: bytes[bytes.index(after: equals)...], as: UTF8.self)))
        }
        return result
    }

    private func copy(isAdd: Bool) throws(BuildError) -> CopyInstruction {
        var known: [(String, InstructionFlags.Kind)] = [
            ("chown", .text), ("chmod", .text), ("link", .boolean), ("exclude", .list),
        ]
        known +=
            isAdd
            ? [("keep-git-dir", .boolean), ("checksum", .text), ("unpack", .boolean)]
            : [("from", .text), ("parents", .boolean)]
        let flags = try InstructionFlags(raw, known: known)
        var words = try jsonWords() ?? WordSplitting.plain(raw.rest)
        guard words.count >= 2, let destination = words.popLast() else {
            throw .syntax(
                "\(raw.name) requires at least two arguments, but \(words.count) \(words.count == 1 ? "was" : "were") provided",
                remedy: "the last one is the destination", at: raw.range)
        }
        if !raw.heredocs.isEmpty, Heredoc(word: destination) != nil {
            throw .syntax(
                "\(raw.name) cannot have a heredoc as its destination", at: raw.range.highlighting(destination))
        }
        var result = CopyInstruction(sources: [], documents: [], destination: destination)
        for word in words {
            if let begun = Heredoc(word: word), let document = raw.heredocs.first(where: { $0.name == begun.name }) {
                result.documents.append(document)
            } else {
                result.sources.append(word)
            }
        }
        result.from = flags.text("from")
        result.chown = flags.text("chown")
        result.chmod = flags.text("chmod")
        result.link = flags.flag("link")
        result.parents = flags.flag("parents")
        result.excludes = flags.list("exclude")
        result.checksum = flags.text("checksum")
        result.keepsGitDirectory = flags.flag("keep-git-dir")
        result.unpacks = flags.boolean("unpack")
        if let from = result.from, from.utf8.contains(UInt8(ascii: "$")) {
            throw .syntax(
                "variable expansion is not supported for --from",
                remedy: "define a stage with FROM and an ARG before the first FROM, and name that",
                at: flags.place("from"))
        }
        if result.from != nil, !result.documents.isEmpty {
            throw .syntax("COPY --from cannot have a heredoc as its source", at: flags.place("from"))
        }
        return result
    }

    private func shell() throws(BuildError) -> [String] {
        try noFlags()
        guard let words = try jsonWords() else {
            throw .syntax(
                "SHELL requires the arguments to be in JSON form", remedy: #"such as SHELL ["/bin/sh", "-c"]"#,
                at: raw.range)
        }
        guard !words.isEmpty else { throw .syntax("SHELL needs at least one word", at: raw.range) }
        return words
    }

    private func volumes() throws(BuildError) -> [String] {
        try noFlags()
        let paths = try jsonWords() ?? WordSplitting.plain(raw.rest)
        guard !paths.isEmpty else { throw .syntax("VOLUME needs a path", at: raw.range) }
        guard paths.allSatisfy({ !ByteClass.trim($0).isEmpty }) else {
            throw .syntax("VOLUME specified can not be an empty string", at: raw.range)
        }
        return paths
    }

    private func trigger() throws(BuildError) -> String {
        try noFlags()
        let inner = try RawInstruction(line: raw.rest, range: raw.range, comments: [])
        switch inner.name {
        case "": throw .syntax("ONBUILD needs an instruction", at: raw.range)
        case "ONBUILD": throw .syntax("chaining ONBUILD via ONBUILD ONBUILD is not allowed", at: raw.range)
        case "FROM", "MAINTAINER":
            throw .syntax(
                "\(inner.name) is not allowed as an ONBUILD trigger", at: raw.range.highlighting(inner.keyword))
        default: break
        }
        // What cannot be understood then is told now.
        var whole = inner
        whole.heredocs = raw.heredocs
        _ = try InstructionReader(raw: whole, escape: escape).read()
        return raw.rest + raw.heredocs.map { "\n" + $0.content + $0.name }.joined()
    }
}
