import Glibc
import TestSupport
import Testing

/// What is generated from the tables of the commands: completion, the manual page, the page of compatibility.
@Suite struct DocumentTests {
    // MARK: Completion

    /// What bash itself offers for a line; the last word is what is being typed.
    private func bash(_ engine: TestEngine, _ words: [String]) async throws -> [String] {
        let line = (["berth"] + words).map { "'\($0)'" }.joined(separator: " ")
        let output = try await command([
            "bash", "--norc", "--noprofile", "-c",
            """
            PATH='\(Repository.programs)':$PATH; export BERTH_ROOT='\(engine.root)'
            eval "$(berth completion bash)" || exit 9
            COMP_WORDS=(\(line)); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); COMP_LINE="${COMP_WORDS[*]}"; COMP_POINT=${#COMP_LINE}
            _berth berth "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD-1]}"
            printf '%s\\n' "${COMPREPLY[@]}"
            """,
        ])
        #expect(output.status == 0 && output.err.isEmpty, "\(words): \(output.all)")
        return output.lines.filter { !$0.isEmpty }
    }

    @Test func bashCompletesCommandsFlagsAndNames() async throws {
        try await withEngine { engine in
            try await engine.start("--name", "webserver", base, "sleep", "1000")
            try await engine.start("--name", "other", base, "sleep", "1000")
            try await engine.ok("network", "create", "mine")
            #expect(try await bash(engine, ["explai"]) == ["explain"])
            #expect(try await bash(engine, ["container", "expo"]) == ["export"])
            #expect(Set(try await bash(engine, ["exec", "--wor"])) == ["--workdir"])
            #expect(try await bash(engine, ["__"]).isEmpty)
            #expect(try await bash(engine, ["stop", "webs"]) == ["webserver"])
            #expect(Set(try await bash(engine, ["stop", ""])) == ["webserver", "other"])
            #expect(try await bash(engine, ["container", "rm", "-f", "oth"]) == ["other"])
            #expect(try await bash(engine, ["--root", engine.root, "logs", "--tail", "5", "webs"]) == ["webserver"])
            #expect(try await bash(engine, ["run", "--network", "mi"]) == ["mine"])
            #expect(try await bash(engine, ["run", "--name", ""]).isEmpty)
            // Bash cuts a word at its colon, and wants the end alone.
            #expect(try await bash(engine, ["run", "--rm", "bas"]) == [base])
            #expect(try await bash(engine, ["run", "--rm", "base", ":", ""]) == ["1"])
            #expect(try await bash(engine, ["completion", "ba"]).isEmpty)
            #expect(try await bash(engine, ["nonsense", "webs"]).isEmpty)
        }
    }

    @Test(.enabled(if: installed("zsh"))) func zshReadsItsScript() async throws {
        let output = try await command([
            "zsh", "-f", "-c",
            "autoload -Uz compinit && compinit -D -u && eval \"$('\(Repository.program)' completion zsh)\" && whence -w _berth",
        ])
        #expect(output.status == 0 && output.out.contains("function") && output.err.isEmpty, "\(output.all)")
    }

