import Testing

@testable import ImageBuilder

@Suite struct ParserTests {
    private func instructions(_ text: String) throws -> [Instruction] {
        try Dockerfile(parsing: Array(text.utf8)).stages.flatMap { $0.instructions.map(\.instruction) }
    }

    @Test func joinsLinesAndDropsComments() throws {
        let file = try Dockerfile(
            parsing: Array(
                "# syntax=docker/dockerfile:1\n\n# a comment\nFROM a\nRUN one \\\n# between\n  && two \\\n\n && three\n"
                    .utf8))
        #expect(file.directives.syntax == "docker/dockerfile:1")
        guard case .run(let run) = file.stages[0].instructions[0].instruction else { throw BuildError(cause: "no RUN") }
        #expect(run.command.words == ["one   && two  && three"])
        #expect(file.stages[0].instructions[0].range == SourceRange(firstLine: 5, lastLine: 9))
        #expect(file.emptyContinuations.count == 1)
    }

    @Test func readsDirectivesOnlyAtTheBeginning() throws {
        let file = try Dockerfile(
            parsing: Array("# escape=`\n# check=skip=all\nFROM a\nRUN dir `\n  b\\\nCMD c\n".utf8))
        #expect(file.directives.escape == UInt8(ascii: "`"))
        #expect(file.directives.check == "skip=all")
        #expect(file.stages[0].instructions.count == 2)
        let late = try Dockerfile(parsing: Array("# hello\n# escape=`\nFROM a\nRUN x \\\n y\n".utf8))
        #expect(late.directives.escape == UInt8(ascii: "\\"))
    }

    @Test func readsHeredocs() throws {
        let text =
            "FROM a\nRUN <<EOF\necho $x\n  EOF\nEOF\nCOPY <<-'A' <<B /dst/\n\ta\n\tA\nb\nB\nRUN [\"<<X\"]\nRUN 3<<X cat\nx\nX\n"
        let all = try instructions(text)
        guard case .run(let run) = all[0], case .copy(let copy) = all[1], case .run(let third) = all[3] else {
            throw BuildError(cause: "wrong kinds")
        }
        #expect(run.command.heredocs.map(\.content) == ["echo $x\n  EOF\n"])
        #expect(copy.documents.map(\.name) == ["A", "B"])
        #expect(copy.documents.map(\.expands) == [false, true])
        #expect(copy.documents[0].text == "a\n")
        #expect(third.command.heredocs.map(\.content) == ["x\n"])
    }

    @Test func fallsBackToTheShellForBrokenJSON() throws {
        let all = try instructions("FROM a\nCMD ['a', 'b']\nCMD [\"a\", \"b\"]\nCMD [ \"$x\" ] \n")
        guard case .cmd(let first) = all[0], case .cmd(let second) = all[1] else { throw BuildError(cause: "no CMD") }
        #expect(first.usesShell)
        #expect(second.words == ["a", "b"])
        #expect(!second.usesShell)
    }

    @Test func readsFlags() throws {
        let text = """
            FROM --platform=linux/arm64 a AS B
            COPY --from=0 --chown=1:2 --chmod=u+x --link --parents --exclude=*.md --exclude=x a b /c/
            ADD --checksum=sha256:00 --keep-git-dir=true --unpack=false --link=false https://x/y z
            RUN --mount=type=cache,target=/c --mount=type=secret,id=s --network=none --security=insecure true
            HEALTHCHECK --interval=1m30s --timeout=500ms --start-period=2s --start-interval=1s --retries=3 CMD ["x"]
            COPY ["with space", "dst"]
            COPY -- --dashes x
            """
        let file = try Dockerfile(parsing: Array(text.utf8))
        #expect(file.stages[0].from.platform == "linux/arm64")
        #expect(file.stages[0].from.name == "b")
        let all = file.stages[0].instructions.map(\.instruction)
        guard case .copy(let copy) = all[0], case .add(let add) = all[1], case .run(let run) = all[2],
            case .healthcheck(let health) = all[3], case .copy(let spaced) = all[4], case .copy(let dashes) = all[5]
        else { throw BuildError(cause: "wrong kinds") }
        #expect(copy.from == "0" && copy.chown == "1:2" && copy.chmod == "u+x" && copy.link && copy.parents)
        #expect(copy.excludes == ["*.md", "x"])
        #expect(add.checksum == "sha256:00" && add.keepsGitDirectory && add.unpacks == false && !add.link)
        #expect(run.mounts.count == 2 && run.network == "none" && run.security == "insecure")
        #expect(health.interval == 90_000_000_000 && health.timeout == 500_000_000 && health.retries == 3)
        #expect(health.test == ["CMD", "x"])
        #expect(spaced.sources == ["with space"])
        #expect(dashes.sources == ["--dashes"])
    }

