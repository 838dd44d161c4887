import Archive
import Glibc
import ImageStore
import JSON
import LinuxKernel
import OCI

/// Carries a plan out: steps that are known are taken from the cache, the others run in processes of their own, those of
/// independent stages at the same time.
public final class BuildSession {
    private let plan: BuildPlan
    private let environment: BuildEnvironment
    private let work: StoreWork
    private let presence: BuildPresence
    private let trees: SourceTrees
    private let report: (BuildEvent) -> Void
    private let cores: Int
    private var states: [StageState]
    private var running = [RunningStep]()
    private var lastID = 0
    private var logs = [Int: [UInt8]]()

    /// How far a stage is.
    private struct StageState {
        var next = 0
        var layers = StageLayers()
        /// When each step's layer was made.
        var created = [String]()
        /// What was made or found, with the stages below.
        var steps = [CacheImage.Step]()
        var isRunning = false
        var isOpen = false
        var baseLayers = [StoreLayer]()
    }

    /// The most of a failed step's output that is kept to be shown again.
    private static let logLimit = 1 << 20

    /// Prepares a build.
    ///
    /// - Parameter report: hears of everything that happens.
    public init(
        _ plan: BuildPlan, _ environment: BuildEnvironment, report: @escaping (BuildEvent) -> Void
    ) throws(BuildError) {
        self.plan = plan
        self.environment = environment
        self.report = report
        presence = try BuildPresence(environment.cache)
        do throws(ImageStoreError) { work = try StoreWork(environment.store) } catch { throw BuildError(error) }
        trees = SourceTrees(environment)
        states = plan.stages.map { _ in StageState() }
        cores = max(2, Int(sysconf(Int32(_SC_NPROCESSORS_ONLN))))
    }

    /// Builds all stages.
    ///
    /// - Throws: ``BuildError``, with the exit status where a program failed. No step runs any more then.
    public func run() throws(BuildError) {
        defer { trees.save() }
        do throws(BuildError) {
            let signals = try converting("wait for", "signals") { () throws(Errno) in
                try SignalQueue([SIGINT, SIGTERM, SIGHUP])
            }
            while true {
                try startWhatIsReady()
                if running.isEmpty { break }
                try waitForSteps(signals)
            }
        } catch {
            cancel()
            throw error
        }
        for place in plan.stages.indices where !isDone(place) {
            throw BuildError(cause: "the stage \(quote(plan.stages[place].name)) could not be built")
        }
    }

    private func cancel() {
        for step in running {
            step.kill()
            step.wait()
            report(.canceled(id: step.id))
        }
        running = []
    }

    private func isDone(_ place: Int) -> Bool {
        states[place].isOpen && states[place].next == plan.stages[place].steps.count
    }

    // MARK: Starting

    private func startWhatIsReady() throws(BuildError) {
        var moved = true
        while moved {
            moved = false
            for place in plan.stages.indices where !states[place].isRunning && !isDone(place) {
                if try advance(place) { moved = true }
            }
        }
    }

    /// Opens a stage, takes its next step from the cache or starts it.
    ///
    /// - Returns: whether anything happened.
    private func advance(_ place: Int) throws(BuildError) -> Bool {
        let stage = plan.stages[place]
        if !states[place].isOpen { return try open(place, stage) }
        let step = stage.steps[states[place].next]
        guard needs(of: step).allSatisfy({ isDone($0) }) else { return false }
        let parent = states[place].layers
        let key: String
        do throws(BuildError) {
            key = try StepKey(environment: environment, trees: trees).key(step, parent: parent)
        } catch {
            throw error.placed(at: step.range)
        }
        if !step.ignoresCache, let record = environment.cache.record(key), try take(record, place) {
            lastID += 1
            environment.cache.touch(key)
            report(.cached(id: lastID, title: step.title))
            return true
        }
        guard running.count < cores else { return false }
        lastID += 1
        report(.started(id: lastID, title: step.title))
        let environment = self.environment, trees = self.trees, presence = self.presence
        let running = try RunningStep(id: lastID, stage: place, key: key) { writer in
            presence.becomeStep()
            Self.work(environment, trees, step, key, parent, writer)
        }
        states[place].isRunning = true
        self.running.append(running)
        return true
    }

    private func open(_ place: Int, _ stage: StagePlan) throws(BuildError) -> Bool {
        switch stage.base {
        case .scratch: break
        case .image(let image):
            states[place].layers = StageLayers(base: image.layers, baseDigests: image.configuration.diffIDs)
            if let stored = image.stored {
                do throws(ImageStoreError) { states[place].baseLayers = try work.layers(of: stored) } catch {
                    throw BuildError(error).placed(at: stage.range)
                }
            }
        case .stage(let base):
            guard isDone(base) else { return false }
            states[place].layers = states[base].layers
            states[place].created = states[base].created
            states[place].steps = states[base].steps
            states[place].baseLayers = states[base].baseLayers
        }
        states[place].isOpen = true
        if stage.steps.isEmpty { trees.stages[place] = states[place].layers }
        return true
    }

