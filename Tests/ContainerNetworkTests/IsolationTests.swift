import Testing

@Suite("Attacks on and by containers' networks") struct IsolationTests {
    @Test("what must not get in from outside", arguments: [0, 1]) func fromOutside(bridgeFilter: Int) async {
        await HostScript.run(
            """
            make_host
            host sysctl -qw net.bridge.bridge-nf-call-iptables=\(bridgeFilter)
            container a 127.0.0.1:9090:80 8080:81
            serve a 80 web-a
            outside ip route add 172.16.0.0/12 via 198.51.100.1
            same "a container's address by a static route" "" "$(from outside ask ${address[a]} 80)"
            same "over UDP" "" "$(from outside ask_udp ${address[a]} 80 1)"
            # Frames for 127.0.0.1 to the host's own link-layer address: a rewritten one would reach the container.
            count a eth0 syn 80
            up=$(host cat /sys/class/net/up0/address)
            outside python3 $FRAMES send up0 $up $(outside cat /sys/class/net/up0/address) tcp 198.51.100.2 127.0.0.1 9090
            outside python3 $FRAMES send up0 $up $(outside cat /sys/class/net/up0/address) tcp 127.0.0.1 198.51.100.1 9090
            counted
            same "127.0.0.1 from outside reaches no container" 0 "$counted"
            # The counter can count: the port published to everybody.
            count a eth0 syn 81
            outside python3 $FRAMES send up0 $up $(outside cat /sys/class/net/up0/address) tcp 198.51.100.2 198.51.100.1 8080
            counted
            lacks "frames for a published port arrive" "^0$" "$counted"
            """)
    }

    @Test("127/8 that arrives on a bridge is dropped (CVE-2020-8558)", arguments: [0, 1])
    func loopbackOnBridge(bridgeFilter: Int) async {
        await HostScript.run(
            """
            make_host
            host sysctl -qw net.bridge.bridge-nf-call-iptables=\(bridgeFilter)
            container a
            same "route_localnet is on, so only the rules protect" 1 "$(host cat /proc/sys/net/ipv4/conf/berth0/route_localnet)"
            host socat -u UDP4-RECVFROM:6000,bind=127.0.0.1,fork,range=0.0.0.0/0 OPEN:$T/got,creat,append &
            soon "the listener is there" host grep -q ':1770 ' /proc/net/udp
            bridge=$(host cat /sys/class/net/berth0/address)
            inside a python3 $FRAMES send eth0 $bridge $(mac_of a) udp ${address[a]} 127.0.0.1 6000
            inside a python3 $FRAMES send eth0 $bridge $(mac_of a) udp 127.0.0.2 127.0.0.1 6000
            # By way of a port that is not ours, as if somebody had added one to the bridge: the routed rules alone.
            ip link add x0 netns $N-h type veth peer name x1 netns $N-o
            host ip link set x0 master berth0 up; outside ip link set x1 up
            outside python3 $FRAMES send x1 $bridge 02:00:00:00:00:99 udp ${address[a]} 127.0.0.1 6000
            # What was sent before would have arrived before.
            echo x | host socat - UDP4:127.0.0.1:6000
            soon "the listener does listen" grep -q x $T/got
            same "nothing but the host's own packet arrived" "x" "$(cat $T/got)"
            """)
    }