    /// Text, a part of the message, and the line it has to name.
    static let bad: [(String, String, Int)] = [
        ("", "no instructions", 0), ("# only\n", "no instructions", 0), ("ARG x\n", "no FROM", 0),
        ("RUN x\n", "no build stage", 1), ("FROM a\nRUNN x\n", "did you mean RUN?", 2), ("FROM\n", "one or three", 1),
        ("FROM a b\n", "one or three", 1), ("FROM a of b\n", "must be AS", 1), ("FROM a AS 1x\n", "invalid name", 1),
        ("FROM a AS x/y\n", "invalid name", 1), ("FROM --platfrom=x a\n", "did you mean --platform?", 1),
        ("FROM a\nCOPY x\n", "at least two", 2), ("FROM a\nCOPY --chown x y\n", "has no value", 2),
        ("FROM a\nCOPY --link=maybe x y\n", "true or false", 2),
        ("FROM a\nCOPY --from=a --from=b x y\n", "given twice", 2),
        ("FROM a\nCOPY --from=$x a b\n", "variable expansion", 2), ("FROM a\nCOPY --chmod=999 a b\n", "chmod", 2),
        ("FROM a\nCOPY --chmod=u+q a b\n", "chmod", 2), ("FROM a\nCOPY --exclude=[ a b\n", "pattern", 2),
        ("FROM a\nCOPY <<X /y\n", "unterminated", 2), ("FROM a\nCOPY a <<X\nX\n", "destination", 2),
        ("FROM a\nCOPY https://x/y z\n", "ADD takes it", 2),
        ("FROM a\nADD --checksum=sha256:0 a b\n", "exactly one source", 2),
        ("FROM a\nENV\n", "NAME=VALUE", 2), ("FROM a\nENV x\n", "name and a value", 2),
        ("FROM a\nENV a=b c\n", "cannot find =", 2),
        ("FROM a\nENV =x\n", "blank", 2), ("FROM a\nLABEL a=b c\n", "cannot find =", 2),
        ("FROM a\nARG\n", "ARG needs", 2),
        ("FROM a\nARG =x\n", "blank", 2), ("FROM a\nARG x=${y:?needed}\n", "y: needed", 2),
        ("FROM a\nENV x=${y\n", "missing '}'", 2), ("FROM a\nRUN\n", "needs a command", 2),
        ("FROM a\nRUN --mount=type=bnd,target=/x y\n", "unsupported mount type", 2),
        ("FROM a\nRUN --mount=type=bind,tagret=/x y\n", "did you mean target?", 2),
        ("FROM a\nRUN --mount=type=cache,target=/x,required y\n", "required is not allowed", 2),
        ("FROM a\nRUN --mount=type=tmpfs,target=/x,size=many y\n", "size", 2),
        ("FROM a\nRUN --mount=type=bind,from=$x,target=/x y\n", "variable expansion", 2),
        ("FROM a\nRUN --mount=type=secret y\n", "id or a target", 2),
        ("FROM a\nRUN --mount=type=bind y\n", "needs a target", 2),
        ("FROM a\nRUN --mount=type=cache,target=/ y\n", "target", 2),
        ("FROM a\nRUN --network=lan y\n", "network mode", 2),
        ("FROM a\nRUN --security=none y\n", "security", 2), ("FROM a\nRUN --device=x y\n", "not supported", 2),
        ("FROM a\nEXPOSE\n", "needs a port", 2), ("FROM a\nEXPOSE x\n", "invalid port", 2),
        ("FROM a\nEXPOSE 70000\n", "invalid port", 2),
        ("FROM a\nEXPOSE 1/icmp\n", "protocol", 2), ("FROM a\nEXPOSE 9-1\n", "invalid port", 2),
        ("FROM a\nUSER\n", "needs a user", 2),
        ("FROM a\nUSER $none\n", "empty", 2), ("FROM a\nVOLUME\n", "needs a path", 2),
        ("FROM a\nVOLUME [\"\"]\n", "empty", 2),
        ("FROM a\nVOLUME [1]\n", "only strings", 2), ("FROM a\nWORKDIR\n", "needs a path", 2),
        ("FROM a\nSTOPSIGNAL SIGNOPE\n", "invalid signal", 2), ("FROM a\nSHELL /bin/sh\n", "JSON form", 2),
        ("FROM a\nSHELL []\n", "at least one", 2), ("FROM a\nHEALTHCHECK\n", "needs CMD", 2),
        ("FROM a\nHEALTHCHECK TRY x\n", "unknown type", 2),
        ("FROM a\nHEALTHCHECK CMD\n", "missing command", 2), ("FROM a\nHEALTHCHECK NONE x\n", "no arguments", 2),
        ("FROM a\nHEALTHCHECK --interval=5 CMD x\n", "no duration", 2),
        ("FROM a\nHEALTHCHECK --interval=1us CMD x\n", "less than", 2),
        ("FROM a\nHEALTHCHECK --retries=-1 CMD x\n", "retries", 2), ("FROM a\nONBUILD\n", "ONBUILD", 2),
        ("FROM a\nONBUILD ONBUILD RUN x\n", "chaining", 2), ("FROM a\nONBUILD FROM x\n", "not allowed", 2),
        ("FROM a\nONBUILD RUNN x\n", "unknown instruction", 2), ("FROM a\nMAINTAINER\n", "needs", 2),
        ("FROM a\nCMD [\"x\", 1]\n", "only strings", 2), ("FROM a\nENV --flag x=y\n", "has no flag", 2),
        ("# escape=x\nFROM a\n", "invalid escape", 1), ("# escape=`\n# escape=`\nFROM a\n", "only one", 2),
        ("FROM a\nRUN x\0y\n", "zero byte", 2), ("FROM $x\n", "should not be blank", 1),
        ("FROM --platform=$x a\n", "empty platform", 1),
        ("FROM --platform=a/b/c/d a\n", "OS/ARCHITECTURE", 1), ("FROM missing\n", "No such image", 1),
        ("FROM a AS x\nCOPY --from=x a b\n", "circular", 2),
        ("FROM a AS x\nCOPY --from=y a b\nFROM a AS y\n", "defined before", 2),
        ("FROM a\nCOPY --from=5 a b\n", "invalid stage index", 2),
        ("FROM a\nCOPY --from=missing a b\n", "No such image", 2),
        ("# check=foo\nFROM a\n", "check option", 0),
    ]

