/// A page for `man`, made of the tables that the parser and the help use.
public enum ManualPage {
    /// The page of a program and all of its commands.
    ///
    /// - Parameter description: paragraphs for the section DESCRIPTION.
    public static func text(_ program: Command, description: [String]) -> String {
        var lines = [
            ".TH \(program.name.uppercased()) 1 \"\" \"\(program.name) \(Version.text)\" \"User Commands\"", ".SH NAME",
            "\(program.name) \\- \(escaped(program.summary))", ".SH SYNOPSIS",
            ".B \(program.name)", escaped(program.usage), ".SH DESCRIPTION",
        ]
        for paragraph in description { lines += [".PP", escaped(paragraph)] }
        lines += [".SH OPTIONS"]
        lines += options(program.flags())
        lines += [".SH COMMANDS"]
        for command in program.subcommands.sorted(by: { $0.name < $1.name }) {
            add(command, [program.name], to: &lines)
        }
        lines += [
            ".SH EXIT STATUS",
            "125 when \(program.name) itself cannot do what it was asked for, 126 when a container's program cannot be executed, 127 when it is not there, 1 for a command that fails, and otherwise the status of the container's program.",
        ]
        return lines.joined(separator: "\n") + "\n"
    }

    private static func add(_ command: Command, _ path: [String], to lines: inout [String]) {
        let full = path + [command.name]
        if !command.subcommands.isEmpty {
            for next in command.subcommands.sorted(by: { $0.name < $1.name }) { add(next, full, to: &lines) }
            return
        }
        lines += [".SS \"\(escaped(command.usageLine(full)))\"", escaped(command.summary) + "."]
        for example in command.examples {
            lines += [".PP", "\\fB\(escaped(example.text))\\fR", ".br", escaped(example.meaning)]
        }
        // A command that stands in two places is described once, under its noun.
        if path.count == 1, command.fullNames.count > 1, let noun = command.fullNames.first {
            lines += [".PP", "The same as \\fB\(path[0]) \(escaped(noun))\\fR."]
        } else {
            lines += options(command.flags())
        }
    }

    private static func options(_ flags: [Flag]) -> [String] {
        var lines = [String]()
        for flag in flags.sorted(by: { $0.name < $1.name }) {
            switch flag.support {
            case .notYet, .never: continue
            case .works, .always: break
            }
            let value = flag.kind.valueName.isEmpty ? "" : " \\fI\(flag.kind.valueName)\\fR"
            let short = flag.short.map { "\\fB\\-\($0)\\fR, " } ?? ""
            lines += [".TP", "\(short)\\fB\\-\\-\(escaped(flag.name))\\fR\(value)", escaped(flag.help)]
        }
        return lines
    }

    /// Text in which troff finds no command.
    static func escaped(_ text: String) -> String {
        var result = ""
        for character in text {
            switch character {
            case "\\": result += "\\e"
            case "-": result += "\\-"
            case "\n": result += " "
            default: result.append(character)
            }
        }
        return result.first == "." || result.first == "'" ? "\\&" + result : result
    }
}
