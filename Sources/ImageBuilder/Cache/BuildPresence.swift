import Glibc
import ImageStore
import LinuxKernel

/// Says that a build is at work, and until when the processes of its steps are. A killed build's steps die with it, but
/// not in the same instant: the next build waits for them, and only then clears away what they have left.
///
/// Two locks: one of the builder alone, and one that the processes of its steps inherit.
final class BuildPresence {
    private let path: String
    private let own: FileLock
    private let shared: FileLock

    /// Announces a build of this process.
    init(_ cache: BuildCache) throws(BuildError) {
        var random = SystemRandomNumberGenerator()
        let path = "\(cache.path)/locks/build-\(getpid())-\(String(random.next() as UInt32, radix: 36))"
        shared = try converting("lock", path) { () throws(Errno) in try NamedLock.take(path) }
        own = try converting("lock", path) { () throws(Errno) in try NamedLock.take(path + ".own") }
        self.path = path
    }

    deinit {
        try? Files.unlink(path + ".own")
        try? Files.unlink(path)
    }

    /// To be called first in the process of a step: from now on the builder's death can be told.
    func becomeStep() { close(own.descriptorNumber) }

    /// How long steps of dead builds are waited for. They have been killed; only a hanging disk takes longer.
    private static let patience = 5000

    /// Waits for the steps of builds that were killed.
    ///
    /// - Returns: whether there were any such builds, which may have left something.
    static func awaitDead(_ cache: BuildCache) -> Bool {
        guard let directory = try? Files.open("\(cache.path)/locks", [.readOnly, .directory]),
            let entries = try? directory.directoryEntries()
        else { return false }
        var found = false
        var left = patience
        for entry in entries where entry.name.bytes.starts(with: "build-".utf8) {
            var name = entry.name.description
            if name.hasSuffix(".own") { name = String(name.dropLast(4)) }
            let path = "\(cache.path)/locks/\(name)"
            // A builder that is just beginning has the shared lock already.
            guard let own = try? FileLock.attempt(path + ".own") else { continue }
            while left > 0 {
                if let shared = try? FileLock.attempt(path) {
                    try? Files.unlink(path + ".own")
                    try? Files.unlink(path)
                    found = true
                    withExtendedLifetime(shared) {}
                    break
                }
                usleep(2000)
                left -= 2
            }
            withExtendedLifetime(own) {}
        }
        return found
    }
}

/// Locks on files that are removed with the lock.
enum NamedLock {
    /// Takes the lock on the file that has the name now: one that was removed while it was waited for does not count.
    static func take(_ path: String) throws(Errno) -> FileLock {
        while true {
            let lock = try FileLock(path)
            var held = stat()
            guard fstat(lock.descriptorNumber, &held) == 0 else { throw Errno(rawValue: errno) }
            if let there = try? Files.status(path), there.inode == UInt64(held.st_ino) { return lock }
        }
    }
}
