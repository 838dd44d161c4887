import CommandLine
import LinuxKernel
import OCI
import RegistryClient

extension NetProgram {
    /// `search`.
    func search() async throws -> Int32 {
        let term = invocation.operands[0]
        let limit = invocation.flags.integer("limit") ?? 25
        guard (1...100).contains(limit) else {
            throw CommandFailure("limit \(limit) is outside the range of [1, 100]")
        }
        let found = try await RegistrySearch(session).search(term, limit: Int(limit))
        var rows = [["NAME", "DESCRIPTION", "STARS", "OFFICIAL"]]
        for result in found {
            var text = printable(result.description, limit: 4096)
            if !invocation.flags.flag("no-trunc"), text.count > 45 { text = String(text.prefix(42)) + "…" }
            rows.append([printable(result.name), text, "\(result.stars)", result.isOfficial ? "[OK]" : ""])
        }
        var widths = [0, 0, 0, 0]
        for row in rows { for (column, cell) in row.enumerated() { widths[column] = max(widths[column], cell.count) } }
        for row in rows {
            var line = ""
            for (column, cell) in row.enumerated() {
                line += column == 3 ? cell : cell + String(repeating: " ", count: widths[column] - cell.count + 3)
            }
            writeText("\(line)\n", to: 1)
        }
        return 0
    }
}
