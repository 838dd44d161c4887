extension Command {
    /// Reads a command line, the program's own name left out. `self` is the program.
    public func parse(_ words: [String]) -> CommandLineOutcome {
        var command = self
        var path = [name]
        var globals = FlagValues()
        var rest = words
        var offset = 0
        while true {
            if let refusal = command.refusal {
                if rest.first == "--help" || rest.first == "-h" { return .help(command.help(path)) }
                return .failure(
                    UsageError("\(name): \(refusal)", command: path.joined(separator: " "), status: 1, isFinal: true))
            }
            let parser = FlagParser(flags: command.flags(), interspersed: command.interspersed)
            let result: FlagParser.Result
            do throws(FlagParser.Failure) {
                result = try parser.parse(rest)
            } catch {
                return command.outcome(of: error, path)
            }
            if command.subcommands.isEmpty {
                if let complaint = command.operands.complaint(result.operands.count) {
                    return .failure(
                        UsageError(
                            "\(name): '\(path.joined(separator: " "))' \(complaint)", usage: command.usageLine(path),
                            command: path.joined(separator: " "), status: 1))
                }
                return .run(
                    Invocation(
                        command: command, path: path, globals: globals, flags: result.values,
                        operands: result.operands.map(\.word), operandPlaces: result.operands.map { $0.place + offset },
                        operandsBeforeDashes: result.operandsBeforeDashes))
            }
            if path.count == 1 { globals = result.values }
            guard let word = result.operands.first else {
                // A flag of the program may be all there is to do (--version): the caller looks at it.
                if path.count == 1, globals.isGiven("version") {
                    return .run(
                        Invocation(
                            command: command, path: path, globals: globals, flags: globals, operands: [],
                            operandPlaces: []))
                }
                return .help(command.help(path))
            }
            if path.count == 1, word.word == "help" { return help(for: result.operands.dropFirst().map(\.word)) }
            guard let next = command.subcommand(word.word) else { return .failure(command.unknown(word.word, path)) }
            offset += word.place + 1
            rest = Array(rest[(word.place + 1)...])
            command = next
            path.append(next.name)
        }
    }

    /// The subcommand of a name or an alias.
    public func subcommand(_ word: String) -> Command? {
        subcommands.first { $0.name == word } ?? subcommands.first { $0.aliases.contains(word) }
    }

    private func outcome(of failure: FlagParser.Failure, _ path: [String]) -> CommandLineOutcome {
        let full = path.joined(separator: " ")
        switch failure {
        case .help: return .help(help(path))
        case .usage(let message): return .failure(UsageError(message, usage: usageLine(path), command: full))
        case .unsupported(let message): return .failure(UsageError("\(path[0]): \(message)", command: full))
        }
    }

    private func help(for words: [String]) -> CommandLineOutcome {
        var command = self
        var path = [name]
        for word in words {
            guard let next = command.subcommand(word) else { return .failure(command.unknown(word, path)) }
            command = next
            path.append(next.name)
        }
        return .help(command.help(path))
    }

    private func unknown(_ word: String, _ path: [String]) -> UsageError {
        let full = path.joined(separator: " ")
        var message = "\(path[0]): unknown command: \(full) \(printable(word))"
        let near = suggestions(for: word)
        if !near.isEmpty {
            message += "\n\nDid you mean \(near.count == 1 ? "this" : "one of these")?"
            for name in near { message += "\n    \(full) \(name)" }
        }
        return UsageError(message, command: full, status: 1)
    }

    /// Commands whose name is like `word`, best first.
    func suggestions(for word: String) -> [String] {
        guard word.utf8.count <= 40 else { return [] }
        var found: [(name: String, distance: Int)] = []
        for command in subcommands where !command.isHidden {
            for name in [command.name] + command.aliases {
                let distance = Spelling.distance(word.lowercased(), name)
                // Two slips in a short word leave nothing of it.
                let close = distance <= (name.utf8.count <= 3 ? 1 : 2) || (word.utf8.count >= 2 && name.hasPrefix(word))
                guard close else { continue }
                if !found.contains(where: { $0.name == command.name }) { found.append((command.name, distance)) }
            }
        }
        return found.sorted { ($0.distance, $0.name) < ($1.distance, $1.name) }.prefix(3).map(\.name)
    }
}

enum Spelling {
    /// How many letters must be added, left out, changed or swapped with a neighbour to make one word of the other.
    static func distance(_ a: String, _ b: String) -> Int {
        let a = Array(a.utf8)
        let b = Array(b.utf8)
        var before = [Int](repeating: 0, count: b.count + 1)
        var last = Array(0...b.count)
        for i in a.indices {
            var line = [i + 1] + [Int](repeating: 0, count: b.count)
            for j in b.indices {
                line[j + 1] = min(last[j + 1] + 1, line[j] + 1, last[j] + (a[i] == b[j] ? 0 : 1))
                if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] {
                    line[j + 1] = min(line[j + 1], before[j - 1] + 1)
                }
            }
            before = last
            last = line
        }
        return last[b.count]
    }
}
