import LinuxKernel

/// Kernel settings that belong to a namespace, and so to a container (`namespaces(7)`, config-linux.md "Sysctl").
enum Sysctl {
    private static let ipcNames: Set<String> = [
        "kernel.msgmax", "kernel.msgmnb", "kernel.msgmni", "kernel.sem", "kernel.shmall", "kernel.shmmax",
        "kernel.shmmni", "kernel.shm_rmid_forced",
    ]

    /// The path below `/proc` of a setting, checked.
    ///
    /// - Throws: for a setting of the whole machine, of a namespace the container shares, or with a value that could
    ///   smuggle in a second one (CVE-2022-0811).
    static func path(_ name: String, value: String, namespaces: NamespaceSet) throws(RuntimeError) -> String {
        func refuse(_ cause: String) -> RuntimeError { RuntimeError("set sysctl", name, cause: cause) }
        guard !name.isEmpty, name.utf8.allSatisfy({ isNameByte($0) }) else {
            throw refuse("the name holds other characters than letters, digits, dots, slashes, - and _")
        }
        guard value.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F }) else { throw refuse("the value holds a control character") }
        // sysctl(8): with a slash before the first dot, slashes separate and dots are part of names.
        let slash = name.firstIndex(of: "/"), dot = name.firstIndex(of: ".")
        let usesSlashes = slash.map { s in dot.map { s < $0 } ?? true } ?? false
        let parts = usesSlashes
            ? name.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
            : name.split(separator: ".", omittingEmptySubsequences: false)
                .map { String($0.map { $0 == "/" ? "." : $0 }) }
        guard parts.count > 1, parts.allSatisfy({ !$0.isEmpty && $0 != "." && $0 != ".." }) else {
            throw refuse("it is not the name of a setting")
        }
        let dotted = parts.joined(separator: ".")
        let owner: NamespaceSet
        if parts[0] == "net" { owner = .network } else if ipcNames.contains(dotted) || dotted.hasPrefix("fs.mqueue.") {
            owner = .ipc
        } else if dotted == "kernel.domainname" || dotted == "kernel.hostname" {
            owner = .uts
        } else {
            throw refuse("it belongs to the whole machine, not to a container")
        }
        guard namespaces.contains(owner) else {
            throw refuse("the container shares the namespace that it belongs to with the host")
        }
        return "sys/" + parts.joined(separator: "/")
    }

    private static func isNameByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "/"), UInt8(ascii: "-"),
            UInt8(ascii: "_"): true
        default: false
        }
    }
}
