# A host of our own for the whole engine, for tests of networks with real traffic. Sourced by network-scripts/*.sh.
#
#   $N-h  plays the host (198.51.100.1, 2001:db8:1::1): berth runs there, and so do its containers' monitors;
#   $N-o  an outside machine, also its router (.2, ::2); $N-p a second client outside (.3, ::3).
#
# Needs BERTH (the program), IMAGE (the busybox tar) and SUPPORT (this folder). The machine's own network namespace is not touched.
set -u
FRAMES=$SUPPORT/frames.py ECHO=$SUPPORT/echo.py FAKEDNS=$SUPPORT/fakedns.py DNSASK=$SUPPORT/dnsask.py
export ECHO
N=be$$
R=$(mktemp -d -p /var/tmp berth-n.XXXXXX)
T=$R.t; mkdir "$T"
failures=0

# Not `ip netns exec`, which hides the control groups.
host() { nsenter --net="/run/netns/$N-h" "$@"; }
outside() { nsenter --net="/run/netns/$N-o" "$@"; }
second() { nsenter --net="/run/netns/$N-p" "$@"; }
# b WORDS…: berth on the host
b() { timeout 100 nsenter --net="/run/netns/$N-h" "$BERTH" --root "$R" "$@" </dev/null; }
# start NAME OPTIONS… : a container that sleeps
start() { local name=$1; shift; b run -d --name "$name" "$@" base sleep 1000 >/dev/null || fail "start $name"; }
# inside NAME SCRIPT: runs in a container
inside() { local name=$1; shift; b exec "$name" sh -c "$*"; }

fail() { echo "FAIL: $*"; failures=$((failures + 1)); }
same() { if [ "$2" = "$3" ]; then echo "ok: $1"; else fail "$1: expected <$2>, got <$3>"; fi; }
holds() { if grep -qE -- "$2" <<<"$3"; then echo "ok: $1"; else fail "$1: expected /$2/ in <$3>"; fi; }
lacks() { if grep -qE -- "$2" <<<"$3"; then fail "$1: did not expect /$2/ in <$3>"; else echo "ok: $1"; fi; }
soon() {
    local label=$1 i; shift
    for i in $(seq 300); do if "$@" >/dev/null 2>&1; then echo "ok: $label"; return; fi; sleep 0.1; done
    fail "$label: not within 30 s: $*"
}

make_host() {
    local n
    for n in h o p; do ip netns add "$N-$n" || exit 2; ip -n "$N-$n" link set lo up; done
    # The router's two arms are a bridge of its own.
    ip -n "$N-o" link add sw type bridge mcast_snooping 0; ip -n "$N-o" link set sw up
    ip link add up0 netns "$N-h" type veth peer name h0 netns "$N-o"
    ip link add up0 netns "$N-p" type veth peer name p0 netns "$N-o"
    for n in h0 p0; do ip -n "$N-o" link set $n master sw up; done
    local i=1
    for n in h:up0 o:sw p:up0; do
        ip -n "$N-${n%:*}" addr add 198.51.100.$i/24 dev "${n#*:}"
        ip -n "$N-${n%:*}" addr add 2001:db8:1::$i/64 dev "${n#*:}" nodad
        ip -n "$N-${n%:*}" link set "${n#*:}" up
        i=$((i + 1))
    done
    host sysctl -qw net.ipv4.ip_forward=0 net.ipv6.conf.all.forwarding=0
    host ip route add default via 198.51.100.2; host ip -6 route add default via 2001:db8:1::2
    serve outside 7000 outside
    b import "$IMAGE" base >/dev/null || exit 2
}

# serve WHERE PORT NAME: answers TCP and UDP of both families with its name and the client's address. WHERE is outside,
# second, host or a container.
serve() {
    local where=$1 port=$2 name=$3 run
    case $where in
    outside | second | host) run=$where ;;
    *) run="nsenter --net=/proc/$(pid "$where")/ns/net" ;;
    esac
    $run python3 "$ECHO" "$port" "$name" </dev/null >/dev/null 2>&1 &
    local i
    for i in $(seq 600); do $run sh -c "grep -q ':$(printf %04X "$port") .* 0A ' /proc/net/tcp6" && return; sleep 0.05; done
    fail "the server $name does not listen"
}
pid() { b inspect "$1" | sed -n 's/^ *"Pid": \([0-9]*\),$/\1/p'; }
# ask ADDRESS PORT, ask_udp ADDRESS PORT: what a server says, empty when there is none
ask() { timeout 40 python3 "$ECHO" ask "$1" "$2"; }
ask_udp() { timeout 40 python3 "$ECHO" ask_udp "$1" "$2"; }
# try, try_udp: the same where nobody is to answer, which is waited for less long
try() { timeout 40 python3 "$ECHO" try "$1" "$2"; }
try_udp() { timeout 40 python3 "$ECHO" try_udp "$1" "$2"; }
export -f ask ask_udp try try_udp
# answers WHERE ADDRESS PORT: whether a server does
answers() { [ -n "$(from "$1" ask "$2" "$3")" ]; }
# from WHERE COMMAND…: in a namespace of ours, or in a container's
from() {
    local where=$1; shift
    case $where in
    outside | second | host) $where bash -c "$*" ;;
    *) nsenter --net="/proc/$(pid "$where")/ns/net" bash -c "$*" ;;
    esac
}
address() { b inspect --type container "$1" | python3 -c 'import json,sys; n=json.load(sys.stdin)[0]["NetworkSettings"]["Networks"][sys.argv[1]]; print(n[sys.argv[2]])' "$2" "${3:-IPAddress}"; }
mac_of() { from "$1" cat /sys/class/net/eth0/address 2>/dev/null || b inspect "$1" | sed -n 's/^ *"MacAddress": "\(.*\)".*/\1/p' | head -1; }
tables() { host nft list ruleset 2>/dev/null; }
times() { awk -v n="$1" -v s="${BERTH_TEST_SCALE:-1}" 'BEGIN { n = int(n * (s == "" ? 1 : s)); print n < 1 ? 1 : n }'; }
# leaves_nothing: after a reset the host is as it was
leaves_nothing() {
    local out; out=$(b system reset --force 2>&1) || fail "system reset: $out"
    same "no table is left" "" "$(host nft list tables)"
    soon "no link is left" sh -c "! ip -n $N-h -o link | grep -vE ' (lo|up0)[:@]'"
    same "no neighbour is left" "" "$(host ip neigh show nud permanent)"
    same "no claim is left" "" "$(find /run/berth-claims -lname "*$R*" 2>/dev/null)"
    soon "no process is left" sh -c "! pgrep -f '^berth-monitor.*$R'"
}

clean_up() {
    local name
    [ -d "$R" ] && b system reset --force >/dev/null 2>&1
    for name in $(ip netns list | grep -o "^$N-[^ ]*"); do
        local pids; pids=$(ip netns pids "$name" 2>/dev/null)
        [ -n "$pids" ] && kill -9 $pids 2>/dev/null
        ip netns del "$name"
    done
    kill $(jobs -p) 2>/dev/null
    wait 2>/dev/null
    rm -rf "$R" "$T"
}
trap 'status=$?; clean_up 2>/dev/null; [ $failures -eq 0 ] || status=1; exit $status' EXIT
trap 'exit 2' TERM INT