    /// The stages that a step takes files from.
    private func needs(of step: BuildStep) -> [Int] {
        let sources: [TreeSource]
        switch step.kind {
        case .run(let run): sources = run.mounts.compactMap(\.source)
        case .copy(let copy): sources = [copy.source]
        case .directory: sources = []
        }
        return sources.compactMap { if case .stage(let place) = $0 { place } else { nil } }
    }

    /// Goes on with a layer that is known; false when the store has it no more.
    private func take(_ record: BuildCache.Record, _ place: Int) throws(BuildError) -> Bool {
        let found: StoreLayer?
        do throws(ImageStoreError) { found = try work.layer(key: record.layer) } catch {
            guard error.kind == .damagedStore else { throw BuildError(error) }
            found = nil
        }
        guard let found else { return false }
        states[place].layers.built.append(found)
        states[place].created.append(record.created)
        states[place].steps.append(.init(record: record, layer: found))
        states[place].next += 1
        if isDone(place) { trees.stages[place] = states[place].layers }
        return true
    }

    /// In the step's own process.
    private static func work(
        _ environment: BuildEnvironment, _ trees: SourceTrees, _ step: BuildStep, _ key: String, _ parent: StageLayers,
        _ writer: Int32
    ) {
        let channel = FileDescriptor(owning: writer)
        let worker = StepWorker(
            environment: environment, trees: trees, step: step, key: key, parent: parent,
            output: { isError, bytes in
                var rest = bytes[...]
                while !rest.isEmpty {
                    let part = Array(rest.prefix(WorkerFrame.limit))
                    rest = rest.dropFirst(part.count)
                    writeBytes(WorkerFrame.output(isError: isError, part).encoded, to: writer)
                }
            })
        let frame: WorkerFrame
        do throws(BuildError) {
            switch try worker.execute() {
            case .made(let record): frame = .made(record)
            case .failed(let status): frame = .exited(status)
            }
        } catch {
            frame = .failed(error)
        }
        try? channel.writeAll(frame.encoded)
    }

