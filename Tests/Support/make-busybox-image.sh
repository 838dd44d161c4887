#!/bin/sh
# make-busybox-image.sh OUT.tar: a root file system of Debian's static busybox, ready for `berth import`.
#
# It has every applet as a symbolic link, users root, www (uid 1000) and nobody, a writable /tmp, a page in /var/www, and
# the same bytes each time.
set -eu

case $1 in /*) out=$1 ;; *) out=$PWD/$1 ;; esac
busybox=$(command -v busybox) || { echo "busybox is missing: apt-get install busybox-static" >&2; exit 1; }
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
chmod 755 "$root"
umask 022

cd "$root"
mkdir -p bin dev etc home/www proc root run sys tmp usr/bin usr/sbin sbin var/log var/tmp var/www
chmod 1777 tmp var/tmp
chmod 700 root
cp "$busybox" bin/busybox
chmod 755 bin/busybox
for applet in $("$busybox" --list); do
    [ -e "bin/$applet" ] || ln -s busybox "bin/$applet"
done
cat >etc/passwd <<'END'
root:x:0:0:root:/root:/bin/sh
www:x:1000:1000:www:/home/www:/bin/sh
nobody:x:65534:65534:nobody:/:/bin/false
END
cat >etc/group <<'END'
root:x:0:
tty:x:5:
www:x:1000:
extra:x:2000:www
nogroup:x:65534:
END
echo 'Hello from a Berth container.' >var/www/index.html
echo 'of the image' >etc/origin
find . -exec touch -h -d @1700000000 {} +

tar --sort=name --format=gnu --owner=0 --group=0 --numeric-owner -cf "$out.new.$$" \
    --exclude=./home/www . 
tar --sort=name --format=gnu --owner=1000 --group=1000 --numeric-owner -rf "$out.new.$$" ./home/www
mv "$out.new.$$" "$out"
