import Glibc

/// The checked-out package and what it built.
public enum Repository {
    /// The package's folder.
    public static let path: String = {
        let parts = #filePath.split(separator: "/").dropLast(4)
        return "/" + parts.joined(separator: "/")
    }()
    /// The program under test; `BERTH_BIN` names the folder of another build.
    public static var program: String { programs + "/berth" }
    /// The same program under the runtime's name.
    public static var runtime: String { programs + "/berth-runtime" }
    /// The folder of the three names.
    public static var programs: String { variable("BERTH_BIN") ?? path + "/bin" }

    /// How many times the usual counts repeated and random tests take.
    public static var scale: Int { variable("BERTH_TEST_SCALE").flatMap(Int.init).map { max(1, $0) } ?? 1 }
}

/// An environment variable.
public func variable(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }

/// A whole file as text; empty when it cannot be read.
public func contents(_ path: String) -> String {
    let file = open(path, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { return "" }
    defer { close(file) }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 65536)
    while case let count = read(file, &chunk, chunk.count), count > 0 { bytes += chunk[..<count] }
    return String(decoding: bytes, as: UTF8.self)
}

/// Writes a file.
public func write(_ text: String, to path: String) throws {
    let file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
    guard file >= 0 else { throw ChildFailure(description: "cannot write \(path): errno \(errno)") }
    defer { close(file) }
    let bytes = Array(text.utf8)
    guard Glibc.write(file, bytes, bytes.count) == bytes.count else {
        throw ChildFailure(description: "cannot write all of \(path)")
    }
}

/// Whether something is there; a symbolic link counts, wherever it leads.
public func exists(_ path: String) -> Bool {
    var status = stat()
    return lstat(path, &status) == 0
}

/// Owner and mode of a file.
public func owner(_ path: String) -> (uid: UInt32, gid: UInt32)? {
    var status = stat()
    return lstat(path, &status) == 0 ? (status.st_uid, status.st_gid) : nil
}

/// The names in a directory.
public func list(_ path: String) -> [String] {
    guard let directory = opendir(path) else { return [] }
    defer { closedir(directory) }
    var names: [String] = []
    while let entry = readdir(directory) {
        let name = withUnsafePointer(to: &entry.pointee.d_name) {
            $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
        }
        if name != ".", name != ".." { names.append(name) }
    }
    return names.sorted()
}

/// The value of a link.
public func link(_ path: String) -> String? {
    var buffer = [CChar](repeating: 0, count: 4096)
    let count = readlink(path, &buffer, buffer.count - 1)
    return count < 0 ? nil : String(decoding: buffer[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
}

/// Processes of this machine.
public enum Processes {
    /// Those whose command line holds a text, by number.
    public static func mentioning(_ text: String) -> [(pid: pid_t, command: String)] {
        list("/proc").compactMap { name in
            guard let pid = pid_t(name), pid != getpid() else { return nil }
            let command = contents("/proc/\(pid)/cmdline").split(separator: "\0").joined(separator: " ")
            return command.contains(text) ? (pid, command) : nil
        }
    }

    /// The children of a process.
    public static func children(of pid: pid_t) -> [pid_t] {
        contents("/proc/\(pid)/task/\(pid)/children").split(separator: " ").compactMap { pid_t($0.trimmingNewline) }
    }

    /// Whether a process is there and no zombie.
    public static func isAlive(_ pid: pid_t) -> Bool {
        let status = contents("/proc/\(pid)/stat")
        guard let close = status.lastIndex(of: ")") else { return false }
        return !status[close...].dropFirst(2).hasPrefix("Z")
    }
}

extension Substring {
    fileprivate var trimmingNewline: String { String(self).trimmed }
}

/// A TCP port that nothing uses this moment.
public func freePort() -> UInt16 {
    let file = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    defer { close(file) }
    // From below the ephemeral range: an outgoing connection of another test must not take it between now and its use.
    for _ in 0..<200 {
        let port = UInt16.random(in: 12_000..<32_000)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        let bound = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(file, __CONST_SOCKADDR_ARG(__sockaddr__: $0), socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        if bound == 0 { return port }
    }
    return 0
}

/// The first IPv4 address of this machine that is not its loopback's.
public func hostAddress() async throws -> String {
    let output = try await shell("ip -4 -o route get 192.0.2.1 2>/dev/null | sed -n 's/.* src \\([0-9.]*\\).*/\\1/p'")
    return output.text.isEmpty ? "127.0.0.1" : output.text
}
