#!/bin/bash
# Installs what the tests need, builds bin/, runs every test, and looks whether the suite left anything on the machine.
#   BERTH_TEST_SCALE=N  counts of repeated and random tests     BERTH_SKIP_VM=1  no boot of the virtual machine
set -euo pipefail
cd "$(dirname "$0")/.."

if [ "$(id -u)" != 0 ]; then echo "make test starts containers and needs root: sudo make test" >&2; exit 1; fi
export BERTH_TEST_SCALE=${BERTH_TEST_SCALE:-1}
export PATH=$PATH:/usr/sbin:/sbin

scripts/require-swift.sh
scripts/install-packages.sh build run test
scripts/install-packages.sh peers || echo "Tests with real Docker, Podman and containerd are skipped: they cannot be installed here."
scripts/build.sh

before=$(mktemp) after=$(mktemp)
trap 'rm -f "$before" "$after"' EXIT
scripts/leftovers.sh >"$before"

mkdir -p .build-fixtures
Tests/Support/make-busybox-image.sh .build-fixtures/busybox.tar

echo "Building the tests …"
swift build --build-tests --scratch-path .build-test >.build-fixtures/build.log 2>&1 || {
    grep -aE '(error|warning):' -A 3 .build-fixtures/build.log | awk '!seen[$0]++' >&2
    exit 1
}

# Alone, before the suite: the emulated machine takes both cores.
if [ -n "${BERTH_SKIP_VM:-}" ]; then
    echo "The smoke set on pure cgroup v2 is skipped: BERTH_SKIP_VM is set."
elif ! scripts/install-packages.sh vm; then
    echo "The smoke set on pure cgroup v2 is skipped: QEMU cannot be installed here."
else
    echo "The smoke set on pure cgroup v2, in a virtual machine …"
    Tests/Support/cgroup2-vm.sh -t 900 -x 1G -- Tests/Support/smoke.sh bin/berth .build-fixtures/busybox.tar
fi

echo "Tests with BERTH_TEST_SCALE=$BERTH_TEST_SCALE …"
status=0
swift test --skip-build --scratch-path .build-test || status=$?

# Links of dead namespaces go in bulk, a little later.
for _ in $(seq 50); do
    scripts/leftovers.sh >"$after"
    left=$(comm -13 "$before" "$after")
    [ -n "$left" ] || break
    sleep 0.1
done
if [ -n "$left" ]; then
    printf 'Left behind by the tests:\n%s\n' "$left" >&2
    exit 1
fi
echo "Nothing is left behind: no mount, link, table, control group, process or claim."
exit "$status"
