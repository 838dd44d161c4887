import Glibc

/// The small root file system of Debian's static busybox, made once.
public actor BaseImage {
    /// The one.
    public static let shared = BaseImage()
    private var making: Task<String, any Error>?

    /// The path of the tar file.
    public func tar() async throws -> String {
        if let making { return try await making.value }
        let task = Task {
            let folder = Repository.path + "/.build-fixtures"
            mkdir(folder, 0o755)
            let path = folder + "/busybox.tar"
            let script = Repository.path + "/Tests/Support/make-busybox-image.sh"
            let output = try await command([script, path])
            guard output.status == 0 else { throw ChildFailure(description: "\(script): \(output.all)") }
            return path
        }
        making = task
        return try await task.value
    }
}
