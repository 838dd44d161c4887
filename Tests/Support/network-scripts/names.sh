# Names: containers, aliases, services, pointers; other servers; hostile questions and answers.
make_host
dns() { local where=$1; shift; from "$where" "python3 $DNSASK $*" 2>&1 | tail -1; }
b network create --ipv6 app >/dev/null; b network create --internal vault >/dev/null; b network create other >/dev/null
start aa --network app --network-alias web --hostname box
start bb --network app --network-alias web --network vault
start cc --network vault
start dd --network other --network-alias secret
a4=$(address aa app) a6=$(address aa app GlobalIPv6Address) b4=$(address bb app) b6=$(address bb app GlobalIPv6Address)
same "a name" "ok $a4" "$(dns bb aa A)"
same "over IPv6" "ok $a6" "$(dns bb aa AAAA)"
same "the size of letters does not matter" "ok $a4" "$(dns bb aA A)"
same "its host name" "ok $a4" "$(dns bb box A)"
same "its short ID" "ok $a4" "$(dns bb "$(b ps -a --no-trunc | awk "/ aa\$/ {print substr(\$1,1,12)}")" A)"
same "a service: all its addresses" "ok $(printf '%s\n' "$a4" "$b4" | sort | tr '\n' ' ' | sed 's/ $//')" "$(dns aa web A)"
same "all records" "ok $(printf '%s\n' "$a4" "$a6" | sort | tr '\n' ' ' | sed 's/ $//')" "$(dns bb aa ANY)"
same "a record that no container has" "ok" "$(dns bb aa MX)"
same "a pointer" "ok aa.app" "$(dns bb "$(echo "$a4" | awk -F. '{print $4"."$3"."$2"."$1}').in-addr.arpa" PTR)"
same "a pointer of IPv6" "ok aa.app" "$(dns bb "$(python3 -c "import ipaddress; print(ipaddress.ip_address('$a6').reverse_pointer)")" PTR)"
same "a pointer of nobody in the network" "none" "$(dns bb "$(echo "$a4" | awk -F. '{print "250."$3"."$2"."$1}').in-addr.arpa" PTR)"
holds "by the C library's means" "$a4" "$(inside bb nslookup aa)"
holds "localhost is answered here" "127.0.0.1" "$(dns bb localhost A)"
# Names of foreign networks.
lacks "a foreign network's name" "ok [0-9]" "$(dns cc secret A)"
lacks "a foreign network's container" "ok [0-9]" "$(dns cc aa A)"
same "from an internal network nothing is asked outside" "fail" "$(dns cc example.test A)"

# Other servers, on the host's side: also one on the host's loopback.
server() { kill "${dns_pid:-}" 2>/dev/null; wait "${dns_pid:-}" 2>/dev/null; nsenter --net="/run/netns/$N-h" python3 "$FAKEDNS" "$1" "$2" </dev/null >"$T/asked" 2>&1 & dns_pid=$!
    soon "a server $2" host sh -c "grep -q ':0035 ' /proc/net/udp"; }
server 127.0.0.1 plain
start ee --network app --dns 127.0.0.1
same "passed on" "ok 192.0.2.7" "$(dns ee www.example.test A)"
same "a long answer is cut" "ok TC" "$(dns ee www.example.test TXT)"
holds "and whole by a stream" "ok 201 201 201" "$(dns ee www.example.test TXT tcp)"
same "names here are still first" "ok $a4" "$(dns ee aa A)"
lacks "and are not asked for outside" "^aa$" "$(cat "$T/asked")"
server 127.0.0.1 wrong
same "forged answers are not taken" "ok 192.0.2.7" "$(dns ee forged.example.test A)"
server 127.0.0.1 fail
same "a failure is passed on" "fail" "$(dns ee x.example.test A)"
server 127.0.0.1 junk
same "junk comes to a failure" "fail" "$(dns ee x.example.test A)"
kill $dns_pid
same "nobody listens: a failure at once" "fail" "$(dns ee x.example.test A)"

# A hostile container.
monitor=$(awk '/PPid/ {print $2}' /proc/$(pid ee)/status)
same "broken questions" "True" "$(dns ee hostile)"
same "harm nobody" "ok $a4" "$(dns ee aa A)"
same "the monitor lives" "ok" "$(kill -0 "$monitor" && echo ok)"

# Files.
start ff --network app --dns-search corp.test --dns-search lab.test --dns-option ndots:2 --add-host db:10.1.2.3 --add-host gw:host-gateway
same "resolv.conf" "nameserver 127.0.0.11;search corp.test lab.test;options ndots:2;" "$(inside ff cat /etc/resolv.conf | tr '\n' ';')"
holds "hosts" "10.1.2.3	db" "$(inside ff cat /etc/hosts)"
holds "host-gateway" "^[0-9.]+.1	gw" "$(inside ff cat /etc/hosts)"
same "hostname" "$(inside ff hostname)" "$(inside ff cat /etc/hostname)"
holds "a domain that could not stand in the file" "cannot stand in resolv.conf" "$(b run --rm --dns-search 'a b' base true 2>&1)"
# A container with a name server of its own.
start gg --network app --expose 53/udp
from gg "python3 $FAKEDNS 0.0.0.0 plain" >/dev/null 2>&1 </dev/null &
soon "it has port 53 for itself" from gg "grep -q ':0035 ' /proc/net/udp"
same "which answers" "ok 192.0.2.7" "$(dns gg any.test A udp 127.0.0.1)"
lacks "and asks others by itself" "127.0.0.11" "$(inside gg cat /etc/resolv.conf)"
b rm -f aa >/dev/null
lacks "a name goes with its container" "ok [0-9]" "$(dns bb aa A)"
same "and leaves the service" "ok $b4" "$(dns ff web A)"
b rm -f bb cc dd ee ff gg >/dev/null
leaves_nothing
