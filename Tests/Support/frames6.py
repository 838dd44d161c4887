#!/usr/bin/env python3
"""frames6.py send INTERFACE DST_MAC SRC_MAC (udp SRC DST | ra SRC DST | na SRC DST TARGET)   three crafted IPv6 frames
frames6.py send INTERFACE DST_MAC SRC_MAC end SRC DST   tells the counter that all were sent
frames6.py count INTERFACE (udp | ra | na)   prints READY, then how many arrived before the end"""
import socket, struct, sys, time


def mac(text): return bytes(int(p, 16) for p in text.split(":"))
def ip(text): return socket.inet_pton(socket.AF_INET6, text)


def checksum(data):
    if len(data) % 2: data += b"\0"
    s = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    while s >> 16: s = (s & 0xFFFF) + (s >> 16)
    return ~s & 0xFFFF


def packet(proto, src, dst, body, at, hops):
    pseudo = ip(src) + ip(dst) + struct.pack("!IxxxB", len(body), proto)
    body = body[:at] + struct.pack("!H", checksum(pseudo + body)) + body[at + 2:]
    return struct.pack("!IHBB", 6 << 28, len(body), proto, hops) + ip(src) + ip(dst) + body


def send(a):
    interface, dst, src, kind, rest = a[0], mac(a[1]), mac(a[2]), a[3], a[4:]
    if kind in ("udp", "end"):
        p = packet(17, rest[0], rest[1], struct.pack("!HHHH", 4000, 999 if kind == "udp" else 998, 13, 0) + b"spoof", 6, 64)
    elif kind == "ra": p = packet(58, rest[0], rest[1], struct.pack("!BBHBBHII", 134, 0, 0, 64, 0, 1800, 0, 0), 2, 255)
    else: p = packet(58, rest[0], rest[1], struct.pack("!BBHI", 136, 0, 0, 0x60000000) + ip(rest[2]), 2, 255)
    s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW); s.bind((interface, 0))
    for _ in range(3): s.send(dst + src + b"\x86\xdd" + p)


def count(a):
    s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x86DD)); s.bind((a[0], 0))
    wanted = {"udp": lambda p: p[6] == 17 and p[42:44] == b"\x03\xe7", "ra": lambda p: p[6] == 58 and p[40] == 134,
              "na": lambda p: p[6] == 58 and p[40] == 136}[a[1]]
    print("READY", flush=True)
    n, limit, ended = 0, time.monotonic() + 120, False
    while True:
        # A frame sent before the end's may wait on another core: so much quiet comes after it.
        s.settimeout(0.3 if ended else max(0.001, limit - time.monotonic()))
        try: f, where = s.recvfrom(2000)
        except OSError: break
        if where[2] == socket.PACKET_OUTGOING: continue
        n += wanted(f[14:])
        ended = ended or (f[20] == 17 and f[56:58] == b"\x03\xe6")
        if not ended and time.monotonic() > limit: break
    print(n if ended else "no end after %d" % n)


{"send": send, "count": count}[sys.argv[1]](sys.argv[2:])
