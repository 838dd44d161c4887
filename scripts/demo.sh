#!/bin/bash
# make demo: a web server, built from a Dockerfile, changed, rebuilt from the cache, in a container with limits and a published
# port; and nothing left.
set -euo pipefail
cd "$(dirname "$0")/.."

if [ "$(id -u)" != 0 ]; then echo "make demo starts containers and needs root: sudo make demo" >&2; exit 1; fi
scripts/install-packages.sh demo

export no_proxy=127.0.0.1
root=$(mktemp -d /var/tmp/berth-demo.XXXXXX)
bold= dim= plain=
if [ -t 1 ]; then bold=$'\e[1m' dim=$'\e[2m' plain=$'\e[0m'; fi

berth() { bin/berth --root "$root" "$@"; }
step() { printf '\n%s%s%s\n' "$bold" "$*" "$plain"; }
# Shows a command as a user would type it, then runs it.
run() { printf '%s$ %s%s\n' "$dim" "$*" "$plain"; "$@"; }

finish() {
    status=$?
    trap - EXIT INT TERM
    [ ! -d "$root" ] || berth system reset --force >/dev/null 2>&1 || true
    [ ! -d "$root" ] || rmdir "$root" 2>/dev/null || true
    if [ "$status" != 0 ]; then printf '\nThe demo ended early (status %s); what it had made is removed.\n' "$status" >&2; fi
    exit "$status"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

step "1. A base image of Debian's static busybox"
Tests/Support/make-busybox-image.sh "$root/busybox.tar"
run berth import "$root/busybox.tar" busybox:demo
rm "$root/busybox.tar"
run berth images

step "2. A web server, built from a Dockerfile"
site=$root/site
mkdir "$site"
cat >"$site/Dockerfile" <<'END'
FROM busybox:demo
WORKDIR /srv/www
RUN busybox | head -n 1 >server.txt
COPY index.html .
EXPOSE 80
CMD ["httpd", "-f", "-vv", "-p", "80", "-h", "/srv/www"]
END
echo '<h1>Hello from a first draft</h1>' >"$site/index.html"
cat "$site/Dockerfile"
run berth build --progress plain -t web:demo "$site"

step "3. One file changes: only its COPY is done again"
page='<h1>Hello from a container</h1>'
echo "$page" >"$site/index.html"
run berth build --progress plain -t web:demo "$site" 2>&1 | tee "$root/rebuild"
[ "$(grep -c ' CACHED' "$root/rebuild")" = 2 ] || { echo "the steps before the COPY were not taken from the cache" >&2; exit 1; }

step "4. It runs in the background: 32 MiB of memory, half a processor, a published port"
port=8080
while ss -Hltn "sport = :$port" 2>/dev/null | grep -q .; do port=$((port + 1)); done
run berth run -d --name web -m 32m --cpus 0.5 -p "$port:80" web:demo
id=$(berth ps -q --no-trunc)

step "5. The page, through the port"
for _ in 1 2 3 4 5 6 7 8 9 10; do
    curl -s -o /dev/null "http://127.0.0.1:$port/" && break
    sleep 0.1
done
[ "$(run curl -sS --fail "http://127.0.0.1:$port/" | tee /dev/stderr | tail -n 1)" = "$page" ]
run curl -sS --fail "http://127.0.0.1:$port/server.txt"

step "6. What runs"
run berth ps

step "7. The limits, as the kernel holds them"
shown= token=
for file in memory.max memory.limit_in_bytes cpu.max cpu.cfs_quota_us cpu.cfs_period_us; do
    for path in /sys/fs/cgroup/berth-*/"$id"/payload/$file /sys/fs/cgroup/*/berth-*/"$id"/payload/$file; do
        [ -e "$path" ] || continue
        printf '%-28s %s\n' "$file" "$(cat "$path")"
        shown=yes
        # The engine's own word in the names of everything it has in the kernel.
        token=${path#*/berth-}
        token=${token%%/*}
    done
done
[ -n "$shown" ] || { echo "no control group of the container was found" >&2; exit 1; }
pid=$(berth inspect web | sed -n 's/.*"Pid": *\([0-9]*\).*/\1/p' | head -n 1)
printf '%-28s %s\n' "root in the container is" "uid $(awk '{print $2}' "/proc/$pid/uid_map") here"

step "8. Its log"
run berth logs web

step "9. Stop and remove"
run berth stop web
run berth rm web
if curl -s -m 2 -o /dev/null "http://127.0.0.1:$port/"; then echo "the port still answers" >&2; exit 1; fi
echo "port $port answers no more"

step "10. Nothing is left behind"
run berth system reset --force
left=0
look() { # look WHAT COMMAND…: nothing may come of the command, within five seconds
    what=$1; shift
    for _ in $(seq 50); do
        found=$("$@" 2>/dev/null || true)
        [ -n "$found" ] || { printf '%-16s none\n' "$what"; return; }
        sleep 0.1
    done
    printf '%-16s %s\n' "$what" "$found"
    left=1
}
look mounts sh -c "findmnt -rn -o TARGET | grep -F '$root'"
look links sh -c "ip -o link | grep -F 'berth-$token'"
look "nft tables" sh -c "nft list tables | grep -F 'berth_$token'"
look "control groups" sh -c "find /sys/fs/cgroup -maxdepth 4 -name '$id'"
look processes sh -c "pgrep -af -- '$root' | grep -v pgrep"
look files sh -c "ls -d '$root'"
[ "$left" = 0 ] || exit 1
