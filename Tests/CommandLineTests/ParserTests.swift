import Testing

@testable import CommandLine

private func runFlags() -> [Flag] {
    [
        Flag("rm", nil, .boolean, "Remove"), Flag("detach", "d", .boolean, "Detach"),
        Flag("interactive", "i", .boolean, "In"),
        Flag("tty", "t", .boolean, "TTY"), Flag("env", "e", .list("list"), "Env"),
        Flag("publish", "p", .list("list"), "Port"),
        Flag("name", nil, .string, "Name"), Flag("memory", "m", .bytes, "Memory"),
        Flag("hostname", "h", .string, "Host"),
        Flag("cpus", nil, .processors, "CPUs"), Flag("pids-limit", nil, .integer, "Pids"),
        Flag("memory-swap", nil, .bytesOrUnlimited, "Swap"), Flag("ulimit", nil, .resourceBounds, "Limits"),
        Flag("platform", nil, .commaList, "Platforms"), Flag("sig-proxy", nil, .boolean, "Proxy", default: "true"),
        .notYet("restart", nil, .string, "Restart policy", default: "no"),
        .notYet("gpus", nil, .list("gpu-request"), "GPUs"),
        .notYet("oom-kill-disable", nil, .boolean, "OOM"),
        Flag("isolation", nil, .string, "Isolation", support: .never(reason: "it is for Windows")),
        Flag("disable-content-trust", nil, .boolean, "Trust", support: .always),
        Flag(
            "checked", nil, .string, "Checked",
            check: { value throws(ValueError) in if value == "bad" { throw ValueError("no") } }),
    ]
}

private let run = Command(
    "run", identifier: "container run", summary: "Create and run a new container from an image",
    usage: "[OPTIONS] IMAGE [COMMAND] [ARG...]", operands: .atLeast(1), interspersed: false,
    fullNames: ["container run", "run"], flags: runFlags)
private let list = Command(
    "ps", aliases: ["list"], identifier: "container ls", summary: "List containers", usage: "[OPTIONS]",
    operands: .none,
    flags: { [Flag("all", "a", .boolean, "All"), Flag("last", "n", .integer, "Last")] })
private let remove = Command(
    "rm", identifier: "container rm", summary: "Remove", usage: "CONTAINER...", operands: .atLeast(1),
    flags: { [Flag("force", "f", .boolean, "Force")] })
private let program = Command(
    group: "berth", summary: "A container engine", usage: "[OPTIONS] COMMAND",
    flags: {
        [
            Flag("root", nil, .string, "Root"), Flag("version", "v", .boolean, "Version"),
            Flag("debug", "D", .boolean, "Debug"),
        ]
    },
    subcommands: [
        run, list, remove,
        Command(
            group: "container", summary: "Manage containers",
            subcommands: [run, list.named("ls", aliases: ["list", "ps"]), remove]),
    ])

/// A short form of what came out, for tables of cases.
private func said(_ words: [String]) -> String {
    switch program.parse(words) {
    case .run(let invocation): "run \(invocation.command.identifier) \(invocation.operands)"
    case .help(let text): "help " + (text.split(separator: "\n").first ?? "")
    case .failure(let error): "\(error.status) " + (error.message.split(separator: "\n").first ?? "")
    }
}

private func parsed(_ words: String...) throws -> Invocation {
    switch program.parse(words) {
    case .run(let invocation): return invocation
    case .help: throw ValueError("help")
    case .failure(let error): throw error
    }
}

@Suite struct ParserTests {
    @Test func everyFormOfAFlag() throws {
        let found = try parsed(
            "run", "-it", "--rm", "--name", "web", "-e", "A=1", "-eB=2", "-e=C=3", "--env", "D", "--env=E=",
            "-p8080:80", "-m=32m",
            "--pids-limit=-1", "img", "-x", "--rm=false", "--", "a")
        #expect(found.flags.flag("interactive") && found.flags.flag("tty") && found.flags.flag("rm"))
        #expect(!found.flags.flag("detach") && !found.flags.isGiven("detach"))
        #expect(found.flags.string("name") == "web")
        #expect(found.flags.list("env") == ["A=1", "B=2", "C=3", "D", "E="])
        #expect(found.flags.list("publish") == ["8080:80"])
        #expect(found.flags.bytes("memory") == 32 << 20)
        #expect(found.flags.integer("pids-limit") == -1)
        #expect(found.operands == ["img", "-x", "--rm=false", "--", "a"])
        #expect(found.path == ["berth", "run"])
    }

