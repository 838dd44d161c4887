import LinuxKernel

/// Shares of the processor's cache and memory bandwidth (Intel RDT), by the kernel's resctrl file system.
public enum CacheAllocation {
    /// Changes one line of a container's schemata.
    ///
    /// - Parameters:
    ///   - schema: as the kernel takes it, with or without the resource's name: `0=f;1=f` or `L3:0=f;1=f`.
    ///   - kind: `L3` or `MB`.
    ///   - root: where resctrl is mounted.
    /// - Throws: ``RuntimeError`` where the machine does not have it, the container no group of it, or the kernel refuses.
    public static func set(
        _ schema: String, kind: String, container: String, root: String = "/sys/fs/resctrl"
    ) throws(RuntimeError) {
        let what = kind == "L3" ? "Intel RDT/CAT: l3 cache schema" : "Intel RDT/MBA: memory bandwidth schema"
        guard Files.exists("\(root)/info/\(kind)") else {
            throw RuntimeError("set", what, cause: "it is not enabled on this machine", remedy: "leave the flag out")
        }
        let line = schema.utf8.contains(UInt8(ascii: ":")) ? schema : "\(kind):\(schema)"
        try attempt("set", what) { () throws(Errno) in
            try Files.writeKernelFile("\(root)/\(container)/schemata", line + "\n")
        }
    }
}
