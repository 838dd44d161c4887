import LinuxKernel
import OCI
import RegistryClient

/// Progress as lines, for a pipe or a file: what Docker's client prints there.
struct LineProgress: TransferProgress {
    func line(_ text: String) { writeText("\(printable(text))\n", to: 1) }
    func status(_ blob: Digest, _ text: String) { writeText("\(blob.short): \(printable(text))\n", to: 1) }
    func bytes(_ blob: Digest, _ verb: String, done: Int64, of total: Int64) {}
}
