#!/usr/bin/python3
"""Lists of addresses that take turns, and traffic that asks for them.

usage: generations.py lists DIR TYPE N     writes DIR/even.txt and DIR/odd.txt: N addresses (ip) or prefixes (net) each, half of them in both
       generations.py send B STOP          sends from namespace B on xe1 until the file STOP is there; prints how many packets
       generations.py run ID STOP          runs the program in the kernel over the same packets, over and over
"""
import ctypes
import os
import random
import socket
import struct
import sys

STAYS, EVEN, ODD = "10.0.0.1", "10.0.0.2", "10.0.0.3"
BPF_PROG_TEST_RUN, BPF_PROG_GET_FD_BY_ID, SYS_BPF = 10, 13, {"x86_64": 321, "aarch64": 280}[os.uname().machine]


def lists(folder, kind, n):
    r = random.Random(7)
    some = [socket.inet_ntoa(struct.pack("!I", v << 8 if kind == "net" else v)) + ("/24" if kind == "net" else "")
            for v in r.sample(range(11 << 16, 223 << 16), 3 * n // 2)]
    half = n // 2
    for name, mine, rest in (("even", EVEN, some[:half - 2]), ("odd", ODD, some[half:2 * half - 2])):
        all_ = [STAYS, mine] + rest + some[2 * half:]
        r.shuffle(all_)
        with open(os.path.join(folder, name + ".txt"), "w") as f:
            f.writelines(a + "\n" for a in all_)


def frame(src, dst):
    udp = struct.pack("!HHHH", 7, 7, 8, 0)
    return bytes.fromhex("0200000000010200000000020800") + struct.pack("!BBHHHBBH4s4s", 0x45, 0, 28, 0, 0, 64, 17, 0, socket.inet_aton(src),
                                                                    socket.inet_aton(dst)) + udp


FRAMES = frame(STAYS, "198.51.100.1"), frame(EVEN, ODD)


def send(namespace, stop):
    with open(namespace) as f:
        ctypes.CDLL(None, use_errno=True).setns(f.fileno(), 0)
    s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    s.bind(("xe1", 0))
    n = 0
    while not os.path.exists(stop):
        for _ in range(200):
            for f in FRAMES:
                try:
                    s.send(f)
                    n += 1
                except OSError:
                    pass
    print(n)


def bpf(command, attr):
    got = ctypes.CDLL(None, use_errno=True).syscall(SYS_BPF, command, attr, len(attr))
    if got < 0:
        raise OSError(ctypes.get_errno(), "bpf(%d)" % command)
    return got


def run(number, stop):
    fd = bpf(BPF_PROG_GET_FD_BY_ID, ctypes.create_string_buffer(struct.pack("=III", number, 0, 0), 12))
    data = [ctypes.create_string_buffer(f + bytes(64 - len(f)), 64) for f in FRAMES]
    while not os.path.exists(stop):
        for d in data:
            bpf(BPF_PROG_TEST_RUN, ctypes.create_string_buffer(struct.pack("=IIIIQQII", fd, 0, 64, 0, ctypes.addressof(d), 0, 20000, 0), 48))


if __name__ == "__main__":
    what, args = sys.argv[1], sys.argv[2:]
    if what == "lists":
        lists(args[0], args[1], int(args[2]))
    elif what == "send":
        send(*args)
    else:
        run(int(args[0]), args[1])
