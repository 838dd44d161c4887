/// What could come next on an unfinished command line.
public struct CompletionCandidates: Sendable, Equatable {
    /// A word and what it means.
    public struct Candidate: Sendable, Equatable {
        public var word: String
        public var meaning: String
    }

    public var candidates: [Candidate] = []
    /// The command whose operand is being written; nil for words that are complete in themselves.
    public var operandOf: String?
    /// The flag whose value is being written.
    public var valueOf: String?
}

extension Command {
    /// What may stand in the place of the last word; earlier words are as they were typed. `self` is the program.
    public func completions(_ words: [String]) -> CompletionCandidates {
        var command = self
        var result = CompletionCandidates()
        var rest = words.dropLast()[...]
        let last = words.last ?? ""
        var operands = 0
        while let word = rest.popFirst() {
            if word == "--" {
                operands += rest.count
                break
            }
            if word.utf8.first == UInt8(ascii: "-"), word.utf8.count > 1 {
                guard let flag = command.flag(word) else { continue }
                if flag.kind != .boolean, !word.utf8.contains(UInt8(ascii: "=")) {
                    if rest.isEmpty {
                        result.valueOf = flag.name
                        return result
                    }
                    rest.removeFirst()
                }
                continue
            }
            if command.subcommands.isEmpty {
                operands += 1
                // Behind an image or a container come the words of somebody else's program.
                if !command.interspersed, operands > 0 {
                    operands += rest.count
                    break
                }
            } else if let next = command.subcommand(word) {
                command = next
            } else {
                return result
            }
        }
        if last.utf8.first == UInt8(ascii: "-") {
            for flag in command.flags().sorted(by: { $0.name < $1.name }) {
                switch flag.support {
                case .notYet, .never: continue
                case .works, .always: result.add("--" + flag.name, flag.help, last)
                }
            }
            result.add("--help", "Show what the command does", last)
            return result
        }
        if command.subcommands.isEmpty {
            if !command.interspersed, operands > 0 { return result }
            result.operandOf = command.identifier
        } else {
            for next in command.subcommands { result.add(next.name, next.summary, last) }
        }
        return result
    }

    /// The flag that a word begins, by its long name or its last letter.
    private func flag(_ word: String) -> Flag? {
        if word.utf8.starts(with: "--".utf8) {
            let body = String(decoding: word.utf8.dropFirst(2), as: UTF8.self)
            let name = ByteText.cut(body, at: "=")?.before ?? body
            return flags().first { $0.name == name }
        }
        guard let letter = word.unicodeScalars.last else { return nil }
        return flags().first { $0.short == letter }
    }
}

extension CompletionCandidates {
    fileprivate mutating func add(_ word: String, _ meaning: String, _ beginning: String) {
        guard word.utf8.starts(with: beginning.utf8), !candidates.contains(where: { $0.word == word }) else { return }
        candidates.append(Candidate(word: word, meaning: meaning))
    }
}

/// The scripts that tie a shell's completion to the program, which answers `PROGRAM __complete WORD…` with a word and its
/// meaning a line.
public enum CompletionScript {
    /// The shells there is one for.
    public static let shells = ["bash", "zsh", "fish"]

    /// The script for a shell; nil for one that is not known.
    public static func text(shell: String, program: String) -> String? {
        switch shell {
        case "bash":
            """
            # bash completion for \(program): source this, or put it into /usr/share/bash-completion/completions/\(program)
            _\(program)() {
                local word=${COMP_WORDS[COMP_CWORD]} line
                COMPREPLY=()
                while IFS= read -r line; do
                    line=${line%%$'\\t'*}
                    [[ $line == "$word"* ]] && COMPREPLY+=("$line")
                done < <(\(program) __complete "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
                [[ ${#COMPREPLY[@]} -eq 0 ]] && compopt -o default 2>/dev/null
                return 0
            }
            complete -F _\(program) \(program)

            """
        case "zsh":
            """
            #compdef \(program)
            # zsh completion for \(program): put this into a directory of $fpath as _\(program)
            _\(program)() {
                local -a found
                local line
                while IFS= read -r line; do
                    found+=("${${line%%$'\\t'*}//:/\\\\:}:${line#*$'\\t'}")
                done < <(\(program) __complete "${(@)words[2,CURRENT]}" 2>/dev/null)
                if (( ${#found} )); then _describe '\(program)' found; else _files; fi
            }
            compdef _\(program) \(program)

            """
        case "fish":
            """
            # fish completion for \(program): put this into ~/.config/fish/completions/\(program).fish
            function __\(program)_complete
                set -l words (commandline -opc) (commandline -ct)
                \(program) __complete $words[2..-1] 2>/dev/null
            end
            complete -c \(program) -a '(__\(program)_complete)'

            """
        default: nil
        }
    }
}