    @Test func aValueMayLookLikeAFlag() throws {
        // pflag takes the next word whatever it is.
        #expect(try parsed("run", "--name", "--rm", "img").flags.string("name") == "--rm")
        #expect(try parsed("run", "-e", "-it", "img").flags.list("env") == ["-it"])
        #expect(try parsed("run", "--name", "", "img").flags.string("name") == "")
        #expect(try parsed("run", "--name=", "img").flags.string("name") == "")
        #expect(try parsed("run", "-e=", "img").flags.list("env") == ["="])
    }

    @Test func booleans() throws {
        #expect(try !parsed("run", "--rm=false", "img").flags.flag("rm"))
        #expect(try parsed("run", "--rm=1", "img").flags.flag("rm"))
        // A boolean takes no separate word: "false" is the image here.
        #expect(try parsed("run", "--rm", "false").operands == ["false"])
        let clustered = try parsed("run", "-it=false", "img")
        #expect(clustered.flags.flag("interactive") && !clustered.flags.flag("tty"))
        #expect(try parsed("run", "img").flags.flag("sig-proxy", default: true))
        #expect(try !parsed("run", "--sig-proxy=false", "img").flags.flag("sig-proxy", default: true))
    }

    @Test func theLastOneWins() throws {
        #expect(try parsed("run", "--name", "a", "--name=b", "img").flags.string("name") == "b")
        #expect(try parsed("run", "--rm", "--rm=false", "img").flags.flag("rm") == false)
        let limits = try parsed("run", "--ulimit", "nofile=1", "--ulimit", "core=0", "--ulimit", "nofile=5:6", "img")
            .flags.resourceBounds("ulimit")
        #expect(limits.map(\.name) == ["core", "nofile"] && limits.last?.hard == 6)
        #expect(
            try parsed("run", "--platform", "a,b", "--platform=c", "i").flags.commaList("platform") == ["a", "b", "c"])
    }

    @Test func accentsDoNotHideSeparators() throws {
        // "=" and "-" followed by a combining accent are one character to Swift and two to everybody else.
        let accent = "\u{301}"
        #expect(try parsed("run", "--name=\(accent)x", "i").flags.string("name")?.utf8.count == 3)
        #expect(try parsed("run", "-e=\(accent)", "i").flags.list("env") == [accent])
        #expect(said(["run", "-\(accent)", "i"]).hasPrefix("125 unknown shorthand flag"))
        #expect(said(["run", "--\(accent)", "i"]).hasPrefix("125 unknown flag"))
        #expect(throws: ValueError.self) { try NumberValue.integer("-\(accent)5") }
        #expect(throws: ValueError.self) { try ByteSize.parse("5\(accent)m") }
        #expect(throws: ValueError.self) { try TimeSpan.parse("5\(accent)s") }
        #expect(throws: ValueError.self) { try ProcessorCount.parse("1.\(accent)5") }
        #expect(ByteText.fields("a:\(accent)b:", by: ":") == ["a", "\(accent)b", ""])
        #expect(ByteText.fields("a=b=c", by: "=", limit: 2) == ["a", "b=c"])
        #expect(ByteText.fields("", by: "=") == [""])
        #expect(ByteText.cut("ab", at: "=") == nil && ByteText.unwrapped("[", "[", "]") == nil)
    }

    @Test func dashesEndTheFlags() throws {
        let found = try parsed("run", "--rm", "--", "--name", "x")
        #expect(found.operands == ["--name", "x"])
        #expect(found.operandsBeforeDashes == 0)
        #expect(try parsed("run", "-", "x").operands == ["-", "x"])
        // Interspersed commands take flags anywhere before "--".
        let removal = try parsed("rm", "a", "-f", "b", "--", "-f")
        #expect(
            removal.flags.flag("force") && removal.operands == ["a", "b", "-f"] && removal.operandsBeforeDashes == 2)
    }

    @Test func placesOfOperands() throws {
        let found = try parsed("--root", "/x", "container", "run", "-e", "a", "img", "cmd", "-c")
        #expect(found.operandPlaces == [6, 7, 8])
        #expect(found.globals.string("root") == "/x")
        #expect(found.path == ["berth", "container", "run"])
        #expect(try parsed("rm", "a", "-f", "b").operandPlaces == [1, 3])
    }

    @Test(
        arguments: [
            (["run", "--foo", "x"], "125 unknown flag: --foo"),
            (["run", "-X", "x"], "125 unknown shorthand flag: 'X' in -X"),
            (["run", "-itX"], "125 unknown shorthand flag: 'X' in -X"),
            (["run", "-iXt"], "125 unknown shorthand flag: 'X' in -Xt"),
            (["run", "--name"], "125 flag needs an argument: --name"),
            (["run", "-p"], "125 flag needs an argument: 'p' in -p"),
            (["run", "-itp"], "125 flag needs an argument: 'p' in -p"),
            (["run", "-m", "5x", "a"], "125 invalid argument \"5x\" for \"-m, --memory\" flag: invalid suffix: 'x'"),
            (
                ["run", "--rm=maybe", "a"],
                "125 invalid argument \"maybe\" for \"--rm\" flag: \"maybe\" is neither true nor false"
            ),
            (["run", "---x", "a"], "125 bad flag syntax: ---x"), (["run", "--=x", "a"], "125 bad flag syntax: --=x"),
            (["run", "--checked=bad", "a"], "125 invalid argument \"bad\" for \"--checked\" flag: no"),
            (["run"], "1 berth: 'berth run' requires at least 1 argument"),
            (["ps", "extra"], "1 berth: 'berth ps' accepts no arguments"),
            (["ps", "--foo"], "125 unknown flag: --foo"),
            (["rnu"], "1 berth: unknown command: berth rnu"),
            (["container", "foo"], "1 berth: unknown command: berth container foo"),
            (["--foo"], "125 unknown flag: --foo"), (["-X"], "125 unknown shorthand flag: 'X' in -X"),
            (["run", "--restart", "always", "a"], "125 berth: --restart is not supported yet"),
            (["run", "--gpus", "all", "a"], "125 berth: --gpus is not supported yet"),
            (["run", "--oom-kill-disable", "a"], "125 berth: --oom-kill-disable is not supported yet"),
            (["run", "--isolation", "x", "a"], "125 berth: --isolation is not supported: it is for Windows"),
            (
                ["run", "--pids-limit", "abc", "a"],
                "125 invalid argument \"abc\" for \"--pids-limit\" flag: \"abc\" is not a whole number"
            ),
            (["run", "--a\u{1B}[2J"], "125 unknown flag: --a\\x1b[2J"),
            (["x\u{1B}[2J"], "1 berth: unknown command: berth x\\x1b[2J"),
            (["run", "-\u{1B}"], "125 unknown shorthand flag: '\\x1b' in -\\x1b"),
            (["run", "--"], "1 berth: 'berth run' requires at least 1 argument"),
            (["run", "--restart", "no", "a"], "run container run [\"a\"]"),
            (["run", "--restart=no", "a"], "run container run [\"a\"]"),
            (["run", "--oom-kill-disable=false", "a"], "run container run [\"a\"]"),
            (["run", "--disable-content-trust", "a"], "run container run [\"a\"]"),
            (["list"], "run container ls []"), (["container", "ps", "-an5"], "run container ls []"),
            (["run", "--help"], "help Usage:  berth run [OPTIONS] IMAGE [COMMAND] [ARG...]"),
            (["run", "img", "--help"], "run container run [\"img\", \"--help\"]"),
            (["ps", "-h"], "help Usage:  berth ps [OPTIONS]"),
            (["run", "-h", "web", "img"], "run container run [\"img\"]"),
            ([], "help Usage:  berth [OPTIONS] COMMAND"), (["--help"], "help Usage:  berth [OPTIONS] COMMAND"),
            (["-h"], "help Usage:  berth [OPTIONS] COMMAND"), (["help"], "help Usage:  berth [OPTIONS] COMMAND"),
            (["help", "container", "ls"], "help Usage:  berth container ls [OPTIONS]"),
            (["help", "nix"], "1 berth: unknown command: berth nix"),
            (["container"], "help Usage:  berth container COMMAND"), (["--version"], "run berth []"),
            (["-v"], "run berth []"),
            (["-Dv", "ps"], "run container ls []"),
        ] as [([String], String)])
    func outcomes(_ words: [String], _ result: String) { #expect(said(words) == result) }

    @Test func anErrorSaysWhereHelpIs() {
        guard case .failure(let error) = program.parse(["run", "--foo"]) else { return #expect(Bool(false)) }
        #expect(
            error.description
                == "unknown flag: --foo\n\nUsage:  berth run [OPTIONS] IMAGE [COMMAND] [ARG...]\n\nRun 'berth run --help' for more information\n"
        )
        guard case .failure(let misspelt) = program.parse(["rnu"]) else { return #expect(Bool(false)) }
        #expect(
            misspelt.description
                == "berth: unknown command: berth rnu\n\nDid you mean one of these?\n    berth rm\n    berth run\n\nRun 'berth --help' for more information\n"
                || misspelt.description
                    == "berth: unknown command: berth rnu\n\nDid you mean this?\n    berth run\n\nRun 'berth --help' for more information\n"
        )
    }

    @Test func suggestions() {
        #expect(program.suggestions(for: "contianer") == ["container"])
        #expect(program.suggestions(for: "cont") == ["container"])
        #expect(program.suggestions(for: "RUN") == ["run"])
        #expect(program.suggestions(for: "zzzzz").isEmpty)
        #expect(program.suggestions(for: String(repeating: "r", count: 100_000)).isEmpty)
        #expect(
            Spelling.distance("ab", "ba") == 1 && Spelling.distance("", "abc") == 3
                && Spelling.distance("abc", "abd") == 1)
    }

    @Test func manyWordsAreFine() throws {
        let words = ["run", "img"] + Array(repeating: "-x", count: 100_000)
        guard case .run(let found) = program.parse(words) else { return #expect(Bool(false)) }
        #expect(found.operands.count == 100_001)
        #expect(said(["run"] + Array(repeating: "-e", count: 20_001)) == "125 flag needs an argument: 'e' in -e")
    }
}

