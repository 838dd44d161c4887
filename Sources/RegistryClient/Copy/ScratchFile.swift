import Archive
import LinuxKernel
import OCI

/// A file without a name, for a blob on its way: gone with its last user, however that one ends.
enum ScratchFile {
    static func make(in directory: String) throws(RegistryError) -> SharedDescriptor {
        do throws(Errno) {
            try Files.makeDirectories(directory, mode: 0o700)
            return SharedDescriptor(try Files.openUnnamed(in: directory))
        } catch {
            throw RegistryError(.store, operation: "make a file in", object: directory, cause: "\(error)")
        }
    }

    /// Writes all of a source into the file.
    ///
    /// - Returns: how many bytes it was, and their digest.
    @discardableResult
    static func copy(_ source: any ByteSource, to file: SharedDescriptor) throws -> (size: Int64, digest: Digest) {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 256 << 10, alignment: 16)
        defer { buffer.deallocate() }
        var hasher = StreamHasher()
        var position: Int64 = 0
        while true {
            let count = try source.read(into: buffer)
            if count == 0 { return (position, hasher.digest()) }
            let bytes = UnsafeRawBufferPointer(rebasing: buffer[..<count])
            hasher.update(bytes)
            do throws(Errno) {
                try Files.writeAll(file.number, bytes, at: position)
                try Files.requireSpace(file.number, atLeast: 16 << 20)
            } catch {
                throw RegistryError(
                    .store, operation: "write", object: "a temporary file", cause: "\(error)",
                    remedy: error == .noSpace ? "free some space and try again" : "")
            }
            position += Int64(count)
        }
    }

    /// Writes all of a source into the file, and verifies what it was.
    static func fill(_ file: SharedDescriptor, from source: any ByteSource, _ descriptor: Descriptor) throws {
        func refuse(_ cause: String, _ remedy: String = "") -> RegistryError {
            RegistryError(
                .invalidContent, operation: "copy", object: "the blob \(descriptor.digest.short)", cause: cause,
                remedy: remedy)
        }
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 256 << 10, alignment: 16)
        defer { buffer.deallocate() }
        var hasher = StreamHasher(descriptor.digest.algorithm)
        var position: Int64 = 0
        while true {
            let count = try source.read(into: buffer)
            if count == 0 { break }
            let bytes = UnsafeRawBufferPointer(rebasing: buffer[..<count])
            hasher.update(bytes)
            guard position + Int64(count) <= descriptor.size else {
                throw refuse("it is longer than the \(descriptor.size) bytes its manifest says")
            }
            do throws(Errno) { try Files.writeAll(file.number, bytes, at: position) } catch {
                throw refuse("\(error)", error == .noSpace ? "free some space and try again" : "")
            }
            position += Int64(count)
        }
        guard position == descriptor.size else {
            throw refuse("it ended after \(position) of \(descriptor.size) bytes")
        }
        guard hasher.digest() == descriptor.digest else {
            throw refuse("its digest should be \(descriptor.digest) but is \(hasher.digest())")
        }
    }
}
