import CommandLine
import Engine
import Glibc
import JSON
import LinuxKernel
import Testing

@testable import berth

/// `docs/compat.md` says of each of Docker's commands and flags what Berth does with it. It is made from the program's tables
/// and Docker's own list, so it cannot say anything else; `BERTH_WRITE_COMPAT=1` writes it anew.
@Suite struct CompatibilityTests {
    private static let repository: String = {
        var parts = #filePath.split(separator: "/").dropLast(3)
        return "/" + parts.joined(separator: "/")
    }()

    struct DockerCommand {
        var name: String
        var flags: [String]
    }

    /// Docker's commands with their flags, in the list's order.
    static func dockerCommands(_ text: String) -> [DockerCommand] {
        var result = [DockerCommand]()
        var open: String?
        func names(_ line: Substring, quoted: Bool) -> [String] {
            line.split(separator: " ").compactMap { word in
                let plain = word.filter { $0 != "`" }
                guard plain.hasPrefix("--") else { return nil }
                return String(plain.dropFirst(2).prefix { $0 != "/" && $0 != "=" })
            }
        }
        for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
            if line.hasPrefix("## docker ") {
                open = String(line.dropFirst("## docker ".count).prefix { $0 != ":" })
            } else if let name = open, line.hasPrefix("`--") {
                result.append(DockerCommand(name: name, flags: names(line, quoted: true)))
                open = nil
            } else if line.hasPrefix("- `"), let end = line.dropFirst(3).firstIndex(of: "`") {
                let name = String(line[line.index(line.startIndex, offsetBy: 3)..<end])
                result.append(DockerCommand(name: name, flags: names(line[end...], quoted: false)))
            }
        }
        return result
    }

    private static func find(_ path: String) -> Command? {
        var command = BerthProgram.command
        for word in path.split(separator: " ") {
            guard let next = command.subcommand(String(word)) else { return nil }
            command = next
        }
        return command
    }

    private static func state(_ flag: Flag?) -> String {
        guard let flag else { return "no" }
        switch flag.support {
        case .works: return "yes"
        case .always: return "yes: always so"
        case .notYet: return "not yet"
        case .never(let reason): return "no: \(reason)"
        }
    }

    static func page(_ commands: [DockerCommand]) -> String {
        var lines = [
            "# Docker's commands and flags", "",
            "What `berth` does with each command and flag of Docker's command line 28.2. A flag that is not carried out is refused with",
            "a sentence, never ignored. This page is made from the program's own tables and held against them by a test.",
            "",
            "| command | flag | state |", "|---|---|---|",
        ]
        for command in commands {
            if let sentence = ForeignCommands.sentences[String(command.name.prefix { $0 != " " })] {
                lines.append("| `\(command.name)` | | no: \(sentence) |")
                continue
            }
            guard let own = find(command.name) else {
                lines.append("| `\(command.name)` | | not yet |")
                continue
            }
            let flags = own.flags()
            lines.append("| `\(command.name)` | | yes |")
            for name in command.flags {
                lines.append("| `\(command.name)` | `--\(name)` | \(state(flags.first { $0.name == name })) |")
            }
        }
        return lines.joined(separator: "\n") + "\n"
    }

    private func read(_ path: String) throws -> String {
        String(decoding: try Files.read("\(Self.repository)/\(path)", limit: 1 << 20), as: UTF8.self)
    }

    @Test func thePageIsTheProgramsTruth() throws {
        let commands = Self.dockerCommands(try read("Tests/Support/docker-cli-flags.md"))
        #expect(commands.count > 100)
        #expect(commands.first { $0.name == "run" }?.flags.count == 103)
        let page = Self.page(commands)
        if getenv("BERTH_WRITE_COMPAT") != nil {
            try Files.replace("\(Self.repository)/docs/compat.md", with: Array(page.utf8), mode: 0o644)
        }
        #expect(
            try read("docs/compat.md") == page,
            "write it anew: BERTH_WRITE_COMPAT=1 swift test --filter CompatibilityTests")
    }

    /// Each of Docker's flags of `run` and `create` is known: carried out, or refused by name.
    @Test(arguments: [
        "run", "create", "exec", "ps", "start", "attach", "update", "cp", "stats", "events", "restart", "volume ls",
    ])
    func noFlagIsUnknown(_ name: String) throws {
        let commands = Self.dockerCommands(try read("Tests/Support/docker-cli-flags.md"))
        let flags = try #require(commands.first { $0.name == name || $0.name == "system \(name)" }).flags
        let own = try #require(Self.find(name)).flags()
        for flag in flags { #expect(own.contains { $0.name == flag }, "\(name) --\(flag)") }
    }

    @Test func foreignCommandsSayWhatToDo() throws {
        for words in [["compose", "up"], ["--root", "/x", "swarm", "init", "--force"], ["context", "ls"]] {
            guard case .failure(let error) = BerthProgram.parse(words, caller: caller()) else {
                Issue.record("\(words) was accepted")
                continue
            }
            #expect(error.status == 1 && error.message.hasPrefix("berth: berth "))
        }
    }

    @Test func unfinishedLinesAreCompleted() {
        func words(_ line: String...) -> [String] { BerthProgram.command.completions(line).candidates.map(\.word) }
        #expect(words("pau") == ["pause"])
        #expect(words("volume", "r") == ["rm"])
        #expect(words("run", "--volumes-f") == ["--volumes-from"])
        #expect(words("run", "--gpu").isEmpty)
        let program = BerthProgram.command
        #expect(program.completions(["stop", "we"]).operandOf == "container stop")
        #expect(program.completions(["run", "-d", "--name", "x", ""]).operandOf == "container run")
        // Behind the image come the words of its program.
        #expect(program.completions(["run", "image", ""]).operandOf == nil)
        #expect(program.completions(["run", "--name", "x"]).valueOf == "name")
        #expect(program.completions(["nonsense", "x"]).candidates.isEmpty)
        #expect(program.completions([]).candidates.count > 30)
    }

    @Test func scriptsAndPage() {
        for shell in CompletionScript.shells {
            #expect(CompletionScript.text(shell: shell, program: "berth")?.contains("berth __complete") == true)
        }
        #expect(CompletionScript.text(shell: "tcsh", program: "berth") == nil)
        let page = ManualPage.text(BerthProgram.command, description: CompletionCommands.description)
        #expect(page.hasPrefix(".TH BERTH 1"))
        #expect(page.contains(".SS \"berth container run"))
        #expect(!page.split(separator: "\n").contains { $0.hasPrefix("'") })
    }

    @Test func explanationsAreTrees() throws {
        let tree = ExplanationTree.text([
            "Process": ["Pid": 7, "Name": "a\u{1B}[2J"], "Mounts": [["Target": "/x", "Type": "proc"]],
            "Differences": [],
        ])
        #expect(tree.contains("├─ Pid: 7") && tree.contains("Differences: none"))
        #expect(!tree.contains("\u{1B}"))
    }

    @Test func topKnowsThePsOptions() throws {
        #expect(try TopCommand.columns([]) == TopCommand.full)
        #expect(try TopCommand.columns(["-o", "pid,rss"]) == [.pid, .rss])
        #expect(try TopCommand.columns(["aux"]).first == .user)
        for words in [["-o"], ["-o", "rss"], ["-o", "pid,nope"], ["--forest"]] {
            #expect(throws: ValueError.self) { try TopCommand.columns(words) }
        }
    }

    @Test func pathsOfCopies() {
        #expect(CopyCommand.split("web:/x").container == "web")
        #expect(CopyCommand.split("./a:b").container == nil)
        #expect(CopyCommand.split("/a:b").container == nil)
        #expect(CopyCommand.split("-").path == "-")
        #expect(CopyCommand.split("dir/a:b").container == nil)
    }

    @Test func devicesAndRates() throws {
        #expect(try ExtraFlags.device("/dev/fuse").destination == "/dev/fuse")
        #expect(try ExtraFlags.device("/dev/a:/dev/b:rw").access == "rw")
        #expect(try ExtraFlags.device("/dev/a:r").access == "r")
        for text in ["fuse", "/dev/a:/dev/b:rwx", "/dev/a:/b:r:w:m", "/dev/a:b", "vendor.com/gpu=0"] {
            #expect(throws: ValueError.self, "\(text)") { try ExtraFlags.device(text) }
        }
    }
}
