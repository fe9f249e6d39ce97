#!/usr/bin/python3
"""Sends frames from one end of a link and says, in order, what came back to it and what came in at the other end.

usage: exchange.py [--tail N] FAR:IFACE NEAR:IFACE NAME=FRAME…

FAR and NEAR are files of network namespaces; FRAME is in hexadecimal and leaves NEAR; all differ
behind the addresses (with --tail: in their last N bytes, which are what they are known by), and the last one arrives at one of both. A line per frame: its name, what came back to NEAR,
what came in at FAR, each as hexadecimal or "-" for nothing. Bytes are the wire's: a VLAN tag that the kernel put aside is put back.
"""

import ctypes
import os
import socket
import struct
import sys
import time

ETH_P_ALL, SOL_PACKET, PACKET_AUXDATA, OUTGOING, VLAN_VALID, CLONE_NEWNET = 3, 263, 8, 4, 0x10, 0x40000000
PATIENCE, SILENCE = 5, 0.3	# seconds: for what is sent last and always comes in; for what comes behind it


def attach(where):
    """A socket on an interface of a namespace; this thread stays there."""
    path, iface = where.rsplit(":", 1)
    with open(path) as f:
        if ctypes.CDLL(None, use_errno=True).setns(f.fileno(), CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), path)
    s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
    s.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
    s.setsockopt(SOL_PACKET, 1, struct.pack("IHH8x", socket.if_nametoindex(iface), 1, 0))	# promiscuous
    s.bind((iface, ETH_P_ALL))
    return s


def receive(s):
    """One frame that came in, or None."""
    try:
        data, control, _, address = s.recvmsg(65536, 256, socket.MSG_DONTWAIT)
    except BlockingIOError:
        return None
    if address[2] == OUTGOING:
        return b""
    for level, kind, aux in control:
        if (level, kind) == (SOL_PACKET, PACKET_AUXDATA):
            status, _, _, _, _, tci, tpid = struct.unpack("IIIHHHH", aux[:20])
            if status & VLAN_VALID:
                data = data[:12] + struct.pack(">HH", tpid, tci) + data[12:]
    return data


def main():
    args, known = sys.argv[1:], slice(12, None)
    if args[0] == "--tail":
        args, known = args[2:], slice(-int(args[1]), None)
    far, near = attach(args[0]), attach(args[1])
    frames = [(name, bytes.fromhex(text)) for name, text in (arg.split("=", 1) for arg in args[2:])]
    seen = {(s, name): [] for s in (near, far) for name, _ in frames}
    for _, frame in frames:
        near.send(frame)
    # The last frame always arrives somewhere, and the ones before it did by then; what should not arrive is not waited for long.
    end, late = time.monotonic() + PATIENCE, False
    while time.monotonic() < end:
        for s in (near, far):
            got = receive(s)
            for name, frame in frames if got else ():
                # Of the same bytes behind the addresses: the kernels on both ends talk, too.
                if got[known] == frame[known]:
                    seen[s, name].append(got)
        last = frames[-1][0]
        if not late and (seen[near, last] or seen[far, last]):
            end, late = time.monotonic() + SILENCE, True
        time.sleep(0.001)
    for name, _ in frames:
        print(name, *(",".join(f.hex() for f in seen[s, name]) or "-" for s in (near, far)))


if __name__ == "__main__":
    main()
