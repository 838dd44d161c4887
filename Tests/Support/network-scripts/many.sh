# Many containers on one network, each reachable by name and address over both families, then removed without a trace.
# COUNT=1000 for the whole measure.
count=${COUNT:-$(times 30)}
make_host
b network create --ipv6 --subnet 10.77.0.0/16 --subnet fd00:77::/64 app >/dev/null
begin=$(date +%s%N)
for lane in 1 2 3 4; do
    ( for i in $(seq $lane 4 $count); do b run -d --name "c$i" --network app base httpd -f -p 80 -h /var/www >/dev/null || echo "FAILED c$i"; done ) >"$T/lane$lane" 2>&1 &
    lanes[$lane]=$!
done
for lane in 1 2 3 4; do wait ${lanes[$lane]}; done
echo "started $count in $(( ($(date +%s%N) - begin) / 1000000 )) ms"
same "all started" "" "$(cat $T/lane? | head -3)"
start probe --network app
cat >"$T/all.py" <<'P'
import socket, struct, sys, random, time
count = int(sys.argv[1])
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.connect(("127.0.0.11", 53)); s.settimeout(20)
def ask(name, kind):
    q = struct.pack("!HHHHHH", random.getrandbits(16), 0x100, 1, 0, 0, 0) + bytes([len(name)]) + name.encode() + b"\0" + struct.pack("!HH", kind, 1)
    s.send(q); m = s.recv(512); size = 4 if kind == 1 else 16
    assert m[7] == 1, name
    return socket.inet_ntop(socket.AF_INET if kind == 1 else socket.AF_INET6, m[-size:])
seen, begin = set(), time.time()
for i in range(1, count + 1):
    for kind in (1, 28):
        a = ask("c%d" % i, kind); seen.add(a)
        c = socket.create_connection((a, 80), 20); c.sendall(b"GET / HTTP/1.0\r\n\r\n")
        assert c.recv(100).startswith(b"HTTP/1"), a
        c.close()
print("different addresses", len(seen), "all asked in %.1f s" % (time.time() - begin))
P
holds "each by name and address, over both families" "different addresses $((2 * count)) " "$(from probe "python3 $T/all.py $count" 2>&1 | tee "$T/said")"; cat "$T/said"
echo "queries a second, 99th percentile in ms: $(from probe "python3 $DNSASK flood 3 c7")"
begin=$(date +%s%N)
b network check | tail -3
echo "checked in $(( ($(date +%s%N) - begin) / 1000000 )) ms"
begin=$(date +%s%N)
seq -f c%g $count | timeout 400 xargs -n 50 -P 4 nsenter --net="/run/netns/$N-h" "$BERTH" --root "$R" rm -f >/dev/null
echo "removed in $(( ($(date +%s%N) - begin) / 1000000 )) ms"
b rm -f probe >/dev/null
same "no record is left" 0 "$(ls "$R/run/network/endpoints" | wc -l)"
same "no name" 0 "$(ls "$R/run/network/names/app" | wc -l)"
soon "no link" sh -c "! ip -n $N-h -o link | grep -q ' v'"
leaves_nothing
