import Glibc
import LinuxKernel
import OCI

extension RuntimeConfiguration {
    /// Sees to it that our own program's file cannot be changed from inside (CVE-2019-5736).
    ///
    /// Nothing is to be done where the container's root is nobody on the host. Else the process goes through a stub into its
    /// program; where the stub does not do (see ``suitsStub(_:)``), our program is executed once more, from a read-only mount.
    /// Called before anything is made: that execution begins from the start.
    ///
    /// - Parameter process: the process that enters the container.
    /// - Returns: the stub; nil where none is needed.
    func protectProgram(entering process: RuntimeProcess?) throws(RuntimeError) -> ExecutionStub? {
        guard geteuid() == 0, mayHaveHostRoot else { return nil }
        if suitsStub(process), let stub = try? ExecutionStub() { return stub }
        try attempt("protect", "the runtime's program") { () throws(Errno) in try ProgramProtection.ensure() }
        return nil
    }

    /// Whether a process reaches its program through the stub as if it executed it itself, and nothing of ours runs
    /// inside before: a hook in the container's file system would, a label takes effect at the next execution, a filter may
    /// refuse the stub's calls, and with `CAP_SYS_PTRACE` another process could look into ours before it executes anything.
    private func suitsStub(_ process: RuntimeProcess?) -> Bool {
        guard let process, process.apparmorProfile == nil, process.selinuxLabel == nil else { return false }
        let capabilities = process.capabilities
        if capabilities?.bounding.contains("CAP_SYS_PTRACE") == true { return false }
        if capabilities?.effective.contains("CAP_SYS_PTRACE") == true { return false }
        guard hooks.startContainer.isEmpty, hooks.createContainer.isEmpty else { return false }
        return linux.seccomp?.allows(ExecutionStub.systemCalls) ?? true
    }
}

extension RuntimeSeccomp {
    /// Whether the profile lets these calls through, whatever their arguments.
    func allows(_ calls: Set<String>) -> Bool {
        let passing: Set = ["SCMP_ACT_ALLOW", "SCMP_ACT_LOG"]
        var open: Set<String> = passing.contains(defaultAction) ? calls : []
        for rule in syscalls {
            let isPassing = passing.contains(rule.action) && rule.args.isEmpty
            for name in rule.names where calls.contains(name) {
                // A second rule for the same call may take back what the first gives.
                guard isPassing else { return false }
                open.insert(name)
            }
        }
        return open == calls
    }
}
