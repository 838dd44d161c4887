import Glibc
import LinuxKernel
import OCI

/// What the program keeps of root's power: ids, groups and capabilities.
struct Credentials {
    var uid: UInt32
    var gid: UInt32
    var additionalGroups: [UInt32]
    var bounding: CapabilitySet = []
    var effective: CapabilitySet = []
    var permitted: CapabilitySet = []
    var inheritable: CapabilitySet = []
    var ambient: CapabilitySet = []

    init(process: RuntimeProcess) throws(RuntimeError) {
        uid = process.user.uid
        gid = process.user.gid
        additionalGroups = process.user.additionalGids
        guard let capabilities = process.capabilities else { return }
        bounding = Self.set(capabilities.bounding)
        effective = Self.set(capabilities.effective)
        permitted = Self.set(capabilities.permitted)
        inheritable = Self.set(capabilities.inheritable)
        ambient = Self.set(capabilities.ambient)
    }

    /// Unknown names are left out, as runc and crun do: a newer engine may name what this kernel lacks.
    private static func set(_ names: [String]) -> CapabilitySet {
        names.reduce(into: []) { if let one = CapabilitySet(name: $1) { $0.formUnion(one) } }
    }

    /// Becomes the user with exactly these capabilities. Capabilities that the runtime itself lacks are left out.
    func assume() throws(RuntimeError) {
        let own = try attempt("read", "capabilities") { () throws(Errno) in try ProcessCapabilities.effective() }
        try attempt("limit", "capabilities") { () throws(Errno) in
            try ProcessCapabilities.limitBoundingSet(to: bounding)
            try ProcessCapabilities.keepOverUserChange(true)
        }
        try attempt("set", "groups") { () throws(Errno) in
            do throws(Errno) { try ProcessControl.setGroups(additionalGroups) } catch {
                // A user namespace made by an unprivileged user denies setgroups; with no groups asked for that is fine.
                guard error == .notPermitted, additionalGroups.isEmpty else { throw error }
            }
        }
        try attempt("set group id", String(gid)) { () throws(Errno) in try ProcessControl.setGroupID(gid) }
        try attempt("set user id", String(uid)) { () throws(Errno) in try ProcessControl.setUserID(uid) }
        try attempt("set", "capabilities") { () throws(Errno) in
            let permitted = self.permitted.intersection(own)
            try ProcessCapabilities.keepOverUserChange(false)
            // Also a user other than root keeps in the permitted set what execve will drop anyway.
            try ProcessCapabilities.set(
                effective: effective.intersection(permitted), permitted: permitted,
                inheritable: inheritable.intersection(own))
            try ProcessCapabilities.setAmbient(ambient.intersection(permitted).intersection(inheritable))
        }
    }
}
