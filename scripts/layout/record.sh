#!/bin/bash
# Records which functions the usual commands execute, for the linker to put side by side: run after larger changes (as root),
# then build again. Names that are gone do no harm, so the list needs no care between two recordings.
set -euo pipefail
cd "$(dirname "$0")/../.."
[ "$(id -u)" = 0 ] || { echo "recording starts containers and needs root" >&2; exit 1; }
BERTH_SKIP_NET=1 scripts/build.sh
scripts/install-packages.sh demo

work=$(mktemp -d /var/tmp/berth-layout.XXXXXX)
berth=(bin/berth --root "$work/engine")
runtime=(bin/berth-runtime --root "$work/runtime")
finish() {
    "${runtime[@]}" delete --force "layout-$$" >/dev/null 2>&1 || true
    "${berth[@]}" system reset --force >/dev/null 2>&1 || true
    rm -rf --one-file-system "$work"
}
trap finish EXIT

id=layout-$$

executed() { # NAME COMMAND…
    local name=$1
    shift
    timeout 20 scripts/layout/executed-functions.py ".build-static/release/${1#bin/}" "$@" >"$work/$name" </dev/null
}

mkdir -p "$work/bundle/rootfs"
Tests/Support/make-busybox-image.sh "$work/image.tar"
tar -xf "$work/image.tar" -C "$work/bundle/rootfs"
cp Benchmarks/bundle.json "$work/bundle/config.json"

# What starts a process comes first: that is where pages count.
executed 1-run "${runtime[@]}" run --bundle "$work/bundle" one
executed 2-create "${runtime[@]}" create --pid-file "$work/pid" --bundle "$work/bundle" "$id"
"${runtime[@]}" delete --force "$id"
"${runtime[@]}" create --bundle "$work/bundle" "$id" </dev/null >/dev/null 2>&1
executed 3-start "${runtime[@]}" start "$id"
sleep 0.2
"${runtime[@]}" delete --force "$id"
sed 's#"/bin/true"#"/bin/sleep", "1000"#' "$work/bundle/config.json" >"$work/sleep.json"
"${runtime[@]}" run --detach --config "$work/sleep.json" --bundle "$work/bundle" "$id" </dev/null >/dev/null 2>&1
executed 6-exec "${runtime[@]}" exec "$id" /bin/true
executed 4-state "${runtime[@]}" state "$id"
executed 5-delete "${runtime[@]}" delete --force "$id"
"${berth[@]}" import "$work/image.tar" base:1 >/dev/null
executed 7-isolated "${berth[@]}" run --rm --network none base:1 true
executed 8-connected "${berth[@]}" run --rm base:1 true
"${berth[@]}" run -d --name sleeper base:1 sleep 1000 >/dev/null
executed 9-exec "${berth[@]}" exec sleeper true
executed 10-ps "${berth[@]}" ps
list() { grep -hE '^[A-Za-z_$][^ ]*$' "$@" | awk '!seen[$0]++'; }
list "$work"/[1-6]-* >scripts/layout/berth-runtime.order
list "$work"/[7-9]-* "$work"/10-* >scripts/layout/berth.order
wc -l scripts/layout/*.order
echo "build again to use them"
