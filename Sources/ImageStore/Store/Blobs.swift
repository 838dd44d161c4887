import Archive
import JSON
import LinuxKernel
import OCI

extension ImageStore {
    /// The bytes of a small blob (manifest, index, configuration), refused beyond `limit` and when they do not have the
    /// digest they are stored under.
    ///
    /// - Throws: ``ImageStoreError``, kind `damagedStore` when the blob is missing or wrong.
    public func blob(_ digest: Digest, limit: Int = ImageConfiguration.maximumSize) throws(ImageStoreError) -> [UInt8] {
        let bytes: [UInt8]
        do throws(Errno) { bytes = try Files.read(at: root.number, blobPath(digest), limit: limit) } catch {
            if error == .noSuchFile { throw .damaged("the blob \(digest)", "it is missing") }
            throw .system(error, "read", "the blob \(digest)")
        }
        let actual = Digest(of: bytes, algorithm: digest.algorithm)
        guard actual == digest else { throw .damaged("the blob \(digest)", "its content has the digest \(actual)") }
        return bytes
    }

    func readManifestBlob(_ descriptor: Descriptor) throws(ImageStoreError) -> ImageManifest {
        let bytes = try blob(descriptor.digest, limit: ImageManifest.maximumSize)
        do throws(JSONError) { return try ImageManifest(parsing: bytes) } catch {
            throw .damaged("the manifest \(descriptor.digest)", "\(error)")
        }
    }

    func readIndexBlob(_ descriptor: Descriptor) throws(ImageStoreError) -> ImageIndex {
        let bytes = try blob(descriptor.digest, limit: ImageIndex.maximumSize)
        do throws(JSONError) { return try ImageIndex(parsing: bytes) } catch {
            throw .damaged("the index \(descriptor.digest)", "\(error)")
        }
    }

    func readConfigurationBlob(_ descriptor: Descriptor) throws(ImageStoreError) -> ImageConfiguration {
        let bytes = try blob(descriptor.digest)
        do throws(JSONError) { return try ImageConfiguration(parsing: bytes) } catch {
            throw .damaged("the configuration \(descriptor.digest)", "\(error)")
        }
    }
}

extension Transaction {
    /// Puts a finished file of the transaction among the blobs. Two who do so at once put the same bytes there.
    func publish(_ name: String, as digest: Digest) throws(Errno) {
        _ = try pin(.blob(digest))
        try Files.rename(at: root.number, name, to: root.number, blobPath(digest))
    }

    /// Puts bytes among the blobs.
    func publish(_ bytes: [UInt8], algorithm: Digest.Algorithm = .sha256) throws(Errno) -> Digest {
        let digest = Digest(of: bytes, algorithm: algorithm)
        let name = newName("blob")
        let file = try makeFile(name)
        try file.writeAll(bytes)
        try file.close()
        try publish(name, as: digest)
        return digest
    }
}
