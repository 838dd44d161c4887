import Glibc
import JSON
import LinuxKernel

/// What a seccomp listener is told of the container (runtime.md, "State").
struct ListenerState: Sendable {
    var id: String
    var status: String
    var bundle: String
    var annotations: [String: String]
}

/// The connection to the program that decides calls a filter hands over (config-linux.md, "The Container Process State").
///
/// The socket lies in the runtime's mount namespace, so the connection is made before the clone. From the moment the filter
/// is installed the process itself may be unable to make any call without the listener: a helper that shares its table of
/// descriptors, and was cloned before, sends the message.
struct SeccompListener: Sendable {
    private let connection: SharedDescriptor
    /// The connection's descriptor, which the first process keeps.
    var number: Int32 { connection.number }
    private let metadata: String?
    private let ociVersion: String
    private let state: ListenerState

    init(path: String, metadata: String?, ociVersion: String, state: ListenerState) throws(RuntimeError) {
        connection = try attempt("connect to seccomp listener", path) { () throws(Errno) in
            SharedDescriptor(try UnixSocket.connect(at: WorkingDirectory.rawValue, path))
        }
        self.metadata = metadata
        self.ociVersion = ociVersion
        self.state = state
    }

    /// The message for a process with this number, as the runtime sees it.
    func message(pid: Int32) -> JSONValue {
        var inner = JSONObject([
            ("ociVersion", .string(ociVersion)), ("id", .string(state.id)), ("status", .string(state.status)),
            ("pid", JSONValue(pid)), ("bundle", .string(state.bundle)),
        ])
        if !state.annotations.isEmpty { inner["annotations"] = JSONValue(state.annotations) }
        var object = JSONObject([
            ("ociVersion", .string(ociVersion)), ("fds", .array([.string("seccompFd")])), ("pid", JSONValue(pid)),
        ])
        if let metadata, !metadata.isEmpty { object["metadata"] = .string(metadata) }
        object["state"] = .object(inner)
        return .object(object)
    }

    /// Installs a filter on the calling process and hands its listener over.
    func install(_ filter: SeccompFilter, flags: UInt32, pid: Int32) throws(RuntimeError) {
        let text = message(pid: pid).serialized()
        let word = try attempt("share memory with", "the seccomp helper") { () throws(Errno) in try SharedWord() }
        let helper = try clone(word, text)
        do throws(Errno) {
            let number = try filter.install(flags: flags)
            // No system call may come between: the helper would wait for a listener that nobody serves yet.
            word.store(Int32(number) + 1)
            let status = try helper.wait()
            close(Int32(number))
            guard status == .exited(0) else { throw Errno.brokenPipe }
        } catch {
            word.store(-1)
            throw RuntimeError("hand over", "the seccomp listener", error)
        }
    }

    private func clone(_ word: borrowing SharedWord, _ text: [UInt8]) throws(RuntimeError) -> ChildHandle {
        var options = CloneOptions()
        options.sharesDescriptors = true
        do throws(Errno) {
            return try ProcessClone.run(options) { serve(word, text) }
        } catch { throw RuntimeError("clone", "the seccomp helper", error) }
    }

    /// The helper: waits for the listener's number, which comes within microseconds, and sends it.
    private func serve(_ word: borrowing SharedWord, _ text: [UInt8]) -> Int32 {
        try? ProcessControl.setParentDeathSignal(SIGKILL)
        while word.load() == 0 { ShortWait.sleep(microseconds: 20) }
        let number = word.load() - 1
        guard number >= 0 else { return 1 }
        return (try? UnixSocket.send(connection.number, text, descriptors: [number])) == nil ? 1 : 0
    }
}
