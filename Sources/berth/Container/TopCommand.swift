import CommandLine
import Engine

/// What `top` was asked for.
struct TopOptions: Sendable {
    var container: String
    var columns: [TopColumn]
}

/// A column of `top`, in the words of `ps -o`.
enum TopColumn: String, Sendable {
    case user, uid, pid, ppid, c, pcpu = "%cpu", pmem = "%mem", stime, start, tty, time, stat, vsz, rss, ni, comm, cmd,
        args, command

    /// Its first line.
    var heading: String {
        switch self {
        case .args, .command: "COMMAND"
        case .comm: "COMMAND"
        default: rawValue.uppercased()
        }
    }
}

/// `berth top`.
enum TopCommand {
    static let command = Command(
        "top", identifier: "container top", summary: "Display the running processes of a container",
        usage: "CONTAINER [ps OPTIONS]", operands: .atLeast(1), interspersed: false,
        fullNames: ["container top", "top"],
        examples: [.init("berth top web -o pid,rss,args", "these columns")])

    static func options(_ invocation: Invocation) throws(UsageError) -> TopOptions {
        let words = Array(invocation.operands.dropFirst())
        do throws(ValueError) {
            return TopOptions(container: invocation.operands[0], columns: try columns(words))
        } catch {
            throw UsageError(
                "\(invocation.path[0]): \(printable(error.description))",
                command: invocation.path.joined(separator: " "),
                status: 1)
        }
    }

    static let full: [TopColumn] = [.uid, .pid, .ppid, .c, .stime, .tty, .time, .cmd]

    /// The columns that options of `ps` ask for. They are listed by Berth itself: it knows the usual ones.
    static func columns(_ words: [String]) throws(ValueError) -> [TopColumn] {
        var list = [TopColumn]()
        var index = 0
        func add(_ text: String) throws(ValueError) {
            for name in ByteText.fields(text, by: ",") {
                let plain = [
                    "pcpu": "%cpu", "pmem": "%mem", "nice": "ni", "tt": "tty", "vsize": "vsz", "rssize": "rss",
                    "s": "stat", "state": "stat", "ucmd": "comm", "ucomm": "comm", "euser": "user", "euid": "uid",
                    "cputime": "time", "start_time": "stime", "bsdstart": "start",
                ]
                guard let column = TopColumn(rawValue: plain[name] ?? name) else {
                    throw ValueError("top knows no column \(quoted(name))")
                }
                list.append(column)
            }
        }
        while index < words.count {
            let word = words[index]
            index += 1
            switch word {
            case "-e", "-A", "-f", "-ef", "-x", "x": if list.isEmpty, word.utf8.contains(0x66) { list = full }
            case "aux", "-aux", "u", "axu":
                list = [.user, .pid, .pmem, .vsz, .rss, .tty, .stat, .start, .time, .command]
                list.insert(.pcpu, at: 2)
            case "-o", "-eo", "o":
                guard index < words.count else { throw ValueError("\(word) needs a list of columns") }
                try add(words[index])
                index += 1
            default:
                if ByteText.begins(word, with: "-o"), word.utf8.count > 2 {
                    try add(String(decoding: word.utf8.dropFirst(2), as: UTF8.self))
                } else {
                    throw ValueError(
                        "top does not know the ps option \(quoted(word)): there are -ef, aux and -o COLUMN,…")
                }
            }
        }
        if list.isEmpty { return full }
        guard list.contains(.pid) else {
            throw ValueError("Couldn't find PID field in ps output: name pid among the columns")
        }
        return list
    }
}

/// What `stats` was asked for.
struct StatsOptions: Sendable {
    var containers: [String]
    var all = false
    var format = ""
    var isStream = true
    var truncates = true
}

/// `berth stats`.
enum StatsCommand {
    static let command = Command(
        "stats", identifier: "container stats",
        summary: "Display a live stream of container(s) resource usage statistics", usage: "[OPTIONS] [CONTAINER...]",
        operands: .any, fullNames: ["container stats", "stats"],
        examples: [.init("berth stats --no-stream --format '{{.Name}} {{.MemUsage}}'", "once, two columns")],
        flags: {
            [
                Flag("all", "a", .boolean, "Show all containers (default shows just running)"),
                CommonFlags.format,
                Flag("no-stream", nil, .boolean, "Disable streaming stats and only pull the first result"),
                Flag("no-trunc", nil, .boolean, "Do not truncate output"),
            ]
        })

    static func options(_ invocation: Invocation) -> StatsOptions {
        let flags = invocation.flags
        return StatsOptions(
            containers: invocation.operands, all: flags.flag("all"), format: flags.string("format") ?? "",
            isStream: !flags.flag("no-stream"), truncates: !flags.flag("no-trunc"))
    }
}
