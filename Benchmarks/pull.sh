#!/bin/bash
# pull.sh [ROUNDS]: a real five-layer image from a registry on this machine, pulled by berth, docker and podman in turn, cold each
# time; pulled again; pushed as it is and with one layer more. Prints medians of wall time, processor time and peak memory beside
# what is wanted, and how many blobs moved. Docker's processor time is its daemon's and its children's. Leaves nothing behind.
set -euo pipefail
here=$(cd "$(dirname "$0")/.." && pwd)
rounds=${1:-3}
"$here/scripts/install-packages.sh" pull-bench
image=$here/.build-fixtures/pull-image
"$here/Benchmarks/make-registry-image.sh" "$image"
work=$(mktemp -d /var/tmp/berth-pull.XXXXXX)
pids=
finish() {
    for p in $pids; do kill "$p" 2>/dev/null || true; done
    wait
    for m in $(awk -v w="$work" 'index($2, w) == 1 {print $2}' /proc/mounts | sort -r); do umount "$m" || true; done
    rm -rf "$work"
}
trap finish EXIT
trap 'exit 130' INT TERM

port=$((20000 + RANDOM % 10000))
cat >"$work/registry.yml" <<END
version: 0.1
log: {level: error}
storage: {filesystem: {rootdirectory: $work/registry}}
http: {addr: "127.0.0.1:$port"}
END
docker-registry serve "$work/registry.yml" >"$work/registry.log" 2>&1 & pids="$pids $!"
for _ in $(seq 100); do if curl -s "http://127.0.0.1:$port/v2/" >/dev/null; then break; fi; sleep 0.1; done
skopeo copy -q --dest-tls-verify=false "oci:$image:latest" "docker://127.0.0.1:$port/bench:1"
name=127.0.0.1:$port/bench:1

dockerd --data-root "$work/docker" --exec-root "$work/docker-run" -H "unix://$work/docker.sock" -p "$work/docker.pid" \
    --bridge none --iptables=false --ip6tables=false --userland-proxy=false >"$work/docker.log" 2>&1 & pids="$pids $!"
daemon=$!
for _ in $(seq 300); do if docker -H "unix://$work/docker.sock" version >/dev/null 2>&1; then break; fi; sleep 0.1; done

# Processor seconds of a process with its living and dead children (proc(5)).
ticks() { for p in "$1" $(pgrep -P "$1"); do cut -d' ' -f14-17 "/proc/$p/stat" 2>/dev/null; done | tr ' ' '\n' | awk '{s += $1} END {print s / 100}'; }

# Blobs that were sent to the registry so far.
sent() { grep -c '"PATCH /v2/' "$work/registry.log" || true; }

measure() { # NAME COMMAND...
    local name=$1 before after begun ended user system memory cpu
    shift
    before=$(ticks "$daemon") begun=$(date +%s%N)
    /usr/bin/time -o "$work/time" -f "%U %S %M" "$@" >/dev/null 2>"$work/error" || { cat "$work/error" >&2; return 1; }
    ended=$(date +%s%N) after=$(ticks "$daemon")
    read -r user system memory <"$work/time"
    cpu=$(echo "$user + $system" | bc)
    case $name in docker*) cpu=$(echo "$cpu + $after - $before" | bc) ;; esac
    echo "$name $(echo "scale=4; ($ended - $begun) / 1000000000" | bc) $cpu $memory" | tee -a "$work/results" >&2
}
cold() { # an inode that was just deleted is looked at again and again for some seconds: begin on a quiet disk
    sync
    sleep 6
    measure "$@"
}
berth() { "$here/bin/berth" --root "$work/berth" "$@"; }

for _ in $(seq "$rounds"); do
    rm -rf "$work/berth"
    cold berth "$here/bin/berth" --root "$work/berth" pull -q "$name"
    docker -H "unix://$work/docker.sock" rmi -f "$name" >/dev/null 2>&1 || true
    cold docker docker -H "unix://$work/docker.sock" pull -q "$name"
    podman --root "$work/podman" --runroot "$work/podman-run" rmi -af >/dev/null 2>&1 || true
    cold podman podman --root "$work/podman" --runroot "$work/podman-run" pull -q --tls-verify=false "$name"
done
sync
sleep 6
for _ in $(seq 20); do
    measure berth-again "$here/bin/berth" --root "$work/berth" pull -q "$name"
    measure docker-again docker -H "unix://$work/docker.sock" pull -q "$name"
done 2>/dev/null

before=$(sent)
measure berth-push "$here/bin/berth" --root "$work/berth" push -q "$name"
nothing=$(($(sent) - before))
mkdir "$work/context"
head -c 10000000 /dev/urandom >"$work/context/file"
printf 'FROM %s\nCOPY file /file\n' "$name" >"$work/context/Dockerfile"
berth build -q -t "127.0.0.1:$port/bench:2" "$work/context" >/dev/null
before=$(sent)
measure berth-push-layer "$here/bin/berth" --root "$work/berth" push -q "127.0.0.1:$port/bench:2"
layer=$(($(sent) - before))
before=$(sent)
measure berth-push-all "$here/bin/berth" --root "$work/berth" image copy -q "$name" "docker://127.0.0.1:$port/all:1"
mounted=$(($(sent) - before))
berth system reset -f >/dev/null

python3 - "$work/results" "$nothing" "$layer" "$mounted" <<'END'
import statistics, sys
rows = {}
for line in open(sys.argv[1]):
    name, *values = line.split()
    rows.setdefault(name, []).append([float(v) for v in values])
median = {name: [statistics.median(v) for v in zip(*values)] for name, values in rows.items()}
print(f"{'':20} {'wall s':>8} {'CPU s':>8} {'peak MiB':>9}")
for name, (wall, cpu, memory) in median.items():
    print(f"{name:20} {wall:8.3f} {cpu:8.2f} {memory / 1024:9.0f}")
def row(what, value, limit, unit=""):
    print(f"{what:58} {value:8.2f}{unit:4} {limit}")
print()
b, d, p = median["berth"], median["docker"], median["podman"]
row("cold pull to runnable, wall, of docker's", b[0] / d[0], "<= 0.6")
row("cold pull to runnable, wall, of podman's", b[0] / p[0], "<= 0.4")
row("cold pull to runnable, processor, of docker's", b[1] / d[1], "<= 0.6")
row("pull of what is there", median["berth-again"][0] * 1000, "<= 30", " ms")
row("push of what is there: blobs sent", int(sys.argv[2]), "= 0")
row("push of one new layer: blobs sent (it and a configuration)", int(sys.argv[3]), "= 2")
row("push to another repository: blobs sent (all are mounted)", int(sys.argv[4]), "= 0")
peak = max(v[2] for name, values in rows.items() if name.startswith("berth") for v in values)
row("peak memory of a pull or push", peak / 1024, "<= 96", " MiB")
END
