/// What a program's tables say of every command and flag, a line each, for whoever compares them with another program's:
/// `command PATH STATE REASON` and `flag PATH NAME STATE REASON`, between tabs.
public enum FlagListing {
    /// The listing.
    public static func text(of program: Command) -> String {
        var lines: [String] = []
        add(program, [program.name], &lines)
        return lines.joined(separator: "\n") + "\n"
    }

    private static func add(_ command: Command, _ path: [String], _ lines: inout [String]) {
        guard !command.isHidden else { return }
        let full = path.dropFirst().joined(separator: " ")
        func line(_ words: String...) { lines.append(words.map { oneLine($0) }.joined(separator: "\t")) }
        if let refusal = command.refusal {
            line("command", full, "refused", refusal)
            return
        }
        line("command", full, command.subcommands.isEmpty ? "works" : "group", "")
        for flag in command.flags().sorted(by: { $0.name < $1.name }) {
            switch flag.support {
            case .works: line("flag", full, flag.name, "works", "")
            case .always: line("flag", full, flag.name, "always", "")
            case .notYet(let harmless):
                line("flag", full, flag.name, "not yet", harmless.filter { !$0.isEmpty }.joined(separator: ", "))
            case .never(let reason): line("flag", full, flag.name, "refused", reason)
            }
        }
        for next in command.subcommands {
            for name in [next.name] + next.aliases { add(next, path + [name], &lines) }
        }
    }

    private static func oneLine(_ text: String) -> String {
        String(decoding: text.utf8.map { $0 < 32 ? 32 : $0 }, as: UTF8.self)
    }
}
