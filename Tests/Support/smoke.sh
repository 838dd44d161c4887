#!/bin/bash
# smoke.sh BERTH IMAGE.tar: the short way through everything, for machines where the whole suite cannot run: an emulated one
# with cgroup v2 only, a private cgroup2 mount. Limits whose controller is not there are skipped, and that is said.
set -uo pipefail
berth=$(readlink -f "$1") image=$(readlink -f "$2")
export PATH=$PATH:/usr/sbin:/sbin

scratch=/var/tmp
port=$((20000 + $$ % 10000))
[ ! -d /var/lib/engine ] || scratch=/var/lib/engine
root=$scratch/berth-smoke.$$
passed=0 failed=0

b() { timeout -k 5 120 "$berth" --root "$root" "$@"; }
trap 'b system reset --force >/dev/null 2>&1' EXIT

ok() { # ok NAME COMMAND…
    local name=$1 output
    shift
    if output=$("$@" 2>&1); then passed=$((passed + 1)); echo "ok      $name"; else
        failed=$((failed + 1))
        echo "FAILED  $name (status $?)"
        printf '%s\n' "$output" | sed 's/^/        /'
    fi
}
skip() { echo "skipped $1: $2"; }
same() { # same EXPECTED COMMAND…
    local expected=$1 got
    shift
    got=$("$@" 2>&1)
    [ "$got" = "$expected" ] || { echo "expected: $expected"; echo "got:      $got"; return 1; }
}
status() { # status N COMMAND…
    local expected=$1 got=0
    shift
    "$@" || got=$?
    [ "$got" = "$expected" ] || { echo "expected status $expected, got $got"; return 1; }
}
soon() { for _ in $(seq 100); do "$@" >/dev/null 2>&1 && return 0; sleep 0.1; done; "$@"; }
has() { local pattern=$1; shift; "$@" 2>&1 | tee /dev/stderr | grep -q -- "$pattern"; }
field() { b inspect "$1" | sed -n "s/.*\"$2\": *\"\{0,1\}\([^\",]*\).*/\1/p" | head -n 1; }
controller() {
    [ ! -e /sys/fs/cgroup/cgroup.controllers ] || { grep -qw "$1" /sys/fs/cgroup/cgroup.controllers; return; }
    [ -d "/sys/fs/cgroup/$1" ]
}
group() { find /sys/fs/cgroup -maxdepth 5 -type d -path "*berth*/$1/payload" | grep -E "${2:-.}" | head -n 1; }

network=bridge
ip link show lo >/dev/null 2>&1 && command -v nft >/dev/null && nft list tables >/dev/null 2>&1 || network=none
run() { b run --network "$network" "$@"; }
[ "$network" = bridge ] || skip "the bridge network" "nft does not work here"

ok "import" b import "$image" base:1
ok "images" has base b images
ok "run" same hello run --rm base:1 echo hello
ok "exit status" status 7 run --rm base:1 sh -c 'exit 7'
ok "missing program" status 127 run --rm base:1 no-such-program
ok "no such image" status 125 b run --rm nowhere:1 true
ok "own process tree" same 1 run --rm base:1 sh -c 'echo $$'
ok "own control group root" same "" run --rm base:1 sh -c 'grep -v ":/$" /proc/self/cgroup'
ok "own host name" same box run --rm --hostname box base:1 hostname
ok "input" same through sh -c "echo through | timeout 60 $berth --root $root run --rm --network none -i base:1 cat"
ok "devices" same 4 run --rm base:1 sh -c 'echo x >/dev/null; head -c 4 /dev/urandom | wc -c'
ok "a device that is not allowed" status 1 run --rm base:1 sh -c 'mknod /tmp/d b 8 0 2>/dev/null && head -c 1 /tmp/d'
ok "seccomp" has 'Seccomp:.2' run --rm base:1 grep Seccomp: /proc/self/status
ok "user ids" same 1000 run --rm -u www base:1 id -u

ok "run detached" run -d --name cc base:1 sh -c 'echo ready; sleep 1000'
id=$(b ps -q --no-trunc)
parent=$(group "$id")
parent=${parent%/*/payload}
token=${parent##*/berth-}
ok "control group" test -n "$parent"
ok "log" soon has ready b logs cc
ok "ps" has 'Up ' b ps
ok "exec" same inside b exec cc echo inside
ok "exec status" status 9 b exec cc sh -c 'exit 9'
ok "stop" b stop -t 1 cc
ok "its status" has Exited b ps -a
ok "rm" b rm cc

if [ "$network" = bridge ]; then
    ok "a published port" run -d --name web -p $port:80 base:1 httpd -f -p 80 -h /var/www
    # Asked through busybox: curl need not be there.
    ok "the page" soon sh -c "busybox wget -q -O - http://127.0.0.1:$port/ | grep Hello"
    ok "rm -f" b rm -f web
    ok "the port is closed" status 1 busybox wget -q -O - http://127.0.0.1:$port/
fi

if controller memory; then
    ok "the memory limit kills" status 137 run --name hog -m 32m --memory-swap 32m base:1 \
        sh -c 'x=$(head -c 200000000 /dev/zero | tr "\0" x); echo ${#x}'
    ok "and it is recorded" same true field hog OOMKilled
    ok "rm" b rm hog
else skip "the memory limit" "no memory controller"; fi

if controller pids; then
    id=$(run -d --pids-limit 20 base:1 sh -c 'b() { b | b & }; b & exec sleep 1000')
    # shellcheck disable=SC2016
    ok "the process limit holds" soon sh -c 'grep -q "^max [1-9]" $(find /sys/fs/cgroup -path "*'"$id"'/payload/pids.events")'
    ok "rm -f of a fork bomb" b rm -f "$id"
else skip "the process limit" "no pids controller"; fi

if controller cpu; then
    id=$(run -d --cpus 0.2 base:1 sh -c 'while :; do :; done')
    # shellcheck disable=SC2016
    ok "the processor limit throttles" soon sh -c 'grep -q "^nr_throttled [1-9]" $(find /sys/fs/cgroup -path "*'"$id"'/payload/cpu.stat")'
    ok "rm -f of a busy loop" b rm -f "$id"
else skip "the processor limit" "no cpu controller"; fi

ok "stopping a tree of processes" sh -c "
    id=\$(timeout 60 $berth --root $root run -d --network none base:1 sh -c 'for i in 1 2 3; do setsid sleep 1000 & done; wait')
    timeout 60 $berth --root $root rm -f \$id"
ok "nothing runs" same "" b ps -a -q
ok "system reset" b system reset --force
ok "no group is left" soon sh -c "! find /sys/fs/cgroup -maxdepth 5 -type d -name 'berth-$token' | grep -q ."
ok "no link is left" soon sh -c "! ls /sys/class/net | grep -q '^berth-$token'"
ok "no mount is left" sh -c "! grep -F $root /proc/self/mountinfo"
ok "no file is left" test ! -e "$root"

echo "smoke: $passed passed, $failed failed ($(uname -r), $(stat -f -c %T /sys/fs/cgroup))"
[ "$failed" = 0 ]
