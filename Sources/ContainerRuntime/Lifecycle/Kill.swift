import ControlGroups
import Glibc
import LinuxKernel

extension RuntimeContainers {
    /// `kill`: sends a signal to the first process, with `all` to every process of the container.
    ///
    /// It takes no lock: a container must be killable while another command waits for it.
    public func kill(_ id: String, signal: Int32, all: Bool) throws {
        let directory = try directory(id)
        let state = try directory.readState()
        if all {
            guard let group = try existingGroup(of: state) else { return try killMembers(state, signal) }
            if signal == SIGKILL { return try group.kill() }
            for pid in try group.processes() { Glibc.kill(pid, signal) }
            return
        }
        let process = try openProcess(state, for: "kill")
        do throws(Errno) { try ProcessSignal.send(pidfd: process.rawValue, signal) } catch {
            throw error == .noSuchProcess
                ? RuntimeError("kill", "container \(id)", cause: "container not running")
                : RuntimeError("signal", "container \(id)", error)
        }
        // A frozen process of cgroup version 1 dies only when it is thawed.
        if signal == SIGKILL, let group = try? group(of: state), group.exists, (try? group.isFrozen()) == true {
            try? group.thaw()
        }
    }

    /// Signals the processes of a container that has no control group.
    private func killMembers(_ state: RuntimeState, _ signal: Int32) throws {
        guard let first = try? openProcess(state, for: "kill") else { return }
        let members = try NamespaceMembers(of: state)
        if signal == SIGKILL {
            // The kernel ends all others of the namespace with its first process (pid_namespaces(7)).
            try attempt("kill", "container \(state.id)") { () throws(Errno) in
                try ProcessSignal.send(pidfd: first.rawValue, signal)
            }
            return
        }
        members.send(signal)
    }
}