    private static func writeBytes(_ bytes: [UInt8], to number: Int32) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(number, $0.baseAddress, $0.count) }
            if count < 0 { if errno == EINTR { continue } else { return } }
            rest = rest.dropFirst(count)
        }
    }

    // MARK: Waiting

    private func waitForSteps(_ signals: borrowing SignalQueue) throws(BuildError) {
        let events: [(token: UInt64, events: PollEvents)]
        do throws(Errno) {
            let poller = try Poller()
            try poller.add(signals.descriptor.rawValue, .readable, token: 0)
            for (index, step) in running.enumerated() {
                try poller.add(step.pipe.number, .readable, token: UInt64(index + 1))
            }
            events = try poller.wait(milliseconds: 200)
        } catch {
            throw .system(error, "wait for", "the steps")
        }
        var ended = [RunningStep]()
        for event in events {
            guard event.token > 0 else {
                if let signal = signals.next() {
                    var error = BuildError(cause: "the build was interrupted")
                    error.exitCode = 128 + signal
                    throw error
                }
                continue
            }
            let step = running[Int(event.token) - 1]
            let goesOn = step.read()
            while let frame = WorkerFrame.next(&step.bytes) { hear(frame, step) }
            if !goesOn { ended.append(step) }
        }
        // All that have ended are put away before the first failure is told.
        var failure: BuildError?
        for step in ended {
            running.removeAll { $0 === step }
            step.wait()
            states[step.stage].isRunning = false
            do throws(BuildError) { try conclude(step) } catch { failure = failure ?? error }
        }
        if let failure { throw failure }
    }

    private func hear(_ frame: WorkerFrame, _ step: RunningStep) {
        guard case .output(let isError, let bytes) = frame else {
            step.result = frame
            return
        }
        var log = logs[step.id] ?? []
        log += bytes
        if log.count > Self.logLimit { log.removeFirst(log.count - Self.logLimit) }
        logs[step.id] = log
        report(.output(id: step.id, isError: isError, bytes: bytes))
    }

    private func conclude(_ step: RunningStep) throws(BuildError) {
        let planned = plan.stages[step.stage].steps[states[step.stage].next]
        defer { logs[step.id] = nil }
        var failure: BuildError
        switch step.result {
        case .made(let record):
            guard try take(record, step.stage) else {
                throw BuildError(cause: "the layer of a step is gone before it was used").placed(at: planned.range)
            }
            report(.finished(id: step.id, seconds: step.seconds))
            return
        case .exited(let status):
            var name = ""
            if case .run(let run) = planned.kind { name = run.arguments.joined(separator: " ") }
            failure = BuildError(
                cause: "process \(quote(name)) did not complete successfully: exit code: \(status)")
            failure.exitCode = status
        case .failed(let error): failure = error
        case .output, nil:
            failure = BuildError(
                cause: "the process of the step was killed", remedy: "look whether the machine ran out of memory")
        }
        report(.failed(id: step.id, message: failure.description))
        throw failure.placed(at: planned.range)
    }

    // MARK: The result

    /// What the target stage came to.
    public struct Product {
        /// With layers and histories.
        public var configuration: ImageConfiguration
        /// Bottom first.
        public var layers: [StoreLayer]
        /// Its file system, bottom first.
        public var directories: [LayerDirectory]
    }

    /// The target's configuration and layers.
    public func product() -> Product {
        let stage = plan.stages[plan.target], state = states[plan.target]
        var configuration = stage.configuration
        configuration.diffIDs = state.layers.digests
        // Everything in its time: that of a step's layer, also when it was made by an earlier build.
        let fixed = environment.epoch ?? (environment.isReproducible ? 0 : nil)
        let fixedText = fixed.map { Timestamp(seconds: $0).description }
        var layer = 0
        // Steps of stages below count among those that have no time yet.
        var last = fixedText
        for index in configuration.history.indices {
            let isOurs =
                configuration.history[index].comment == "buildkit.dockerfile.v0"
                && configuration.history[index].created == nil
            guard isOurs else {
                last = configuration.history[index].created ?? last
                continue
            }
            if !configuration.history[index].emptyLayer, layer < state.created.count {
                last = fixedText ?? state.created[layer]
                layer += 1
            }
            configuration.history[index].created = last
        }
        configuration.created = fixedText ?? state.created.last ?? last
        return Product(
            configuration: configuration, layers: state.baseLayers + state.layers.built,
            directories: state.layers.directories)
    }

    /// Makes the image of the target and gives it names. When all of it is there already, nothing is written.
    public func register(
        _ names: [Reference], annotations: [String: String] = [:], remembersSteps: Bool = false
    ) throws(BuildError) -> StoredImage {
        let product = product()
        var configuration = product.configuration
        let extra = remembersSteps ? [(CacheImage.member, CacheImage.value(states[plan.target].steps))] : []
        if configuration.created == nil {
            // No step has a time: the first build's stays.
            configuration.created = try firstTime(configuration)
            for index in configuration.history.indices where configuration.history[index].created == nil {
                configuration.history[index].created = configuration.created
            }
        }
        let id = Digest(of: configuration.json.serialized())
        let wanted = names.map(\.withDefaultTag)
        if extra.isEmpty, annotations.isEmpty, let known = try? environment.store.resolve(id.description),
            wanted.allSatisfy(known.references.contains)
        {
            return known
        }
        do throws(ImageStoreError) {
            return try work.registerImage(
                configuration, layers: product.layers, names: wanted, annotations: annotations, extra: extra)
        } catch {
            throw BuildError(error)
        }
    }

    /// Makes an image of what the steps led to, by which other machines' builds find it.
    ///
    /// - Parameter all: those of all stages, and not only of the target's.
    public func registerCache(_ name: Reference, all: Bool) throws(BuildError) -> StoredImage {
        var steps = [CacheImage.Step]()
        for state in all ? states : [states[plan.target]] {
            for step in state.steps where !steps.contains(where: { $0.record.key == step.record.key }) {
                steps.append(step)
            }
        }
        return try CacheImage.register(steps, name, platform: plan.stages[plan.target].platform, work)
    }

    /// Learns what an image tells of steps.
    ///
    /// - Returns: how many it tells of.
    @discardableResult
    public func learn(from image: StoredImage) throws(BuildError) -> Int {
        try CacheImage.learn(image, environment.cache, work)
    }

    private func firstTime(_ configuration: ImageConfiguration) throws(BuildError) -> String {
        let path = "\(environment.cache.path)/images/\(Digest(of: configuration.json.serialized()).hex)"
        if let known = try? Files.readLine(path), Timestamp(parsing: known) != nil { return known }
        let now = WallClock.now()
        try converting("write to", "the build cache") { () throws(Errno) in
            try Files.replace(path, with: Array(now.utf8), mode: 0o600)
        }
        return now
    }
}
