import Archive
import Glibc
import ImageStore
import LinuxKernel
import OCI

/// Makes the layer of one step. Runs in a process of its own: whatever happens to it, the builder goes on.
struct StepWorker {
    let environment: BuildEnvironment
    let trees: SourceTrees
    let step: BuildStep
    let key: String
    let parent: StageLayers
    let output: (Bool, [UInt8]) -> Void

    /// What became of a step.
    enum Result {
        case made(BuildCache.Record)
        /// The program ended with another status than 0.
        case failed(Int32)
    }

    func execute() throws(BuildError) -> Result {
        // Two builds that need the same step wait here for each other; the second finds the result.
        let lockPath = "\(environment.cache.path)/locks/step-\(key)"
        let lock = try converting("lock", "a step") { () throws(Errno) in try NamedLock.take(lockPath) }
        // Who waits for it finds the result.
        defer {
            try? Files.unlink(lockPath)
            withExtendedLifetime(lock) {}
        }
        let work = try storing { () throws(ImageStoreError) in try StoreWork(environment.store) }
        if !step.ignoresCache, let record = environment.cache.record(key),
            try storing({ () throws(ImageStoreError) in try work.layer(key: record.layer) }) != nil
        {
            return .made(record)
        }
        let scratch = try BuildScratch(environment.cache.path)
        let directory = scratch.path
        defer { withExtendedLifetime(scratch) {} }
        switch step.kind {
        case .run(let run): return try runProgram(run, work, directory)
        case .copy(let copy):
            return .made(
                try changing(directory, layers: copy.link ? [] : parent.directories, work) {
                    (target) throws(BuildError) in
                    try CopyExecutor(
                        environment: environment, trees: trees, step: copy, target: target, scratch: directory
                    ).execute()
                })
        case .directory(let path, let user):
            return .made(
                try changing(directory, layers: parent.directories, work) { (target) throws(BuildError) in
                    let names = path.utf8.split(separator: 47).map { Array($0) }
                    if let there = try target.status(names) {
                        guard there.kind == .directory else {
                            throw BuildError(
                                operation: "make", object: "the working directory \(quote(path))",
                                cause: "a file has its name")
                        }
                        return
                    }
                    // A user that the image does not know is no reason to fail: the directory is root's then.
                    let owner = user.isEmpty ? Owner.root : (try? target.owner(user)) ?? .root
                    _ = try target.directory(names, owner: owner, time: environment.fileTime)
                })
        }
    }

    private func storing<T>(_ body: () throws(ImageStoreError) -> T) throws(BuildError) -> T {
        do throws(ImageStoreError) { return try body() } catch { throw BuildError(error) }
    }

    /// Lets `change` write over layers, and makes a layer of what it wrote.
    private func changing(
        _ directory: String, layers: [LayerDirectory], _ work: StoreWork,
        _ change: (TargetTree) throws(BuildError) -> Void
    ) throws(BuildError) -> BuildCache.Record {
        let upper = directory + "/upper", workDirectory = directory + "/work"
        let root = layers.last { $0.definesRoot }.flatMap { try? Files.status($0.path) }
        try converting("make", directory) { () throws(Errno) in
            try Files.makeDirectories(directory, mode: 0o700)
            try Files.makeDirectory(upper, mode: 0o755)
            let handle = try Files.open(upper, [.readOnly, .directory])
            try handle.changeOwner(uid: root?.uid ?? 0, gid: root?.gid ?? 0)
            try handle.changeMode(root?.permissions ?? 0o755)
            try Files.makeDirectory(workDirectory, mode: 0o700)
        }
        do {
            let mount = try LayerMount(layers: layers.map(\.path), upper: (upper, workDirectory))
            try change(TargetTree(mount.root))
        }
        return try commit(upper, work)
    }

    /// Makes a layer of changes and remembers it.
    private func commit(_ upper: String, _ work: StoreWork) throws(BuildError) -> BuildCache.Record {
        if environment.isReproducible || environment.epoch != nil, let time = environment.fileTime {
            try TimeClamp.apply(to: upper, time)
        }
        let layer = try storing { () throws(ImageStoreError) in
            try work.commitLayer(upperDirectory: upper, idBase: 0, above: parent.built, .moving)
        }
        let kind =
            switch step.kind {
            case .run: "RUN"
            case .copy(let copy): copy.isAdd ? "ADD" : "COPY"
            case .directory: "WORKDIR"
            }
        let record = BuildCache.Record(
            key: key, layer: layer.key, created: WallClock.now(), size: layer.directory.size, kind: kind)
        try storing { () throws(ImageStoreError) in try work.lease([layer], holder: BuildCache.holder(key)) }
        let former = environment.cache.record(key)
        try environment.cache.add(record)
        // Made anew without the cache, it may leave nobody who needs what it was before.
        if let former, former.layer != record.layer {
            try storing { () throws(ImageStoreError) in try environment.store.collect() }
        }
        return record
    }

    private func runProgram(_ run: RunStep, _ work: StoreWork, _ directory: String) throws(BuildError) -> Result {
        var mounts = RunMounts(environment: environment, trees: trees, scratch: directory)
        let (sources, variables) = try mounts.prepare(run)
        defer { withExtendedLifetime(mounts) {} }
        var layers = parent.directories
        if layers.isEmpty {
            // An overlay needs something below; an empty directory will do.
            throw BuildError(
                operation: "run", object: quote(run.arguments.joined(separator: " ")),
                cause: "the stage holds no files yet",
                remedy: "begin with an image, or copy a program first")
        }
        layers = parent.directories
        let outcome = try environment.runner.run(
            StepRequest(
                arguments: run.arguments, environment: run.environment + run.proxies + variables,
                workingDirectory: run.workingDirectory, user: run.user, layers: layers, mounts: sources,
                network: run.network, isInsecure: run.isInsecure, extraHosts: run.extraHosts,
                options: environment.options),
            output: output)
        defer { environment.runner.finish(outcome) }
        guard outcome.status == 0 else { return .failed(outcome.status) }
        return .made(try commit(outcome.upperDirectory, work))
    }
}

/// Gives everything in a new layer that is younger than a moment that moment's time.
enum TimeClamp {
    static func apply(to path: String, _ time: FileTime) throws(BuildError) {
        try converting("set the times in", path) { () throws(Errno) in
            try walk(try Files.open(path, [.readOnly, .directory]), time, depth: 0)
        }
    }

    private static func walk(_ directory: borrowing FileDescriptor, _ time: FileTime, depth: Int) throws(Errno) {
        guard depth < 1000 else { throw .nameTooLong }
        for entry in try directory.directoryEntries() {
            let status = try Files.status(at: directory.rawValue, entry.name)
            if status.kind == .directory {
                try walk(
                    try Files.open(at: directory.rawValue, entry.name, [.readOnly, .directory, .noFollow]), time,
                    depth: depth + 1)
            }
            if isLater(status.modified, time) {
                try Files.setModificationTime(at: directory.rawValue, entry.name, time)
            }
        }
        if isLater(try directory.status().modified, time) { try directory.setModificationTime(time) }
    }

    private static func isLater(_ a: FileTime, _ b: FileTime) -> Bool {
        (a.seconds, a.nanoseconds) > (b.seconds, b.nanoseconds)
    }
}
