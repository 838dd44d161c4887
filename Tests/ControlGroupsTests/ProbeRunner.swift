import Glibc
import LinuxKernel
import Testing

// No Foundation here: its C modules and CLinux define some network structures differently.

/// Output of the probe program.
struct ProbeOutput: Sendable {
    var status: Int32
    var text: String

    /// All values printed under a key.
    func all(_ key: String) -> [String] {
        text.split(separator: "\n").compactMap { $0.hasPrefix(key + "=") ? String($0.dropFirst(key.count + 1)) : nil }
    }
    /// The first value printed under a key.
    subscript(key: String) -> String? { all(key).first }
    func number(_ key: String) -> Int? { self[key].flatMap { Int($0) } }
}

/// Runs the probe as a child and awaits it; nothing in the test process blocks.
func probe(_ arguments: String..., privateVersion1: Bool = false, privateVersion2: Bool = false) async throws
    -> ProbeOutput
{
    let here = try Files.readLink("/proc/self/exe").description
    let program = here[..<(here.lastIndex(of: "/") ?? here.endIndex)] + "/ControlGroupProbe"
    let words =
        [String(program)] + (privateVersion1 ? ["--private-v1"] : []) + (privateVersion2 ? ["--private-v2"] : [])
        + arguments
    var strings: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) }
    strings.append(nil)
    defer { for string in strings { free(string) } }

    var ends: [Int32] = [0, 0]
    guard pipe(&ends) == 0 else { throw Errno(rawValue: errno) }
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    _ = fcntl(ends[0], F_SETFL, O_NONBLOCK)
    let output = FileDescriptor(owning: ends[0])
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    posix_spawn_file_actions_adddup2(&actions, ends[1], 1)
    posix_spawn_file_actions_adddup2(&actions, ends[1], 2)
    // Threads of the test runner block signals, which a child would inherit.
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    var signals = sigset_t()
    sigemptyset(&signals)
    posix_spawnattr_setsigmask(&attributes, &signals)
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))
    var pid: pid_t = 0
    let failure = posix_spawn(&pid, words[0], &actions, &attributes, strings, environ)
    posix_spawn_file_actions_destroy(&actions)
    posix_spawnattr_destroy(&attributes)
    close(ends[1])
    guard failure == 0 else { throw Errno(rawValue: failure) }

    var bytes: [UInt8] = []
    var status: Int32 = 0
    var chunk = [UInt8](repeating: 0, count: 4096)
    while true {
        let count = read(output.rawValue, &chunk, chunk.count)
        if count > 0 {
            bytes.append(contentsOf: chunk[..<count])
        } else if count == 0 || waitpid(pid, &status, WNOHANG) == pid {
            if count == 0 { while waitpid(pid, &status, 0) < 0 && errno == EINTR {} }
            // What was written between the last read and the end.
            while case let rest = read(output.rawValue, &chunk, chunk.count), rest > 0 {
                bytes.append(contentsOf: chunk[..<rest])
            }
            break
        } else {
            try await Task.sleep(for: .milliseconds(5))
        }
    }
    let code = status & 0x7F == 0 ? status >> 8 & 0xFF : 128 + status & 0x7F
    return ProbeOutput(status: code, text: String(decoding: bytes, as: UTF8.self))
}

/// A path of its own for each test: "/berth-test-PID-NAME/payload".
func groupPath(_ name: String) -> String { "/berth-test-\(getpid())-\(name)/payload" }
