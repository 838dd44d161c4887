import Glibc
import LinuxKernel

/// Berth's own init for `--init`: process 1 stays a copy of the runtime that forwards signals to the program, reaps
/// orphans and ends with the program's status. Nothing is added to the image's files for it.
enum ReapingInit {
    /// Forks: returns in the child, which goes on to execute the program. The parent never returns.
    static func becomeParent(hasTerminal: Bool) throws(RuntimeError) {
        var everything = sigset_t()
        sigfillset(&everything)
        sigprocmask(SIG_BLOCK, &everything, nil)
        let child = try attempt("fork", "the init process") { () throws(Errno) in try ProcessControl.fork() }
        if child == 0 {
            setpgid(0, 0)
            if hasTerminal {
                // Without blocking SIGTTOU this stops a background process; all signals are blocked here.
                tcsetpgrp(0, getpid())
            }
            Signals.resetAll()
            return
        }
        serve(child, everything)
    }

    private static func serve(_ child: Int32, _ everything: sigset_t) -> Never {
        // Nobody inside may read or write this process: it is the host's program.
        ProcessControl.forbidInspection()
        ProcessTitle.set("berth-init", arguments: ["berth-init"])
        ProcessControl.closeAll()
        var signals = everything
        while true {
            var info = siginfo_t()
            let signal = sigwaitinfo(&signals, &info)
            if signal < 0 { continue }
            guard signal == SIGCHLD else {
                kill(child, signal)
                continue
            }
            while true {
                var status: Int32 = 0
                let pid = waitpid(-1, &status, WNOHANG)
                if pid <= 0 { break }
                if pid == child { _exit(ExitStatus(waitStatus: status).code) }
            }
        }
    }
}
