#!/bin/bash
# make bench: Berth beside crun, runc, podman and docker, in interleaved runs on this machine. WRITE=1 writes docs/benchmarks.md.
#   ROUNDS=N  rounds of the runtimes [40]      ENGINE_ROUNDS=N  rounds of the engines [15]
#
# Figures of one machine under whatever load it has: read the ratios. All runtimes get the same bundle and the same view of
# control groups; engines get the same image.
set -euo pipefail
cd "$(dirname "$0")/.."

if [ "$(id -u)" != 0 ]; then echo "make bench starts containers and needs root: sudo make bench" >&2; exit 1; fi
export PATH=$PATH:/usr/sbin:/sbin
scripts/install-packages.sh run bench

# Podman and docker load rules for a whole network namespace: all contenders get one of their own, with nothing in it.
if [ -z "${BERTH_BENCH_INSIDE:-}" ]; then
    BERTH_BENCH_INSIDE=1 exec unshare -n -m --propagation private "$0"
fi
ip link set lo up
mkdir -p /run/berth-claims
mount -t tmpfs -o mode=755 tmpfs /run/berth-claims
# Docker only where its package is already there: its installation would start a service.

work=$(mktemp -d /var/tmp/berth-bench.XXXXXX)
docker_pid=
finish() {
    trap - EXIT INT TERM
    bin/berth --root "$work/berth" system reset --force >/dev/null 2>&1 || true
    if [ -n "$docker_pid" ]; then
        kill "$docker_pid" 2>/dev/null || true
        wait "$docker_pid" 2>/dev/null || true
    fi
    podman "${podman_options[@]}" rm -fa >/dev/null 2>&1 || true
    podman "${podman_options[@]}" system reset -f >/dev/null 2>&1 || true
    awk -v w="$work" 'index($5, w) == 1 { print $5 }' /proc/self/mountinfo | sort -r | xargs -r -n1 umount -l 2>/dev/null || true
    rm -rf --one-file-system "$work"
}
podman_options=(--root "$work/podman" --runroot "$work/podman-run" --tmpdir "$work/podman-tmp" --cgroup-manager cgroupfs --runtime runc)
trap finish EXIT
trap 'exit 130' INT TERM

mkdir -p "$work/bundle/rootfs" "$work/floor-root"
Tests/Support/make-busybox-image.sh "$work/image.tar"
tar -xf "$work/image.tar" -C "$work/bundle/rootfs"
gcc -O2 -w -static -o "$work/floor" Benchmarks/Floor/floor.c
gcc -O2 -static -o "$work/peak" Benchmarks/Floor/peak.c
(cd "$work/bundle" && runc spec)
python3 - "$work/bundle/config.json" <<'PY'
import json, sys
path = sys.argv[1]
config = json.load(open(path))
config["process"]["terminal"] = False
config["process"]["args"] = ["/bin/true"]
config["process"]["rlimits"] = []
# crun cannot write device rules in every layout; nobody gets any.
config["linux"]["resources"] = {}
json.dump(config, open(path, "w"))
PY

# crun refuses a mixed layout. In a mount namespace without the version 2 part everybody sees plain version 1.
in_view() {
    if [ -d /sys/fs/cgroup/unified ]; then
        unshare -m --propagation private sh -c 'umount /sys/fs/cgroup/unified; exec "$@"' sh "$@"
    else
        "$@"
    fi
}

# Plain version 2, in a mount namespace: what most machines have today, though with no controller where version 1 has them all.
in_version2() {
    unshare -m --propagation private sh -c '
        umount -R /sys/fs/cgroup && mount -t cgroup2 none /sys/fs/cgroup && exec "$@"' sh "$@"
}

contenders=(berth-runtime="$PWD/bin/berth-runtime" crun="$(command -v crun)" runc="$(command -v runc)")
for view in view version2; do
    echo "Runtimes, ${ROUNDS:-40} rounds in $view …" >&2
    mkdir -p "$work/$view"
    # The two that are compared take turns with one another alone: runc leaves caches so cold that it adds as much to
    # whoever follows as that one needs itself.
    "in_$view" Benchmarks/runtimes.py "$work/bundle" "$work/$view" "${ROUNDS:-40}" "${contenders[@]:0:2}" >"$work/$view.json"
    "in_$view" Benchmarks/runtimes.py "$work/bundle" "$work/$view" "$((${ROUNDS:-40} / 3 + 1))" "${contenders[@]}" >"$work/$view-all.json"
done
echo "The least work, ${ROUNDS:-40} rounds …" >&2
in_view Benchmarks/turns.py "${ROUNDS:-40}" \
    "{\"floor.c\": [\"$work/floor\", \"-n\", \"-m\", \"-c\", \"berth-bench-floor-@\", \"-b\", \"$work/bundle/rootfs\", \"--\", \"/bin/true\"]}" >"$work/floor.json"
in_view Benchmarks/smallest-memory.py "$work/bundle" "$work/view" "${contenders[@]}" >"$work/memory.json"

