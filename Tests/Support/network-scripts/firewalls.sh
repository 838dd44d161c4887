# Other programs' rules: named, left alone, healed after; and `network check`.
make_host
works() { same "$1: IPv4" "web-aa 198.51.100.2" "$(from outside ask 198.51.100.1 8080)"; same "$1: IPv6" "web-aa 2001:db8:1::2" "$(from outside ask 2001:db8:1::1 8080)"; }
b network create --ipv6 app >/dev/null
host nft 'add table ip6 filter; add chain ip6 filter FORWARD { type filter hook forward priority 0; policy drop; }'
holds "a drop policy is named when a container starts" 'WARNING: chain "ip6 filter FORWARD" of another firewall drops' "$(b run -d --name aa --network app -p 8080:80 base sleep 1000 2>&1)"
serve aa 80 web-aa
same "it does stand in the way" "" "$(from outside try 2001:db8:1::1 8080)"
holds "network check names it" "ip6 filter FORWARD" "$(b network check)"
b network check >/dev/null; same "which is no fault of ours" 0 $?
host nft delete table ip6 filter
# As firewalld does it: accepted by policy, and a rule at the end, behind jumps, that rejects the rest.
host nft 'add table inet wall; add chain inet wall end { counter; log; reject with icmpx admin-prohibited; }; add chain inet wall zone { ct state established accept; ip daddr 10.99.0.0/16 drop; }
    add chain inet wall filter_FORWARD { type filter hook forward priority 10; policy accept; ip saddr 10.98.0.0/16 accept; jump zone; jump end; }'
same "it stands in the way" "" "$(from outside try 198.51.100.1 8080)"
holds "a rule that rejects the rest is named" 'chain "inet wall filter_FORWARD" of another firewall drops forwarded packets by the last rule of chain end' "$(b network check)"
bridge=$(ip -n $N-h -o link | grep -o ' bn-[a-z0-9]*' | tr -d ' ' | head -1)
b network check | grep -o 'nft insert rule inet wall [^;]*accept' | while read -r line; do host $line || fail "$line"; done
works "what it says to do helps"
host nft delete table inet wall
host nft 'add table inet wall; add chain inet wall filter_FORWARD { type filter hook forward priority 10; policy accept; ip daddr 10.99.0.0/16 drop; accept; drop; }'
same "rules about others are no obstacle" "the networks are as they should be" "$(b network check)"
host nft delete table inet wall
host iptables-legacy -P FORWARD DROP 2>/dev/null && {
    holds "the old iptables too" "FORWARD of iptables-legacy" "$(b network check)"
    host iptables-legacy -P FORWARD ACCEPT
}
works "without them"
# Flushed by others, while nobody runs a command: the monitors put the rules back.
for flush in "flush ruleset" "flush table inet $(tables | sed -n 's/^table inet \(berth[^ ]*\) .*/\1/p')" "delete table bridge $(tables | sed -n 's/^table bridge \(berth[^ ]*\) .*/\1/p')"; do
    host nft "$flush"
    soon "healed" answers outside 198.51.100.1 8080
    works "by itself after ${flush%% berth*}"
done
# The one that watches is killed: another takes over, at the latest with the next command.
start bb --network app
kill -9 "$(awk '/PPid/ {print $2}' /proc/$(pid bb)/status)"
host nft flush ruleset
b ps >/dev/null
works "by the next command"
same "all is well" "the networks are as they should be" "$(b network check)"
# What somebody breaks by hand.
table=$(tables | sed -n 's/^table inet \(berth[^ ]*\) .*/\1/p'); bridge=$(ip -n $N-h -o link | grep -o ' bn-[a-z0-9]*' | tr -d ' ' | head -1)
host nft flush map inet "$table" published_any
holds "an element that is missing" "set published_any of table $table lacks 1 element" "$(b network check)"
b network check >/dev/null; same "is a fault" 1 $?
host nft add element inet "$table" published_any '{ tcp . 9999 : 10.0.0.1 . 1 }'
holds "one too many" "has 1 element too many" "$(b network check)"
host ip link del "$bridge"
holds "a bridge that was removed" "bridge $bridge is missing" "$(b network check)"
ln -s nobody "/run/berth-claims/ports/tcp-4-127.0.0.77.$N"; rm "/run/berth-claims/ports/tcp-4-127.0.0.77.$N"
ln -s "$(printf '%064d' 7)" "$R/run/network/addresses/app/10.255.0.9"
holds "an address of nobody's" "leased to a container that is gone" "$(b network check)"
host sysctl -qw net.ipv4.ip_forward=0
b network check --repair >"$T/repair"; same "everything is put right" 0 $?
lacks "all of it" "^[^(]*$" "$(grep -v 'as they should' "$T/repair")"
works "after the repair"
holds "the way out too" "^outside 2001:db8:1::1" "$(from aa ask 2001:db8:1::2 7000)"
same "nothing is left to say" "the networks are as they should be" "$(b network check)"
b rm -f aa bb >/dev/null
leaves_nothing
