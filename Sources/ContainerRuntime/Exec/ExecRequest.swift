import ControlGroups
import LinuxKernel
import OCI

/// A further process for a running container.
public struct ExecRequest: Sendable {
    /// The container's first process, as this process's pid namespace numbers it. The caller has made sure that it is
    /// the container's: by its start time and the container's lock.
    public var target: Int32
    public var process: RuntimeProcess
    /// Docker's `USER[:GROUP]`, looked up in the container's own files; replaces `process.user`.
    public var userSpecification: String?
    /// Further groups, names or numbers, looked up in the container's own files.
    public var additionalGroups: [String] = []
    /// The container's group; nil leaves the process where the caller is.
    public var controlGroup: ControlGroup?
    /// Groups below the container's that are joined instead, in those hierarchies that `controlGroup` leaves out.
    public var subgroups: [ControlGroup] = []
    /// A pidfd of the target that the caller has checked; nil opens one by the number.
    public var targetDescriptor: Int32?
    /// The container's seccomp profile.
    public var seccomp: RuntimeSeccomp?
    public var seccompCacheDirectory: String?
    /// Descriptor numbers that become 0, 1 and 2. Ignored with a terminal.
    public var standardStreams: (input: Int32, output: Int32, error: Int32) = (0, 1, 2)
    /// Descriptors 3 up to this many more stay open in the program.
    public var preservedDescriptors = 0
    /// Through which the program is executed, where ours must not be seen inside.
    public var executionStub: ExecutionStub?
    /// What a seccomp listener is told of the container, beside the process's number.
    public var ociVersion = "1.3.0"
    public var containerID = ""
    public var bundle = ""
    public var annotations: [String: String] = [:]

    var listenerState: ListenerState {
        ListenerState(id: containerID, status: "running", bundle: bundle, annotations: annotations)
    }

    /// A request with everything else at its default.
    public init(target: Int32, process: RuntimeProcess) {
        self.target = target
        self.process = process
    }
}

extension ExecRequest {
    /// The filter and its listener, nil without a profile.
    func preparedSeccomp() throws(RuntimeError) -> PreparedSeccomp? {
        guard let seccomp else { return nil }
        return try PreparedSeccomp(
            seccomp, cache: seccompCacheDirectory, ociVersion: ociVersion, state: listenerState)
    }
}
