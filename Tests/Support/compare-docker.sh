#!/bin/bash
# compare-docker.sh BERTH [NAME …]: builds the Dockerfiles of compare-builds.py with Berth and with BuildKit in a private dockerd,
# in a network namespace of their own, and leaves nothing.
set -euo pipefail
if [ -z "${BERTH_COMPARE_INSIDE:-}" ]; then BERTH_COMPARE_INSIDE=1 exec unshare -n -m --propagation private "$0" "$@"; fi
here=$(dirname "$0")
berth=$1
shift
export PATH=$PATH:/usr/sbin:/sbin
ip link set lo up
mkdir -p /run/berth-claims
mount -t tmpfs -o mode=755 tmpfs /run/berth-claims
work=$(mktemp -d /var/tmp/berth-compare.XXXXXX)
pid=
finish() {
    trap - EXIT INT TERM
    timeout 60 "$berth" --root "$work/berth" system reset --force >/dev/null 2>&1 || true
    if [ -n "$pid" ]; then
        kill "$pid" 2>/dev/null || true
        wait "$pid" 2>/dev/null || true
    fi
    awk -v w="$work" 'index($5, w) == 1 { print $5 }' /proc/self/mountinfo | sort -r | xargs -r -n1 umount -l 2>/dev/null || true
    rm -rf --one-file-system "$work"
}
trap finish EXIT
trap 'exit 130' INT TERM

"$here/make-busybox-image.sh" "$work/base.tar"
"$berth" --root "$work/berth" import "$work/base.tar" busybox >/dev/null
"$berth" --root "$work/berth" save -o "$work/image.tar" busybox
mkdir "$work/docker"
dockerd --data-root "$work/docker/data" --exec-root "$work/docker/exec" --pidfile "$work/docker/pid" \
    --host "unix://$work/docker/sock" >"$work/docker/log" 2>&1 &
pid=$!
for _ in $(seq 150); do
    /usr/bin/docker --host "unix://$work/docker/sock" version >/dev/null 2>&1 && break
    kill -0 "$pid" 2>/dev/null || { tail -n 5 "$work/docker/log" >&2; exit 1; }
    sleep 0.2
done
python3 "$here/compare-builds.py" "$berth" "$work/berth" "$work/image.tar" "docker:$work/docker/sock" "$@"
