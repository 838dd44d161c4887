import Glibc
import LinuxKernel

/// Hashes of files that were read before, remembered by inode, size and change time, so that an unchanged context of
/// 20,000 files is looked at and not read.
final class ContentIndex {
    private struct Key: Hashable {
        var device: UInt64
        var inode: UInt64
    }

    private struct Value {
        var size: Int64
        var seconds: Int64
        var nanoseconds: Int64
        var digest: [UInt8]
        var isUsed = false
    }

    private static let recordSize = 5 * 8 + 32
    private static let magic = Array("berthix1".utf8)
    private var values = [Key: Value]()
    private var hasChanged = false

    /// Reads what an earlier build remembered; what cannot be read is forgotten.
    init(path: String?) {
        guard let path, let bytes = try? Files.read(path, limit: 1 << 30), bytes.starts(with: Self.magic),
            (bytes.count - Self.magic.count) % Self.recordSize == 0
        else { return }
        values.reserveCapacity(bytes.count / Self.recordSize)
        bytes.withUnsafeBytes { raw in
            var place = Self.magic.count
            while place < raw.count {
                func word(_ index: Int) -> UInt64 {
                    raw.loadUnaligned(fromByteOffset: place + index * 8, as: UInt64.self)
                }
                values[Key(device: word(0), inode: word(1))] = Value(
                    size: Int64(bitPattern: word(2)), seconds: Int64(bitPattern: word(3)),
                    nanoseconds: Int64(bitPattern: word(4)), digest: Array(raw[(place + 40)..<(place + 72)]))
                place += Self.recordSize
            }
        }
    }

    /// The hash of a file that has not changed since it was read.
    func digest(of status: FileStatus) -> [UInt8]? {
        let key = Key(device: status.device, inode: status.inode)
        guard let value = values[key], value.size == status.size,
            value.seconds == status.changed.seconds, value.nanoseconds == Int64(status.changed.nanoseconds)
        else { return nil }
        values[key]?.isUsed = true
        return value.digest
    }

    /// Remembers a hash. A file that changed this very moment may change again without its time telling, so that one is
    /// read again next time.
    func remember(_ digest: [UInt8], of status: FileStatus) {
        let now = WallClock.seconds()
        guard status.changed.seconds < now - 1 else { return }
        values[Key(device: status.device, inode: status.inode)] = Value(
            size: status.size, seconds: status.changed.seconds, nanoseconds: Int64(status.changed.nanoseconds),
            digest: digest, isUsed: true)
        hasChanged = true
    }

    /// Writes what was used, if anything is new.
    func save(to path: String) {
        guard hasChanged else { return }
        var bytes = Self.magic
        bytes.reserveCapacity(values.count * Self.recordSize + 8)
        for (key, value) in values where value.isUsed {
            for word in [
                key.device, key.inode, UInt64(bitPattern: value.size), UInt64(bitPattern: value.seconds),
                UInt64(bitPattern: value.nanoseconds),
            ] {
                withUnsafeBytes(of: word) { bytes.append(contentsOf: $0) }
            }
            bytes += value.digest
        }
        // Losing it costs the reading of the files, nothing else.
        try? Files.replace(path, with: bytes, mode: 0o600)
    }
}
