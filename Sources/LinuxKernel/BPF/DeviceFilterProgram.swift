import CLinux
import Glibc

/// A loaded eBPF program that decides which device nodes the processes of a cgroup v2 group may open or make
/// (`BPF_PROG_TYPE_CGROUP_DEVICE`). The kernel drops it when neither a descriptor nor a group holds it.
public struct DeviceFilterProgram: ~Copyable, Sendable {
    private let program: FileDescriptor

    /// Loads `instructions` (`struct bpf_insn` as 64-bit words) under `name` (at most 15 characters).
    ///
    /// Needs CAP_BPF or CAP_SYS_ADMIN in the initial user namespace. Kernels before 5.11 charge the program to
    /// RLIMIT_MEMLOCK and answer EPERM when that is too small.
    public static func load(instructions: [UInt64], name: String) throws(Errno) -> DeviceFilterProgram {
        let number = try checked(
            instructions.withUnsafeBytes { code in
                name.withCString {
                    berth_bpf_load_cgroup_device(code.baseAddress, UInt32(instructions.count), $0, nil, 0)
                }
            })
        return DeviceFilterProgram(program: FileDescriptor(owning: Int32(number)))
    }

    private init(program: consuming FileDescriptor) { self.program = program }

    /// Makes this program the only device filter of the group whose directory is open as `group`.
    ///
    /// One program already there is replaced in one step, so that no instant is unfiltered. Several are detached
    /// after this one is attached: all attached programs must allow an access, so in between the group may do less,
    /// never more. Programs on ancestors stay in force.
    public func attachAlone(to group: Int32) throws(Errno) {
        var ids = [UInt32](repeating: 0, count: 64)
        let count = try checked(
            ids.withUnsafeMutableBufferPointer {
                berth_bpf_query_cgroup_device(group, $0.baseAddress, UInt32($0.count))
            })
        var present: [Int32] = []
        defer { for descriptor in present { _ = Glibc.close(descriptor) } }
        for id in ids.prefix(count) { present.append(Int32(try checked(berth_bpf_program_by_id(id)))) }

        if present.count == 1 {
            // BPF_F_REPLACE is Linux 5.5; a program attached without BPF_F_ALLOW_MULTI cannot be replaced so.
            if berth_bpf_attach_cgroup_device(group, program.rawValue, present[0]) >= 0 { return }
        }
        try checked(berth_bpf_attach_cgroup_device(group, program.rawValue, -1))
        for descriptor in present { try checked(berth_bpf_detach_cgroup_device(group, descriptor)) }
    }

    /// How many device filters are attached to the group itself.
    public static func count(on group: Int32) throws(Errno) -> Int {
        var ids = [UInt32](repeating: 0, count: 64)
        return try checked(
            ids.withUnsafeMutableBufferPointer {
                berth_bpf_query_cgroup_device(group, $0.baseAddress, UInt32($0.count))
            })
    }
}
