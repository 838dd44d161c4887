#!/usr/bin/env python3
"""Sends crafted frames and counts arriving ones, for tests of spoofing.

frames.py send INTERFACE DST_MAC SRC_MAC tcp SRC_IP DST_IP DST_PORT   a TCP SYN
frames.py send INTERFACE DST_MAC SRC_MAC udp SRC_IP DST_IP DST_PORT   a UDP datagram "spoof"
frames.py send INTERFACE DST_MAC SRC_MAC vlan SRC_IP DST_IP DST_PORT  the UDP datagram with a tag of VLAN 0
frames.py send INTERFACE DST_MAC SRC_MAC arp INNER_MAC SRC_IP DST_IP  an ARP reply
frames.py send INTERFACE DST_MAC SRC_MAC raw ETHERTYPE_HEX            some other protocol
frames.py count INTERFACE (syn PORT | udp PORT | arp SRC_IP | type ETHERTYPE_HEX)   prints READY, then at SIGTERM a number
frames.py serve PORT NAME   answers each UDP datagram with the name and the client's address
"""
import signal, socket, struct, sys


def mac(text): return bytes(int(p, 16) for p in text.split(":"))
def ip(text): return socket.inet_aton(text)


def checksum(data):
    if len(data) % 2: data += b"\0"
    s = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    while s >> 16: s = (s & 0xFFFF) + (s >> 16)
    return ~s & 0xFFFF


def ipv4(proto, src, dst, body):
    head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(body), 7, 0, 64, proto, 0, ip(src), ip(dst))
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + body


def transport(proto, src, dst, port):
    if proto == 6: body = struct.pack("!HHIIBBHHH", 40000, port, 1, 0, 0x50, 2, 1024, 0, 0)
    else: body = struct.pack("!HHHH", 40000, port, 13, 0) + b"spoof"
    pseudo = ip(src) + ip(dst) + struct.pack("!BBH", 0, proto, len(body))
    at = 16 if proto == 6 else 6
    return body[:at] + struct.pack("!H", checksum(pseudo + body)) + body[at + 2:]


def send(a):
    interface, dst, src, kind, rest = a[0], mac(a[1]), mac(a[2]), a[3], a[4:]
    if kind in ("tcp", "udp"):
        proto = 6 if kind == "tcp" else 17
        frame = dst + src + b"\x08\x00" + ipv4(proto, rest[0], rest[1], transport(proto, rest[0], rest[1], int(rest[2])))
    elif kind == "vlan":
        inner = ipv4(17, rest[0], rest[1], transport(17, rest[0], rest[1], int(rest[2])))
        frame = dst + src + b"\x81\x00\x00\x00\x08\x00" + inner
    elif kind == "arp":
        frame = dst + src + b"\x08\x06" + struct.pack("!HHBBH", 1, 0x800, 6, 4, 2) + mac(rest[0]) + ip(rest[1]) + dst + ip(rest[2])
    else:
        frame = dst + src + bytes.fromhex(rest[0]) + b"\0" * 60
    s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    s.bind((interface, 0))
    for _ in range(3): s.send(frame)


def count(a):
    interface, kind, what = a
    s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
    s.bind((interface, 0))
    ending = []
    signal.signal(signal.SIGTERM, lambda *_: ending.append(1))
    print("READY", flush=True)
    n = 0
    s.settimeout(0.1)
    while True:
        # After the signal: what is there or on its way, which a busy core may delay.
        if ending: s.settimeout(0.7)
        try: f, address = s.recvfrom(65536)
        except (TimeoutError, socket.timeout):
            if s.gettimeout() > 0.5: break
            continue
        if address[2] == socket.PACKET_OUTGOING: continue
        type_ = f[12:14]
        if kind == "type": n += type_ == bytes.fromhex(what)
        elif kind == "arp": n += type_ == b"\x08\x06" and f[28:32] == ip(what)
        elif type_ == b"\x08\x00":
            proto, port = f[23], struct.unpack("!H", f[36:38])[0]
            if kind == "syn": n += proto == 6 and port == int(what) and f[47] & 0x12 == 2
            else: n += proto == 17 and port == int(what)
    print(n, flush=True)


def serve(a):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind(("", int(a[0])))
    while True:
        _, client = s.recvfrom(65536)
        s.sendto(f"{a[1]} {client[0]}\n".encode(), client)


{"send": send, "count": count, "serve": serve}[sys.argv[1]](sys.argv[2:])
