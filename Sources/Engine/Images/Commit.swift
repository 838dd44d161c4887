import ControlGroups
import Glibc
import ImageStore
import LinuxKernel
import OCI

/// What `commit` was asked for.
public struct CommitRequest: Sendable {
    /// The new image's name; nil for none.
    public var reference: Reference?
    /// Who made it.
    public var author = ""
    /// What to remember in its history.
    public var message = ""
    /// Instructions applied to its configuration.
    public var changes: [ConfigurationChange] = []
    /// The container stands still meanwhile.
    public var pauses = true

    /// A commit without a name.
    public init() {}
}

extension Engine {
    /// Makes an image of a container: its image's layers and one of what it has changed.
    public func commit(_ name: String, _ request: CommitRequest) throws -> StoredImage {
        let (record, state, directory) = try inspect(name)
        let base: StoredImage
        do throws(ImageStoreError) { base = try images.resolve(record.imageID) } catch {
            throw EngineError(
                "the image \(record.image) of container \(record.name) is not there any more, and its layers with it: \(error)"
            )
        }
        let work = try StoreWork(images)
        do {
            let image = try standingStill(directory, state, request.pauses) { () throws in
                let below = try work.layers(of: base)
                let layer = try work.commitLayer(
                    upperDirectory: directory.upperDirectory, idBase: record.idRange?.base ?? 0, above: below, .copying)
                return try work.registerImage(
                    configuration(base.configuration, record, request), layers: below + [layer],
                    names: request.reference.map { [$0.withDefaultTag] } ?? [])
            }
            return image
        } catch {
            work.abandon()
            throw error
        }
    }

    /// Runs `body` while a running container is frozen.
    private func standingStill<Result>(
        _ directory: ContainerDirectory, _ state: ContainerState, _ pauses: Bool, _ body: () throws -> Result
    ) throws -> Result {
        guard pauses, state.status == .running else { return try body() }
        let group = try ControlGroup.open(host: HostControlGroups.detect(), path: directory.payloadGroup)
        // Somebody else's pause is not ours to end.
        guard try !group.isFrozen() else { return try body() }
        // Whoever is killed meanwhile must not leave the container standing: a process that outlives this one lets it go on.
        let own = try ProcessClone.open(pid: getpid())
        let number = own.rawValue
        let guardian = try ProcessClone.run {
            _ = try? Poll.readable(number, milliseconds: nil)
            do throws(ControlGroupError) { try group.thaw() } catch { return 1 }
            return 0
        }
        defer {
            try? guardian.send(signal: SIGKILL)
            _ = try? guardian.wait()
        }
        try group.freeze()
        do {
            let result = try body()
            try group.thaw()
            return result
        } catch {
            try? group.thaw()
            throw error
        }
    }

    /// The configuration of the image: how its container was started, then the changes.
    private func configuration(
        _ base: ImageConfiguration, _ record: ContainerRecord, _ request: CommitRequest
    ) -> ImageConfiguration {
        var result = base
        let now = Timestamp.now.description
        result.created = now
        result.author = request.author.isEmpty ? nil : request.author
        result.config.entrypoint = record.entrypoint.isEmpty ? nil : record.entrypoint
        result.config.command = record.command.isEmpty ? nil : record.command
        // What only this container was told stays with it.
        result.config.environment = record.environment.filter {
            !PathText.begins($0, with: "HOSTNAME=") && $0 != "TERM=xterm"
        }
        result.config.user = record.user
        result.config.workingDirectory = record.workingDirectory == "/" ? "" : record.workingDirectory
        result.config.labels = record.labels
        for change in request.changes { change.apply(to: &result.config) }
        result.history.append(
            .init(
                created: now, createdBy: record.arguments.joined(separator: " "),
                author: request.author.isEmpty ? nil : request.author,
                comment: request.message.isEmpty ? nil : request.message))
        return result
    }
}
