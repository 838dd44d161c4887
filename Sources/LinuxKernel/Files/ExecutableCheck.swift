import CLinux
import Glibc

extension Files {
    /// Whether the calling process may execute a file, with the ids that count for that (`faccessat2(2)`).
    ///
    /// - Throws: ``Errno/accessDenied`` when it may not. A kernel or a filter that does not let itself be asked says nothing.
    public static func checkExecutable(_ path: String) throws(Errno) {
        let result = path.withPathPointer { berth_faccessat2(AT_FDCWD, $0, X_OK, AT_EACCESS) }
        if result == Int64(-EACCES) { throw .accessDenied }
    }
}
