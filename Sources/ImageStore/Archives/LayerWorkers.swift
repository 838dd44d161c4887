import Archive
import Glibc
import JSON
import LinuxKernel
import OCI

/// Unpacks several layers at a time, each in a process of its own: the static program has one thread and keeps it.
/// A worker dies with the process that started it, and what it leaves belongs to that one's transaction.
struct LayerWorkers {
    /// One layer that is to be unpacked.
    struct Job {
        var index: Int
        /// The file that holds its blob, relative to the store.
        var file: String
        var blob: Digest
        var diffID: Digest
        var chainBelow: Digest?
    }

    /// What became of a job.
    enum Outcome {
        case applied(AppliedLayer)
        /// It takes something over from the layers below, which must be there first.
        case needsLower
    }

    let transaction: Transaction
    /// How many work at once.
    let count: Int

    /// Whether this process may start workers: only with one thread is a copy of it whole.
    static var isPossible: Bool {
        let tasks = try? Files.open("/proc/self/task", [.readOnly, .directory]).directoryEntries()
        return tasks?.count == 1
    }

    /// Runs the jobs, and tells of each by its layer's index.
    ///
    /// - Throws: ``ImageStoreError``: the first one's that failed; none runs any more then.
    func run(_ jobs: [Job], progress: (Job) -> Void) throws(ImageStoreError) -> [Int: Outcome] {
        var outcomes = [Int: Outcome]()
        var running = [(job: Job, worker: Worker)]()
        var rest = jobs[...]
        var failure: ImageStoreError?
        while !running.isEmpty || (failure == nil && !rest.isEmpty) {
            if failure == nil, running.count < count, let job = rest.popFirst() {
                progress(job)
                do throws(ImageStoreError) { running.append((job, try start(job))) } catch { failure = error }
                continue
            }
            // The oldest one first: layers of one image take turns, and two that are slow are slow beside each other.
            guard !running.isEmpty else { break }
            let (job, worker) = running.removeFirst()
            do throws(ImageStoreError) { outcomes[job.index] = try worker.outcome(of: job) } catch {
                failure = failure ?? error
                for (_, other) in running { other.stop() }
            }
        }
        if let failure { throw failure }
        return outcomes
    }

    /// A process at work.
    private final class Worker {
        private let handle: ChildHandle
        private let result: String
        private let root: StoreRoot

        init(_ handle: consuming ChildHandle, _ result: String, _ root: StoreRoot) {
            self.handle = handle
            self.result = result
            self.root = root
        }

        func stop() { try? handle.send(signal: SIGKILL) }

        /// Waits for the end.
        func outcome(of job: Job) throws(ImageStoreError) -> Outcome {
            let object = "layer \(job.blob.short)"
            let number = root.number
            let status = try converting("unpack", object) { () throws(Errno) in try handle.wait() }
            let bytes = (try? Files.read(at: number, result)) ?? []
            guard status.code == 0, let answer = (try? JSONValue(parsing: bytes))?.objectValue else {
                throw .invalid("unpack", object, "the process that did it ended with status \(status.code)")
            }
            if answer["needsLower"] != nil { return .needsLower }
            if let error = answer["error"]?.objectValue { throw ImageStoreError(worker: error, object) }
            do throws(JSONError) {
                let key = try answer.required("key", try answer.string("key"))
                return .applied(AppliedLayer(key: key, record: try LayerRecord(json: answer)))
            } catch {
                throw .invalid("unpack", object, "the process that did it gave no answer: \(error)")
            }
        }
    }

    private func start(_ job: Job) throws(ImageStoreError) -> Worker {
        let result = transaction.newName("result")
        let root = transaction.root
        let parent = getpid()
        let handle = try converting("start a process for", "layer \(job.blob.short)") { () throws(Errno) in
            try ProcessClone.run {
                // Nobody would put away what an orphan goes on to make.
                try? ProcessControl.setParentDeathSignal(SIGKILL)
                guard getppid() == parent else { return 1 }
                let answer = self.answer(job)
                do throws(Errno) { try Files.replace(at: root.number, result, with: answer.serialized()) } catch {
                    return 1
                }
                return 0
            }
        }
        // Names that the worker takes are not taken here.
        for _ in 0..<8 { _ = transaction.newName("skipped") }
        return Worker(handle, result, root)
    }

    /// Runs in the worker.
    private func answer(_ job: Job) -> JSONValue {
        let lowers = MissingLowers()
        do throws(ImageStoreError) {
            let root = transaction.root
            let blob = try converting("read", "layer \(job.blob.short)") { () throws(Errno) in
                try Files.open(at: root.number, job.file, .readOnly)
            }
            let layer = try transaction.apply(
                .init(
                    source: FileSource(blob), blob: job.blob, diffID: job.diffID, endMarker: .optional,
                    name: "layer \(job.blob.short)"), aboveWhenNeeded: lowers, chainBelow: job.chainBelow)
            var object = layer.record.json.objectValue ?? JSONObject()
            object["key"] = .string(layer.key)
            return .object(object)
        } catch {
            if lowers.wasAsked { return ["needsLower": true] }
            return ["error": error.workerForm]
        }
    }

    /// Says that the layers below are not there, and remembers that they were wanted.
    private final class MissingLowers: LowerLayers {
        private(set) var wasAsked = false

        func directories() throws(ArchiveError) -> [LowerDirectory] {
            wasAsked = true
            throw ArchiveError(operation: "unpack", object: "the archive", cause: "the layers below are needed first")
        }
    }
}

extension ImageStoreError {
    /// As a worker hands it over.
    fileprivate var workerForm: JSONValue {
        var object = JSONObject([
            ("operation", .string(operation)), ("object", .string(object)), ("cause", .string(cause)),
            ("remedy", .string(remedy)),
        ])
        if case .system(let errno) = kind { object["errno"] = JSONValue(errno.rawValue) }
        return .object(object)
    }

    /// From a worker.
    fileprivate init(worker: JSONObject, _ name: String) {
        let number = worker["errno"]?.integerValue(as: Int32.self)
        self.init(
            number.map { .system(Errno(rawValue: $0)) } ?? .invalidContent,
            operation: worker["operation"]?.stringValue ?? "unpack", object: worker["object"]?.stringValue ?? name,
            cause: worker["cause"]?.stringValue ?? "", remedy: worker["remedy"]?.stringValue ?? "")
    }
}