# Each name in turn once under strace, for the number of system calls of the runtime and its children, and once for memory.
calls() {
    printf '{"rss": %s, ' "$(in_view "$work/peak" "$@" 2>/dev/null || echo null)"
    in_view strace -f -c -o "$work/strace" "$@" >/dev/null 2>&1 || true
    # calls is the last number before the word; the column of errors may be empty.
    awk '$NF == "total" { calls = $4 } END { printf "\"calls\": %s}", calls == "" ? "null" : calls }' "$work/strace"
}
bundle=$work/bundle
{
    echo "{"
    echo "\"berth-runtime\": $(calls bin/berth-runtime --root "$work/r-berth" run --bundle "$bundle" s1),"
    echo "\"crun\": $(calls crun --root "$work/r-crun" run --bundle "$bundle" s2),"
    echo "\"runc\": $(calls runc --root "$work/r-runc" run --bundle "$bundle" s3),"
    echo "\"floor.c\": $(calls "$work/floor" -n -m -c berth-bench-floor-s -b "$bundle/rootfs" -- /bin/true)"
    echo "}"
} >"$work/calls.json"

# ---- Engines

berth=(bin/berth --root "$work/berth")
"${berth[@]}" import "$work/image.tar" base:1 >/dev/null
"${berth[@]}" run -d --name exec base:1 sleep 3600 >/dev/null
limits=(--ulimit nofile=20000:20000 --ulimit nproc=1000:1000)
podman "${podman_options[@]}" import "$work/image.tar" base:1 >/dev/null 2>&1 || true
podman "${podman_options[@]}" run -d --name exec "${limits[@]}" --network none base:1 sleep 3600 >/dev/null 2>&1 || true

docker=
if command -v dockerd >/dev/null && command -v docker >/dev/null; then
    mkdir -p "$work/docker"
    dockerd --data-root "$work/docker/data" --exec-root "$work/docker/exec" --pidfile "$work/docker/pid" \
        --host "unix://$work/docker/sock" >"$work/docker/log" 2>&1 &
    docker_pid=$!
    for _ in $(seq 100); do
        docker --host "unix://$work/docker/sock" version >/dev/null 2>&1 && docker=1 && break
        kill -0 "$docker_pid" 2>/dev/null || break
        sleep 0.2
    done
    if [ -n "$docker" ]; then
        docker --host "unix://$work/docker/sock" import "$work/image.tar" base:1 >/dev/null
        docker --host "unix://$work/docker/sock" run -d --name exec --network none base:1 sleep 3600 >/dev/null || docker=
    fi
fi

engine() { # engine BERTH-WORDS -- OTHERS-WORDS: the contenders as JSON
    python3 - "$work" "$docker" "$@" <<'PY'
import json, sys
work, docker, kind = sys.argv[1:4]
limits = ["--ulimit", "nofile=20000:20000", "--ulimit", "nproc=1000:1000"]
podman = ["podman", "--root", f"{work}/podman", "--runroot", f"{work}/podman-run", "--tmpdir", f"{work}/podman-tmp",
          "--cgroup-manager", "cgroupfs", "--runtime", "runc"]
berth = ["bin/berth", "--root", f"{work}/berth"]
dock = ["docker", "--host", f"unix://{work}/docker/sock"]
def run(words, extra=[]): return {
    "none": words + ["run", "--rm", "--network", "none"] + extra + ["base:1", "true"],
    "bridge": words + ["run", "--rm"] + (["--network", "podman"] if words is podman else []) + extra + ["base:1", "true"],
    "exec": words + ["exec", "exec", "true"],
    "ps": words + ["ps"]}[kind]
result = {"berth": run(berth), "podman": run(podman, limits)}
if docker: result["docker"] = run(dock)
print(json.dumps(result))
PY
}
for kind in bridge none exec ps; do
    echo "Engines, $kind, ${ENGINE_ROUNDS:-15} rounds …" >&2
    Benchmarks/turns.py "${ENGINE_ROUNDS:-15}" "$(engine "$kind")" >"$work/$kind.json"
done

Benchmarks/table.py "$work" >"$work/table.md"

versions() {
    printf 'Linux %s, %s processors; ' "$(uname -r)" "$(nproc)"
    printf '%s; ' "$(crun --version | head -n 1)" "$(runc --version | head -n 1)" "$(podman --version)"
    [ -z "$docker" ] || printf 'dockerd %s' "$(dockerd --version | sed 's/.*version \([^,]*\).*/\1/')"
    echo
}
cat "$work/table.md"
if [ "${WRITE:-}" = 1 ]; then
    {
        printf '# Benchmarks\n\n'
        printf '`make bench WRITE=1` writes this page. The contenders take turns on one machine, so that its load is everybody'"'"'s;\n'
        printf 'the ratios say more than the milliseconds. `floor.c` is the least work that still gives a container.\n\n'
        printf '%s\n\n' "$(versions)"
        cat "$work/table.md"
    } >docs/benchmarks.md
    echo "docs/benchmarks.md is written." >&2
fi
