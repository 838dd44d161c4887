#!/bin/bash
# make-registry-image.sh OUT: an OCI layout (tag "latest") of a real distribution in five gzip layers, some 600 MB unpacked:
# Debian's minimal system and four layers of packages on it. Made once; another call finds it there.
set -euo pipefail
out=$1
[ -e "$out/oci-layout" ] && exit 0
here=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$here/scripts/install-packages.sh" image

echo "Making the benchmark's image (some minutes, once) …" >&2
mmdebstrap --quiet --variant=minbase bookworm "$work/layer1.tar"

# Debian's own packages, unpacked: real files of real sizes.
packages() {
    case $1 in
    2) echo python3.11-minimal libpython3.11-minimal libpython3.11-stdlib python3-numpy python3-scipy python3-pip python3-setuptools ;;
    3) echo gcc-12 cpp-12 g++-12 libgcc-12-dev libstdc++-12-dev binutils-x86-64-linux-gnu libc6-dev linux-libc-dev ;;
    4) echo perl-modules-5.36 libperl5.36 git git-man vim-runtime vim-common emacs-common emacs-el ;;
    5) echo nodejs libnode108 npm node-typescript libicu72 golang-1.19-src ;;
    esac
}
for layer in 2 3 4 5; do
    mkdir -p "$work/debs$layer" "$work/root$layer"
    # shellcheck disable=SC2046
    (cd "$work/debs$layer" && for package in $(packages $layer); do apt-get download -q "$package" >/dev/null 2>&1 || echo "no $package" >&2; done)
    for deb in "$work/debs$layer"/*.deb; do dpkg-deb -x "$deb" "$work/root$layer"; done
    # As Debian merges them: a layer must not make a directory where the base has a link.
    for name in bin sbin lib lib32 lib64 libx32; do
        if [ -d "$work/root$layer/$name" ]; then
            mkdir -p "$work/root$layer/usr/$name" && cp -a "$work/root$layer/$name/." "$work/root$layer/usr/$name/" && rm -rf "${work:?}/root$layer/$name"
        fi
    done
    tar -C "$work/root$layer" --sort=name --format=posix --numeric-owner --owner=0 --group=0 -cf "$work/layer$layer.tar" .
    rm -rf "$work/root$layer" "$work/debs$layer"
done
python3 "$here/Tests/Support/make-oci-layout.py" "$out.new" "$work"/layer[1-5].tar --cmd /bin/bash >/dev/null
mv "$out.new" "$out"
du -sh "$out" >&2
ls -l "$work"/layer*.tar >&2
