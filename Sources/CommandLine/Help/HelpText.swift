extension Command {
    /// "berth run [OPTIONS] IMAGE [COMMAND] [ARG...]".
    public func usageLine(_ path: [String]) -> String {
        (path + (usage.isEmpty ? [] : [usage])).joined(separator: " ")
    }

    /// The text of `--help`, with a newline at its end.
    ///
    /// - Parameter width: columns to wrap at.
    public func help(_ path: [String], width: Int = 80) -> String {
        if let refusal { return "Usage:  \(usageLine(path))\n\n\(summary)\n\n\(refusal)\n" }
        var text = "Usage:  \(usageLine(path))\n\n\(summary)\n"
        if fullNames.count > 1 {
            text += "\nAliases:\n  " + fullNames.map { "\(path[0]) \($0)" }.joined(separator: ", ") + "\n"
        }
        if !examples.isEmpty {
            text += "\nExamples:\n"
            for example in examples { text += "  \(example.text)\n      \(example.meaning)\n" }
        }
        var headings: [String] = []
        for command in subcommands where !command.isHidden && !headings.contains(command.heading) { headings.append(command.heading) }
        for heading in headings {
            let commands = subcommands.filter { $0.heading == heading && !$0.isHidden }
            let longest = subcommands.map { $0.name.count }.max() ?? 0
            text += "\n\(heading):\n"
            for command in commands {
                text += "  \(command.name)\(spaces(max(longest, 10) - command.name.count + 2))\(command.summary)\n"
            }
        }
        let flags = flags().sorted { $0.name < $1.name }
        if !flags.isEmpty {
            text += "\n\(subcommands.isEmpty ? "Options" : "Global Options"):\n" + Self.table(flags, width)
        }
        if !subcommands.isEmpty {
            text += "\nRun '\(path.joined(separator: " ")) COMMAND --help' for more information on a command.\n"
        }
        return text
    }

    private static func table(_ flags: [Flag], _ width: Int) -> String {
        let titles = flags.map { flag in
            let start = flag.short.map { "  -\($0), --" } ?? "      --"
            return start + flag.name + (flag.kind.valueName.isEmpty ? "" : " " + flag.kind.valueName)
        }
        let column = (titles.map(\.count).max() ?? 0) + 3
        var text = ""
        for (flag, title) in zip(flags, titles) {
            var help = flag.help
            if let value = flag.defaultText {
                help += flag.kind == .string ? " (default \"\(value)\")" : " (default \(value))"
            }
            switch flag.support {
            case .notYet: help += " (not supported yet)"
            case .never: help += " (not supported)"
            case .works, .always: break
            }
            let lines = wrapped(help, width: max(24, width - column))
            text += title + spaces(column - title.count) + lines.joined(separator: "\n" + spaces(column)) + "\n"
        }
        return text
    }

    /// Lines of at most `width` characters, broken at spaces; longer words stand alone.
    static func wrapped(_ text: String, width: Int) -> [String] {
        var lines: [String] = []
        for paragraph in text.split(separator: "\n", omittingEmptySubsequences: false) {
            var line = ""
            for word in paragraph.split(separator: " ") {
                if !line.isEmpty, line.count + 1 + word.count > width {
                    lines.append(line)
                    line = ""
                }
                line += line.isEmpty ? String(word) : " " + word
            }
            lines.append(line)
        }
        return lines
    }
}

private func spaces(_ count: Int) -> String { String(repeating: " ", count: max(0, count)) }
