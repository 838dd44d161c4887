import Testing

@testable import CommandLine

@Suite struct DocumentTests {
    private let program = Command(
        group: "prog", summary: "A program", flags: { [Flag("root", nil, .string, "Where")] },
        subcommands: [
            Command(
                "run", aliases: ["r"], identifier: "run", summary: "It's .dotted", usage: "[OPTIONS] IMAGE",
                operands: .any,
                flags: {
                    [
                        Flag("all", "a", .boolean, ".SH not a request"),
                        Flag("name", nil, .string, "back\\slash – \"quoted\""),
                        .notYet("later", nil, .string, "Later"),
                        Flag("windows", nil, .boolean, "Never", support: .never(reason: "it is for Windows")),
                    ]
                }),
            Command("__secret", identifier: "__secret", summary: "Hidden", usage: "", operands: .any).hidden(),
            Command(refused: "compose", summary: "Compose", "use run instead"),
        ])

    @Test(arguments: Completion.allCases) func scriptsOfferWhatWorks(_ shell: Completion) {
        let script = shell.script(for: program)
        #expect(script.contains("all") && script.contains("name"))
        for absent in ["later", "windows", "__secret", "compose"] { #expect(!script.contains(absent), "\(absent)") }
    }

    @Test func quotesOfShells() {
        #expect(Completion.quoted("it's") == "'it'\\''s'" && Completion.quoted("") == "''")
    }

    @Test func whatOperandsName() {
        func kind(_ usage: String, _ identifier: String = "x") -> Command.OperandKind {
            Command("x", identifier: identifier, summary: "", usage: usage, operands: .any).operandKind
        }
        #expect(kind("[OPTIONS] CONTAINER [CONTAINER...]") == .container && kind("[OPTIONS] IMAGE [COMMAND]") == .image)
        #expect(kind("NETWORK CONTAINER") == .network && kind("[OPTIONS] NAME|ID [NAME|ID...]", "inspect") == .any)
        #expect(kind("") == .none && kind("[OPTIONS] PATH | -") == .file && kind("bash|zsh") == .none)
    }

    @Test func manualPage() {
        let page = ManualPage(program: program, version: "1").text
        let lines = page.split(separator: "\n")
        #expect(lines.contains("\\&.SH not a request") && lines.contains("back\\eslash \\[u2013] \\(dqquoted\\(dq"))
        #expect(
            lines.contains { $0.hasPrefix("Never (not supported: it is for Windows)") } && !page.contains("__secret"))
        #expect(lines.allSatisfy { $0.utf8.allSatisfy { $0 < 128 } })
    }

    @Test func refusedCommands() {
        for words in [
            ["compose"], ["compose", "up", "-d"], ["compose", "--file=x"], ["compose", "-f", "x"], ["compose", "--"],
        ] {
            guard case .failure(let error) = program.parse(words) else {
                Issue.record("\(words)")
                continue
            }
            #expect(error.description == "prog: use run instead\n" && error.status == 1)
        }
        for words in [["compose", "--help"], ["help", "compose"]] {
            guard case .help(let text) = program.parse(words) else {
                Issue.record("\(words)")
                continue
            }
            #expect(text == "Usage:  prog compose\n\nCompose\n\nuse run instead\n")
        }
        #expect(program.suggestions(for: "__secre").isEmpty)
    }

    @Test func listing() {
        let lines = FlagListing.text(of: program).split(separator: "\n")
        #expect(lines.contains("command\trun\tworks\t") && lines.contains("command\tr\tworks\t"))
        #expect(
            lines.contains("flag\trun\tlater\tnot yet\t")
                && lines.contains("flag\trun\twindows\trefused\tit is for Windows"))
        #expect(
            lines.contains("command\tcompose\trefused\tuse run instead") && !lines.contains { $0.contains("__secret") })
    }
}
