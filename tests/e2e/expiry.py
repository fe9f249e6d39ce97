#!/usr/bin/python3
"""How long an address is in a set: asks every other millisecond, and says whether that agrees with a time-out to 100 ms.

usage: expiry.py FROM TO ADDRESS ASK SECONDS ADD
       expiry.py FROM TO ADDRESS ASK SECONDS -- COMMAND…

FROM and TO are files of network namespaces; ADDRESS is TO's. UDP from FROM to port ASK is dropped as long as FROM's address is in the set, which is
for SECONDS; a datagram to port ADD, or the command, adds it. Prints "exact", or what was wrong.
"""

import ctypes
import os
import socket
import struct
import subprocess
import sys
import time

CLONE_NEWNET, EXACT, STEP, TRIES = 0x40000000, 0.1, 0.002, 5


def enter(path):
    """This thread stays there."""
    with open(path) as f:
        if ctypes.CDLL(None, use_errno=True).setns(f.fileno(), CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), path)


def bound(port):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind(("", port))
    s.settimeout(5)
    return s


def asked(sender, receiver, where, seconds, add):
    """(before, after, arrived) of each datagram, and from when to when it was added; seconds since then."""
    before = time.monotonic()
    add()
    after = time.monotonic()
    asks = []
    while time.monotonic() < after + seconds + 3 * EXACT:
        start = time.monotonic()
        sender.sendto(struct.pack("I", len(asks)), where)
        asks.append((start, time.monotonic()))
        time.sleep(STEP)
    arrived = set()
    receiver.settimeout(0.2)
    try:
        while True:
            arrived.add(struct.unpack("I", receiver.recv(16))[0])
    except socket.timeout:
        pass
    return [(a, b, i in arrived) for i, (a, b) in enumerate(asks)], before, after


def judge(asks, before, after, seconds):
    """None where this process was away when it mattered."""
    early = [(b, came) for a, b, came in asks if b < before + seconds - EXACT]
    late = [(a, came) for a, b, came in asks if a > after + seconds]
    if not early or not late or early[-1][0] < before + seconds - 2 * EXACT or late[0][0] > after + seconds + EXACT:
        return None
    for at, came in early:
        if came:
            return "no more in the set after %.3f s" % (at - after)
    for at, came in late:
        if not came:
            return "still in the set after %.3f s" % (at - before)
    return "exact"


def main():
    here, there, address, ask, seconds = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]), float(sys.argv[5])
    enter(there)
    receiver = bound(ask)
    if sys.argv[6] == "--":
        add = lambda: subprocess.run(sys.argv[7:], check=True, stdout=subprocess.DEVNULL)
    else:
        told, port = bound(int(sys.argv[6])), int(sys.argv[6])
        def add():
            sender.sendto(b"", (address, port))
            told.recv(16)
    enter(here)
    sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    said = None
    for _ in range(TRIES):
        said = judge(*asked(sender, receiver, (address, ask), seconds, add), seconds)
        if said:
            break
    print(said or "this machine is too busy to tell")


if __name__ == "__main__":
    main()
