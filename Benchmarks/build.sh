#!/bin/bash
# make bench-build: Berth's builds beside docker's (BuildKit) and buildah's, in interleaved runs on this machine.
#   COLD_ROUNDS=N  rounds without a cache [7]      ROUNDS=N  the others [15]      ONLY="cached last"  some rows only
#
# Ten instructions, four of them RUN, over a context of 200 files; all contenders build the same files on the same image, and
# no step has a network. Figures of one machine under whatever load it has: read the ratios.
set -euo pipefail
cd "$(dirname "$0")/.."

if [ "$(id -u)" != 0 ]; then echo "make bench-build starts containers and needs root: sudo make bench-build" >&2; exit 1; fi
export PATH=$PATH:/usr/sbin:/sbin
scripts/install-packages.sh build-bench

# Docker loads rules for a whole network namespace: all contenders get one of their own, with nothing in it.
if [ -z "${BERTH_BENCH_INSIDE:-}" ]; then
    BERTH_BENCH_INSIDE=1 exec unshare -n -m --propagation private "$0"
fi
ip link set lo up
mkdir -p /run/berth-claims
mount -t tmpfs -o mode=755 tmpfs /run/berth-claims

work=$(mktemp -d /var/tmp/berth-bench.XXXXXX)
docker_pid=
finish() {
    trap - EXIT INT TERM
    timeout 60 bin/berth --root "$work/berth" system reset --force >/dev/null 2>&1 || true
    if [ -n "$docker_pid" ]; then
        kill "$docker_pid" 2>/dev/null || true
        wait "$docker_pid" 2>/dev/null || true
    fi
    awk -v w="$work" 'index($5, w) == 1 { print $5 }' /proc/self/mountinfo | sort -r | xargs -r -n1 umount -l 2>/dev/null || true
    rm -rf --one-file-system "$work"
}
trap finish EXIT
trap 'exit 130' INT TERM

Tests/Support/make-busybox-image.sh "$work/image.tar"
bin/berth --root "$work/berth" import "$work/image.tar" base:1 >/dev/null

docker=
if command -v dockerd >/dev/null && [ -x /usr/bin/docker ]; then
    mkdir -p "$work/docker"
    dockerd --data-root "$work/docker/data" --exec-root "$work/docker/exec" --pidfile "$work/docker/pid" \
        --host "unix://$work/docker/sock" >"$work/docker/log" 2>&1 &
    docker_pid=$!
    for _ in $(seq 100); do
        /usr/bin/docker --host "unix://$work/docker/sock" version >/dev/null 2>&1 && docker=1 && break
        kill -0 "$docker_pid" 2>/dev/null || break
        sleep 0.2
    done
    if [ -n "$docker" ]; then
        /usr/bin/docker --host "unix://$work/docker/sock" import "$work/image.tar" base:1 >/dev/null || docker=
    fi
fi
buildah=
if command -v buildah >/dev/null; then
    bin/berth --root "$work/berth" save -o "$work/saved.tar" base:1
    buildah --root "$work/buildah" --runroot "$work/buildah-run" pull -q "docker-archive:$work/saved.tar" >/dev/null 2>&1 && buildah=1
fi

python3 Benchmarks/build.py "$work" "$docker" "$buildah"
