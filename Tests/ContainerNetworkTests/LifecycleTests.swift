import Testing

@Suite("Leases, crashes and neighbours of the network engine") struct LifecycleTests {
    @Test("a port that is taken names its owner") func portClash() async {
        await HostScript.run(
            """
            make_host
            container a 8080:80 5353:53/udp
            try() { ip netns del $N-x 2>/dev/null; ip netns add $N-x; probe run x /run/netns/$N-x "$@" </dev/null 2>&1; }
            same "by a container" "cannot publish 0.0.0.0:8080:80/tcp: port 8080 is taken by container name-of-a (a); stop that one or choose another host port" "$(try 8080:80)"
            holds "on another address" "127.0.0.1:8080:80/tcp: port 8080 is taken by container name-of-a" "$(try 127.0.0.1:8080:80)"
            holds "over UDP" "port 5353 is taken by container name-of-a" "$(try 5353:53/udp)"
            holds "the other protocol is free" "READY" "$(try 8080:80/udp)"
            ip netns exec $N-h socat TCP4-LISTEN:9000,reuseaddr,fork /dev/null & holder=$!
            soon "the program listens" host sh -c "grep -q ':2328 .* 0A ' /proc/net/tcp"
            holds "by a program" "port 9000 is taken by process socat \\(pid $holder\\)" "$(try 9000:80)"
            ip netns exec $N-h socat TCP6-LISTEN:9002,reuseaddr,fork /dev/null & holder6=$!
            soon "the program listens on IPv6" host sh -c "grep -q ':232A .* 0A ' /proc/net/tcp6"
            holds "by a program on both families" "port 9002 is taken by process socat \\(pid $holder6\\)" "$(try 9002:80)"
            ip netns exec $N-h socat UDP4-LISTEN:9001,reuseaddr,fork /dev/null & holder_udp=$!
            soon "the program is bound" host sh -c "grep -q ':2329 ' /proc/net/udp"
            holds "by a program over UDP" "port 9001 is taken by process socat \\(pid $holder_udp\\)" "$(try 9001:80/udp)"
            holds "an address that is not the host's" "203.0.113.1 is no address of this host" "$(try 203.0.113.1:80:80)"
            holds "twice in one container" "host port 81 is asked for twice" "$(try 81:80 127.0.0.1:81:82)"
            holds "UDP on [::1] is refused" "only TCP can be published on ::1" "$(try '[::1]:81:80/udp')"
            holds "a program is refused a container's port" "Address already in use" "$(host python3 -c 'import socket; socket.create_server(("", 8080))' 2>&1)"
            same "no lease of the refused is left" "a" "$(probe release x; ls $T/root/run/endpoints | sed 's/.json//')"
            same "and no claim of theirs" "tcp-8080-0.0.0.0 udp-5353-0.0.0.0" "$(claimed | tr '\\n' ' ' | sed 's/ $//')"
            kill $holder $holder6 $holder_udp
            stop a
            holds "free once its container is gone" "READY" "$(try 8080:80)"
            probe release x
            leaves_nothing
            """)
    }

    @Test("random ports, ranges and connections in TIME_WAIT") func choosesPorts() async {
        await HostScript.run(
            """
            make_host
            container a 80 8000-8001:81 8000-8001:82
            serve a 80 web-a; serve a 81 one-a; serve a 82 two-a
            ports=$(grep READY $T/out.a | cut -d' ' -f4)
            holds "a random one, then the range in order" "^0.0.0.0:[0-9]{5},0.0.0.0:8000,0.0.0.0:8001$" "$ports"
            random=$(cut -d, -f1 <<<$ports | cut -d: -f2)
            holds "the random one works" "^web-a" "$(from outside ask 198.51.100.1 $random)"
            holds "the second of the range works" "^two-a" "$(from outside ask 198.51.100.1 8001)"
            ip netns add $N-x
            holds "a full range" "all ports from 8000 to 8001 are taken" "$(probe run x /run/netns/$N-x 8000-8001:80 2>&1 </dev/null)"
            probe release x
            stop a
            ip netns add $N-many
            start_probe many 20000-20999:10000-10999 20000-20999:10000-10999/udp
            serve many 10999 web-many
            holds "the last of 1,000 ports" "^web-many" "$(from outside ask 198.51.100.1 20999)"
            holds "and over UDP" "^web-many" "$(from outside ask_udp 198.51.100.1 20999)"
            same "2,000 elements" 2000 "$(elements | grep -oE ' : 172[0-9.]+ . ' | wc -l)"
            host nft flush ruleset; probe heal >/dev/null
            same "also after a flush" 2000 "$(elements | grep -oE ' : 172[0-9.]+ . ' | wc -l)"
            host nft delete element inet berth published_any '{ tcp . 20000 }'
            stop many
            same "none after the release, although one was gone" 0 "$(elements | grep -oE ' : 172[0-9.]+ . ' | wc -l)"
            # A server that closed first leaves its side in TIME_WAIT: that is nobody's port.
            host python3 -c 'import socket; s = socket.create_server(("", 8500)); c, _ = s.accept(); c.close()' & server=$!
            soon "the server listens" host grep -q ':2134 .* 0A ' /proc/net/tcp
            from outside 'exec 3<>/dev/tcp/198.51.100.1/8500; cat <&3'; wait $server
            holds "there is a connection in TIME_WAIT" ":2134 .* 06 " "$(host cat /proc/net/tcp)"
            container b 8500:80; serve b 80 web-b
            holds "its port can be published" "^web-b" "$(from outside ask 198.51.100.1 8500)"
            holds "and is held" "port 8500 is taken by container name-of-b" "$(probe run x /run/netns/$N-x 8500:80 2>&1 </dev/null)"
            probe release x; stop b
            leaves_nothing
            """)
    }

