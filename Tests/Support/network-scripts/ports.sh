# Published ports over both families: from outside, from the host, from loopback, from containers, by hairpin.
make_host
b network create --ipv6 app >/dev/null
start aa --network app -p 8080:80 -p 127.0.0.1:9090:80 -p '[::1]:9091:80' -p 5353:53/udp -p 8000-8002:81-83 -p 80 \
    -p '[2001:db8:1::1]:7070:80'
start bb --network app
start v4 -p 8181:80
serve aa 80 web-a; serve aa 53 dns-a; serve aa 83 third-a; serve v4 80 web-4
b network create --ipv6 other >/dev/null; start cc --network other
a6=$(address aa app GlobalIPv6Address)
same "outside, with the client's address" "web-a 198.51.100.2" "$(from outside ask 198.51.100.1 8080)"
same "outside over IPv6, with the client's address" "web-a 2001:db8:1::2" "$(from outside ask 2001:db8:1::1 8080)"
same "the second client" "web-a 2001:db8:1::3" "$(from second ask 2001:db8:1::1 8080)"
same "UDP over IPv6" "dns-a 2001:db8:1::2" "$(from outside ask_udp 2001:db8:1::1 5353)"
same "UDP over IPv4" "dns-a 198.51.100.2" "$(from outside ask_udp 198.51.100.1 5353)"
holds "the host by 127.0.0.1" "^web-a" "$(from host ask 127.0.0.1 8080)"
holds "the host by [::1]" "^web-a" "$(from host ask ::1 8080)"
holds "the host by its address" "^web-a" "$(from host ask 198.51.100.1 8080)"
holds "the host by its IPv6 address" "^web-a" "$(from host ask 2001:db8:1::1 8080)"
holds "another container" "^web-a" "$(from bb ask 198.51.100.1 8080)"
holds "another container over IPv6" "^web-a" "$(from bb ask 2001:db8:1::1 8080)"
holds "a container of another network" "^web-a" "$(from cc ask 198.51.100.1 8080)"
holds "a container of another network over IPv6" "^web-a" "$(from cc ask 2001:db8:1::1 8080)"
holds "itself (hairpin)" "^web-a" "$(from aa ask 198.51.100.1 8080)"
holds "itself over IPv6" "^web-a" "$(from aa ask 2001:db8:1::1 8080)"
holds "a range's last" "^third-a" "$(from outside ask 2001:db8:1::1 8002)"
random=$(b port aa 80/tcp | sed -n 's/^0.0.0.0:\(4[0-9]*\|3[0-9]*\|5[0-9]*\|6[0-9]*\)$/\1/p' | tail -1)
holds "a random port" "^web-a" "$(from outside ask 198.51.100.1 "$random")"
holds "the same over IPv6" "^web-a" "$(from outside ask 2001:db8:1::1 "$random")"
holds "a port on 127.0.0.1" "^web-a" "$(from host ask 127.0.0.1 9090)"
same "not from outside" "" "$(from outside try 198.51.100.1 9090)"
same "nor from a container" "" "$(from bb try 198.51.100.1 9090)"
holds "a port on [::1]" "^web-a" "$(from host ask ::1 9091)"
same "not from outside over IPv6" "" "$(from outside try 2001:db8:1::1 9091)"
holds "a port on one IPv6 address" "^web-a" "$(from outside ask 2001:db8:1::1 7070)"
same "not on another" "" "$(from host try ::1 7070)"
same "a container without IPv6, from outside over IPv6" "web-4 " "$(from outside ask 2001:db8:1::1 8181 | cut -c1-6)"
holds "and by [::1]" "^web-4" "$(from host ask ::1 8181)"
holds "and over IPv4" "^web-4 198.51.100.2" "$(from outside ask 198.51.100.1 8181)"
holds "port lists what is reachable" "80/tcp -> \[::1\]:9091" "$(b port aa)"
same "port of one" "0.0.0.0:5353 [::]:5353" "$(b port aa 53/udp | tr '\n' ' ' | sed 's/ $//')"
holds "port that is not there" "no public port '99/tcp' published" "$(b port aa 99 2>&1)"
holds "ps shows it" "0.0.0.0:8181->80/tcp, \[::\]:8181->80/tcp" "$(b ps)"
holds "a taken port" "port 8080 is taken by container aa" "$(b run --rm -p 8080:80 base true 2>&1)"
nsenter --net="/run/netns/$N-h" python3 -c 'import socket,time; s=socket.create_server(("::1",8500),family=socket.AF_INET6); time.sleep(300)' </dev/null >/dev/null 2>&1 & taker=$!
soon "a program listens on [::1]" host sh -c "grep -q ':2134 .* 0A ' /proc/net/tcp6"
holds "IPv6 taken by a program" "port 8500 is taken by process python3" "$(b run --rm -p 8500:80 base true 2>&1)"
kill $taker
holds "UDP on [::1]" "only TCP can be published on ::1" "$(b run --rm -p '[::1]:53:53/udp' base true 2>&1)"
# A megabyte and a half through [::1], both ways at once.
start ee -p 8900:90
nsenter --net="/proc/$(pid ee)/ns/net" socat -t60 TCP4-LISTEN:90,fork EXEC:cat </dev/null >/dev/null 2>&1 &
head -c 1500000 /dev/urandom >"$T/data"
soon "the echo listens" from ee "grep -q ':005A .* 0A ' /proc/net/tcp"
same "a stream through [::1] is whole" "$(sha256sum <"$T/data")" "$(from host "timeout 60 socat -t30 - TCP6:[::1]:8900 <$T/data" | sha256sum)"
# The setting for the default. A connection that the server closed first stays behind in TIME_WAIT, at the monitor's end.
from host "python3 -c '
import socket
s = socket.create_connection((\"::1\", 8181), 20)
while s.recv(100): pass
'"
soon "there is a connection in TIME_WAIT" host grep -qi ':1FF5 .* 06 ' /proc/net/tcp6
b rm -f v4 ee >/dev/null
echo '{"publishAddress": "127.0.0.1"}' >"$R/config.json"
start lo -p 8181:80; serve lo 80 web-lo
holds "the default may be this host alone" "^web-lo" "$(from host ask 127.0.0.1 8181)"
holds "by [::1] too" "^web-lo" "$(from host ask ::1 8181)"
same "not from outside" "" "$(from outside try 198.51.100.1 8181)$(from outside try 2001:db8:1::1 8181)"
holds "ps says so" "127.0.0.1:8181->80/tcp" "$(b ps)"
echo '{"publishAdress": "127.0.0.1"}' >"$R/config.json"
holds "a setting that is misspelt" "publishAdress: is not known" "$(b ps 2>&1)"
rm "$R/config.json"
b network disconnect app aa; b network connect app aa
b rm -f aa bb cc lo >/dev/null
same "closed once the container is gone" "" "$(from outside try 198.51.100.1 8080)$(from outside try 2001:db8:1::1 8080)$(from host try ::1 8080)"
lacks "no connection of a container is remembered" "src=(fd|172\.)" "$(host cat /proc/net/nf_conntrack)"
leaves_nothing
