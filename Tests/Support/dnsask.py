#!/usr/bin/env python3
"""dnsask.py NAME TYPE [udp|tcp] [SERVER]   prints the code and the sorted answers (TC when cut)
dnsask.py flood SECONDS NAME                 asks as fast as it can, prints queries a second and the 99th percentile in ms
dnsask.py hostile                            sends broken messages, prints how many were answered"""
import os, random, select, socket, struct, sys, time

KINDS = {"A": 1, "AAAA": 28, "PTR": 12, "TXT": 16, "ANY": 255, "MX": 15}


def query(name, kind, number=None):
    q = struct.pack("!HHHHHH", random.getrandbits(16) if number is None else number, 0x100, 1, 0, 0, 0)
    for label in name.split("."): q += bytes([len(label)]) + label.encode()
    return q + b"\0" + struct.pack("!HH", kind, 1)


def read(m):
    code, cut, count, at = m[3] & 15, m[2] & 2, struct.unpack("!H", m[6:8])[0], 12
    def name(at):
        out, jumped = [], None
        while m[at]:
            if m[at] >= 0xC0:
                jumped = jumped or at + 2; at = (m[at] & 63) << 8 | m[at + 1]; continue
            out.append(m[at + 1:at + 1 + m[at]].decode()); at += m[at] + 1
        return ".".join(out), jumped or at + 1
    if m[5]: _, at = name(at); at += 4
    result = []
    for _ in range(count):
        _, at = name(at)
        kind, _, _, size = struct.unpack("!HHIH", m[at:at + 10]); at += 10
        data = m[at:at + size]
        result.append(socket.inet_ntop(socket.AF_INET, data) if kind == 1 else socket.inet_ntop(socket.AF_INET6, data) if kind == 28 else name(at)[0] if kind == 12 else str(size))
        at += size
    return " ".join([{0: "ok", 1: "format", 2: "fail", 3: "none", 4: "not-implemented", 5: "refused"}[code]] + (["TC"] if cut else []) + sorted(result))


def main(a):
    server = a[3] if len(a) > 3 and a[0] not in ("flood", "hostile") else "127.0.0.11"
    if a[0] == "flood":
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.connect((server, 53)); s.settimeout(2)
        end, times, window, sent = time.time() + float(a[1]), [], {}, 0
        n = 0
        while time.time() < end:
            while len(window) < 8:
                n = (n + 1) & 0xFFFF
                s.send(query(a[2], 1, n)); window[n] = time.perf_counter()
            m = s.recv(512); k = struct.unpack("!H", m[:2])[0]
            if k in window: times.append(time.perf_counter() - window.pop(k))
        times.sort()
        print(int(len(times) / float(a[1])), "%.3f" % (times[int(len(times) * .99)] * 1000)); return
    if a[0] == "hostile":
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.connect((server, 53))
        good = query("aa", 1); answered = 0
        cases = [b"", b"\0", good[:11], good[:-1], good + b"\0" * 4000, b"\xff" * 12, b"\0" * 600, good[:2] + b"\x81\x80" + good[4:],
                 good[:4] + b"\xff\xff" + good[6:], good[:12] + b"\xc0\x0c\0\1\0\1", good[:12] + b"\x3f" * 300, good[:2] + b"\x28\0" + good[4:]]
        cases += [os.urandom(random.randrange(1, 700)) for _ in range(3000)]
        for i in range(3000):
            m = bytearray(good); m[random.randrange(len(m))] = random.getrandbits(8); cases.append(bytes(m))
        for c in cases:
            s.send(c)
            while select.select([s], [], [], 0)[0]: s.recv(4096); answered += 1
        for _ in range(40):
            t = socket.create_connection((server, 53), 1) if False else None
        print(answered > 0); return
    q = query(a[0], KINDS[a[1]])
    if len(a) > 2 and a[2] == "tcp":
        s = socket.create_connection((server, 53), 3); s.settimeout(6); s.sendall(struct.pack("!H", len(q)) + q)
        n = struct.unpack("!H", s.recv(2))[0]; m = b""
        while len(m) < n: m += s.recv(n - len(m))
    else:
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.settimeout(9); s.connect((server, 53)); s.send(q)
        try: m = s.recv(4096)
        except OSError: print("nothing"); return
    print(read(m) if m[:2] == q[:2] else "another's answer")


main(sys.argv[1:])
