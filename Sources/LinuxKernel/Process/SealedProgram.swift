import CLinux
import Glibc

/// The other way to keep the program's file out of a container's reach, for where a mount cannot be cloned (a program that
/// was executed from another mount namespace, a kernel before 5.12): a copy in memory that nobody can change any more.
enum SealedProgram {
    private static let seals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE

    /// Whether this process executes from such a copy.
    static func isInForce() -> Bool {
        guard let file = try? Files.open("/proc/self/exe", .readOnly) else { return false }
        let result = berth_fcntl(file.rawValue, F_GET_SEALS, 0)
        return result >= 0 && Int32(truncatingIfNeeded: result) & seals == seals
    }

    /// Copies the program and executes the copy with the same arguments.
    static func execute() throws(Errno) {
        let copy = try memoryFile("berth")
        let program = try Files.open("/proc/self/exe", .readOnly)
        while true {
            let count = berth_result(Int64(sendfile(copy.rawValue, program.rawValue, nil, 1 << 30)))
            if count == Int64(-EINTR) { continue }
            if try checked(count) == 0 { break }
        }
        try seal(copy)
        // A file that is open for writing cannot be executed; the seals have made this descriptor one for reading in effect,
        // but the kernel wants to see it: executed through a fresh one.
        let readable = try Files.open(copy.procPath, .readOnly)
        try copy.close()
        try checked(
            berth_execveat(
                readable.rawValue, "", Swift.CommandLine.unsafeArgv, berth_environment(), Int32(AT_EMPTY_PATH)))
    }

    /// Lets nobody change a file in memory any more.
    static func seal(_ file: borrowing FileDescriptor) throws(Errno) {
        try checked(berth_fcntl(file.rawValue, F_ADD_SEALS, Int64(seals)))
    }

    /// A file in memory that may be executed and sealed.
    static func memoryFile(_ name: String) throws(Errno) -> FileDescriptor {
        let executable: UInt32 = 0x10
        var flags = UInt32(MFD_CLOEXEC) | UInt32(MFD_ALLOW_SEALING) | executable
        var number = berth_memfd_create(name, flags)
        if number == Int64(-EINVAL) {
            // MFD_EXEC is Linux 6.3's; before it every such file may be executed.
            flags &= ~executable
            number = berth_memfd_create(name, flags)
        }
        return FileDescriptor(owning: Int32(try checked(number)))
    }
}