@Suite struct HelpTests {
    @Test func runHelp() {
        guard case .help(let text) = program.parse(["run", "--help"]) else { return #expect(Bool(false)) }
        #expect(text.contains("Aliases:\n  berth container run, berth run\n"))
        #expect(text.contains("\n  -d, --detach                  Detach\n"))
        #expect(
            text.contains(
                "\n      --restart string          Restart policy (default \"no\") (not supported\n                                yet)\n"
            ))
        #expect(text.contains("\n      --sig-proxy               Proxy (default true)\n"))
        for line in text.split(separator: "\n") { #expect(line.count <= 80, "\(line)") }
        #expect(text.hasSuffix("\n") && !text.hasSuffix("\n\n"))
    }

    @Test func groupHelp() {
        let text = program.help(["berth"])
        #expect(
            text.contains(
                "\nCommands:\n  run         Create and run a new container from an image\n  ps          List containers\n"
            ))
        #expect(text.contains("\nManagement Commands:\n  container   Manage containers\n"))
        #expect(text.contains("\nGlobal Options:\n"))
        #expect(text.hasSuffix("\nRun 'berth COMMAND --help' for more information on a command.\n"))
    }

    @Test func wrapping() {
        #expect(Command.wrapped("aa bb cc", width: 5) == ["aa bb", "cc"])
        #expect(Command.wrapped("toolongword x", width: 4) == ["toolongword", "x"])
        #expect(Command.wrapped("a\n\nb", width: 10) == ["a", "", "b"])
        #expect(Command.wrapped("", width: 10) == [""])
    }
}