    @Test("leftovers of 50 killed containers are found and taken back") func crashes() async {
        await HostScript.run(
            """
            make_host
            container live 8080:80; serve live 80 web-live
            container lease lease
            for i in $(seq 48); do container c$i leave $((9000 + i)):80 $((9000 + i)):53/udp; done
            container hold hold 7999:80
            same "the rules know all that were connected" 49 "$(elements | grep -o 'v-berth-[a-z0-9]*\\" \\.' | wc -l)"
            for name in lease hold $(seq -f c%g 48); do kill_monitor $name; done
            # An address without a record: killed between the two.
            ln -s nobody $T/root/run/addresses/bridge/172.24.15.9
            dead=$(probe reconcile live | wc -l)
            same "all are found" 50 "$dead"
            same "only the living one is left in the rules" 1 "$(elements | grep -o 'v-berth-[a-z0-9]*\\" \\.' | wc -l)"
            holds "its port works on" "^web-live" "$(from outside ask 198.51.100.1 8080)"
            lacks "the others' ports are gone" "90[0-9][0-9]" "$(elements)"
            same "one record" "live.json" "$(ls $T/root/run/endpoints)"
            same "one address" "${address[live]}" "$(ls $T/root/run/addresses/bridge | grep -v last)"
            same "one claim" "tcp-8080-0.0.0.0" "$(claimed)"
            same "one neighbour" "${address[live]}" "$(host ip neigh show dev berth0 nud permanent | cut -d' ' -f1)"
            same "a second look finds nothing" "" "$(probe reconcile live)"
            ip netns add $N-again
            start_probe again 9001:80; serve again 80 web-again
            holds "a freed port can be published again" "^web-again" "$(from outside ask 198.51.100.1 9001)"
            stop again; stop live
            leaves_nothing
            """)
    }

    @Test("a dead container's leftovers do not hurt whoever has its port by now") func takenOver() async {
        await HostScript.run(
            """
            make_host
            container old leave 8080:80
            kill_monitor old
            container new 8080:80; serve new 80 web-new
            holds "the port belongs to the new one" "^web-new" "$(from outside ask 198.51.100.1 8080)"
            probe release old
            holds "also after the old one's release" "^web-new" "$(from outside ask 198.51.100.1 8080)"
            probe release old; probe release never-seen
            # The same container once more, without a release in between: its address stays.
            before=${address[new]}
            kill_monitor new; end_namespace new
            container new 8080:80; serve new 80 web-newer
            same "the same address" "$before" "${address[new]}"
            holds "and the port" "^web-newer" "$(from outside ask 198.51.100.1 8080)"
            same "one source in the rules" 1 "$(elements | grep -o 'v-berth-[a-z0-9]*\\" \\.' | wc -l)"
            stop new
            leaves_nothing
            """)
    }

