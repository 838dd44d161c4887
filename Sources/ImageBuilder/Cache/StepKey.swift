import Archive
import ImageStore
import LinuxKernel
import OCI

/// The key of a step: a hash of everything its result depends on, and of nothing else.
struct StepKey {
    /// Goes into each key: what a layer is made of has changed whenever this does.
    private static let version = "berth-step-1"

    let environment: BuildEnvironment
    let trees: SourceTrees

    /// - Parameter parent: the layers that the step works on.
    func key(_ step: BuildStep, parent: StageLayers) throws(BuildError) -> String {
        let hasher = KeyHasher(Self.version)
        hasher.add(environment.fileTime.map { String($0.seconds) })
        hasher.add(environment.isReproducible ? 1 : 0)
        switch step.kind {
        case .run(let run):
            hasher.add("run")
            add(parent, to: hasher)
            try add(run, to: hasher)
        case .copy(let copy):
            hasher.add("copy")
            // A layer of its own is the same over any parent.
            if copy.link { hasher.add("link") } else { add(parent, to: hasher) }
            try add(copy, to: hasher)
        case .directory(let path, let user):
            hasher.add("directory")
            add(parent, to: hasher)
            hasher.add(path)
            hasher.add(user)
        }
        return hasher.key()
    }

    private func add(_ layers: StageLayers, to hasher: KeyHasher) { hasher.add(layers.digests.map(\.description)) }

    private func add(_ run: RunStep, to hasher: KeyHasher) throws(BuildError) {
        hasher.add(run.arguments)
        hasher.add(run.environment)
        hasher.add(run.workingDirectory)
        hasher.add(run.user)
        hasher.add(run.network)
        hasher.add(run.isInsecure ? 1 : 0)
        hasher.add(run.extraHosts)
        hasher.add(run.document?.name)
        hasher.add(run.document?.content)
        hasher.add(UInt64(run.mounts.count))
        for mount in run.mounts {
            hasher.add(mount.mount.kind.rawValue)
            hasher.add(mount.target)
            hasher.add(mount.mount.isReadOnly ? 1 : 0)
            hasher.add(mount.mount.variable)
            switch mount.mount.kind {
            case .bind:
                guard let source = mount.source else { continue }
                try addContent(source, [mount.mount.source ?? "/"], IgnoreRules(), to: hasher)
            case .cache, .tmpfs:
                // What a cache holds is no part of the result, by definition.
                hasher.add(mount.mount.id)
                hasher.add(mount.mount.size.map { String($0) })
            case .secret, .ssh:
                // Only that there is one: what it says never leads to another result that anybody may keep.
                hasher.add(mount.mount.id ?? mount.mount.source ?? "")
            }
        }
    }

    private func add(_ copy: CopyStep, to hasher: KeyHasher) throws(BuildError) {
        hasher.add(copy.destination)
        hasher.add(copy.chown)
        hasher.add(copy.chmod)
        hasher.add(copy.parents ? 1 : 0)
        hasher.add(copy.isAdd ? 1 : 0)
        hasher.add(copy.unpacks.map { String($0) })
        hasher.add(copy.checksum)
        hasher.add(copy.excludes)
        for document in copy.documents {
            hasher.add(document.name)
            hasher.add(document.content)
        }
        guard !copy.sources.isEmpty else { return }
        var local = [String]()
        for source in copy.sources {
            guard copy.isAdd, RemoteSource.isRemote(source) else {
                local.append(source)
                continue
            }
            let fetched = try environment.fetched(source, copy)
            hasher.add("remote")
            hasher.add(fetched.name)
            hasher.add(fetched.key)
        }
        guard !local.isEmpty else { return }
        try addContent(
            copy.source, local, try IgnoreRules(patterns: copy.excludes), excludes: copy.excludes, to: hasher)
    }

    /// The content that sources name. That of a stage is remembered by the stage's layers, which never change.
    private func addContent(
        _ source: TreeSource, _ sources: [String], _ rules: IgnoreRules, excludes: [String] = [], to hasher: KeyHasher
    ) throws(BuildError) {
        var memory: String?
        if let layers = try trees.layers(source) {
            let place = KeyHasher("source")
            add(layers, to: place)
            place.add(sources)
            place.add(excludes)
            let path = "\(environment.cache.path)/sources/\(place.key())"
            if let known = try? Files.readLine(path), BuildCache.isKey(known) {
                hasher.add(known)
                return
            }
            memory = path
        }
        let tree = try trees.open(source)
        let content = KeyHasher("content")
        for text in sources {
            content.add(UInt64(1))
            for selection in try tree.select(text) {
                try TreeHash(tree: tree).add(selection, excludes: rules, to: content)
            }
        }
        let key = content.key()
        hasher.add(key)
        if let memory { try? Files.replace(memory, with: Array(key.utf8), mode: 0o600) }
    }
}
