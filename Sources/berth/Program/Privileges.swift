import Engine
import LinuxKernel

/// What the program needs to be allowed.
enum Privileges {
    /// For what reaches the store without an ``Engine``, which asks the same.
    ///
    /// - Throws: for a caller who is not root: a sentence that says what is needed, with status 125.
    static func require() throws(EngineError) {
        guard Caller.userID != 0 else { return }
        throw EngineError(
            "berth needs root here: run it with sudo (rootless containers are not supported yet)", exitCode: 125)
    }
}
