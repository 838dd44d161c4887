#!/usr/bin/env python3
"""echo.py PORT NAME         answers TCP connections and UDP datagrams of both families with the name and the client's address
echo.py ask ADDRESS PORT     prints what a TCP server says
echo.py ask_udp ADDRESS PORT prints what a UDP server says
echo.py try|try_udp ADDRESS PORT   the same where nobody is expected to answer: waits less long"""
import select, socket, sys


def plain(address): return address[7:] if address.startswith("::ffff:") else address


def main(a):
    if a[0] in ("ask", "ask_udp", "try", "try_udp"):
        family = socket.AF_INET6 if ":" in a[1] else socket.AF_INET
        s = socket.socket(family, socket.SOCK_DGRAM if "udp" in a[0] else socket.SOCK_STREAM)
        s.settimeout(1.5 if a[0].startswith("try") else 20)
        try:
            s.connect((a[1], int(a[2])))
            if "udp" in a[0]: s.send(b"hello")
            else: s.shutdown(socket.SHUT_WR)
            print(s.recv(200).decode().strip())
        except OSError:
            pass
        return
    port, name = int(a[0]), a[1]
    tcp = socket.create_server(("", port), family=socket.AF_INET6, dualstack_ipv6=True, backlog=512)
    udp = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    udp.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    udp.bind(("", port))
    while True:
        for s in select.select([tcp, udp], [], [])[0]:
            if s is tcp:
                c, peer = tcp.accept()
                c.sendall((name + " " + plain(peer[0]) + "\n").encode())
                c.close()
            else:
                _, peer = udp.recvfrom(1000)
                udp.sendto((name + " " + plain(peer[0]) + "\n").encode(), peer)


main(sys.argv[1:])
