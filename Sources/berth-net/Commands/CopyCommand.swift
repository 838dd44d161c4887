import CommandLine
import Glibc
import ImageStore
import LinuxKernel
import OCI
import RegistryClient

extension NetProgram {
    /// `image copy`.
    func copy() async throws -> Int32 {
        let places = try invocation.operands.map { text throws(RegistryError) in try CopyPlace(parsing: text) }
        let ends = CopyEnds(
            session: session, store: try store(), variable: { name in getenv(name).map { String(cString: $0) } })
        let all = invocation.flags.flag("all")
        if places.count == 1 {
            guard all else {
                throw UsageError(
                    "a destination is missing: only all images of an engine (--all docker-daemon:) go to the store by"
                        + " themselves", command: invocation.path.joined(separator: " "), status: 1)
            }
            var status: Int32 = 0
            for name in try await ends.names(in: places[0]) {
                do {
                    let place: CopyPlace =
                        if case .dockerDaemon = places[0] { .dockerDaemon(name) } else {
                            .containersStorage(name)
                        }
                    try await copy(place, .store(name), ends, all: false)
                } catch {
                    // One image that cannot be read does not keep the others.
                    status = Self.report(error)
                }
            }
            return status
        }
        try await copy(places[0], places[1], ends, all: all)
        return 0
    }

    private func copy(_ from: CopyPlace, _ to: CopyPlace, _ ends: CopyEnds, all: Bool) async throws {
        let progress = progress()
        let wanted = invocation.flags.string("platform").flatMap { $0.isEmpty ? nil : $0 }
        // A whole index only where it is asked for, or where both ends can hold it and nothing is chosen.
        var platform: Platform? = all && wanted == nil ? nil : try platform()
        if wanted == nil, case .store = from { platform = nil }
        let copied = try await ImageCopy(
            from: try await ends.source(from), to: try ends.sink(to), platform: platform,
            parallel: session.settings.parallelTransfers, progress: progress,
            object: invocation.operands[0], operation: "copy"
        ).run()
        progress.line("Digest: \(copied.digest)")
        if case .store(let name) = to { writeText("\(name)\n", to: 1) }
    }
}
