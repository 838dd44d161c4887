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
    }

    /// What a container may do in its own namespace without privilege: ports below 1024, and `ping` for every group.
    /// Written from the host's side: the group range must be mapped in the writer's user namespace, and the host's holds
    /// every container's groups.
    ///
    /// - Parameter groups: the container's groups as the host numbers them; nil for every group.
    static func openUnprivilegedUse(groups: ClosedRange<UInt32>?) throws(NetworkError) {
        try set("/proc/sys/net/ipv4/ip_unprivileged_port_start", to: "0")
        let path = "/proc/sys/net/ipv4/ping_group_range"
        // An engine inside another container has fewer groups: EINVAL for one that is not mapped.
        var last = Errno.invalidArgument
        let own = groups.map { ["\($0.lowerBound) \($0.upperBound)"] } ?? []
        for range in own + ["0 2147483647", "0 65535", "0 0"] {
            do throws(Errno) { return try Files.writeKernelFile(path, range) } catch {
                if error == .noSuchFile { return }
                last = error
            }
        }
        throw NetworkError("write", path, last)
    }

    @discardableResult
    private static func set(_ path: String, to value: String) throws(NetworkError) -> Bool {
        do throws(Errno) {
            if try Files.readLine(path) == value { return false }
            try Files.writeKernelFile(path, value)
            return true
        } catch {
            throw NetworkError(
                "set \(path) to", value, error,
                remedy: error == .readOnlyFileSystem || error == .accessDenied || error == .notPermitted
                    ? "/proc/sys must be writable, or the setting made beforehand" : "")
        }
    }
}
