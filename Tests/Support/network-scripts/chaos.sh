# kill -9 at random: monitors, and network commands; 50 starts, 10 flushes, 5 removals at once.
make_host
RANDOM=${BERTH_TEST_SEED:-$$}; echo "BERTH_TEST_SEED=${BERTH_TEST_SEED:-$$}"
b network create --ipv6 app >/dev/null
start live --network app -p 8080:80; serve live 80 web-live
clean() { # LABEL: nothing of the dead is left after the next command
    b ps >/dev/null
    same "$1: nothing to find" "the networks are as they should be" "$(b network check)"
    same "$1: one record" 1 "$(ls "$R/run/network/endpoints" | wc -l)"
    same "$1: no half of a record" "" "$(find "$R" -name "*.tmp" -path "*/network/*")"
    same "$1: one container's addresses" 2 "$(ls "$R/run/network/addresses/app" | grep -vc last)"
    holds "$1: the living one answers" "^web-live" "$(from outside ask 2001:db8:1::1 8080)"
}
count=$(times 12)
for i in $(seq $count); do
    b run -d --name "m$i" --network app -p "$((9000 + i)):80" base sleep 1000 >/dev/null 2>&1 || fail "start m$i"
done
for i in $(seq $count); do kill -9 "$(awk '/PPid/ {print $2}' /proc/$(pid "m$i")/status)"; done
clean "$count killed monitors"
b ps -aq | while read -r id; do [ "$(b inspect "$id" | sed -n 's/^ *"Name": "\/\(m[0-9]*\)",$/\1/p')" ] && b rm -f "$id" >/dev/null; done
# Commands killed at random instructions.
for i in $(seq $(times 25)); do
    nsenter --net="/run/netns/$N-h" "$BERTH" --root "$R" network create --ipv6 "n$((i % 4))" </dev/null >/dev/null 2>&1 & p1=$!
    nsenter --net="/run/netns/$N-h" "$BERTH" --root "$R" network rm "n$(((i + 1) % 4))" </dev/null >/dev/null 2>&1 & p2=$!
    nsenter --net="/run/netns/$N-h" "$BERTH" --root "$R" network connect "n$(((i + 2) % 4))" live </dev/null >/dev/null 2>&1 & p3=$!
    nsenter --net="/run/netns/$N-h" "$BERTH" --root "$R" network disconnect "n$(((i + 3) % 4))" live </dev/null >/dev/null 2>&1 & p4=$!
    sleep "0.0$(printf %02d $((RANDOM % 60)))"
    for p in $p1 $p2 $p3 $p4; do [ $((RANDOM % 3)) = 0 ] || kill -9 $p 2>/dev/null; done
    wait $p1 $p2 $p3 $p4 2>/dev/null
done
# The next command finds what the killed left half done: a network that is not listed has no trace of the container.
b ps >/dev/null
same "killed commands: nothing to find" "the networks are as they should be" "$(b network check)"
same "each place in a network has its link" "$(from live ip -o link | grep -c ' eth')" "$(b inspect live | python3 -c 'import json,sys; print(len(json.load(sys.stdin)[0]["NetworkSettings"]["Networks"]))')"
same "and its line in /etc/hosts" "$(inside live cat /etc/hosts | grep -c "$(inside live hostname)")" "$(($(from live ip -o link | grep -c ' eth') * 2))"
for i in 0 1 2 3; do b network disconnect --force "n$i" live >/dev/null 2>&1; done
for i in 0 1 2 3; do b network rm --force "n$i" 2>&1 | grep -v "^n$i$"; done
same "the networks are gone" "app bridge host none" "$(b network ls --format '{{.Name}}' | tr '\n' ' ' | sed 's/ $//')"
clean "killed commands"
soon "no bridge of theirs" sh -c "[ \$(ip -n $N-h -o link show type bridge | wc -l) = 1 ]"
# All at once.
for i in 1 2 3 4 5; do b network create "r$i" >/dev/null; done
all=()
for i in $(seq 50); do { b run --rm --network app -p "$((9000 + i)):80" base true >"$T/s$i" 2>&1 || echo "FAILED" >>"$T/s$i"; } & all+=($!); done
for i in $(seq 10); do host nft flush ruleset; sleep 0.1; done & all+=($!)
for i in 1 2 3 4 5; do b network rm "r$i" >"$T/r$i" 2>&1 & all+=($!); done
wait "${all[@]}"
same "50 starts end well" "" "$(cat $T/s* | grep -v WARNING | head -3)"
same "5 removals too" "r1 r2 r3 r4 r5" "$(cat $T/r? | tr '\n' ' ' | sed 's/ $//')"
clean "all at once"
b rm -f live >/dev/null
leaves_nothing
