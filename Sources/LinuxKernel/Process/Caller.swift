import Glibc

/// Who runs this process.
public enum Caller {
    /// The effective user.
    public static var userID: UInt32 { geteuid() }
    /// An environment variable, nil when it is not set.
    public static func variable(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }
}
