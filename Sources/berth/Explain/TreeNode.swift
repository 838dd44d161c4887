import CommandLine

/// A line of a tree, with what hangs below it.
struct TreeNode {
    /// How a line stands out on a terminal.
    enum Tone: Sendable { case plain, heading, quiet, warning }

    var text: String
    var tone: Tone
    var children: [TreeNode]

    /// A line. Its text may hold other people's names: it is made printable when it is drawn.
    init(_ text: String, _ tone: Tone = .plain, _ children: [TreeNode] = []) {
        self.text = text
        self.tone = tone
        self.children = children
    }

    /// All lines, each ended by a newline.
    ///
    /// - Parameter colour: whether a terminal shows it.
    func text(colour: Bool) -> String {
        var lines = ""
        draw(prefix: "", below: "", colour, &lines)
        return lines
    }

    private func draw(prefix: String, below: String, _ colour: Bool, _ lines: inout String) {
        // Letters of every language stay as they are; what could move the cursor or hide text is written out.
        let shown = printable(text)
        lines += prefix + (colour ? painted(shown) : shown) + "\n"
        for (place, child) in children.enumerated() {
            let isLast = place == children.count - 1
            child.draw(
                prefix: below + (isLast ? "└─ " : "├─ "), below: below + (isLast ? "   " : "│  "), colour, &lines)
        }
    }

    private func painted(_ text: String) -> String {
        switch tone {
        case .plain: text
        case .heading: "\u{1B}[1m\(text)\u{1B}[0m"
        case .quiet: "\u{1B}[2m\(text)\u{1B}[0m"
        case .warning: "\u{1B}[33m\(text)\u{1B}[0m"
        }
    }
}
