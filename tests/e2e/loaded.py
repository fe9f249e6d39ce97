#!/usr/bin/python3
"""How many programs of a name the kernel has.

usage: loaded.py NAME
"""
import ctypes
import sys

PROG_GET_NEXT_ID, PROG_GET_FD_BY_ID, OBJ_GET_INFO_BY_FD = 11, 13, 15
NR_BPF = 321
libc = ctypes.CDLL(None, use_errno=True)


class Attr(ctypes.Structure):
    _fields_ = [("a", ctypes.c_uint32), ("b", ctypes.c_uint32), ("c", ctypes.c_uint64), ("pad", ctypes.c_uint64 * 14)]


def bpf(command, attr):
    return libc.syscall(NR_BPF, command, ctypes.byref(attr), ctypes.sizeof(attr))


def name_of(fd):
    info = ctypes.create_string_buffer(256)
    attr = Attr(fd, len(info), ctypes.addressof(info))
    # behind type, id, tag, two lengths, two pointers, load time, user, number of maps and their pointer
    return info.raw[64:80].rstrip(b"\0").decode() if not bpf(OBJ_GET_INFO_BY_FD, attr) else ""


def count(match):
    """How many programs' names does it match?"""
    libc.close.argtypes = [ctypes.c_int]
    at, n = Attr(), 0
    while not bpf(PROG_GET_NEXT_ID, at):
        fd = bpf(PROG_GET_FD_BY_ID, Attr(at.b))
        if fd >= 0:
            n += bool(match(name_of(fd)))
            libc.close(fd)
        at = Attr(at.b)
    return n


if __name__ == "__main__":
    print(count(lambda name: name == sys.argv[1]))
