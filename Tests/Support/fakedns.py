#!/usr/bin/env python3
"""fakedns.py ADDRESS MODE: a name server on port 53, UDP and TCP. Every name has the address 192.0.2.7 and a long text.
MODE plain; fail (SERVFAIL); silent; wrong (answers with a wrong number and question first, then rightly); junk (random bytes).
Prints each name it is asked for."""
import os, socket, struct, sys, threading

address, mode = sys.argv[1], sys.argv[2]


def answer(q, tcp):
    end = 12
    labels = []
    while q[end]:
        labels.append(q[end + 1:end + 1 + q[end]].decode("latin1")); end += q[end] + 1
    question = q[12:end + 5]
    kind = struct.unpack("!H", question[-4:-2])[0]
    print(".".join(labels), flush=True)
    if mode == "fail": return q[:2] + b"\x81\x82" + q[4:6] + b"\0\0\0\0\0\0" + question
    records = []
    if kind == 1: records = [b"\xc0\x0c" + struct.pack("!HHIH", 1, 1, 60, 4) + bytes([192, 0, 2, 7])]
    if kind == 16: records = [b"\xc0\x0c" + struct.pack("!HHIH", 16, 1, 60, 201) + b"\xc8" + b"x" * 200 for _ in range(10)]
    body = b"".join(records)
    if not tcp and len(body) > 400:
        return q[:2] + b"\x83\x80" + q[4:6] + b"\0\0\0\0\0\0" + question
    return q[:2] + b"\x81\x80" + q[4:6] + struct.pack("!HHH", len(records), 0, 0) + question + body


def stream():
    while True:
        c, _ = s.accept()
        n = struct.unpack("!H", c.recv(2))[0]
        a = answer(c.recv(n), True)
        c.sendall(struct.pack("!H", len(a)) + a); c.close()


# Both are there once the datagram socket is.
s = socket.create_server((address, 53))
u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
u.bind((address, 53))
threading.Thread(target=stream, daemon=True).start()
while True:
    q, peer = u.recvfrom(4096)
    if mode == "silent": answer(q, False); continue
    if mode == "junk": u.sendto(os.urandom(60), peer); u.sendto(q[:2] + b"\xff" * 40, peer); answer(q, False); continue
    if mode == "wrong":
        u.sendto(bytes([q[0] ^ 1]) + answer(q, False)[1:], peer)
        bad = bytearray(answer(q, False)); bad[13] ^= 1
        u.sendto(bytes(bad), peer)
    u.sendto(answer(q, False), peer)
