import CommandLine
import Engine
import JSON
import LinuxKernel

/// What `explain` was asked for.
struct ExplainOptions: Sendable {
    var container: String?
    var process: Int32?
    var isJSON = false
}

/// `berth explain`: Berth's own word.
enum ExplainCommand {
    static let command = Command(
        "explain", identifier: "explain", summary: "Show what makes a process a container, read back from the kernel",
        usage: "[OPTIONS] CONTAINER | --process PID", operands: .atMost(1),
        examples: [
            .init("berth explain web", "namespaces, limits and use, layers, mounts, network, rights"),
            .init("berth explain --process 4711", "the same of any process: Docker's and Podman's containers too"),
        ],
        flags: {
            [
                Flag(
                    "format", nil, .string, "Output format (\"json\" or a tree)",
                    check: { value throws(ValueError) in
                        guard ["", "json", "tree"].contains(value) else {
                            throw ValueError("it is neither json nor tree")
                        }
                    }),
                Flag(
                    "process", nil, .integer, "A process of the host instead of a container",
                    check: { value throws(ValueError) in
                        guard (1...Int64(Int32.max)).contains(try NumberValue.integer(value)) else {
                            throw ValueError("it is not a process number")
                        }
                    }),
            ]
        })

    static func options(_ invocation: Invocation) throws(UsageError) -> ExplainOptions {
        let flags = invocation.flags
        let options = ExplainOptions(
            container: invocation.operands.first, process: flags.integer("process").map { Int32(clamping: $0) },
            isJSON: flags.string("format") == "json")
        guard (options.container == nil) != (options.process == nil) else {
            throw UsageError(
                "\(invocation.path[0]): explain wants a container, or --process and its number",
                command: invocation.path.joined(separator: " "), status: 1)
        }
        return options
    }
}

extension ProgramExecution {
    /// `explain`.
    func explain(_ options: ExplainOptions) throws -> Int32 {
        let explanation =
            if let pid = options.process { try engine.explain(process: pid) } else {
                try engine.explain(options.container ?? "")
            }
        if options.isJSON {
            writeText(explanation.json.text(indent: 4) + "\n", to: 1)
        } else {
            writeText(ExplanationTree.text(explanation.json), to: 1)
        }
        return 0
    }
}

/// An explanation as a tree for people.
enum ExplanationTree {
    static func text(_ json: JSONValue) -> String {
        var result = ""
        for (key, value) in json.objectValue?.members ?? [] {
            switch value {
            case .object(let object) where object.isEmpty: continue
            case .array(let list) where list.isEmpty:
                if key == "Differences" { result += "Differences: none\n" }
                continue
            default: break
            }
            result += "\(key)\n"
            add(value, prefix: "", to: &result)
        }
        return result
    }

    private static func add(_ value: JSONValue, prefix: String, to result: inout String) {
        var items = [(String, JSONValue)]()
        switch value {
        case .object(let object): items = object.members.map { ($0.key, $0.value) }
        case .array(let list): items = list.map { ("", $0) }
        default: return
        }
        for (place, (key, item)) in items.enumerated() {
            let isLast = place == items.count - 1
            let line = prefix + (isLast ? "└─ " : "├─ ")
            let below = prefix + (isLast ? "   " : "│  ")
            if let flat = flat(item) {
                result += line + (key.isEmpty ? flat : "\(printable(key)): \(flat)") + "\n"
            } else {
                result += line + (key.isEmpty ? "•" : printable(key)) + "\n"
                add(item, prefix: below, to: &result)
            }
        }
    }

    /// What fits on a line: plain values, lists of words, and objects of plain values as `a=b`.
    private static func flat(_ value: JSONValue) -> String? {
        switch value {
        case .string(let text): return printable(text)
        case .bool(let yes): return yes ? "yes" : "no"
        case .null: return "–"
        case .array(let list):
            let words = list.compactMap(\.stringValue)
            guard words.count == list.count else { return nil }
            if words.isEmpty { return "none" }
            return words.reduce(0, { $0 + $1.utf8.count }) > 90
                && words.contains { $0.contains(" ") || $0.contains("/") }
                ? nil : printable(words.joined(separator: " "))
        case .object(let object):
            let parts = object.members.compactMap { entry in plain(entry.value).map { "\(entry.key) \($0)" } }
            let text = parts.joined(separator: ", ")
            return parts.count == object.members.count && text.utf8.count < 100 ? printable(text) : nil
        default: return value.text()
        }
    }

    private static func plain(_ value: JSONValue) -> String? {
        switch value {
        case .string(let text): return text.isEmpty ? "–" : text
        case .bool(let yes): return yes ? "yes" : "no"
        case .array(let list):
            let words = list.compactMap(\.stringValue)
            return words.count == list.count ? words.joined(separator: "+") : nil
        case .object: return nil
        default: return value.text()
        }
    }
}
