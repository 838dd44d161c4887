# A host of our own in network namespaces, for tests of ContainerNetwork with real traffic. Sourced by the tests' scripts.
#
#   $N-h  plays the host (198.51.100.1), $N-o an outside machine that is also its router (198.51.100.2);
#   each container is a namespace $N-NAME, made real by a NetworkProbe process that stands for its monitor.
#
# Needs PROBE (the NetworkProbe program) and FRAMES (frames.py). Nothing in the machine's own namespace is touched.
set -u
N=bt$$
# Leases belong on a tmpfs, as /run is one.
T=$(mktemp -d -p "$([ -w /dev/shm ] && echo /dev/shm || echo /tmp)" berth-network.XXXXXX)
failures=0
declare -A probe_pid probe_in address port_interface

host() { ip netns exec "$N-h" "$@"; }
outside() { ip netns exec "$N-o" "$@"; }
inside() { local name=$1; shift; ip netns exec "$N-$name" "$@"; }
probe() { host "$PROBE" "$T/root" "" "$@"; }

say() { echo "$*"; }
fail() { echo "FAIL: $*"; failures=$((failures + 1)); }
# same LABEL EXPECTED ACTUAL
same() { if [ "$2" = "$3" ]; then echo "ok: $1"; else fail "$1: expected <$2>, got <$3>"; fi; }
# holds LABEL PATTERN ACTUAL: the pattern (extended regular expression) is somewhere in it
holds() { if grep -qE -- "$2" <<<"$3"; then echo "ok: $1"; else fail "$1: expected /$2/ in <$3>"; fi; }
# lacks LABEL PATTERN ACTUAL
lacks() { if grep -qE -- "$2" <<<"$3"; then fail "$1: did not expect /$2/ in <$3>"; else echo "ok: $1"; fi; }
# soon LABEL COMMAND…: within thirty seconds, for what the kernel does in its own time
soon() {
    local label=$1 i; shift
    for i in $(seq 300); do if "$@" >/dev/null 2>&1; then echo "ok: $label"; return; fi; sleep 0.1; done
    fail "$label: not within 30 s: $*"
}

make_host() {
    ip netns add "$N-h" && ip netns add "$N-o" || exit 2
    ip link add up0 netns "$N-h" type veth peer name up0 netns "$N-o"
    # A new namespace starts with the machine's own values.
    host sysctl -qw net.ipv4.ip_forward=0 net.bridge.bridge-nf-call-iptables=1
    host ip addr add 198.51.100.1/24 dev up0
    host ip link set lo up; host ip link set up0 up; host ip route add default via 198.51.100.2
    outside ip addr add 198.51.100.2/24 dev up0
    outside ip link set lo up; outside ip link set up0 up
    serve outside 7000 outside
}

# container NAME [leave|lease|hold] [PORT…]: connects a new namespace and waits until it is ready
container() {
    local name=$1; shift
    ip netns add "$N-$name"
    start_probe "$name" "$@"
}

start_probe() {
    local name=$1; shift
    rm -f "$T/in.$name"; mkfifo "$T/in.$name"
    # Not by way of the function: its subshell would have another process id.
    ip netns exec "$N-h" "$PROBE" "$T/root" "" run "$name" "/run/netns/$N-$name" "$@" <"$T/in.$name" >"$T/out.$name" 2>&1 &
    probe_pid[$name]=$!
    local fd; exec {fd}>"$T/in.$name"; probe_in[$name]=$fd
    local i
    for i in $(seq 1200); do
        grep -q '^READY' "$T/out.$name" && break
        kill -0 "${probe_pid[$name]}" 2>/dev/null || break
        sleep 0.05
    done
    read -r _ address[$name] port_interface[$name] _ <<<"$(grep '^READY' "$T/out.$name")" || true
}

# stop NAME: the monitor releases the container and ends
stop() {
    local fd=${probe_in[$1]}
    echo >&$fd
    wait "${probe_pid[$1]}" || fail "$1: $(cat "$T/out.$1")"
    exec {fd}>&-
    end_namespace "$1"
}
# kill_monitor NAME: it has no time for anything
kill_monitor() {
    local fd=${probe_in[$1]}
    kill -9 "${probe_pid[$1]}"; wait "${probe_pid[$1]}" 2>/dev/null
    exec {fd}>&-
}
end_namespace() {
    local pids; pids=$(ip netns pids "$N-$1" 2>/dev/null)
    [ -n "$pids" ] && kill -9 $pids 2>/dev/null
    ip netns del "$N-$1"
}

