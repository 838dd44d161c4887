import Glibc

extension Files {
    /// Has the kernel begin to write a part of a file to disk, without waiting for it (`sync_file_range(2)`): who has to
    /// wait for all of it later, by `syncfs`, waits the shorter. It promises nothing, so no failure matters.
    ///
    /// - Parameter length: in bytes.
    public static func beginWriteback(_ number: Int32, from offset: Int64, length: Int64) {
        // SYNC_FILE_RANGE_WRITE of linux/fs.h.
        _ = sync_file_range(number, Int(offset), Int(length), 2)
    }
}
