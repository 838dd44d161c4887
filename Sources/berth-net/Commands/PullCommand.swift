import CommandLine
import LinuxKernel
import OCI
import RegistryClient

extension NetProgram {
    /// `pull`.
    func pull() async throws -> Int32 {
        let text = invocation.operands[0]
        let reference = try Reference(parsing: text)
        let progress = progress()
        let pull = Pull(session: session, store: try store(), platform: try platform(), progress: progress)
        guard invocation.flags.flag("all-tags") else {
            if reference.tag == nil, reference.digest == nil, !isQuiet {
                writeText("Using default tag: latest\n", to: 1)
            }
            try await self.pull(pull, reference.withDefaultTag, progress)
            writeText("\(reference.withDefaultTag)\n", to: 1)
            return 0
        }
        guard reference.tag == nil, reference.digest == nil else {
            throw UsageError(
                "tag can't be used with --all-tags/-a", command: invocation.path.joined(separator: " "), status: 1)
        }
        let tags = try await Repository(reference, session).tags()
        for tag in tags { try await self.pull(pull, try reference.tagged(tag), progress) }
        if tags.isEmpty { throw CommandFailure("there is no tag in \(reference.familiarName)") }
        writeText("\(reference.name)\n", to: 1)
        return 0
    }

    private func pull(_ pull: Pull, _ reference: Reference, _ progress: any TransferProgress) async throws {
        let result = try await pull.run(reference)
        progress.line("Digest: \(result.digest)")
        let kind = result.wasCurrent ? "Image is up to date" : "Downloaded newer image"
        progress.line("Status: \(kind) for \(Self.shown(reference))")
    }

    /// A name as it is shown: with a digest, the tag does not count.
    static func shown(_ reference: Reference) -> String {
        reference.digest.map { reference.pinned(to: $0).familiar } ?? reference.familiar
    }
}

/// A sentence for a person.
struct CommandFailure: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}
