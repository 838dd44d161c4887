#!/bin/bash
# pull.sh [ROUNDS]: pulls a real five-layer image from a registry on this machine with berth, docker and podman in turn, cold each
# time, and prints medians of wall time, processor time and peak memory. Docker's processor time is its daemon's and its children's.
set -euo pipefail
here=$(cd "$(dirname "$0")/.." && pwd)
rounds=${1:-3}
"$here/scripts/install-packages.sh" pull-bench
image=$here/.build-fixtures/pull-image
"$here/Benchmarks/make-registry-image.sh" "$image"
work=$(mktemp -d /var/tmp/berth-pull.XXXXXX)
pids=
trap 'for p in $pids; do kill "$p" 2>/dev/null || true; done; wait; for m in $(awk -v w="$work" "index(\$2, w) == 1 {print \$2}" /proc/mounts | sort -r); do umount "$m" || true; done; rm -rf "$work"' EXIT

port=$((20000 + RANDOM % 20000))
cat >"$work/registry.yml" <<END
version: 0.1
log: {level: error}
storage: {filesystem: {rootdirectory: $work/registry}}
http: {addr: "127.0.0.1:$port"}
END
docker-registry serve "$work/registry.yml" >"$work/registry.log" 2>&1 & pids="$pids $!"
for _ in $(seq 50); do curl -s "http://127.0.0.1:$port/v2/" >/dev/null && break; sleep 0.1; done
skopeo copy -q --dest-tls-verify=false "oci:$image:latest" "docker://127.0.0.1:$port/bench:1"

dockerd --data-root "$work/docker" --exec-root "$work/docker-run" -H "unix://$work/docker.sock" -p "$work/docker.pid" \
    --bridge none --iptables=false --ip6tables=false --userland-proxy=false >"$work/docker.log" 2>&1 & pids="$pids $!"
daemon=$!
for _ in $(seq 100); do [ -S "$work/docker.sock" ] && break; sleep 0.1; done

# Processor ticks of a process with its living and dead children (proc(5)).
ticks() { for p in "$1" $(pgrep -P "$1"); do cut -d' ' -f14-17 "/proc/$p/stat" 2>/dev/null; done | tr ' ' '\n' | awk '{s += $1} END {print s / 100}'; }
measure() { # NAME COMMAND...
    local name=$1; shift
    # An inode that was just deleted is looked at again and again for some seconds; begin on a quiet disk.
    sync; sleep 6
    local before; before=$(ticks "$daemon")
    /usr/bin/time -o "$work/time" -f "%e %U %S %M" "$@" >/dev/null 2>"$work/error" || { cat "$work/error" >&2; return 1; }
    local after; after=$(ticks "$daemon")
    read -r wall user system memory <"$work/time"
    case $name in docker) cpu=$(echo "$after - $before" | bc) ;; *) cpu=$(echo "$user + $system" | bc) ;; esac
    echo "$name $wall $cpu $memory" | tee -a "$work/results" >&2
}
for _ in $(seq "$rounds"); do
    rm -rf "$work/berth"
    measure berth "$here/bin/berth-net" --root "$work/berth" pull -q "127.0.0.1:$port/bench:1"
    docker -H "unix://$work/docker.sock" rmi -f "127.0.0.1:$port/bench:1" >/dev/null 2>&1 || true
    measure docker docker -H "unix://$work/docker.sock" pull -q "127.0.0.1:$port/bench:1"
    podman --root "$work/podman" --runroot "$work/podman-run" rmi -af >/dev/null 2>&1 || true
    measure podman podman --root "$work/podman" --runroot "$work/podman-run" pull -q --tls-verify=false "127.0.0.1:$port/bench:1"
done
for _ in 1 2 3 4 5; do
    /usr/bin/time -o "$work/time" -f "%e %U %S %M" "$here/bin/berth-net" --root "$work/berth" pull -q "127.0.0.1:$port/bench:1" >/dev/null
    read -r wall user system memory <"$work/time"
    echo "berth-again $wall $(echo "$user + $system" | bc) $memory" >>"$work/results"
done
/usr/bin/time -o "$work/time" -f "%e %U %S %M" "$here/bin/berth-net" --root "$work/berth" push -q "127.0.0.1:$port/bench:1" >/dev/null
read -r wall user system memory <"$work/time"
echo "berth-push-nothing $wall $(echo "$user + $system" | bc) $memory" >>"$work/results"
/usr/bin/time -o "$work/time" -f "%e %U %S %M" "$here/bin/berth-net" --root "$work/berth" image copy -q "127.0.0.1:$port/bench:1" "oci:$work/out:1" >/dev/null
python3 - "$work/results" <<'END'
import statistics, sys
rows = {}
for line in open(sys.argv[1]):
    name, *values = line.split()
    rows.setdefault(name, []).append([float(v) for v in values])
print(f"{'':20} {'wall s':>8} {'CPU s':>8} {'peak MiB':>9}")
for name, values in rows.items():
    wall, cpu, memory = (statistics.median(v) for v in zip(*values))
    print(f"{name:20} {wall:8.2f} {cpu:8.2f} {memory / 1024:9.0f}")
END
