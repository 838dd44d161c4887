#!/bin/bash
# Measures containers' networks in network namespaces of its own: set-up and tear-down at the 1st and the 1,000th container, a port
# at 10,000 ports, a published port against the same path by hand with nft and against docker-proxy, names a second.
#
#   Benchmarks/network.sh [PROBE] [BERTH]   the programs: NetworkProbe in release mode (built when it is not given) and the
#                                           static program (bin/berth)
#
# ROUNDS (100) and BESIDE (1000) make it shorter. Needs root, nft, iperf3, ab (apache2-utils), python3; docker-proxy where it is
# installed.
set -u
cd "$(dirname "$0")/.." || exit 1
PROBE=${1:-} BERTH=${2:-bin/berth}
if [ -z "$PROBE" ]; then
    swift build -c release --scratch-path .build-bench --product NetworkProbe >&2 || exit 1
    PROBE=.build-bench/release/NetworkProbe
fi
PROBE=$(readlink -f "$PROBE") BERTH=$(readlink -f "$BERTH")
ROUNDS=${ROUNDS:-100} BESIDE=${BESIDE:-1000}
N=bb$$
T=$(mktemp -d -p /dev/shm berth-bench.XXXXXX)
host() { ip netns exec "$N-h" "$@"; }
outside() { ip netns exec "$N-o" "$@"; }
clean_up() {
    local name pids
    exec 7>&- 2>/dev/null
    for name in $(ip netns list | grep -o "^$N-[^ ]*"); do
        pids=$(ip netns pids "$name"); [ -n "$pids" ] && kill -9 $pids 2>/dev/null
    done
    host "$PROBE" "$T" "" reconcile >/dev/null 2>&1; host "$PROBE" "$T" "" remove-all >/dev/null 2>&1
    for name in $(ip netns list | grep -o "^$N-[^ ]*"); do ip netns del "$name"; done
    kill $(jobs -p) 2>/dev/null; wait 2>/dev/null
    rm -rf "$T"
}
trap clean_up EXIT
trap 'exit 2' TERM INT
row() { printf '%-58s %s\n' "$1" "$2"; }
# until_listens NAMESPACE PORT
until_listens() {
    local i
    for i in $(seq 300); do ip netns exec "$1" sh -c "cat /proc/net/tcp /proc/net/tcp6 | grep -q ':$(printf %04X "$2") .* 0A '" && return; sleep 0.05; done
    echo "nobody listens on port $2" >&2; exit 1
}
for n in h o c; do ip netns add "$N-$n"; ip -n "$N-$n" link set lo up; done
ip link add up0 netns "$N-h" type veth peer name up0 netns "$N-o"
ip -n "$N-h" addr add 198.51.100.1/24 dev up0; ip -n "$N-o" addr add 198.51.100.2/24 dev up0
ip -n "$N-h" link set up0 up; ip -n "$N-o" link set up0 up
host sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=0

# median LINE: the median in microseconds of a line of NetworkProbe's
median() { sed -n "s/^$1: median \(-*[0-9]*\) us.*/\1/p" "$T/said"; }
measure() { host bash -c "ulimit -n 20000; exec '$PROBE' '$T' '' $*" >"$T/said" || exit 1; }
release_all() { host "$PROBE" "$T" "" reconcile >/dev/null; host "$PROBE" "$T" "" remove-all; }
measure measure "$ROUNDS" 0 0:80; first=$(median "5 all"); least1=$(sed -n 's/^5 all.*least \([0-9]*\),.*/\1/p' "$T/said")
row "set-up and tear-down, 1st container (with a port)" "$first us (least $least1)"
release_all
measure measure "$ROUNDS" "$BESIDE" 0:80; last=$(median "5 all"); least2=$(sed -n 's/^5 all.*least \([0-9]*\),.*/\1/p' "$T/said")
row "set-up and tear-down, with $BESIDE beside" "$last us (least $least2), $(awk -v a="$first" -v b="$last" 'BEGIN {printf "%.2f", b / a}') x the first"
release_all
measure measure-add "$ROUNDS" 10
row "adding a published port, at 10 ports" "$(median port) us"
release_all
measure measure-add "$ROUNDS" 10000
row "adding a published port, at 10,000 ports" "$(median port) us"
release_all

