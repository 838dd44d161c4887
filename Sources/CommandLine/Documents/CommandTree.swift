/// A walk over a program's commands, for what is generated from them.
extension Command {
    /// Every command below this one with its words, groups before what is in them, in the tree's order.
    ///
    /// - Parameter path: the words that lead here, the program's name first.
    public func descendants(_ path: [String]) -> [(path: [String], command: Command)] {
        shownSubcommands.flatMap { command -> [(path: [String], command: Command)] in
            let words = path + [command.name]
            return [(words, command)] + command.descendants(words)
        }
    }

    /// The commands of a group that are there for people.
    var shownSubcommands: [Command] { subcommands.filter { !$0.isHidden && $0.refusal == nil } }

    /// The flags whose use is not refused in any case.
    var usableFlags: [Flag] {
        flags().filter {
            switch $0.support {
            case .works, .always: true
            case .notYet(let harmless): !harmless.isEmpty
            case .never: false
            }
        }.sorted { $0.name < $1.name }
    }

    /// What kind of object the operands name, told by the usage line's first capital word.
    var operandKind: OperandKind {
        let words = usage.utf8.split { !(65...90).contains($0) && $0 != 95 }.map { String(decoding: $0, as: UTF8.self) }
        for word in words where word != "OPTIONS" {
            switch word {
            case "CONTAINER": return .container
            case "IMAGE": return .image
            case "VOLUME": return .volume
            case "NETWORK": return .network
            case "NAME": return identifier == "inspect" ? .any : .none
            case "SOURCE_IMAGE": return .image
            case "PATH", "SRC_PATH", "FILE", "SOURCE_DIRECTORY": return .file
            default: return .none
            }
        }
        return .none
    }

    /// ``operandKind``.
    enum OperandKind: String { case container, image, volume, network, any, file, none }

    /// What a flag's value names.
    static func valueKind(_ flag: Flag) -> OperandKind {
        switch flag.name {
        case "env-file", "cidfile", "iidfile", "label-file", "file", "input", "output", "metadata-file", "config",
            "root":
            .file
        case "network": .network
        case "volumes-from", "link": .container
        case "volume": .volume
        default: .none
        }
    }
}
