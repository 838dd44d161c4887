import Archive
import Engine
import ImageBuilder
import ImageStore
import LinuxKernel
import OCI

/// What a build fetches and sends as whole images: caches of other machines, and its result.
extension ProgramExecution {
    /// Learns of steps that other builds have made. One that cannot be had is no reason to fail: the steps run then.
    func importCaches(_ options: BuildOptions, _ session: BuildSession, _ progress: BuildProgress) {
        for place in options.cacheSources {
            do {
                guard let name = try fetchCache(place) else { continue }
                try session.learn(from: try engine.images.resolve(name))
            } catch {
                progress.hear(.warning("[Warning] the cache could not be used: \(printable("\(error)", limit: 400))"))
            }
        }
    }

    /// - Returns: the image's name in the store.
    private func fetchCache(_ place: CachePlace) throws -> String? {
        switch place.kind {
        case .inline: return nil
        case .registry(let name):
            let result = try NetworkProgram.collect(["--root", engine.roots.state, "pull", "--quiet", "--", name])
            if result.status != 0, (try? engine.images.resolve(name)) == nil {
                throw BuildError(cause: Self.said(result))
            }
            return name
        case .local(let path):
            let directory = MountRequest.absolute(path, from: CallerView.real().workingDirectory)
            let name = Self.localName(directory)
            let result = try NetworkProgram.collect([
                "--root", engine.roots.state, "image", "copy", "--quiet", "oci:\(directory)", name,
            ])
            guard result.status == 0 else { throw BuildError(cause: Self.said(result)) }
            return name
        }
    }

    /// Under which a directory's cache stands in the store: its layers' blobs stay as long as it does.
    private static func localName(_ directory: String) -> String {
        "berth.local/cache/\(Digest(of: Array(directory.utf8)).hex.prefix(16)):latest"
    }

    private static func said(_ result: ChildProcess.Result) -> String {
        let last =
            String(decoding: result.errorOutput, as: UTF8.self).utf8.split(separator: 10).last
            .map { String(decoding: $0, as: UTF8.self) } ?? "status \(result.status)"
        return last.utf8.starts(with: "berth: ".utf8) ? String(decoding: last.utf8.dropFirst(7), as: UTF8.self) : last
    }

    /// `--cache-to`.
    func exportCaches(_ options: BuildOptions, _ session: BuildSession, _ progress: BuildProgress) throws(BuildError) {
        for place in options.cacheTargets {
            do throws(BuildError) { try export(place, session) } catch {
                guard place.ignoresErrors else { throw error }
                progress.hear(.warning("[Warning] the cache was not written: \(error)"))
            }
        }
    }

    private func export(_ place: CachePlace, _ session: BuildSession) throws(BuildError) {
        let root = engine.roots.state
        let name: String
        let words: [String]
        switch place.kind {
        case .inline: return
        case .registry(let target):
            // Sent from a name of its own: what has the target's name here stays what it is.
            name = Self.localName("registry \(target)")
            words = ["image", "copy", "--quiet", name, "docker://\(target)"]
        case .local(let path):
            let directory = MountRequest.absolute(path, from: CallerView.real().workingDirectory)
            name = Self.localName("to \(directory)")
            words = ["image", "copy", "--quiet", name, "oci:\(directory)"]
        }
        let reference: Reference
        do throws(OCIError) { reference = try Reference(parsing: name) } catch { throw BuildError(cause: error.cause) }
        _ = try session.registerCache(reference, all: place.isComplete)
        defer { _ = try? engine.images.remove(name) }
        try transfer(["--root", root] + words, "the cache")
    }

    /// Sends the image under each of its names.
    func push(_ names: [Reference], _ options: BuildOptions) throws(BuildError) {
        for name in names {
            try transfer(
                ["--root", engine.roots.state, "push"] + (options.progress == .quiet ? ["--quiet"] : []) + [
                    "--", name.description,
                ],
                quote(name.familiar))
        }
    }

    private func transfer(_ words: [String], _ object: String) throws(BuildError) {
        let result: ChildProcess.Result
        do { result = try NetworkProgram.collect(words) } catch {
            throw BuildError(operation: "send", object: object, cause: "\(error)")
        }
        guard result.status == 0 else { throw BuildError(cause: Self.said(result)) }
    }
}
