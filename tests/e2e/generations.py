#!/usr/bin/python3
"""Lists of addresses that take turns, and traffic that asks for them.

usage: generations.py lists DIR TYPE N     writes DIR/even.txt and DIR/odd.txt: N addresses (ip) or prefixes (net) each, half of them in both
       generations.py send B STOP          sends from namespace B on xe1 until the file STOP is there; prints how many packets
       generations.py run ID STOP          runs the program in the kernel over the same packets, over and over
       generations.py takes DIR N          writes DIR/taken.txt, N addresses and the one that stays, and DIR/other.txt, of others
       generations.py take ID STOP         runs it over packets that take the first ones out, one after the other, and that ask for all that are;
                                           prints how many, and "yes" where they were asked for
       generations.py ask ID ADDRESS...    for each, whether a packet from there is dropped: 1 or 0
"""
import ctypes
import os
import random
import socket
import struct
import sys

XDP_DROP = 1
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


def frame(src, dst, port=7):
    udp = struct.pack("!HHHH", 7, port, 8, 0)
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


class Program:
    def __init__(self, number):
        self.fd = bpf(BPF_PROG_GET_FD_BY_ID, ctypes.create_string_buffer(struct.pack("=III", number, 0, 0), 12))

    def run(self, frame_, times):
        data = ctypes.create_string_buffer(frame_ + bytes(64 - len(frame_)), 64)
        attr = ctypes.create_string_buffer(struct.pack("=IIIIQQII", self.fd, 0, 64, 0, ctypes.addressof(data), 0, times, 0), 48)
        bpf(BPF_PROG_TEST_RUN, attr)
        return struct.unpack_from("=I", attr, 4)[0]


def run(number, stop):
    program = Program(number)
    while not os.path.exists(stop):
        for f in FRAMES:
            program.run(f, 20000)


def taken(i):
    return "10.%d.%d.%d" % (1 + (i >> 16), i >> 8 & 255, i & 255)


def takes(folder, n):
    for name, some in (("taken", [STAYS] + [taken(i) for i in range(n)]), ("other", ["11" + taken(i)[2:] for i in range(n)])):
        with open(os.path.join(folder, name + ".txt"), "w") as f:
            f.writelines(a + "\n" for a in some)


def take(number, stop, most=4000):
    program, n, asked, r = Program(number), 0, set(), random.Random(7)
    while not os.path.exists(stop):
        if n < most:
            program.run(frame(taken(n), STAYS, 9), 1)
            n += 1
        # the last ones, which may have gone while a snapshot was made without knowing it, and any
        for i in [*range(max(0, n - 5), n), *(r.randrange(n) for _ in range(15))]:
            program.run(frame(taken(i), STAYS), 20)
            asked.add(i)
        program.run(FRAMES[0], 50)
    print(n, "yes" if len(asked) > n // 2 else "no")


if __name__ == "__main__":
    what, args = sys.argv[1], sys.argv[2:]
    if what == "lists":
        lists(args[0], args[1], int(args[2]))
    elif what == "send":
        send(*args)
    elif what == "takes":
        takes(args[0], int(args[1]))
    elif what == "ask":
        print(*(int(Program(int(args[0])).run(frame(a, STAYS), 1) == XDP_DROP) for a in args[1:]))
    elif what == "take":
        take(int(args[0]), args[1])
    else:
        run(int(args[0]), args[1])
