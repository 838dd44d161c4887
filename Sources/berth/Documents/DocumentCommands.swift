import CommandLine

/// What is made from the tables of the commands, and what only programs ask for.
enum DocumentRequest: Sendable, Equatable {
    case completion(Completion)
    case manual
    case listing
    /// Names of objects of these kinds, for completion.
    case names([String])
}

/// `completion`, `man`, and the two commands that scripts alone use.
enum DocumentCommands {
    static let completion = Command(
        "completion", identifier: "completion", summary: "Print the completion script for a shell",
        usage: "bash|zsh|fish", operands: .exactly(1),
        examples: [
            .init("berth completion bash > /etc/bash_completion.d/berth", "for every user of bash"),
            .init("berth completion zsh > /usr/share/zsh/vendor-completions/_berth", "for every user of zsh"),
            .init("berth completion fish > /etc/fish/completions/berth.fish", "for every user of fish"),
        ])

    static let manual = Command(
        "man", identifier: "man", summary: "Print the manual page", usage: "", operands: .none,
        examples: [.init("berth man | man -l -", "read it")])

    static let listing = Command(
        "__flags", identifier: "__flags", summary: "Print what the tables of the commands say", usage: "",
        operands: .none
    ).hidden()

    static let names = Command(
        "__names", identifier: "__names", summary: "Print names of objects", usage: "KIND...", operands: .atLeast(1)
    ).hidden()

    static let kinds = ["container", "image", "volume", "network"]

    static func request(_ invocation: Invocation) throws(UsageError) -> DocumentRequest? {
        switch invocation.command.identifier {
        case "completion":
            guard let shell = Completion(rawValue: invocation.operands[0]) else {
                throw UsageError(
                    "berth: there is no completion for \(quoted(invocation.operands[0])): bash, zsh and fish have one",
                    usage: invocation.command.usageLine(invocation.path),
                    command: invocation.path.joined(separator: " "),
                    status: 1)
            }
            return .completion(shell)
        case "man": return .manual
        case "__flags": return .listing
        case "__names": return .names(invocation.operands.filter { kinds.contains($0) })
        default: return nil
        }
    }

    /// The text of a document; nil for what needs an engine.
    static func text(_ request: DocumentRequest) -> String? {
        switch request {
        case .completion(let shell): shell.script(for: BerthProgram.command)
        case .manual: ManualPage(program: BerthProgram.command, version: Version.text).text
        case .listing: FlagListing.text(of: BerthProgram.command)
        case .names: nil
        }
    }
}