# serve WHERE PORT NAME: answers each TCP connection and UDP datagram with its name and the client's address
serve() {
    local where=$1 port=$2 name=$3
    local run="inside $where"; [ "$where" = outside ] && run=outside; [ "$where" = host ] && run=host
    # -t: how long it waits for the other direction once one has ended, 0.5 s by default.
    $run socat -t10 "TCP4-LISTEN:$port,fork,reuseaddr" "SYSTEM:echo $name \$SOCAT_PEERADDR" </dev/null >/dev/null 2>&1 &
    $run python3 "$FRAMES" serve "$port" "$name" </dev/null >/dev/null 2>&1 &
    local i
    for i in $(seq 400); do
        $run sh -c "grep -q ':$(printf %04X "$port") .* 0A ' /proc/net/tcp && grep -q ':$(printf %04X "$port") ' /proc/net/udp" && return
        sleep 0.05
    done
}
# ask ADDRESS PORT: what a server says, empty when there is none
ask() { timeout 20 socat -t10 - "TCP4:$1:$2,connect-timeout=2" </dev/null 2>/dev/null; }
ask_udp() { { exec 3<>"/dev/udp/$1/$2" && echo hello >&3 && timeout "${3:-10}" head -n1 <&3; } 2>/dev/null; }
export -f ask ask_udp
from() { local where=$1; shift; if [ "$where" = host ]; then host bash -c "$*"; elif [ "$where" = outside ]; then outside bash -c "$*"; else inside "$where" bash -c "$*"; fi; }

# times COUNT: scaled by BERTH_TEST_SCALE, at least 1
times() { awk -v n="$1" -v s="${BERTH_TEST_SCALE:-1}" 'BEGIN { n = int(n * (s == "" ? 1 : s)); print n < 1 ? 1 : n }'; }
# seeded: RANDOM from BERTH_TEST_SEED or by chance, and says so
seeded() { local seed=${BERTH_TEST_SEED%.*}; seed=${seed:-$RANDOM}; RANDOM=$seed; say "BERTH_TEST_SEED=$seed"; }

# count NAMESPACE INTERFACE (syn PORT | udp PORT | arp ADDRESS | type ETHERTYPE): counts arriving frames until `counted`,
# which leaves their number in $counted
count() {
    ip netns exec "$N-$1" python3 "$FRAMES" count "$2" "$3" "$4" >"$T/count" & counter=$!
    soon "the counter runs" grep -q READY "$T/count"
}
counted() { kill -TERM $counter; wait $counter; counted=$(tail -1 "$T/count"); rm "$T/count"; }

# claimed: the ports that are noted, without the namespace they belong to
claimed() { ls "$T/root/machine/ports" | sed 's/-[0-9]*$//'; }
elements() { host nft list table inet berth 2>/dev/null; host nft list table bridge berth 2>/dev/null; }
mac_of() { inside "$1" cat /sys/class/net/eth0/address; }

# leaves_nothing: after everything is released and removed, the host is as it was
leaves_nothing() {
    local out; out=$(probe remove-all 2>&1) || fail "remove-all: $out"
    same "no table is left" "" "$(host nft list tables)"
    soon "no link is left" sh -c "! ip -n $N-h link show | grep -E 'berth|v-berth'"
    same "no lease, record or claim is left" "" "$(find "$T/root/machine/subnets" "$T/root/machine/ports" "$T/root/run" "$T/root/state" \( -type l -o -type f \) 2>/dev/null | grep -vE '/lock$|/locks/')"
    same "forwarding is as it was" 0 "$(host cat /proc/sys/net/ipv4/ip_forward)"
}

clean_up() {
    local name
    for name in $(ip netns list | grep -o "^$N-[^ ]*"); do
        local pids; pids=$(ip netns pids "$name" 2>/dev/null)
        [ -n "$pids" ] && kill -9 $pids 2>/dev/null
        ip netns del "$name"
    done
    wait 2>/dev/null
    rm -rf "$T"
}
trap 'status=$?; clean_up 2>/dev/null; [ $failures -eq 0 ] || status=1; exit $status' EXIT
trap 'exit 2' TERM INT
