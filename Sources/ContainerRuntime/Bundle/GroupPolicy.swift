import ControlGroups
import Glibc
import LinuxKernel
import OCI

/// Who makes a container's control groups, and what happens where nobody may.
public struct GroupPolicy: Sendable {
    /// Whether a container may go without groups that this user may not make: `--rootless`. Limits that are asked for are
    /// never dropped.
    public var mayGoWithout: Bool
    /// Whether systemd makes the groups, and `cgroupsPath` is `slice:prefix:name`: `--systemd-cgroup`.
    public var usesSystemd: Bool

    /// A policy; by default the groups are written by ourselves.
    public init(mayGoWithout: Bool = geteuid() != 0, usesSystemd: Bool = false) {
        self.mayGoWithout = mayGoWithout
        self.usesSystemd = usesSystemd
    }

    /// A container's group, and what keeps it alive until the container does.
    struct Made {
        var group: ControlGroup?
        var placeholder: GroupPlaceholder?
    }

    /// systemd's name for a container's group, nil where systemd is not asked.
    func unit(_ bundle: Bundle, id: String) throws(RuntimeError) -> SystemdUnit? {
        guard usesSystemd else { return nil }
        return try Self.tell { () throws(ControlGroupError) in
            try SystemdUnit(bundle.configuration.linux.cgroupsPath ?? "", id: id)
        }
    }

    /// Makes a container's group.
    func make(_ bundle: Bundle, id: String, limits: ResourceLimits) throws(RuntimeError) -> Made {
        let configuration = bundle.configuration
        if let unit = try unit(bundle, id: id) {
            let manager = try Self.tell { () throws(ControlGroupError) in try SystemdManager() }
            let placeholder = try GroupPlaceholder()
            let group = try Self.tell { () throws(ControlGroupError) in
                let host = try HostControlGroups.detect()
                try manager.start(
                    unit, id: id, pid: placeholder.pid, limits: limits, annotations: configuration.annotations,
                    isVersion2: host.layout == .v2)
                do throws(ControlGroupError) {
                    return try ControlGroup.complete(host: host, path: unit.groupPath, limits: limits)
                } catch {
                    try? manager.stop(unit)
                    throw error
                }
            }
            return Made(group: group, placeholder: placeholder)
        }
        let path = bundle.controlGroupPath(id: id)
        do throws(ControlGroupError) {
            return Made(
                group: try ControlGroup.create(host: try HostControlGroups.detect(), path: path, limits: limits))
        } catch {
            let mayNot = [Errno.accessDenied, .notPermitted, .readOnlyFileSystem].contains(error.errno)
            // Device rules are what every configuration has; an unprivileged user can make no device anyway.
            var rest = limits
            rest.devices = []
            if mayGoWithout, mayNot, rest == ResourceLimits() { return Made() }
            throw RuntimeError("create", "control group", cause: error.description)
        }
    }

    private static func tell<Value>(_ body: () throws(ControlGroupError) -> Value) throws(RuntimeError) -> Value {
        do throws(ControlGroupError) { return try body() } catch {
            throw RuntimeError("create", "control group", cause: error.description)
        }
    }
}
