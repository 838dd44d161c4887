import Glibc
import LinuxKernel

/// A container's own range of user and group ids on the host.
public struct IDRange: Equatable, Sendable {
    /// The host id of the container's root.
    public let base: UInt32
    /// How many ids.
    public let size: UInt32
}

/// Hands out id ranges, for all engines of this machine: one claim file per 65,536 ids, made exclusively.
///
/// Ranges lie between 0x20000000 and 0x6FFFFFFF, above what distributions give to users and services
/// (systemd's UIDS-GIDS.md). A claim names the container's directory and is stale when that is gone.
struct IDRanges {
    private static let first: UInt32 = 0x2000_0000
    private static let slots: UInt32 = 0x5000
    private static let slotSize: UInt32 = 65536

    /// Claims a range that covers ids up to `highest`.
    static func claim(for directory: String, highest: UInt32) throws(EngineError) -> IDRange {
        let count = highest / slotSize + 1
        guard count <= 256 else {
            throw EngineError(
                "the image has files of id \(highest), and a container's range holds at most 16777216 ids; start it with --userns=host",
                exitCode: 125)
        }
        try attempt("make", EngineRoots.idClaims) { () throws(Errno) in
            try Files.makeDirectories(EngineRoots.idClaims, mode: 0o700)
        }
        var generator = SystemRandomNumberGenerator()
        let start = UInt32.random(in: 0..<(slots - count), using: &generator)
        for offset in 0..<slots {
            let slot = (start + offset) % (slots - count)
            if try take(slot, count, directory) { return IDRange(base: first + slot * slotSize, size: count * slotSize) }
        }
        throw EngineError("no range of user ids is free: all \(slots) are claimed by containers", exitCode: 125)
    }

    /// Gives a range back.
    static func release(_ range: IDRange, of directory: String) {
        for slot in 0..<(range.size / slotSize) {
            let name = fileName((range.base - first) / slotSize + slot)
            guard (try? Files.readLine(name)) == directory else { continue }
            try? Files.unlink(name)
        }
    }

    /// Gives back whatever a container directory claims, without knowing its range.
    static func releaseAll(of directory: String) {
        for name in ContainerRegistry.entries(EngineRoots.idClaims) {
            let path = "\(EngineRoots.idClaims)/\(name)"
            if (try? Files.readLine(path)) == directory { try? Files.unlink(path) }
        }
    }

    private static func fileName(_ slot: UInt32) -> String { "\(EngineRoots.idClaims)/\(slot)" }

    private static func take(_ slot: UInt32, _ count: UInt32, _ directory: String) throws(EngineError) -> Bool {
        for index in 0..<count {
            if try takeOne(fileName(slot + index), directory) { continue }
            for taken in 0..<index { try? Files.unlink(fileName(slot + taken)) }
            return false
        }
        return true
    }

    private static func takeOne(_ name: String, _ directory: String) throws(EngineError) -> Bool {
        for _ in 0..<2 {
            do throws(Errno) {
                let file = try Files.open(name, [.writeOnly, .create, .exclusive], mode: 0o600)
                try file.writeAll(Array(directory.utf8))
                return true
            } catch {
                guard error == .fileExists else { throw EngineError("claim user ids in", EngineRoots.idClaims, error) }
            }
            // A claim whose container is gone was left by a crash. An empty one is being written this moment.
            guard let owner = try? Files.readLine(name), !owner.isEmpty, !Files.exists(owner) else { return false }
            try? Files.unlink(name)
        }
        return false
    }
}