# A published port: requests a second and Mbit/s, best of 3.
cat >"$T/serve.py" <<'P'
import os, socket
s = socket.create_server(("0.0.0.0", 80), backlog=1024, reuse_port=True)
os.fork()
answer = b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok"
while True:
    c, _ = s.accept(); c.recv(2000); c.sendall(answer); c.close()
P
rate() { local best=0 r i; for i in 1 2 3; do r=$(outside timeout 60 ab -q -n "${REQUESTS:-8000}" -c 16 "http://198.51.100.1:$1/" 2>/dev/null | awk '/Requests per second/ {print int($4)}'); [ "${r:-0}" -gt $best ] && best=$r; done; echo $best; }
speed() { local best=0 r i; for i in 1 2 3; do r=$(outside timeout 60 iperf3 -c 198.51.100.1 -p "$1" -t 2 -f m 2>/dev/null | awk '/receiver/ {print int($7)}'); [ "${r:-0}" -gt $best ] && best=$r; done; echo $best; }
mkfifo "$T/in"
ip netns exec "$N-h" "$PROBE" "$T" "" run c "/run/netns/$N-c" 8080:80 5201:5201 <"$T/in" >"$T/out" 2>&1 &
exec 7>"$T/in"
for i in $(seq 200); do grep -q READY "$T/out" && break; sleep 0.05; done
address=$(awk '/READY/ {print $2}' "$T/out")
[ -n "$address" ] || { cat "$T/out" >&2; exit 1; }
ip netns exec "$N-c" python3 "$T/serve.py" </dev/null >/dev/null 2>&1 &
ip netns exec "$N-c" iperf3 -s </dev/null >/dev/null 2>&1 &
until_listens "$N-c" 80; until_listens "$N-c" 5201
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
best() { [ "$1" -gt "$2" ] && echo "$1" || echo "$2"; }
part() { awk -v a="$1" -v b="$2" 'BEGIN {printf "%.2f", b ? a / b : 0}'; }
a=$(best "$a1" "$a3") s=$(best "$s1" "$s3")
row "requests a second through a published port" "$a"
row "  the same path by hand with nft" "$a2: ours is $(part "$a" "$a2") x"
if command -v docker-proxy >/dev/null; then
    # It listens on the host itself: the rules' redirection goes first, so on another port.
    ip netns exec "$N-h" docker-proxy -proto tcp -host-ip 0.0.0.0 -host-port 8081 -container-ip "$address" -container-port 80 \
        3>/dev/null </dev/null >/dev/null 2>&1 &
    until_listens "$N-h" 8081
    a4=$(rate 8081)
    row "  by docker-proxy" "$a4: ours is $(part "$a" "$a4") x"
else
    row "  by docker-proxy" "not installed"
fi
row "Mbit/s through a published port" "$s"
row "  the same path by hand with nft" "$s2: ours is $(part "$s" "$s2") x"
echo >&7; exec 7>&-

# Names, with the whole program: one container asks for another, eight questions on their way at once.
[ -x "$BERTH" ] || { row "names" "not measured: $BERTH is missing (scripts/build.sh)"; exit; }
Tests/Support/make-busybox-image.sh "$T/base.tar" || exit 1
(
    export BERTH IMAGE=$T/base.tar SUPPORT=$PWD/Tests/Support
    . Tests/Support/engine-host.sh
    make_host
    start web; b network create app >/dev/null; start c7 --network app; start probe --network app
    for i in 1 2 3; do nsenter --net="/proc/$(pid probe)/ns/net" "$PROBE" "$T" "" flood "${SECONDS_OF_NAMES:-3}" c7 8; done
    b rm -f web c7 probe >/dev/null
) >"$T/names" 2>&1
row "names: questions answered" "$(grep ' a second' "$T/names" | sort -n | tail -1)"
grep -q ' a second' "$T/names" || cat "$T/names"
