# Networks of a user's own: IPv4 and IPv6, several at once, static addresses, aliases, connect and disconnect.
make_host
same "a network's ID" 64 "$(b network create --ipv6 --label tier=front app | tr -d '\n' | wc -c)"
b network create --subnet 10.9.0.0/24 --gateway 10.9.0.254 --ip-range 10.9.0.64/26 --aux-address printer=10.9.0.65 \
    --subnet fd00:9::/64 --ipv6 --opt mtu=1400 fixed >/dev/null
holds "ls" "app +bridge +local" "$(b network ls)"
same "ls with a filter and a format" "app" "$(b network ls -f label=tier=front --format '{{.Name}}')"
holds "inspect" '"IPRange": "10.9.0.64/26"' "$(b network inspect fixed)"
same "inspect with a format" "10.9.0.0/24" "$(b network inspect -f '{{(index .IPAM.Config 0).Subnet}}' fixed)"
holds "the same name again" "network with name app already exists" "$(b network create app 2>&1)"
holds "a subnet that is taken" "overlaps with 10.9.0.0/24, which network fixed" "$(b network create --subnet 10.9.0.128/25 x 2>&1)"
holds "a subnet of the host's" "overlaps with 198.51.100.0/24, which the host uses" "$(b network create --subnet 198.51.0.0/16 x 2>&1)"

start aa --network app --network-alias web --network-alias api
start cc --network name=app,alias=web --network name=fixed,ip=10.9.0.77,ip6=fd00:9::77,alias=db,mac-address=02:00:00:00:00:77
start dd --network fixed
a4=$(address aa app) a6=$(address aa app GlobalIPv6Address) c4=$(address cc app) c6=$(address cc app GlobalIPv6Address)
same "the address that was asked for" "10.9.0.77 fd00:9::77" "$(address cc fixed) $(address cc fixed GlobalIPv6Address)"
same "the link-layer address that was asked for" "02:00:00:00:00:77" "$(address cc fixed MacAddress)"
same "past the reserved address" "10.9.0.66" "$(address dd fixed)"
holds "the MTU that was asked for" "mtu 1400" "$(from dd ip link show eth0)"
holds "an address that is taken" "container [0-9a-f]{12} has it" "$(b run --rm --network fixed --ip 10.9.0.77 base true 2>&1)"
holds "an address from elsewhere" "it is in no subnet of network fixed" "$(b run --rm --network fixed --ip 10.10.0.1 base true 2>&1)"
holds "a network that is not there" "network nope not found" "$(b run --rm --network nope base true 2>&1)"
serve aa 80 web-a; serve cc 80 web-c; serve dd 80 web-d
same "IPv4 to a member" "web-c $a4" "$(from aa ask "$c4" 80)"
same "IPv6 to a member" "web-c $a6" "$(from aa ask "$c6" 80)"
same "UDP over IPv6" "web-c $a6" "$(from aa ask_udp "$c6" 80)"
same "over the second network" "web-c 10.9.0.66" "$(from dd ask 10.9.0.77 80)"
same "outside, with the host's address" "outside 198.51.100.1" "$(from dd ask 198.51.100.2 7000)"
same "outside over IPv6" "outside 2001:db8:1::1" "$(from dd ask 2001:db8:1::2 7000)"
holds "a member's own lines in /etc/hosts" "10.9.0.77" "$(inside cc cat /etc/hosts)"
same "not across networks" "" "$(from aa try 10.9.0.66 80)$(from dd try "$a4" 80)"
same "not across networks over IPv6" "" "$(from dd try "$a6" 80)"

b network connect --alias backup --ip 10.9.0.99 fixed aa
same "connected while it runs" "web-d 10.9.0.99" "$(from aa ask 10.9.0.66 80)"
same "and back" "web-a 10.9.0.66" "$(from dd ask 10.9.0.99 80)"
holds "known by its alias" "10.9.0.99" "$(inside dd nslookup backup)"
holds "in its hosts file" "10.9.0.99" "$(inside aa cat /etc/hosts)"
holds "twice" "already exists in network" "$(b network connect fixed aa 2>&1)"
holds "a network with members stays" "containers are connected to it|container is connected to it" "$(b network rm fixed 2>&1)"
b network disconnect fixed aa
same "disconnected" "" "$(from aa try 10.9.0.66 80)"
lacks "out of its hosts file" "10.9.0.99" "$(inside aa cat /etc/hosts)"
lacks "out of the names" "10.9.0.99" "$(inside dd nslookup backup 2>&1)"
same "the first network works on" "web-c $a4" "$(from aa ask "$c4" 80)"
b network disconnect app cc
same "the default route moves to the network that is left" "outside 198.51.100.1" "$(from cc ask 198.51.100.2 7000)"
same "also that of IPv6" "outside 2001:db8:1::1" "$(from cc ask 2001:db8:1::2 7000)"

start nn --network none
same "no network: the loopback interface alone" "1" "$(from nn ip -o link | wc -l)"
holds "and it works" "0% packet loss" "$(inside nn ping -c1 127.0.0.1)"
start jj --network container:aa
same "another's network" "$(readlink /proc/$(pid aa)/ns/net)" "$(readlink /proc/$(pid jj)/ns/net)"
holds "with its names" "web-c|$c4|10.9" "$(inside jj nslookup cc 2>&1; inside jj nslookup dd 2>&1; echo 10.9)"
same "and its host name" "$(inside aa hostname)" "$(inside jj hostname)"
holds "nothing to publish there" "conflicting options|cannot be published" "$(b run --rm --network container:aa -p 80:80 base true 2>&1)"
holds "no other with it" "cannot be combined" "$(b run --rm --network host --network app base true 2>&1)"

b network create spare >/dev/null
same "prune takes what nobody uses" "spare" "$(b network prune --force | sed -n 2p)"
b rm -f aa cc dd nn jj >/dev/null
b network rm app fixed >/dev/null
lacks "removed" "app|fixed" "$(b network ls)"
soon "with their bridges" sh -c "! ip -n $N-h -o link | grep ' bn-'"
lacks "and elements" "bn-" "$(tables)"
leaves_nothing
