import CommandLine
import JSON
import LinuxKernel
import RegistryClient

extension NetProgram {
    /// `fetch URL FILE`.
    func fetch() async throws -> Int32 {
        let path = Self.absolute(invocation.operands[1])
        let file = SharedDescriptor(try Files.open(path, [.writeOnly, .create, .truncate, .noFollow], mode: 0o600))
        let tag = invocation.flags.string("etag").flatMap { $0.isEmpty ? nil : $0 }
        let answer = try await FileFetch(session).run(invocation.operands[0], tag: tag, to: file)
        let value: JSONValue = [
            "unchanged": .bool(answer.isUnchanged), "etag": .string(answer.tag ?? ""),
            "modified": .string(answer.modified ?? ""), "size": .integer(answer.size),
        ]
        try Files.replace(path + ".answer", with: value.serialized(), mode: 0o600)
        return 0
    }
}
