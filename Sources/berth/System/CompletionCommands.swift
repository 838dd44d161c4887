import CommandLine
import Engine
import ImageStore
import LinuxKernel
import OCI

/// `berth completion` and `berth manual`.
enum CompletionCommands {
    static let completion = Command(
        "completion", identifier: "completion", summary: "Print the completion script for a shell",
        usage: "bash|zsh|fish", operands: .exactly(1),
        examples: [.init("source <(berth completion bash)", "completion in this shell")])

    static let manual = Command(
        "manual", identifier: "manual", summary: "Print the manual page", usage: "", operands: .none,
        examples: [.init("berth manual | man -l -", "read it")])

    static let description = [
        "berth builds images, moves them to and from registries, and runs them as isolated processes. There is no daemon: each running container has one small process that looks after it, and a command reads and writes plain files and asks the kernel for the rest.",
        "Its grammar is that of docker: scripts written for docker run with alias docker=berth.",
    ]

    /// Answers `berth __complete WORD…`: a word, a tab and its meaning a line. Nothing is said about what cannot be known.
    static func answer(_ words: [String]) -> String {
        let found = BerthProgram.command.completions(words)
        var lines = found.candidates.map { "\($0.word)\t\($0.meaning)" }
        guard let identifier = found.operandOf else { return lines.map { $0 + "\n" }.joined() }
        var root = getRoot(words)
        if root?.isEmpty == true { root = nil }
        guard let engine = try? Engine(root: root) else { return "" }
        switch kind(identifier) {
        case .container:
            for (record, state) in (try? engine.list()) ?? [] { lines.append("\(record.name)\t\(state.word)") }
        case .image:
            for image in (try? engine.images.images()) ?? [] {
                for reference in image.references { lines.append("\(reference.familiar)\timage") }
            }
        case .volume: for volume in engine.volumes.all() { lines.append("\(volume.name)\tvolume") }
        case .network: for entry in (try? engine.networkEntries()) ?? [] { lines.append("\(entry.name)\tnetwork") }
        case .none: break
        }
        return lines.map { line in
            // The tab between a word and its meaning is the only control character.
            ByteText.cut(line, at: "\t").map { "\(printable($0.before))\t\(printable($0.after))\n" } ?? ""
        }.joined()
    }

    private enum Kind { case container, image, volume, network, none }

    private static func kind(_ identifier: String) -> Kind {
        switch identifier {
        case "container run", "container create", "image rm", "image tag", "image save", "image history", "image push",
            "image inspect", "image ls":
            .image
        case "volume inspect", "volume rm": .volume
        case "network inspect", "network rm", "network connect", "network disconnect": .network
        case "container ls", "container prune": .none
        case "inspect", "explain": .container
        default: identifier.utf8.starts(with: "container ".utf8) ? .container : .none
        }
    }

    private static func getRoot(_ words: [String]) -> String? {
        for (place, word) in words.enumerated() {
            if word == "--root", place + 1 < words.count { return words[place + 1] }
            if ByteText.begins(word, with: "--root=") { return String(decoding: word.utf8.dropFirst(7), as: UTF8.self) }
        }
        return CallerView.real().variable("BERTH_ROOT")
    }
}
