# Attacks on and by members of networks, over both families. Each would work on a bridge without rules.
make_host
b network create --ipv6 app >/dev/null; b network create --ipv6 other >/dev/null
b network create --ipv6 --internal vault >/dev/null
b network create --ipv6 --opt icc=false apart >/dev/null
b network create --ipv6 --opt isolate=true alone >/dev/null
b network create --ipv6 --opt link-local=false cloud >/dev/null
start aa --network app -p 8080:80; start bb --network app; start cc --network other
start ii --network vault; start jj --network vault
start pp --network apart -p 8081:80; start qq --network apart
start ss --network alone -p 8082:80
start ll --network cloud
for c in aa bb ii jj pp qq ss; do serve $c 80 web-$c; done
a4=$(address aa app) a6=$(address aa app GlobalIPv6Address) b6=$(address bb app GlobalIPv6Address)
q4=$(address qq apart) q6=$(address qq apart GlobalIPv6Address) g6=$(address bb app IPv6Gateway) g4=$(address bb app Gateway)

# From outside.
outside ip -6 route add fc00::/7 via 2001:db8:1::1; outside ip route add 172.16.0.0/12 via 198.51.100.1
same "a container's address by a static route" "" "$(from outside try "$a4" 80)$(from outside try "$a6" 80)$(from outside try_udp "$a6" 80)"
# Crossing networks.
same "by address" "" "$(from cc try "$a4" 80)$(from cc try "$a6" 80)"
same "a network that is isolated, by its published port" "" "$(from cc try 198.51.100.1 8082)$(from cc try 2001:db8:1::1 8082)"
same "and from it to others'" "" "$(from ss try 198.51.100.1 8080)$(from ss try 2001:db8:1::1 8080)"
holds "which the world reaches" "^web-ss" "$(from outside ask 2001:db8:1::1 8082)"
# An internal network.
same "an internal network has no way out" "" "$(from ii try 198.51.100.2 7000)$(from ii try 2001:db8:1::2 7000)"
from ii "ip route add default via $(address ii vault Gateway); ip -6 route add default via $(address ii vault IPv6Gateway)"
same "not with a route of its own either" "" "$(from ii try 198.51.100.2 7000)$(from ii try 2001:db8:1::2 7000)"
same "nor to others' published ports" "" "$(from ii try 198.51.100.1 8080)$(from ii try 2001:db8:1::1 8080)"
holds "its members see one another" "^web-jj" "$(from ii ask "$(address jj vault)" 80)"
holds "over IPv6" "^web-jj" "$(from ii ask "$(address jj vault GlobalIPv6Address)" 80)"
# Inter-container communication off.
same "by address" "" "$(from pp try "$q4" 80)$(from pp try "$q6" 80)"
from pp "ip route add $q4/32 via $(address pp apart Gateway); ip -6 route add $q6/128 via $(address pp apart IPv6Gateway)"
same "by way of the gateway" "" "$(from pp try "$q4" 80)$(from pp try "$q6" 80)"
same "by published port" "" "$(from qq try 198.51.100.1 8081)$(from qq try 2001:db8:1::1 8081)"
holds "its own published port works" "^web-pp" "$(from pp ask 198.51.100.1 8081)"
holds "the world reaches it" "^web-pp" "$(from outside ask 198.51.100.1 8081)"
holds "and it the world" "^outside" "$(from pp ask 2001:db8:1::2 7000)"
# Link-local addresses beyond the host.
host ip route add 169.254.0.0/16 via 198.51.100.2; outside ip addr add 169.254.169.254/32 dev sw
holds "a cloud's metadata, where nothing forbids it" "^outside" "$(from aa ask 169.254.169.254 7000)"
same "and where an option does" "" "$(from ll try 169.254.169.254 7000)"
holds "the rest is as before" "^outside" "$(from ll ask 198.51.100.2 7000)"

# Frames.
amac=$(from aa cat /proc/self/net/dev >/dev/null; b inspect aa | sed -n 's/^ *"MacAddress": "\(02.*\)".*/\1/p' | head -1)
bmac=$(b inspect bb | sed -n 's/^ *"MacAddress": "\(02.*\)".*/\1/p' | head -1)
frame() { from aa "python3 $SUPPORT/frames6.py $*"; }
# The file of the last time goes first: its READY would be taken for this one's.
seen() { rm -f "$T/seen"; nsenter --net="/proc/$(pid bb)/ns/net" python3 "$SUPPORT/frames6.py" count eth0 "$1" >"$T/seen" & seer=$!; soon "it listens" grep -q READY "$T/seen"; }
saw() { frame send eth0 "$bmac" "$amac" end "$a6" "$b6"; wait $seer; saw=$(tail -1 "$T/seen"); }
seen udp; frame send eth0 "$bmac" "$amac" udp "$a6" "$b6"; saw; same "its own address passes" 3 "$saw"
seen udp; frame send eth0 "$bmac" "$amac" udp fd00::66 "$b6"; saw; same "another source address does not" 0 "$saw"
seen udp; frame send eth0 "$bmac" "$amac" udp fe80::66 "$b6"; saw; same "nor one that is link-local" 0 "$saw"
seen udp; frame send eth0 "$bmac" 02:00:00:00:00:66 udp "$a6" "$b6"; saw; same "nor another link-layer address" 0 "$saw"
seen ra; frame send eth0 33:33:00:00:00:01 "$amac" ra "$a6" ff02::1; saw; same "no router advertisement" 0 "$saw"
seen ra; frame send eth0 33:33:00:00:00:01 "$amac" ra fe80::1 ff02::1; saw; same "nor from a link-local address" 0 "$saw"
seen na; frame send eth0 "$bmac" "$amac" na "$a6" "$b6" "$a6"; saw; same "a neighbour advertisement for itself passes" 3 "$saw"
seen na; frame send eth0 "$bmac" "$amac" na "$a6" "$b6" "$g6"; saw; same "one for the gateway does not" 0 "$saw"
seen na; frame send eth0 "$bmac" "$amac" na "$g6" "$b6" "$g6"; saw; same "nor in the gateway's name" 0 "$saw"

# One container exhausting connection tracking.
b rm -f aa >/dev/null; echo '{"connectionLimit": 50}' >"$R/config.json"
start xx --network app
from xx "python3 -c '
import socket
for i in range(300): socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b\"x\", (\"198.51.100.2\", 20000 + i))
for i in range(300): socket.socket(socket.AF_INET6, socket.SOCK_DGRAM).sendto(b\"x\", (\"2001:db8:1::2\", 20000 + i))
'"
same "no more connections than allowed" "50 50" "$(host cat /proc/net/nf_conntrack | grep -c '^ipv4.*dport=20') $(host cat /proc/net/nf_conntrack | grep -c '^ipv6.*dport=20')"
holds "others are not hurt" "^outside" "$(from bb ask 198.51.100.2 7000)"
rm "$R/config.json"
b rm -f bb cc ii jj pp qq ss ll xx >/dev/null
leaves_nothing
