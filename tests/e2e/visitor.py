#!/usr/bin/python3
"""One datagram to port 9 out of xe1, from an address that none before had, which is noted in FILE.

usage: visitor.py FILE
"""
import socket
import struct
import sys
import time

with open(sys.argv[1], "r+", encoding="ascii") as f:
    n = len(f.read().split()) + 1
    address = "10.200.%d.%d" % divmod(n, 250)
    f.write(address + "\n")
ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 46, 0, 0, 64, 17, 0, socket.inet_aton(address), socket.inet_aton("10.99.0.1"))
with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as s:
    s.bind(("xe1", 0))
    s.send(b"\xff" * 6 + b"\2\0\0\0\0\1" + b"\x08\0" + ip + struct.pack(">HHHH", 9, 9, 26, 0) + bytes(18))
time.sleep(0.03)    # until it is looked at