    @Test(.enabled(if: installed("fish"))) func fishCompletes() async throws {
        try await withEngine { engine in
            try await engine.start("--name", "webserver", base, "sleep", "1000")
            let output = try await command(
                [
                    "fish", "--no-config", "-c",
                    "set -x PATH \(Repository.programs) $PATH; berth completion fish | source; complete -C 'berth stop web'; complete -C 'berth explai'",
                ], environment: ["BERTH_ROOT": engine.root])
            #expect(
                output.out.contains("webserver") && output.out.contains("explain") && output.err.isEmpty,
                "\(output.all)")
        }
    }

    @Test func unknownShell() async throws {
        let output = try await command([Repository.program, "completion", "tcsh"])
        #expect(
            output.status == 1 && output.err.hasPrefix("berth: there is no completion for \"tcsh\""), "\(output.all)")
    }

    // MARK: Documents

    @Test func manualPageIsCurrent() async throws {
        let output = try await command([Repository.program, "man"])
        #expect(output.status == 0)
        #expect(output.out == contents(Repository.path + "/docs/berth.1"), "docs/berth.1 is old: make man")
    }

    @Test(.enabled(if: installed("groff"))) func manualPageIsWellFormed() async throws {
        let output = try await command(
            ["groff", "-man", "-Tutf8", "-P-cbou", "-ww", "-b", "-rLL=100n", Repository.path + "/docs/berth.1"], seconds: 120)
        #expect(output.status == 0 && output.err.isEmpty, "\(output.err)")
        let plain = output.out.replacingEscapes
        #expect(plain.contains("berth run") && plain.contains("--memory") && plain.contains("EXIT STATUS"))
    }

    @Test(.enabled(if: installed("python3"))) func compatibilityPageIsCurrent() async throws {
        let output = try await command([Repository.path + "/scripts/compat.py", Repository.program], seconds: 120)
        #expect(output.status == 0, "\(output.all)")
        let page = contents(Repository.path + "/docs/compat.md")
        #expect(output.out == page, "docs/compat.md is old: make compat")
        // Every flag of Docker's list has its line below its command, whatever the generator does.
        for line in contents(Repository.path + "/scripts/docker-28-flags.txt").split(separator: "\n")
        where line.first != "#" {
            guard let colon = line.firstIndex(of: ":") else { continue }
            let name = line[..<colon]
            let row = page.split(separator: "\n").first { $0.hasPrefix("| `\(name)` |") }
            if !name.isEmpty { #expect(row != nil, "\(name) is missing") }
            if row?.contains("| refused") == true { continue }
            let flags = line[line.index(after: colon)...].split(separator: " ")
            if flags.isEmpty { continue }
            let heading = "### `\(name.isEmpty ? "berth" : "berth \(name)")`\n"
            guard let start = page.range(of: heading) else {
                Issue.record("no heading for \(name)")
                continue
            }
            let section = page[start...].dropFirst(heading.count).prefix { $0 != "#" }
            for flag in flags {
                let long = flag.split(separator: "/")[0]
                #expect(section.contains("`\(long)` |"), "\(name) \(long)")
            }
        }
    }

    @Test(arguments: [
        "compose", "context", "swarm", "node", "service", "stack", "secret", "config", "plugin", "trust", "checkpoint",
    ])
    func whatIsDockersAlone(_ name: String) async throws {
        for words in [[], ["up", "-d"], ["-f", "x.yaml", "up"], ["ls", "--format", "json"]] {
            let output = try await command([Repository.program, name] + words)
            #expect(output.status == 1 && output.out.isEmpty, "\(output.all)")
            #expect(output.err.hasPrefix("berth: ") && output.err.filter { $0 == "\n" }.count == 1, "\(output.err)")
        }
        let help = try await command([Repository.program, name, "--help"])
        #expect(help.status == 0 && !help.out.isEmpty)
    }

    @Test(.enabled(if: installed("setpriv"))) func nobodyIsToldWhatIsNeeded() async throws {
        // Where everybody may execute it.
        let scratch = try Scratch()
        try await shell("cp -L '\(Repository.program)' '\(scratch.path)/berth' && chmod 755 '\(scratch.path)/berth'")
        let drop = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", "--"]
        for words in [
            ["ps"], ["run", "--rm", "x"], ["images"], ["explain", "-p", "1"], ["build", "."], ["pull", "x"],
        ] {
            let output = try await command(drop + [scratch.path + "/berth"] + words)
            #expect(
                output.status == 125 && output.err.contains("root") && output.err.contains("sudo"),
                "\(words): \(output.all)")
        }
        for words in [["--version"], ["--help"], ["completion", "bash"], ["compose", "--help"]] {
            #expect(try await command(drop + [scratch.path + "/berth"] + words).status == 0, "\(words)")
        }
    }
}

extension String {
    /// Without the escape codes, or the letters struck twice, that groff sets words in bold with.
    fileprivate var replacingEscapes: String {
        var result = String.UnicodeScalarView()
        var isCode = false
        for scalar in unicodeScalars {
            switch scalar {
            case "\u{1B}": isCode = true
            case "\u{08}": _ = result.popLast()
            default:
                if !isCode { result.append(scalar) }
                if isCode, scalar == "m" { isCode = false }
            }
        }
        return String(result)
    }

    /// The place where a text begins.
    fileprivate func range(of text: String) -> String.Index? {
        guard let place = ranges(of: text).first else { return nil }
        return place.lowerBound
    }
}
