import Testing

@Suite("Traffic of containers on the default network") struct TrafficTests {
    @Test("reaches the outside, other containers and published ports from everywhere", arguments: [0, 1])
    func reachesEverything(bridgeFilter: Int) async {
        await HostScript.run(
            """
            make_host
            host sysctl -qw net.bridge.bridge-nf-call-iptables=\(bridgeFilter)
            container a 8080:80 127.0.0.1:9090:80 198.51.100.1:7070:80 5353:53/udp
            container b
            serve a 80 web-a; serve a 53 dns-a
            gateway=$(inside a ip -4 route show default | cut -d' ' -f3)
            same "outside, masqueraded" "outside 198.51.100.1" "$(from a ask 198.51.100.2 7000)"
            same "outside over UDP" "outside 198.51.100.1" "$(from a ask_udp 198.51.100.2 7000)"
            same "other container directly" "web-a ${address[b]}" "$(from b ask ${address[a]} 80)"
            same "the host reaches the container" "web-a $gateway" "$(from host ask ${address[a]} 80)"
            holds "host address from the host" "^web-a" "$(from host ask 198.51.100.1 8080)"
            holds "127.0.0.1 from the host" "^web-a $gateway" "$(from host ask 127.0.0.1 8080)"
            holds "127.9.9.9 from the host" "^web-a" "$(from host ask 127.9.9.9 8080)"
            same "host address from outside, with the client's address" "web-a 198.51.100.2" "$(from outside ask 198.51.100.1 8080)"
            holds "host address from another container" "^web-a" "$(from b ask 198.51.100.1 8080)"
            holds "gateway address from another container" "^web-a" "$(from b ask $gateway 8080)"
            holds "hairpin by the host address" "^web-a" "$(from a ask 198.51.100.1 8080)"
            holds "hairpin by the gateway" "^web-a" "$(from a ask $gateway 8080)"
            same "UDP from outside" "dns-a 198.51.100.2" "$(from outside ask_udp 198.51.100.1 5353)"
            holds "UDP from the host by 127.0.0.1" "^dns-a" "$(from host ask_udp 127.0.0.1 5353)"
            holds "UDP hairpin" "^dns-a" "$(from a ask_udp 198.51.100.1 5353)"
            holds "a port published on 127.0.0.1, from the host" "^web-a" "$(from host ask 127.0.0.1 9090)"
            same "not by the host's other address" "" "$(from host ask 198.51.100.1 9090)"
            same "not from outside" "" "$(from outside ask 198.51.100.1 9090)"
            same "not from another container" "" "$(from b ask $gateway 9090)"
            holds "a port published on one address" "^web-a" "$(from outside ask 198.51.100.1 7070)"
            same "not on another address" "" "$(from host ask 127.0.0.1 7070)"
            holds "the kernel follows a UDP connection" "dport=5353 .*src=${address[a]} " "$(host cat /proc/net/nf_conntrack)"
            from b ask_udp 198.51.100.2 7000 >/dev/null
            stop a
            lacks "and forgets it with the container" "dport=5353" "$(host cat /proc/net/nf_conntrack)"
            holds "and no other" "dport=7000 " "$(host cat /proc/net/nf_conntrack)"
            same "closed from outside once the container is gone" "" "$(from outside ask 198.51.100.1 8080)"
            same "closed on 127.0.0.1 once the container is gone" "" "$(from host ask 127.0.0.1 8080)"
            same "the other container stays connected" "outside 198.51.100.1" "$(from b ask 198.51.100.2 7000)"
            stop b
            leaves_nothing
            """)
    }

    @Test("the container's own namespace is set up as Docker does") func ownNamespace() async {
        await HostScript.run(
            """
            make_host
            host ip link set up0 mtu 1400
            container a
            same "unprivileged ports" 0 "$(inside a cat /proc/sys/net/ipv4/ip_unprivileged_port_start)"
            same "ping for every group" "0	2147483647" "$(inside a cat /proc/sys/net/ipv4/ping_group_range)"
            same "the host's setting stays" 1024 "$(host cat /proc/sys/net/ipv4/ip_unprivileged_port_start)"
            holds "loopback" "127.0.0.1/8" "$(inside a ip -4 addr show lo)"
            holds "eth0 has its address" "${address[a]}/20" "$(inside a ip -4 addr show eth0)"
            holds "and is up" "state UP" "$(inside a ip link show eth0)"
            holds "MTU of the host's default route" "mtu 1400" "$(inside a ip link show eth0)"
            holds "MTU of the bridge" "mtu 1400" "$(host ip link show berth0)"
            same "no IPv6 address where the network has none" "" "$(inside a ip -6 addr show eth0)"
            holds "the gateway is a permanent neighbour" "PERMANENT" "$(inside a ip neigh)"
            holds "so is the container on the host" "${address[a]} dev berth0 .* PERMANENT" "$(host ip neigh)"
            ip netns add $N-n
            probe loopback /run/netns/$N-n
            holds "without a network: loopback" "state UNKNOWN" "$(inside n ip link show lo)"
            same "and nothing else" 1 "$(inside n ip -o link | wc -l)"
            same "and unprivileged ports" 0 "$(inside n cat /proc/sys/net/ipv4/ip_unprivileged_port_start)"
            stop a
            soon "the host's end goes with the namespace" sh -c "! ip -n $N-h link show ${port_interface[a]}"
            lacks "the neighbour is forgotten" "${address[a]}" "$(host ip neigh)"
            leaves_nothing
            """)
    }

    @Test("a namespace that belongs to a user namespace, given by a pidfd's process") func userNamespace() async {
        await HostScript.run(
            """
            make_host
            ip netns exec $N-h unshare --user --net sleep 60 & sleeper=$!
            ready() { [ "$(cat /proc/$1/comm)" = sleep ]; }
            soon "it has its own namespaces" ready $sleeper
            for map in uid gid; do echo 0 100000 65536 >/proc/$sleeper/${map}_map; done
            mkfifo $T/in.u; ip netns exec $N-h $PROBE $T/root "" run u pid:$sleeper 8080:80 <$T/in.u >$T/out.u 2>&1 & monitor=$!
            exec {fd}>$T/in.u
            soon "it is connected" grep -q READY $T/out.u
            user() { nsenter -t $sleeper -U -n -S 0 -G 0 "$@"; }
            same "ping works for everybody inside" "0	65535" "$(user cat /proc/sys/net/ipv4/ping_group_range)"
            same "without any capability" "may ping" "$(user setpriv --reuid 1000 --regid 1000 --clear-groups --bounding-set=-all --inh-caps=-all \
                python3 -c 'import socket; socket.socket(socket.AF_INET, socket.SOCK_DGRAM, socket.IPPROTO_ICMP); print("may ping")' 2>&1)"
            user setpriv --reuid 1000 --regid 1000 --clear-groups --bounding-set=-all --inh-caps=-all python3 -c '
            import socket
            s = socket.create_server(("", 80)); s.settimeout(10)
            c, _ = s.accept(); c.sendall(b"from user 1000\\n")' & web=$!
            soon "port 80 belongs to an unprivileged user" user grep -q ':0050 .* 0A ' /proc/net/tcp
            same "and answers" "from user 1000" "$(from outside ask 198.51.100.1 8080)"
            echo >&$fd; wait $monitor; kill $sleeper
            leaves_nothing
            """)
    }
}
