import ControlGroups
import Glibc
import LinuxKernel

/// A process that does nothing but be in a group: systemd makes a scope only around a process, and takes it away with the
/// last one. It holds the place until the container's own process is there.
public final class GroupPlaceholder: Sendable {
    let pid: Int32
    private let pidfd: SharedDescriptor

    init() throws(RuntimeError) {
        let child = try attempt("clone", "the placeholder of a control group") { () throws(Errno) in
            try ProcessClone.run {
                // Whatever happens to us, it does not stay.
                try? ProcessControl.setParentDeathSignal(SIGKILL)
                ProcessControl.closeAll()
                while true { pause() }
            }
        }
        pid = child.pid
        pidfd = SharedDescriptor(
            try attempt("keep", "the placeholder") { () throws(Errno) in try child.pidfd.duplicated() })
    }

    deinit { release() }

    /// Ends the process; again is fine.
    func release() {
        guard (try? ProcessSignal.send(pidfd: pidfd.number, SIGKILL)) != nil else { return }
        _ = try? ChildStatus.wait(pid)
    }
}