    @Test("a container cannot take another's place on the bridge", arguments: [0, 1]) func spoofing(bridgeFilter: Int)
        async
    {
        await HostScript.run(
            """
            make_host
            host sysctl -qw net.bridge.bridge-nf-call-iptables=\(bridgeFilter)
            container a; container b; container c
            bridge=$(host cat /sys/class/net/berth0/address)
            gateway=$(inside a ip -4 route show default | cut -d' ' -f3)
            frame() { inside a python3 $FRAMES send eth0 "$@"; }

            count b eth0 udp 999; frame $(mac_of b) $(mac_of a) udp ${address[a]} ${address[b]} 999
            counted; same "its own address passes" 3 "$counted"
            count b eth0 udp 999; frame $(mac_of b) $(mac_of a) udp ${address[c]} ${address[b]} 999
            counted; same "another's address does not" 0 "$counted"
            count b eth0 udp 999; frame $(mac_of b) $(mac_of c) udp ${address[a]} ${address[b]} 999
            counted; same "another's link-layer address does not" 0 "$counted"
            count b eth0 udp 999; frame $(mac_of b) $bridge udp $gateway ${address[b]} 999
            counted; same "the gateway's addresses do not" 0 "$counted"
            count b eth0 arp ${address[a]}; frame $(mac_of b) $(mac_of a) arp $(mac_of a) ${address[a]} ${address[b]}
            counted; same "ARP for itself passes" 3 "$counted"
            count b eth0 arp $gateway; frame $(mac_of b) $(mac_of a) arp $(mac_of a) $gateway ${address[b]}
            counted; same "ARP for the gateway does not" 0 "$counted"
            count b eth0 arp ${address[a]}; frame $(mac_of b) $(mac_of a) arp $(mac_of c) ${address[a]} ${address[b]}
            counted; same "ARP that names another's link-layer address inside does not" 0 "$counted"
            count b eth0 arp ${address[c]}; frame $(mac_of b) $(mac_of a) arp $(mac_of c) ${address[c]} ${address[b]}
            counted; same "ARP for another does not" 0 "$counted"
            count b eth0 type 86dd; frame $(mac_of b) $(mac_of a) raw 86dd
            counted; same "IPv6 (router advertisements) does not" 0 "$counted"
            # A tag of VLAN 0 is taken off on the way in: what is under it is checked like the rest.
            count b eth0 udp 999; frame $(mac_of b) $(mac_of a) vlan ${address[a]} ${address[b]} 999
            counted; same "its own address under a VLAN tag passes" 3 "$counted"
            count b eth0 udp 999; frame $(mac_of b) $(mac_of a) vlan ${address[c]} ${address[b]} 999
            counted; same "another's address under a VLAN tag does not" 0 "$counted"

            # Out to the world: an address that is not the container's own leaves the host under no name.
            count o up0 udp 999
            frame $bridge $(mac_of a) udp 203.0.113.9 198.51.100.2 999
            frame $bridge $(mac_of a) udp ${address[c]} 198.51.100.2 999
            counted; same "a foreign source does not leave the host" 0 "$counted"
            count o up0 udp 999
            frame $bridge $(mac_of a) udp ${address[a]} 198.51.100.2 999
            counted; lacks "its own source does" "^0$" "$counted"
            """)
    }

    @Test("two engines side by side are foreign to one another") func twoEngines() async {
        await HostScript.run(
            """
            make_host
            container a 8080:80; serve a 80 web-a
            ip netns add $N-z; mkfifo $T/in.z
            mkdir -p $T/second; ln -s $T/root/machine $T/second/machine; mkdir -p $T/root/machine
            host $PROBE $T/second abc1234 run z /run/netns/$N-z 8081:80 <$T/in.z >$T/out.z 2>&1 & second=$!
            exec {fd}>$T/in.z
            soon "the second engine's container is ready" grep -q READY $T/out.z
            read -r _ other _ <<<"$(grep READY $T/out.z)"
            serve z 80 web-z
            lacks "another subnet" "^$(cut -d. -f1-3 <<<${address[a]})\\." "$other"
            same "not by address" "" "$(from a ask $other 80)"
            same "nor the other way" "" "$(from z ask ${address[a]} 80)"
            holds "by the published port" "^web-z" "$(from a ask 198.51.100.1 8081)"
            holds "and the other way" "^web-a" "$(from z ask 198.51.100.1 8080)"
            same "both reach the outside" "outside 198.51.100.1" "$(from z ask 198.51.100.2 7000)"
            echo >&$fd; wait $second
            host $PROBE $T/second abc1234 remove-all
            holds "removing one leaves the other" "^web-a" "$(from outside ask 198.51.100.1 8080)"
            stop a
            leaves_nothing
            """)
    }
}