    @Test("flushed rules are healed, foreign rules are named and left alone") func otherFirewalls() async {
        await HostScript.run(
            """
            make_host
            host nft 'add table ip filter; add chain ip filter FORWARD { type filter hook forward priority 0; policy drop; }'
            container a 8080:80; serve a 80 web-a
            holds "a drop policy is named" 'WARNING chain "ip filter FORWARD" of another firewall drops forwarded' "$(cat $T/out.a)"
            same "it does stand in the way" "" "$(from outside ask 198.51.100.1 8080)"
            # What the warning says to do.
            grep -o 'nft insert rule [^;]*accept' $T/out.a | while read -r line; do host $line || echo "FAIL: $line"; done
            same "with its three rules it works" "web-a 198.51.100.2" "$(from outside ask 198.51.100.1 8080)"
            same "outwards too" "outside 198.51.100.1" "$(from a ask 198.51.100.2 7000)"
            holds "the policy is still theirs" "policy drop" "$(host nft list chain ip filter FORWARD)"
            host nft delete table ip filter
            for flush in "flush ruleset" "flush table inet berth" "flush table bridge berth" "delete table bridge berth"; do
                host nft "$flush"
                same "healed after $flush" "healed" "$(probe heal)"
                same "once" "current" "$(probe heal)"
                same "the port works after $flush" "web-a 198.51.100.2" "$(from outside ask 198.51.100.1 8080)"
                same "and so does the way out" "outside 198.51.100.1" "$(from a ask 198.51.100.2 7000)"
            done
            host nft flush ruleset
            container b 8081:80; serve b 80 web-b
            same "the next container heals as well" "web-a 198.51.100.2" "$(from outside ask 198.51.100.1 8080)"
            same "and has its own port" "web-b 198.51.100.2" "$(from outside ask 198.51.100.1 8081)"
            host nft flush ruleset
            probe reconcile a b
            same "so does a look for the dead" "web-a 198.51.100.2" "$(from outside ask 198.51.100.1 8080)"
            # One set's content changed by hand: an element that collides with ours.
            host nft add element inet berth published_any '{ tcp . 8082 : 172.24.15.15 . 1 }'
            container c 8082:80; serve c 80 web-c
            same "a colliding element is replaced" "web-c 198.51.100.2" "$(from outside ask 198.51.100.1 8082)"
            host sysctl -qw net.ipv4.ip_forward=0
            container d
            same "forwarding is switched on again" "outside 198.51.100.1" "$(from d ask 198.51.100.2 7000)"
            host nft flush ruleset
            stop a; stop b; stop c; stop d
            leaves_nothing
            """)
    }

    @Test("killed at any instruction, it leaves nothing that the next look does not find") func killedAnywhere() async {
        await HostScript.run(
            """
            make_host
            seeded
            container live 8080:80; serve live 80 web-live
            for i in $(seq $(times 60)); do
                ip netns add $N-k
                ip netns exec $N-h $PROBE $T/root "" run k /run/netns/$N-k 80 9000:81 9001:81/udp </dev/null >/dev/null 2>&1 & victim=$!
                sleep 0.0$(printf %03d $((RANDOM % 180)))
                kill -9 $victim 2>/dev/null; wait $victim 2>/dev/null
                [ $((RANDOM % 8)) = 0 ] && { ip netns exec $N-h $PROBE $T/root "" reconcile live & cleaner=$!; sleep 0.0$(printf %02d $((RANDOM % 40))); kill -9 $cleaner 2>/dev/null; wait $cleaner 2>/dev/null; }
                ip netns del $N-k
            done
            probe reconcile live >/dev/null
            same "records" "live.json" "$(ls $T/root/run/endpoints)"
            same "addresses" "${address[live]}" "$(ls $T/root/run/addresses/bridge | grep -v last)"
            same "claims" "tcp-8080-0.0.0.0" "$(claimed)"
            same "neighbours" "${address[live]}" "$(host ip neigh show dev berth0 nud permanent | cut -d' ' -f1)"
            same "sources" 1 "$(elements | grep -o 'v-berth-[a-z0-9]*\\" \\.' | wc -l)"
            same "ports" "tcp . 8080 : ${address[live]} . 80" "$(elements | grep -o '[a-z]* . [0-9]* : 1[0-9.]* . [0-9]*')"
            soon "links" sh -c "[ $(ip -n $N-h -o link | grep -c v-berth-) = 1 ]"
            holds "the living one answers" "^web-live" "$(from outside ask 198.51.100.1 8080)"
            stop live
            leaves_nothing
            """)
    }

