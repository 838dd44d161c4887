#!/bin/sh
# Builds the one static program in release mode and leaves it in bin/ under its three names, and beside it the networked
# program, berth-net. BERTH_SKIP_NET=1 leaves the second one out.
#
# A static PIE needs a scratch path of its own (the flag holds for the whole build) and lld; the package manager's default
# rpath would crash it in its own loader.
#
# Small code, merged functions and packed relocations (730 KB fewer to read at each start) keep the resident size below
# 8 MiB and cost no time: a start is page faults more than anything else.
set -eu
cd "$(dirname "$0")/.."

scripts/require-swift.sh
scripts/install-packages.sh build

scratch=.build-static
log=$(mktemp)
trap 'rm -f "$log"' EXIT
started=$(date +%s)
if [ -x "$scratch/release/berth" ]; then echo "Building berth …"; else echo "Building berth (the first time takes some minutes) …"; fi

status=0
swift build --product berth -c release --scratch-path "$scratch" --disable-local-rpath \
    -Xswiftc -static-executable -Xswiftc -use-ld=lld -Xswiftc -Xclang-linker -Xswiftc -static-pie \
    -Xswiftc -Osize -Xswiftc -Xfrontend -Xswiftc -function-sections -Xswiftc -Xfrontend -Xswiftc -prespecialize-generic-metadata -Xlinker --icf=all -Xlinker --gc-sections -Xlinker --pack-dyn-relocs=relr \
    -Xlinker --symbol-ordering-file=scripts/layout/function-order.txt -Xlinker --no-warn-symbol-ordering >"$log" 2>&1 || status=$?
if [ "$status" != 0 ]; then
    grep -aE '(error|warning):' -A 3 "$log" | awk '!seen[$0]++' >&2 || tail -n 40 "$log" >&2
    exit "$status"
fi

mkdir -p bin
if [ ! -e bin/berth ] || [ "$scratch/release/berth" -nt bin/berth ]; then
    # Under another name first: a container may be running the old one.
    strip -o bin/.berth.new "$scratch/release/berth"
    mv bin/.berth.new bin/berth
fi
ln -sfn berth bin/berth-runtime
ln -sfn berth bin/berth-monitor
echo "bin/berth is ready ($(($(date +%s) - started)) s, $(($(stat -c %s bin/berth) / 1024)) KiB)"

# The networked program links the C library dynamically (it resolves names) and Swift's own statically. A scratch path of its
# own, since the static program's flags hold for a whole build.
if [ -n "${BERTH_SKIP_NET:-}" ]; then exit 0; fi
scratch=.build-net
started=$(date +%s)
if [ ! -x "$scratch/release/berth-net" ]; then echo "Building berth-net (the first time takes several minutes) …"; fi
swift build --product berth-net -c release --scratch-path "$scratch" -Xswiftc -static-stdlib -Xswiftc -use-ld=lld \
    -Xlinker --icf=all -Xlinker --gc-sections >"$log" 2>&1 || status=$?
if [ "$status" != 0 ]; then
    grep -aE '(error|warning):' -A 3 "$log" | awk '!seen[$0]++' >&2 || tail -n 40 "$log" >&2
    exit "$status"
fi
if [ ! -e bin/berth-net ] || [ "$scratch/release/berth-net" -nt bin/berth-net ]; then
    strip -o bin/.berth-net.new "$scratch/release/berth-net"
    mv bin/.berth-net.new bin/berth-net
fi
echo "bin/berth-net is ready ($(($(date +%s) - started)) s, $(($(stat -c %s bin/berth-net) / 1024)) KiB)"
