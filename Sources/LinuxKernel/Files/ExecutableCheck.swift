import Glibc

extension Files {
    /// Whether the calling process may execute a file, with the ids that count for that (`eaccess(3)`).
    ///
    /// - Throws: ``Errno/accessDenied`` when it may not. A kernel or a filter that does not let itself be asked says nothing.
    public static func checkExecutable(_ path: String) throws(Errno) {
        guard path.withPathPointer({ eaccess($0, X_OK) }) != 0 else { return }
        if errno == EACCES { throw .accessDenied }
    }
}
