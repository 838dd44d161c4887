import CommandLine
import ImageStore
import LinuxKernel
import OCI
import RegistryClient

extension NetProgram {
    /// `push`.
    func push() async throws -> Int32 {
        let reference = try Reference(parsing: invocation.operands[0])
        guard reference.digest == nil else {
            throw CommandFailure("cannot push \(reference.familiar): a name with a digest cannot be pushed to")
        }
        let store = try store()
        var names = [reference.withDefaultTag]
        if invocation.flags.flag("all-tags") {
            guard reference.tag == nil else {
                throw UsageError(
                    "tag can't be used with --all-tags/-a", command: invocation.path.joined(separator: " "), status: 1)
            }
            names = try store.images().flatMap(\.references).filter { $0.name == reference.name && $0.tag != nil }
            names.sort { $0.description < $1.description }
            guard !names.isEmpty else {
                throw CommandFailure("An image does not exist locally with the tag: \(reference.familiarName)")
            }
        }
        let progress = progress()
        let ends = CopyEnds(session: session, store: store, variable: { _ in nil })
        progress.line("The push refers to repository [\(reference.name)]")
        let wanted = invocation.flags.string("platform").flatMap { $0.isEmpty ? nil : $0 }
        for name in names {
            let source: any ImageSource
            do { source = try await ends.source(.store(name)) } catch let error as RegistryError {
                guard error.kind == .notFound else { throw error }
                throw CommandFailure("An image does not exist locally with the tag: \(reference.familiarName)")
            }
            let copy = ImageCopy(
                from: source, to: RepositorySink(name, session),
                platform: try wanted.map { text throws(OCIError) in try Platform(parsing: text) },
                parallel: session.settings.parallelTransfers, progress: progress, object: name.familiar,
                operation: "push")
            let pushed = try await copy.run()
            progress.line("\(name.tag ?? ""): digest: \(pushed.digest) size: \(pushed.bytes.count)")
        }
        if isQuiet { writeText("\(reference.withDefaultTag)\n", to: 1) }
        return 0
    }
}
