import LinuxKernel
import OCI

/// `process.execCPUAffinity`: on which processors an exec'ed process begins, and on which it goes on once it is in the
/// container's control group (config.md). It is not for a container's first process.
struct ProcessorAffinity: Sendable {
    let initial: [UInt64]?
    let final: [UInt64]?

    init(_ affinity: RuntimeCPUAffinity?) throws(RuntimeError) {
        initial = try Self.mask(affinity?.initial, "initial")
        final = try Self.mask(affinity?.final, "final")
    }

    private static func mask(_ list: String?, _ name: String) throws(RuntimeError) -> [UInt64]? {
        guard let list, !list.isEmpty else { return nil }
        guard let words = NumberMask.words(list) else {
            throw RuntimeError("read", "execCPUAffinity.\(name)", cause: "\(list) is no list of processors")
        }
        return words
    }

    /// For the process itself, before it joins the container's groups.
    func applyInitial() throws(RuntimeError) { try Self.apply(initial, "initial") }

    /// For the process itself, after it has joined them.
    func applyFinal() throws(RuntimeError) { try Self.apply(final, "final") }

    private static func apply(_ mask: [UInt64]?, _ name: String) throws(RuntimeError) {
        guard let mask else { return }
        try attempt("set", "execCPUAffinity.\(name)") { () throws(Errno) in try Scheduling.setAffinity(mask, of: 0) }
    }
}
