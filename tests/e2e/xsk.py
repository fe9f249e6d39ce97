#!/usr/bin/python3
"""AF_XDP sockets in copy mode, one on each of some receive queues, put into a filter's map of sockets; sends frames and says what the sockets got.

usage: xsk.py FROM:IFACE AT:IFACE MAP QUEUE[,QUEUE…] -- NAME=FRAME…

FROM and AT are files of network namespaces; MAP is the map's id; FRAME is in hexadecimal, at most 64 of them; they
differ behind the addresses, and one comes to a socket. A line per frame: its name, the queues whose sockets got it (once for each time), or "-", and what stood right in front of it in memory: 8 bytes of metadata.
"""

import ctypes
import mmap
import os
import socket
import struct
import sys
import time

sys.dont_write_bytecode = True
import exchange

# linux/if_xdp.h, linux/bpf.h
AF_XDP, SOL_XDP, COPY = 44, 283, 1 << 1
MMAP_OFFSETS, RX_RING, UMEM_REG, FILL_RING, COMPLETION_RING = 1, 2, 4, 5, 6
PGOFF_RX, PGOFF_FILL = 0, 0x100000000
SYS_BPF, MAP_UPDATE_ELEM, MAP_GET_FD_BY_ID = 321, 2, 14
RING, CHUNK = 64, 4096		# frames of a ring; bytes of a frame
libc = ctypes.CDLL(None, use_errno=True)


def check(result, what):
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), what)
    return result


def bpf(command, attributes):
    attr = ctypes.create_string_buffer(attributes, 128)
    return check(libc.syscall(SYS_BPF, command, attr, len(attr)), "bpf")


class Ring:
    """Indices and places of one ring that the kernel shares."""

    def __init__(self, s, option, offset, places, width):
        s.setsockopt(SOL_XDP, option, RING)
        self.producer, self.consumer, self.places, _ = places
        self.width = width
        self.memory = mmap.mmap(s.fileno(), self.places + RING * width, flags=mmap.MAP_SHARED | mmap.MAP_POPULATE, offset=offset)

    def index(self, at):
        return struct.unpack_from("I", self.memory, at)[0]

    def place(self, index):
        return self.places + index % RING * self.width


class Xsk:
    def __init__(self, iface, queue):
        self.queue = queue
        self.socket = s = socket.socket(AF_XDP, socket.SOCK_RAW, 0)
        self.umem = mmap.mmap(-1, RING * CHUNK)
        start = ctypes.addressof(ctypes.c_char.from_buffer(self.umem))
        s.setsockopt(SOL_XDP, UMEM_REG, struct.pack("QQIII4x", start, len(self.umem), CHUNK, 0, 0))
        # Producer, consumer, places and flags of each of: RX, TX, fill, completion.
        where = struct.unpack("16Q", s.getsockopt(SOL_XDP, MMAP_OFFSETS, 128))
        self.fill = Ring(s, FILL_RING, PGOFF_FILL, where[8:12], 8)
        s.setsockopt(SOL_XDP, COMPLETION_RING, RING)
        self.rx = Ring(s, RX_RING, PGOFF_RX, where[0:4], 16)
        for i in range(RING):
            struct.pack_into("Q", self.fill.memory, self.fill.place(i), i * CHUNK)
        struct.pack_into("I", self.fill.memory, self.fill.producer, RING)
        address = struct.pack("HHIII", AF_XDP, COPY, socket.if_nametoindex(iface), queue, 0)
        check(libc.bind(s.fileno(), address, len(address)), "bind to queue %d" % queue)

    def receive(self):
        """The metadata and the bytes of each frame that came; there are no more than the ring has room for."""
        at, end = self.rx.index(self.rx.consumer), self.rx.index(self.rx.producer)
        while at != end:
            start, length, _ = struct.unpack_from("QII", self.rx.memory, self.rx.place(at))
            yield bytes(self.umem[start - 8:start]), bytes(self.umem[start:start + length])
            at += 1
        struct.pack_into("I", self.rx.memory, self.rx.consumer, at)


def main():
    sender, (path, iface), number = exchange.attach(sys.argv[1]), sys.argv[2].rsplit(":", 1), int(sys.argv[3])
    queues = [int(q) for q in sys.argv[4].split(",")]
    frames = [(name, bytes.fromhex(text)) for name, text in (arg.split("=", 1) for arg in sys.argv[6:])]
    exchange.attach("%s:%s" % (path, iface)).close()	# this thread stays in that namespace
    sockets = [Xsk(iface, queue) for queue in queues]
    fd = bpf(MAP_GET_FD_BY_ID, struct.pack("I", number))
    for s in sockets:
        key, value = ctypes.c_uint32(s.queue), ctypes.c_uint32(s.socket.fileno())
        bpf(MAP_UPDATE_ELEM, struct.pack("I4xQQQ", fd, ctypes.addressof(key), ctypes.addressof(value), 0))
    seen, fronts = {name: [] for name, _ in frames}, {}
    for _, frame in frames:
        sender.send(frame)
    end = time.monotonic() + exchange.PATIENCE
    while time.monotonic() < end:
        for s in sockets:
            for front, got in s.receive():
                for name, frame in frames:
                    if got[12:] == frame[12:]:
                        seen[name].append(str(s.queue))
                        fronts[name] = front
                end = time.monotonic() + exchange.SILENCE
        time.sleep(0.001)
    for name, _ in frames:
        print(name, ",".join(seen[name]) or "-", fronts[name].hex() if name in fronts else "-")


if __name__ == "__main__":
    main()
