import LinuxKernel

/// The few kernel settings a container network needs. All are of the network namespace the calling thread is in.
enum HostSettings {
    /// Forwarding between interfaces, without which nothing leaves a bridge. Read each time and written only when it is
    /// off, since other tools switch it off again.
    ///
    /// - Returns: whether it was off.
    @discardableResult
    static func enableForwarding() throws(NetworkError) -> Bool { try set("/proc/sys/net/ipv4/ip_forward", to: "1") }

    /// Lets 127.0.0.1 be the source of packets on a bridge, for ports published there (`route_localnet`). The rules drop
    /// what arrives from the bridge with such addresses.
    static func enableLocalRouting(bridge: String) throws(NetworkError) {
        try set("/proc/sys/net/ipv4/conf/\(bridge)/route_localnet", to: "1")
    }

    /// Whether bridges hand their frames to the IP rules (`br_netfilter`).
    static var bridgesFilterPackets: Bool {
        (try? Files.readLine("/proc/sys/net/bridge/bridge-nf-call-iptables")) == "1"
            || (try? Files.readLine("/proc/sys/net/bridge/bridge-nf-call-ip6tables")) == "1"
    }

    /// Whether the kernel has IPv6, switched on at least for the loopback interface.
    static var hasIPv6: Bool { (try? Files.readLine("/proc/sys/net/ipv6/conf/lo/disable_ipv6")) == "0" }

    /// Whether IPv6 packets are forwarded between interfaces.
    static var forwardsIPv6: Bool { (try? Files.readLine("/proc/sys/net/ipv6/conf/all/forwarding")) == "1" }

    /// Switches IPv6 forwarding on.
    static func enableForwarding6() throws(NetworkError) { try set("/proc/sys/net/ipv6/conf/all/forwarding", to: "1") }

    /// Switches IPv6 on for a bridge; a host's default may be off.
    static func enableIPv6(bridge: String) throws(NetworkError) {
        try set("/proc/sys/net/ipv6/conf/\(bridge)/disable_ipv6", to: "0")
    }

    /// A host that forwards takes no router advertisements unless told so (`accept_ra` 2, ip-sysctl): one that has its default
    /// route from them keeps it.
    ///
    /// - Returns: the interfaces whose setting was changed from 1 to 2.
    static func keepRouterAdvertisements() throws(NetworkError) -> [String] {
        let folder = "/proc/sys/net/ipv6/conf"
        guard let opened = try? Files.open(folder, [.readOnly, .directory]),
            let entries = try? opened.directoryEntries()
        else { return [] }
        var changed = [String]()
        for entry in entries {
            let name = entry.name.description
            guard name != "all", name != "default", name != "lo",
                (try? Files.readLine("\(folder)/\(name)/accept_ra")) == "1",
                (try? Files.readLine("\(folder)/\(name)/forwarding")) == "0"
            else { continue }
            try set("\(folder)/\(name)/accept_ra", to: "2")
            changed.append(name)
        }
        return changed
    }

    /// Gives back what ``enableForwarding6()`` and ``keepRouterAdvertisements()`` changed.
    static func disableForwarding6(_ interfaces: [String]) {
        try? Files.writeKernelFile("/proc/sys/net/ipv6/conf/all/forwarding", "0")
        for name in interfaces where NetworkRequest.isInterfaceName(name) {
            try? Files.writeKernelFile("/proc/sys/net/ipv6/conf/\(name)/accept_ra", "1")
        }
    }

    /// What a container may do in its own namespace without privilege: ports below 1024, and `ping` for every group.
    /// Written from the host's side: the group range must be mapped in the writer's user namespace, and the host's holds
    /// every container's groups.
    ///
    /// - Parameter groups: the container's groups as the host numbers them; nil for every group.
    static func openUnprivilegedUse(groups: ClosedRange<UInt32>?) throws(NetworkError) {
        let folder = "/proc/sys/net/ipv4"
        // A procfs of our own: in the common one each look at this folder passes all network namespaces' entries of the same
        // name, a millisecond for a thousand containers. Where none can be mounted the common one will do.
        let own: FileDescriptor
        do throws(Errno) { own = try settings(folder) } catch {
            throw NetworkError("open", folder, error)
        }
        do throws(Errno) { try Files.writeKernelFile(at: own.rawValue, "ip_unprivileged_port_start", "0") } catch {
            throw failure("\(folder)/ip_unprivileged_port_start", "0", error)
        }
        let path = "\(folder)/ping_group_range"
        // An engine inside another container has fewer groups: EINVAL for one that is not mapped.
        var last = Errno.invalidArgument
        let wanted = groups.map { ["\($0.lowerBound) \($0.upperBound)"] } ?? []
        for range in wanted + ["0 2147483647", "0 65535", "0 0"] {
            do throws(Errno) { return try Files.writeKernelFile(at: own.rawValue, "ping_group_range", range) } catch {
                if error == .noSuchFile { return }
                last = error
            }
        }
        throw NetworkError("write", path, last)
    }

    /// The folder of this thread's network namespace.
    private static func settings(_ folder: String) throws(Errno) -> FileDescriptor {
        if let proc = try? FileSystemContext("proc").mount([.noSetID, .noDevices, .noExecute]).intoRoot() {
            return try Files.open(at: proc.rawValue, "sys/net/ipv4", [.readOnly, .directory])
        }
        return try Files.open(folder, [.readOnly, .directory])
    }

    private static func failure(_ path: String, _ value: String, _ error: Errno) -> NetworkError {
        NetworkError(
            "set \(path) to", value, error,
            remedy: error == .readOnlyFileSystem || error == .accessDenied || error == .notPermitted
                ? "/proc/sys must be writable, or the setting made beforehand" : "")
    }

    @discardableResult
    private static func set(_ path: String, to value: String) throws(NetworkError) -> Bool {
        do throws(Errno) {
            if try Files.readLine(path) == value { return false }
            try Files.writeKernelFile(path, value)
            return true
        } catch { throw failure(path, value, error) }
    }
}
