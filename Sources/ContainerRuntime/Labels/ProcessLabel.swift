import LinuxKernel
import OCI

/// `process.apparmorProfile` and `process.selinuxLabel`: what the next execution of the process runs under, told to the
/// kernel through a file of its own that only it can write (`proc_pid_attr(5)`).
struct ProcessLabel: Sendable, Equatable {
    /// Where the text goes, below `/proc/thread-self`, the first that exists.
    let files: [String]
    let text: String

    /// For AppArmor: the profile comes into force at the next execution.
    static func appArmor(_ profile: String) -> ProcessLabel {
        // Since Linux 5.8 AppArmor has files of its own, beside which another module may use the old name.
        ProcessLabel(files: ["attr/apparmor/exec", "attr/exec"], text: "exec \(profile)")
    }

    /// For SELinux.
    static func selinux(_ label: String) -> ProcessLabel { ProcessLabel(files: ["attr/exec"], text: label) }

    /// The labels a process asks for, none where it asks for none.
    ///
    /// - Throws: where the kernel lacks the module: the program must not run less confined than it was meant to.
    static func labels(_ process: RuntimeProcess) throws(RuntimeError) -> [ProcessLabel] {
        var labels = [ProcessLabel]()
        if let profile = process.apparmorProfile, !profile.isEmpty {
            guard profile.utf8.allSatisfy({ $0 >= 32 && $0 != 127 }) else {
                throw RuntimeError("use AppArmor profile", "", cause: "its name holds a control character")
            }
            // Without AppArmor everything is unconfined.
            if SecurityModules.hasAppArmor {
                labels.append(appArmor(profile))
            } else if profile != "unconfined" {
                throw RuntimeError(
                    "use AppArmor profile", profile, cause: "AppArmor is not enabled on this machine",
                    remedy: "leave process.apparmorProfile out")
            }
        }
        if let label = process.selinuxLabel, !label.isEmpty {
            guard SecurityModules.hasSELinux else {
                throw RuntimeError(
                    "use SELinux label", label, cause: "SELinux is not enabled on this machine",
                    remedy: "leave process.selinuxLabel out")
            }
            labels.append(selinux(label))
        }
        return labels
    }

    /// Opens the file of the calling process, before it leaves the host's mount namespace: a container's `/proc` may be
    /// anything. The kernel checks at the write that the writer is the file's own process.
    func open() throws(RuntimeError) -> FileDescriptor {
        var last = Errno.noSuchFile
        for file in files {
            do throws(Errno) { return try Files.open("/proc/thread-self/\(file)", .writeOnly) } catch { last = error }
        }
        throw RuntimeError("set label", text, last)
    }
}

/// Which security modules the kernel runs with.
enum SecurityModules {
    static var hasAppArmor: Bool { (try? Files.readLine("/sys/module/apparmor/parameters/enabled")) == "Y" }
    /// Its file system is mounted only where a policy is loaded.
    static var hasSELinux: Bool { Files.exists("/sys/fs/selinux/enforce") }
}

/// The labels of one process, their files open.
struct OpenLabels: ~Copyable {
    private var entries: [(file: SharedDescriptor, text: String)] = []

    init(_ labels: [ProcessLabel]) throws(RuntimeError) {
        for label in labels { entries.append((SharedDescriptor(try label.open()), label.text)) }
    }

    /// Tells the kernel; right before the execution, while all privileges are still there.
    borrowing func apply() throws(RuntimeError) {
        for entry in entries {
            try attempt("set label", entry.text) { () throws(Errno) in
                try FileDescriptor(owning: ProcessControl.duplicate(entry.file.number, minimum: 3))
                    .writeOnce(Array(entry.text.utf8))
            }
        }
    }
}
