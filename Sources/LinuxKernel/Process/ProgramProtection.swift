import CLinux
import Glibc

/// Keeps the program's own file out of reach of a container whose root is the host's root (CVE-2019-5736): a process that
/// is about to enter one shows its file as `/proc/PID/exe`, through which it could be written to.
public enum ProgramProtection {
    /// Whether this process executes from a read-only mount or a sealed copy: then nothing done through `/proc/self/exe`
    /// changes the file.
    public static func isInForce() -> Bool {
        guard let file = try? Files.open("/proc/self/exe", .pathOnly) else { return false }
        return berth_statfs_is_read_only(file.rawValue) == 1 || SealedProgram.isInForce()
    }

    /// Executes the program again from a detached read-only clone of the mount it lies on, with the same arguments; returns
    /// at once when that is the case already.
    ///
    /// - Throws: ``Errno`` when the kernel lets neither that nor a sealed copy.
    public static func ensure() throws(Errno) {
        if isInForce() { return }
        do throws(Errno) { try executeReadOnly() } catch { try SealedProgram.execute() }
    }

    /// Needs CAP_SYS_ADMIN and Linux 5.12.
    private static func executeReadOnly() throws(Errno) {
        let clone = try DetachedMount.clone("/proc/self/exe", recursive: false)
        try clone.setAttributes(set: .readOnly)
        let result = berth_execveat(
            clone.root.rawValue, "", Swift.CommandLine.unsafeArgv, berth_environment(), Int32(AT_EMPTY_PATH))
        try checked(result)
    }
}
