import ControlGroups
import LinuxKernel

extension RuntimeContainers {
    /// `pause`: stops every process of a container where it is.
    public func pause(_ id: String) throws {
        let directory = try directory(id)
        let lock = try directory.lock()
        defer { withExtendedLifetime(lock) {} }
        let state = try directory.readState()
        let current = status(state, directory)
        guard current == .running || current == .created else {
            throw RuntimeError(
                "pause", "container \(id)", cause: "container not running or created: \(current.rawValue)")
        }
        try group(of: state).freeze()
    }

    /// `resume`: lets them go on.
    public func resume(_ id: String) throws {
        let directory = try directory(id)
        let lock = try directory.lock()
        defer { withExtendedLifetime(lock) {} }
        let state = try directory.readState()
        guard status(state, directory) == .paused else {
            throw RuntimeError("resume", "container \(id)", cause: "container not paused")
        }
        try group(of: state).thaw()
    }
}
