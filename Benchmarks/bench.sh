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

cat >"$work/runtimes.py" <<'PY'
"""Runs the contenders in turns; prints medians as JSON."""
import json, os, resource, statistics, subprocess, sys, time
rounds, contenders = int(sys.argv[1]), json.loads(sys.argv[2])
wall, cpu = ({name: [] for name in contenders} for _ in range(2))
broken = {}
for turn in range(rounds + 2):
    for name, command in contenders.items():
        if name in broken: continue
        command = [word.replace("@", f"{os.getpid()}-{turn}") for word in command]
        start = time.perf_counter()
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        errors = process.stderr.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = 0
        passed = time.perf_counter() - start
        if status:
            broken[name] = errors.decode(errors="replace").strip()[-300:] or f"status {status}"
            continue
        if turn < 2: continue  # warm-up
        wall[name].append(passed * 1e3)
        cpu[name].append((usage.ru_utime + usage.ru_stime) * 1e3)
print(json.dumps({name: {"broken": broken[name]} if name in broken else {
    "wall": statistics.median(wall[name]), "best": min(wall[name]), "cpu": statistics.median(cpu[name])} for name in contenders}))
PY

runtimes() {
    python3 - "$work" <<'PY'
import json, os, sys
work = sys.argv[1]
here = os.getcwd()
bundle = f"{work}/bundle"
print(json.dumps({
    "berth-runtime": [f"{here}/bin/berth-runtime", "--root", f"{work}/r-berth", "run", "--bundle", bundle, "b@"],
    "crun": ["crun", "--root", f"{work}/r-crun", "run", "--bundle", bundle, "c@"],
    "runc": ["runc", "--root", f"{work}/r-runc", "run", "--bundle", bundle, "r@"],
    "floor.c": [f"{work}/floor", "-n", "-m", "-c", "berth-bench-floor-@", "-b", f"{bundle}/rootfs", "--", "/bin/true"],
}))
PY
}

# crun refuses a mixed layout. In a mount namespace without the version 2 part everybody sees plain version 1.
in_view() {
    if [ -d /sys/fs/cgroup/unified ]; then
        unshare -m --propagation private sh -c 'umount /sys/fs/cgroup/unified; exec "$@"' sh "$@"
    else
        "$@"
    fi
}

echo "Runtimes, ${ROUNDS:-40} rounds …" >&2
in_view python3 "$work/runtimes.py" "${ROUNDS:-40}" "$(runtimes)" >"$work/runtimes.json"

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
    python3 "$work/runtimes.py" "${ENGINE_ROUNDS:-15}" "$(engine "$kind")" >"$work/$kind.json"
done

python3 - "$work" >"$work/table.md" <<'PY'
import json, platform, sys
work = sys.argv[1]
load = lambda name: json.load(open(f"{work}/{name}.json"))
def number(value): return f"{value:.1f}" if value < 100 else f"{value:.0f}"
notes = []
runtimes, calls = load("runtimes"), load("calls")
print("### Runtimes: `run` of `/bin/true`, the same bundle\n")
print("| | wall, ms (median) | best | CPU, ms | CPU against crun | system calls | peak resident, MiB |")
print("|---|---|---|---|---|---|---|")
base = runtimes.get("crun", {}).get("cpu")
for name, row in runtimes.items():
    if "broken" in row:
        notes.append(f"{name}: {row['broken']}")
        print(f"| {name} | did not run | | | | | |")
        continue
    ratio = f"{row['cpu'] / base:.2f}" if base else "–"
    once = calls[name]
    peak = f"{once['rss'] / 1024:.1f}" if once["rss"] else "–"
    print(f"| {name} | {number(row['wall'])} | {number(row['best'])} | {number(row['cpu'])} | {ratio} | {once['calls'] or '–'} | {peak} |")
print("\nTo reach: CPU at most crun's, fewer than 1,000 system calls with children, below 8 MiB.\n")
print("### Engines: milliseconds, medians\n")
print("| | berth | podman | docker | berth against podman | to reach |")
print("|---|---|---|---|---|---|")
titles = {"bridge": "`run --rm IMAGE true`, bridge", "none": "the same, no network", "exec": "`exec` of `true`", "ps": "`ps`"}
for kind, title in titles.items():
    rows = load(kind)
    cells = []
    for name in ["berth", "podman", "docker"]:
        row = rows.get(name)
        if row and "broken" in row: notes.append(f"{name}, {kind}: {row['broken']}")
        cells.append(number(row["wall"]) if row and "wall" in row else "–")
    both = all("wall" in rows.get(name, {}) for name in ["berth", "podman"])
    ratio = f"{rows['berth']['wall'] / rows['podman']['wall']:.3f}" if both else "–"
    print(f"| {title} | {' | '.join(cells)} | {ratio} | {'≤ 0.2' if kind != 'ps' else ''} |")
if notes:
    print()
    for note in notes: print(f"- {' '.join(note.split())}")
PY

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