    @Test("50 at once get different addresses and leave nothing") func manyAtOnce() async {
        await HostScript.run(
            """
            make_host
            for i in $(seq 50); do ip netns add $N-c$i; done
            go() { host $PROBE $T/root "" run c$1 /run/netns/$N-c$1 80 $((9000 + $1)):80 <<<"" >$T/out.c$1 2>&1 || echo "FAIL: c$1: $(cat $T/out.c$1)"; }
            for i in $(seq 50); do go $i & pids[$i]=$!; done
            for i in $(seq 10); do host nft flush ruleset; sleep 0.03; done & flusher=$!
            for i in $(seq 50); do wait ${pids[$i]}; done
            wait $flusher
            same "all were ready" 50 "$(cat $T/out.c* | grep -c '^READY')"
            same "all ended well" 50 "$(cat $T/out.c* | grep -c '^DONE')"
            for i in $(seq 50); do end_namespace c$i; container c$i leave $((9000 + i)):80; done
            same "50 different addresses" 50 "$(printf '%s\\n' "${address[@]}" | sort -u | wc -l)"
            probe heal >/dev/null
            same "50 sources" 50 "$(elements | grep -o 'v-berth-[a-z0-9]*\\" \\.' | wc -l)"
            serve c37 80 web-37
            same "one of them answers" "web-37 198.51.100.2" "$(from outside ask 198.51.100.1 9037)"
            for i in $(seq 50); do kill_monitor c$i; done
            for i in $(seq 50); do probe release c$i & pids[$i]=$!; done
            for i in $(seq 50); do wait ${pids[$i]} || fail "release c$i"; done
            same "no source is left" 0 "$(elements | grep -o 'v-berth-[a-z0-9]*\\" \\.' | wc -l)"
            for i in $(seq 50); do end_namespace c$i; done
            leaves_nothing
            """)
    }

    @Test("what is missing or forbidden on the host is said in a sentence") func hostProblems() async {
        await HostScript.run(
            """
            make_host
            nft=$(readlink -f $(command -v nft))
            try() { ip netns del $N-x 2>/dev/null; ip netns add $N-x; host unshare -m sh -c "$1; exec $2 $PROBE $T/root '' run x /run/netns/$N-x" </dev/null 2>&1; probe release x; }
            same "no nft" "cannot load the firewall rules of table berth: the program nft is not installed; install nftables (on Debian: apt-get install nftables)" "$(try "mount --bind /dev/null $nft" "")"
            holds "the bridge waits for its rules" "state DOWN" "$(host ip link show berth0)"
            holds "settings that cannot be written" "^cannot set /proc/sys/net/ipv4/conf/berth0/route_localnet to 1: read-only file system; /proc/sys must be writable" "$(try "mount --bind /proc/sys /proc/sys; mount -o remount,bind,ro /proc/sys" "")"
            holds "then all is well" "^READY" "$(try true "")"
            holds "without privilege" "needs root or CAP_NET_ADMIN|not permitted|permission denied" "$(try "chmod -R a+rwX $T" "setpriv --reuid 65534 --clear-groups --bounding-set=-all --inh-caps=-all")"
            host nft 'delete table inet berth; add table inet berth; add chain inet berth from_member; add map inet berth published { type ipv4_addr : ipv4_addr ; }'
            holds "tables of another shape are replaced" "^READY" "$(try true "")"
            # A process with one thread less than a namespace: not one at all.
            holds "what is no namespace" "cannot enter the network namespace of y" "$(probe run y /etc/passwd 2>&1 </dev/null)"
            probe release y
            leaves_nothing
            """)
    }

    @Test("subnets avoid what the host uses") func subnets() async {
        await HostScript.run(
            """
            make_host
            host ip route add 172.24.0.0/16 via 198.51.100.2
            host ip addr add 172.25.3.4/24 dev up0
            reboot() {
                host ip link del berth0; host nft flush ruleset; host sysctl -qw net.ipv4.ip_forward=0
                rm -r $T/root/run $T/root/machine
            }
            container a
            same "past a route and an address" "172.25.16.2" "${address[a]}"
            stop a
            # After a boot (the run directory is new) the host uses the subnet itself: another one is chosen.
            reboot
            host ip route add 172.25.16.0/20 via 198.51.100.2
            container b
            same "another after the boot" "172.25.32.2" "${address[b]}"
            same "and it works" "outside 198.51.100.1" "$(from b ask 198.51.100.2 7000)"
            stop b
            reboot
            container c
            same "the same one when nothing stands against it" "172.25.32.2" "${address[c]}"
            stop c
            host ip link del berth0; host ip link add berth0 type veth peer name b1
            ip netns add $N-x
            holds "a foreign interface with the bridge's name" "make the bridge berth0: file exists; another interface has this name" "$(probe run x /run/netns/$N-x 2>&1 </dev/null)"
            host ip link set berth0 up
            holds "also one that is up" "another interface has this name" "$(probe run x /run/netns/$N-x 2>&1 </dev/null)"
            host ip link del berth0
            probe release x
            # The state is gone, the bridge of the old one is not: no second address on it.
            rm -r $T/root; host ip link add berth0 type bridge; host ip addr add 172.25.32.1/20 dev berth0; host ip link set berth0 up
            container d
            same "one address on the bridge" 1 "$(host ip -4 -o addr show dev berth0 | wc -l)"
            same "which works" "outside 198.51.100.1" "$(from d ask 198.51.100.2 7000)"
            stop d
            host sysctl -qw net.ipv4.ip_forward=0
            leaves_nothing
            """)
    }
}
