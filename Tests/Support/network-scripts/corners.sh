# What stands at the edges: no masquerade, SCTP, the most members of a bridge, 127/8 from stations of a network card.
make_host
b network create --ipv6 --opt masquerade=false plain >/dev/null
start pp --network plain
outside ip route add "$(b network inspect -f '{{(index .IPAM.Config 0).Subnet}}' plain)" via 198.51.100.1
outside ip -6 route add "$(b network inspect -f '{{(index .IPAM.Config 1).Subnet}}' plain)" via 2001:db8:1::1
same "without masquerade a packet keeps its address" "outside $(address pp plain)" "$(from pp ask 198.51.100.2 7000)"
same "over IPv6 too" "outside $(address pp plain GlobalIPv6Address)" "$(from pp ask 2001:db8:1::2 7000)"

b network create --ipv6 app >/dev/null
start ss --network app -p 9899:9899/sctp
holds "a port of SCTP is an element (132 is its number)" "(sctp|132) . 9899 : $(address ss app) . 9899" "$(tables)"
holds "and shown" "0.0.0.0:9899->9899/sctp" "$(b ps)"
if from ss "python3 -c 'import socket; socket.socket(socket.AF_INET, socket.SOCK_STREAM, 132)'" 2>/dev/null; then
    from ss "python3 -c '
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_STREAM, 132); s.bind((\"\", 9899)); s.listen(5)
c, peer = s.accept(); c.sendall(peer[0].encode()); c.close()'" & 
    soon "it listens" from ss "grep -q 9899 /proc/net/sctp/eps"
    same "traffic over SCTP" "198.51.100.2" "$(from outside "python3 -c '
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_STREAM, 132); s.settimeout(20); s.connect((\"198.51.100.1\", 9899)); print(s.recv(100).decode())'")"
else
    echo "skipped: this kernel has no SCTP: its elements are shown, no traffic"
fi
b rm -f ss pp >/dev/null
soon "no element of theirs" sh -c "! nsenter --net=/run/netns/$N-h nft list ruleset | grep -q ' . 9899 :'"

# The kernel allows 1,023 ports on a bridge.
start aa --network app
bridge=$(ip -n $N-h -o link show type bridge | grep -o ' bn-[a-z0-9]*' | while read -r name; do
    [ -n "$(ip -n $N-h link show master "$name")" ] && echo "$name"; done)
for i in $(seq 511); do echo "link add x$i type veth peer name y$i"; echo "link set x$i master $bridge"; [ $i = 511 ] || echo "link set y$i master $bridge"; done >"$T/links"
ip -n $N-h -batch "$T/links" || fail "make links"
start zz --network app
holds "one member more is refused, with the kernel's limit" "the kernel allows at most 1,023 ports on one bridge; use another network" "$(b run -d --network app base sleep 1000 2>&1)"
same "and has left nothing" 2 "$(ls "$R/run/network/endpoints" | wc -l)"
b rm -f zz >/dev/null
soon "its port is free" sh -c "[ \$(ip -n $N-h -o link show master $bridge | wc -l) = 1022 ]"
start yy --network app
same "the place of one that went is taken" "1023" "$(ip -n $N-h -o link show master "$bridge" | wc -l)"
b rm -f aa yy >/dev/null
seq -f 'link del x%g' 511 >"$T/links"; ip -n $N-h -batch "$T/links"

# 127/8 from a station of a network card: nothing of ours stands between it and the card, the kernel alone must refuse.
b network create -d macvlan --subnet 198.51.100.0/24 --gateway 198.51.100.2 --ip-range 198.51.100.128/25 -o parent=up0 lan >/dev/null
start mm --network lan
nsenter --net="/run/netns/$N-h" socat -u UDP4-RECVFROM:6000,bind=127.0.0.1,fork OPEN:"$T/got",creat,append </dev/null >/dev/null 2>&1 &
soon "a listener on 127.0.0.1" host grep -q ':1770 ' /proc/net/udp
mac=$(b inspect mm | sed -n 's/^ *"MacAddress": "\(02.*\)".*/\1/p' | head -1); up=$(host cat /proc/net/arp >/dev/null; ip -n $N-h -o link show up0 | grep -o 'link/ether [0-9a-f:]*' | cut -d' ' -f2)
from mm "python3 $FRAMES send eth0 $up $mac udp 198.51.100.129 127.0.0.1 6000"
from mm "python3 $FRAMES send eth0 $up $mac udp 127.0.0.2 127.0.0.1 6000"
host bash -c 'echo x >/dev/udp/127.0.0.1/6000'
soon "which hears the host" grep -q x "$T/got"
same "and nobody else" "x" "$(cat "$T/got")"
b rm -f mm >/dev/null; b network rm lan >/dev/null
leaves_nothing
