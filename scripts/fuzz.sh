#!/bin/sh
# Runs every fuzz target, as many at a time as there are processors. What made one crash stays in .build-fuzz/.
#   FUZZ_SECONDS=N  for each target (600)     FUZZ_TARGETS="A B"  only these
set -eu
cd "$(dirname "$0")/.."

scripts/require-swift.sh
scripts/install-packages.sh build
swift build --product berth-fuzz -c release --scratch-path .build-fuzz >/dev/null
program=$PWD/.build-fuzz/release/berth-fuzz
seconds=${FUZZ_SECONDS:-600}
cd .build-fuzz
# shellcheck disable=SC2086
printf '%s\n' ${FUZZ_TARGETS:-$("$program")} | xargs -P "$(nproc)" -I{} "$program" {} "$seconds"
