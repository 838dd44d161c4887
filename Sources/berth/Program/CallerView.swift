import Glibc
import LinuxKernel

/// What parsing may look at of the caller's surroundings; tests give their own.
struct CallerView: Sendable {
    var workingDirectory: String
    var variable: @Sendable (String) -> String?
    /// A whole file that the user named, at most a few megabytes.
    var readFile: @Sendable (String) throws(Errno) -> [UInt8]

    /// The real ones.
    static func real() -> CallerView {
        CallerView(
            workingDirectory: getcwd(nil, 0).map { path in
                defer { free(path) }
                return String(cString: path)
            } ?? "/",
            variable: { name in getenv(name).map { String(cString: $0) } },
            readFile: { path throws(Errno) in try Files.read(path, limit: 16 << 20) })
    }
}
