#!/bin/sh
# Builds the one static program in release mode and leaves it in bin/ under its three names, and beside it the networked
# program, berth-net. BERTH_SKIP_NET=1 leaves the second one out.
#
# A static PIE needs a scratch path of its own (the flag holds for the whole build) and lld; the package manager's default
# rpath would crash it in its own loader.
#
# A start is page faults more than anything else, so small code, merged functions and packed relocations (730 KB fewer to
# read at each start) cost no time, and the functions that starts execute stand side by side: scripts/layout records which.
# Generic types are specialised here rather than at each start.
set -eu
cd "$(dirname "$0")/.."

scripts/require-swift.sh
scripts/install-packages.sh build

log=$(mktemp)
trap 'rm -f "$log"' EXIT

# build PROGRAM OPTION…: builds it in $scratch and puts it into bin/.
build() {
    program=$1
    shift
    built=$scratch/release/$program
    started=$(date +%s)
    if [ ! -x "$built" ]; then echo "Building $program (the first time takes some minutes) …"; else echo "Building $program …"; fi
    status=0
    swift build --product "$program" -c release --scratch-path "$scratch" "$@" >"$log" 2>&1 || status=$?
    if [ "$status" != 0 ]; then
        grep -aE '(error|warning):' -A 3 "$log" | awk '!seen[$0]++' >&2 || tail -n 40 "$log" >&2
        exit "$status"
    fi
    mkdir -p bin
    if [ ! -e "bin/$program" ] || [ -L "bin/$program" ] || [ "$built" -nt "bin/$program" ]; then
        # Under another name first: a container may be running the old one.
        strip -o "bin/.$program.new" "$built"
        mv "bin/.$program.new" "bin/$program"
    fi
    echo "bin/$program is ready ($(($(date +%s) - started)) s, $(($(stat -c %s "bin/$program") / 1024)) KiB)"
}

# build_static PROGRAM: as a static PIE, its functions in the recorded order.
build_static() {
    scratch=.build-static
    order=scripts/layout/$1.order
    # The package manager does not know that the linker reads it.
    if [ "$order" -nt "$scratch/release/$1" ]; then rm -f "$scratch/release/$1"; fi
    build "$1" --disable-local-rpath \
        -Xswiftc -static-executable -Xswiftc -use-ld=lld -Xswiftc -Xclang-linker -Xswiftc -static-pie \
        -Xswiftc -Osize -Xswiftc -Xfrontend -Xswiftc -function-sections \
        -Xswiftc -Xfrontend -Xswiftc -prespecialize-generic-metadata \
        -Xlinker --icf=all -Xlinker --gc-sections -Xlinker --pack-dyn-relocs=relr \
        -Xlinker --symbol-ordering-file="$order" -Xlinker --no-warn-symbol-ordering
}

build_static berth
build_static berth-runtime
ln -sfn berth bin/berth-monitor

# The networked program links the C library dynamically (it resolves names) and Swift's own statically. A scratch path of its
# own, since the static program's flags hold for a whole build.
if [ -n "${BERTH_SKIP_NET:-}" ]; then exit 0; fi
scratch=.build-net
build berth-net -Xswiftc -static-stdlib -Xswiftc -use-ld=lld -Xlinker --icf=all -Xlinker --gc-sections
