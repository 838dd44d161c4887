# Stations of their own on a network card of the host.
make_host
b network create -d macvlan --subnet 198.51.100.0/24 --gateway 198.51.100.2 --ip-range 198.51.100.128/25 --ipv6 --subnet 2001:db8:1::/64 \
    --gateway 2001:db8:1::2 --ip-range 2001:db8:1::8000/113 -o parent=up0 lan >/dev/null
start aa --network lan; start bb --network name=lan,ip=198.51.100.200
same "an address of the range" "198.51.100.129" "$(address aa lan)"
serve aa 80 web-aa
same "outside, with its own address" "outside 198.51.100.129" "$(from aa ask 198.51.100.2 7000)"
holds "outside over IPv6" "^outside 2001:db8:1::" "$(from aa ask 2001:db8:1::2 7000)"
same "from outside" "web-aa 198.51.100.3" "$(from second ask 198.51.100.129 80)"
same "from another station" "web-aa 198.51.100.200" "$(from bb ask 198.51.100.129 80)"
holds "by name" "198.51.100.129" "$(inside bb nslookup aa)"
holds "nothing to publish" "containers have addresses of their own outside" "$(b run --rm --network lan -p 80:80 base true 2>&1)"
holds "a card that is not there" "the host has no interface nope" "$(b network create -d macvlan --subnet 10.1.0.0/24 -o parent=nope x 2>&1)"
b network connect lan aa 2>&1 | grep -q "already exists" || fail "twice"
b network disconnect lan bb; same "disconnected" "" "$(from bb ask 198.51.100.129 80)"
b rm -f aa bb >/dev/null; b network rm lan >/dev/null
leaves_nothing
