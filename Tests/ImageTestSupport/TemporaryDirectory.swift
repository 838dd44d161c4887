import Glibc
import LinuxKernel

/// A directory of a test's own, removed with everything in it when the test ends. Not below /tmp, which may be a tmpfs
/// without the attributes that layers need; `BERTH_TEST_DIRECTORY` names another place.
public struct TemporaryDirectory: ~Copyable {
    /// Absolute path.
    public let path: String

    /// Makes one of its parts.
    public init() throws(Errno) {
        var random = SystemRandomNumberGenerator()
        let place = getenv("BERTH_TEST_DIRECTORY").map { String(cString: $0) } ?? "/var/tmp"
        path = "\(place)/berth-test-\(getpid())-\(String(random.next() as UInt64, radix: 36))"
        try Files.makeDirectory(path, mode: 0o755)
    }

    deinit { try? Files.removeTree(path) }

    /// All names below it, sorted, directories with a slash.
    public func listing() throws(Errno) -> [String] { try tree(path) }
}

/// All names below a directory, sorted, directories with a slash at the end, links with ` -> TEXT`.
public func tree(_ path: String) throws(Errno) -> [String] {
    var result = [String]()
    let directory = try Files.open(path, [.readOnly, .directory])
    for entry in try directory.directoryEntries() {
        let name = entry.name.description
        let status = try Files.status("\(path)/\(name)")
        switch status.kind {
        case .directory:
            result.append(name + "/")
            result += try tree("\(path)/\(name)").map { "\(name)/\($0)" }
        case .symbolicLink: result.append("\(name) -> \(try Files.readLink("\(path)/\(name)"))")
        default: result.append(name)
        }
    }
    return result.sorted()
}

/// A file's content as text.
public func text(_ path: String) throws(Errno) -> String { String(decoding: try Files.read(path), as: UTF8.self) }

/// Makes or replaces a file.
public func write(_ text: String, to path: String) throws(Errno) { try Files.replace(path, with: Array(text.utf8)) }
