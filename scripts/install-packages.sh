#!/bin/sh
# install-packages.sh GROUP…: installs the Debian packages of the groups that are not there yet; silent when all are.
set -eu

packages() {
    case $1 in
    build) echo libseccomp-dev libssl-dev zlib1g-dev libzstd-dev libisal-dev libc6-dev binutils ;;
    run) echo nftables ;;
    demo) echo nftables iproute2 busybox-static curl util-linux procps ;;
    test) echo nftables iproute2 busybox-static curl util-linux procps python3 strace jq skopeo umoci zstd socat iputils-ping docker-registry openssl e2fsprogs git xz-utils bzip2 groff-base zsh fish ;;
    bench) echo busybox-static iproute2 iptables util-linux crun runc podman hyperfine jq gcc libc6-dev strace python3 nftables ;;
    peers) echo docker.io containerd podman skopeo ;;
    image) echo mmdebstrap python3 ;;
    build-bench) echo buildah docker.io runc iproute2 iptables nftables busybox-static python3 ;;
    pull-bench) echo docker-registry docker.io podman skopeo mmdebstrap python3 curl time bc procps ;;
    vm) echo qemu-system-x86 busybox-static kmod e2fsprogs xz-utils cpio ;;
    *) echo "install-packages.sh: there is no group \"$1\"" >&2; exit 2 ;;
    esac
}

missing=
for group in "$@"; do
    list=$(packages "$group")
    for package in $list; do
        case " $missing " in *" $package "*) continue ;; esac
        state=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
        [ "$state" = installed ] || missing="$missing $package"
    done
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" != 0 ]; then
    echo "These packages are missing and only root can install them: sudo apt-get install$missing" >&2
    exit 1
fi

echo "Installing$missing" >&2
log=$(mktemp)
trap 'rm -f "$log"' EXIT
export DEBIAN_FRONTEND=noninteractive
# Locked by another apt: wait for it. The lists are fetched only when what is there does not do.
install="apt-get install -y -q --no-install-recommends -o DPkg::Lock::Timeout=300"
# shellcheck disable=SC2086
if ! $install $missing >"$log" 2>&1; then
    apt-get update -q >"$log" 2>&1 || true
    # shellcheck disable=SC2086
    if ! $install $missing >>"$log" 2>&1; then
        tail -n 20 "$log" >&2
        echo "apt-get could not install$missing" >&2
        exit 1
    fi
fi
