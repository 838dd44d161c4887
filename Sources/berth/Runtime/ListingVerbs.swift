import CommandLine
import ContainerRuntime
import JSON
import LinuxKernel

/// `state`.
enum StateVerb: RuntimeVerb {
    static let command = Command(
        "state", identifier: "state", summary: "Print a container's state as JSON", usage: "CONTAINER",
        operands: .exactly(1))

    static func run(_ invocation: Invocation, _ settings: RuntimeSettings) throws -> Int32 {
        writeText(try settings.containers().state(invocation.container).text(indent: 2) + "\n", to: 1)
        return 0
    }
}

/// `list`.
enum ListVerb: RuntimeVerb {
    static let command = Command(
        "list", identifier: "list", summary: "List containers", usage: "[OPTIONS]", operands: .none,
        flags: {
            [
                ListingFormat.flag, Flag("quiet", "q", .boolean, "Print ids only"),
            ]
        })

    static func run(_ invocation: Invocation, _ settings: RuntimeSettings) throws -> Int32 {
        let containers = try settings.containers().list()
        func member(_ value: JSONValue, _ name: String) -> String { value[name]?.stringValue ?? "" }
        if invocation.flags.flag("quiet") {
            writeText(containers.map { member($0, "id") + "\n" }.joined(), to: 1)
        } else if invocation.flags.string("format") == "json" {
            writeText(JSONValue.array(containers).text() + "\n", to: 1)
        } else {
            let rows = containers.map { value in
                [
                    member(value, "id"), "\(value["pid"]?.integerValue(as: Int32.self) ?? 0)", member(value, "status"),
                    member(value, "bundle"), member(value, "created"), member(value, "owner"),
                ]
            }
            writeText(ListingFormat.table([["ID", "PID", "STATUS", "BUNDLE", "CREATED", "OWNER"]] + rows), to: 1)
        }
        return 0
    }
}

/// `ps`.
enum PsVerb: RuntimeVerb {
    static let command = Command(
        "ps", identifier: "ps", summary: "Show the processes of a container",
        usage: "[OPTIONS] CONTAINER [PS OPTIONS]", operands: .atLeast(1), interspersed: false,
        flags: { [ListingFormat.flag] })

    static func run(_ invocation: Invocation, _ settings: RuntimeSettings) throws -> Int32 {
        let pids = try settings.containers().processes(invocation.container)
        if invocation.flags.string("format") == "json" {
            writeText(JSONValue.array(pids.map { JSONValue($0) }).text() + "\n", to: 1)
            return 0
        }
        guard let program = ChildProcess.find("ps") else {
            throw RuntimeError(
                "list", "processes", cause: "there is no ps program on this machine", remedy: "use --format json")
        }
        var options = Array(invocation.operands.dropFirst())
        if options.isEmpty { options = ["-ef"] }
        let result = try ChildProcess.run(program, options, outputLimit: 64 << 20)
        let text = String(decoding: result.output, as: UTF8.self)
        guard result.status == 0, let table = ListingFormat.rows(of: text, pids: Set(pids)) else {
            let words = String(
                decoding: result.errorOutput.isEmpty ? result.output.prefix(200) : result.errorOutput.prefix(200),
                as: UTF8.self)
            throw RuntimeError(
                "list", "processes", cause: result.status == 0 ? "ps printed no PID column" : "ps failed: \(words)",
                remedy: "give other ps options")
        }
        writeText(table, to: 1)
        return 0
    }
}

/// Tables, and what is cut out of other programs' tables.
enum ListingFormat {
    static let flag = Flag(
        "format", "f", .string, "Format of the output: table or json", default: "table",
        check: { value throws(ValueError) in
            guard value == "table" || value == "json" else { throw ValueError("it is neither table nor json") }
        })

    /// Columns of at least 12 characters, three spaces between.
    static func table(_ rows: [[String]]) -> String {
        var widths = [Int]()
        for row in rows {
            for (place, cell) in row.enumerated() {
                if place == widths.count { widths.append(12) }
                widths[place] = max(widths[place], printable(cell).unicodeScalars.count + 3)
            }
        }
        return rows.map { row in
            row.enumerated().map { place, cell in
                let text = printable(cell)
                guard place + 1 < row.count else { return text }
                return text + String(repeating: " ", count: widths[place] - text.unicodeScalars.count)
            }.joined() + "\n"
        }.joined()
    }

    /// The heading and the lines of these processes out of what `ps` printed; nil when there is no PID column.
    static func rows(of text: String, pids: Set<Int32>) -> String? {
        let lines = ByteText.fields(text, by: "\n")
        guard let heading = lines.first,
            let column = heading.split(separator: " ").firstIndex(of: "PID")
        else { return nil }
        var result = heading + "\n"
        for line in lines.dropFirst() {
            let fields = line.split(separator: " ")
            guard column < fields.count, let pid = Int32(fields[column]), pids.contains(pid) else { continue }
            result += line + "\n"
        }
        return result
    }
}