    @Test(arguments: bad) func refuses(_ text: String, _ reason: String, _ line: Int) throws {
        let error = try #require(refusal(text), "\(text)")
        #expect(error.description.contains(reason), "\(error.description)")
        #expect(error.place?.firstLine ?? 0 == line)
    }

    @Test func pointsAtTheWord() throws {
        let text = "FROM a\nRUN true\nCOPY --chwon=1 \\\n  x y\n"
        let error = try #require(refusal(text))
        let report = error.report(in: SourceFile(name: "Dockerfile", bytes: Array(text.utf8)))
        #expect(
            report == """
                Dockerfile:3
                --------------------
                 1 |     FROM a
                 2 |     RUN true
                 3 | >>> COPY --chwon=1 \\
                   |          ^^^^^^^^^
                 4 | >>>   x y
                 5 |    \(" ")
                --------------------
                Dockerfile:3: COPY has no flag --chwon; did you mean --chown?
                """)
    }

    @Test(.timeLimit(.minutes(2))) func survivesAnyBytes() {
        var generator = SplitMix(seed: 11)
        let pieces = [
            "FROM a\n", "RUN ", "COPY ", "<<EOF", "EOF\n", "\\\n", "\n", "#", " ", "--mount=type=", "cache,",
            "target=/x", "[\"a\"]", "$x",
            "${", "}", "'", "\"", "ENV ", "=", "ONBUILD ", "HEALTHCHECK CMD ", "\u{0}", "é", "# escape=`\n", "ARG x\n",
            "AS b", "--from=b ",
        ]
        for _ in 0..<5_000 {
            let text = (0..<Int.random(in: 0...25, using: &generator)).map { _ in
                pieces.randomElement(using: &generator) ?? ""
            }
            .joined()
            if let error = refusal("FROM a\n" + text) { #expect(!error.description.isEmpty) }
        }
        for _ in 0..<500 {
            let bytes = (0..<200).map { _ in UInt8.random(in: 0...255, using: &generator) }
            _ = try? Dockerfile(parsing: bytes)
        }
    }

    @Test(.timeLimit(.minutes(1))) func copesWithHugeInput() throws {
        let long = "FROM a\nRUN " + String(repeating: "x \\\n", count: 200_000) + "y\n"
        #expect(try instructions(long).count == 1)
        #expect(throws: BuildError.self) { try Dockerfile(parsing: [UInt8](repeating: 10, count: 17 << 20)) }
        let deep = "FROM a\nENV x=" + String(repeating: "${x:-", count: 100_000)
        #expect(refusal(deep) != nil)
    }
}
