import Glibc
import LinuxKernel

/// What a program printed and how it ended.
public struct CommandResult: Sendable {
    /// Exit status, or 128 and the signal.
    public let status: Int32
    /// Standard output and standard error together.
    public let output: String
}

/// Whether a program is installed.
public func isInstalled(_ name: String) -> Bool {
    ["/usr/bin", "/bin", "/usr/sbin", "/sbin", "/usr/local/bin"].contains { access("\($0)/\(name)", X_OK) == 0 }
}

/// Runs a program found on PATH and waits for it.
public func run(_ arguments: String..., in directory: String = "/") throws(Errno) -> CommandResult {
    var pipe: [Int32] = [0, 0]
    guard pipe2(&pipe, O_CLOEXEC) == 0 else { throw Errno(rawValue: errno) }
    let reader = FileDescriptor(owning: pipe[0])
    let writer = FileDescriptor(owning: pipe[1])
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    posix_spawn_file_actions_adddup2(&actions, writer.rawValue, 1)
    posix_spawn_file_actions_adddup2(&actions, writer.rawValue, 2)
    posix_spawn_file_actions_addchdir_np(&actions, directory)
    var pointers: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) }
    pointers.append(nil)
    defer { for pointer in pointers { free(pointer) } }
    var pid: pid_t = 0
    let error = posix_spawnp(&pid, arguments[0], &actions, nil, pointers, environ)
    guard error == 0 else { throw Errno(rawValue: error) }
    try writer.close()
    let output = try reader.readAll(limit: 64 << 20)
    var status: Int32 = 0
    while waitpid(pid, &status, 0) < 0 && errno == EINTR {}
    let code = status & 0x7F == 0 ? (status >> 8) & 0xFF : 128 + (status & 0x7F)
    return CommandResult(status: code, output: String(decoding: output, as: UTF8.self))
}
