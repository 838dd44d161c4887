#!/bin/bash
# Measures containers' networks in network namespaces of its own: set-up and tear-down beside 0 and 1,000 others, ports beside
# 10,000, a published port against the same path by hand with nft and against docker-proxy, names a second.
#
#   Benchmarks/network.sh [PROBE] [BERTH]   the programs; built when they are not given
#
# Needs root, nft, iperf3, ab (apache2-utils), python3; docker-proxy where it is installed.
set -u
cd "$(dirname "$0")/.." || exit 1
PROBE=${1:-} BERTH=${2:-}
if [ -z "$PROBE" ]; then
    swift build -c release --scratch-path .build-bench --product NetworkProbe >&2 || exit 1
    PROBE=.build-bench/release/NetworkProbe
fi
PROBE=$(readlink -f "$PROBE")
N=bb$$
T=$(mktemp -d -p /dev/shm berth-bench.XXXXXX)
host() { ip netns exec "$N-h" "$@"; }
outside() { ip netns exec "$N-o" "$@"; }
clean_up() {
    host "$PROBE" "$T" "" remove-all >/dev/null 2>&1
    for name in $(ip netns list | grep -o "^$N-[^ ]*"); do
        local pids; pids=$(ip netns pids "$name"); [ -n "$pids" ] && kill -9 $pids 2>/dev/null
        ip netns del "$name"
    done
    rm -rf "$T"
}
trap clean_up EXIT
for n in h o c; do ip netns add "$N-$n"; ip -n "$N-$n" link set lo up; done
ip link add up0 netns "$N-h" type veth peer name up0 netns "$N-o"
ip -n "$N-h" addr add 198.51.100.1/24 dev up0; ip -n "$N-o" addr add 198.51.100.2/24 dev up0
ip -n "$N-h" link set up0 up; ip -n "$N-o" link set up0 up
host sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=0

echo "== set-up and tear-down of a container's network (microseconds)"
echo "-- nobody beside"; host "$PROBE" "$T" "" measure 100 0 0:80 | grep -E '^5 all|^3|^4'
host "$PROBE" "$T" "" remove-all
echo "-- 1,000 beside, each with a port"; host "$PROBE" "$T" "" measure 100 1000 0:80 | grep -E '^5 all|^3|^4'
host "$PROBE" "$T" "" reconcile >/dev/null; host "$PROBE" "$T" "" remove-all
echo "-- one beside, with 10,000 ports"
host bash -c "ulimit -n 20000; exec '$PROBE' '$T' '' measure-ports 60 10000" | grep -E '^5 all|^3|^4|^2'
host "$PROBE" "$T" "" reconcile >/dev/null; host "$PROBE" "$T" "" remove-all

echo "== a published port (requests a second; Gbit/s), best of 3"
cat >"$T/serve.py" <<'P'
import os, socket
s = socket.create_server(("0.0.0.0", 80), backlog=1024, reuse_port=True)
os.fork()
answer = b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok"
while True:
    c, _ = s.accept(); c.recv(2000); c.sendall(answer); c.close()
P
rate() { local best=0 r i; for i in 1 2 3; do r=$(outside ab -q -n 8000 -c 16 "http://198.51.100.1:$1/" 2>/dev/null | awk '/Requests per second/ {print int($4)}'); [ "${r:-0}" -gt $best ] && best=$r; done; echo $best; }
speed() { local best=0 r i; for i in 1 2 3; do r=$(outside iperf3 -c 198.51.100.1 -p "$1" -t 2 -f m 2>/dev/null | awk '/receiver/ {print int($7)}'); [ "${r:-0}" -gt $best ] && best=$r; done; echo $best; }
mkfifo "$T/in"; host "$PROBE" "$T" "" run c "/run/netns/$N-c" 8080:80 5201:5201 <"$T/in" >"$T/out" 2>&1 &
exec 7>"$T/in"
until grep -q READY "$T/out"; do sleep 0.1; done
address=$(awk '/READY/ {print $2}' "$T/out")
ip netns exec "$N-c" python3 "$T/serve.py" </dev/null >/dev/null 2>&1 &
ip netns exec "$N-c" iperf3 -s </dev/null >/dev/null 2>&1 &
sleep 1
a1=$(rate 8080) s1=$(speed 5201)
# The same bridge and container by hand: one rule for each thing instead of sets.
host nft flush ruleset
host nft -f - <<P
table ip hand {
  chain pre { type nat hook prerouting priority -100; tcp dport 8080 dnat to $address:80; tcp dport 5201 dnat to $address:5201; }
  chain post { type nat hook postrouting priority 100; ip saddr $address oifname up0 masquerade; }
}
P
a2=$(rate 8080) s2=$(speed 5201)
host nft flush ruleset; host "$PROBE" "$T" "" heal >/dev/null
a3=$(rate 8080) s3=$(speed 5201)
echo "berth $a1 / $a3 req/s, $s1 / $s3 Mbit/s"
echo "nft by hand $a2 req/s, $s2 Mbit/s"
if command -v docker-proxy >/dev/null; then
    # It listens on the host itself: the rules' redirection goes first, so on another port.
    exec 8>/dev/null
    host docker-proxy -proto tcp -host-ip 0.0.0.0 -host-port 8081 -container-ip "$address" -container-port 80 3>&8 </dev/null >/dev/null 2>&1 &
    sleep 1
    echo "docker-proxy $(rate 8081) req/s"
fi
echo >&7; exec 7>&-
