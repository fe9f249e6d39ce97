#!/usr/bin/python3
"""What runs of programs and processes, as the kernel counts it.

usage: idle.py runs SECONDS PIN...          how often the programs that are pinned there ran, each, in so many seconds from now on: the kernel counts
       idle.py runs-of COMMAND -- PIN...    the same, while a shell command runs. The pin of a link is its program
       idle.py left COMMAND...               runs it; how many processes it left behind, whoever is their parent then
"""
import ctypes
import os
import subprocess
import sys
import time

import loaded

OBJ_GET, ENABLE_STATS, PR_SET_CHILD_SUBREAPER = 7, 32, 36


def info_of(fd):
    info = ctypes.create_string_buffer(256)
    if loaded.bpf(loaded.OBJ_GET_INFO_BY_FD, loaded.Attr(fd, len(info), ctypes.addressof(info))):
        sys.exit("no program: %s" % os.strerror(ctypes.get_errno()))
    return info.raw


def number(raw, at, size=4):
    return int.from_bytes(raw[at:at + size], sys.byteorder)


def open_program(pin):
    path = ctypes.create_string_buffer(pin.encode())
    fd = loaded.bpf(OBJ_GET, loaded.Attr(*divmod(ctypes.addressof(path), 1 << 32)[::-1]))
    if fd < 0:
        sys.exit("%s: %s" % (pin, os.strerror(ctypes.get_errno())))
    if "link" in os.readlink("/proc/self/fd/%d" % fd):
        fd = loaded.bpf(loaded.PROG_GET_FD_BY_ID, loaded.Attr(number(info_of(fd), 8)))
    return fd


def counted(pins, wait):
    programs = [open_program(p) for p in pins]
    fd = loaded.bpf(ENABLE_STATS, loaded.Attr(0))
    if fd < 0:
        sys.exit("the kernel does not count runs: %s" % os.strerror(ctypes.get_errno()))
    before = [number(info_of(p), 200, 8) for p in programs]
    wait()
    print(" ".join(str(number(info_of(p), 200, 8) - b) for p, b in zip(programs, before)))


def left(command):
    loaded.libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    done = subprocess.run(command, check=False, stdout=subprocess.DEVNULL)
    n = 0
    # what is left of it is our child now
    for pid in os.listdir("/proc"):
        try:
            with open("/proc/%s/stat" % pid, encoding="latin-1") as f:
                n += int(f.read().rpartition(")")[2].split()[1]) == os.getpid()
        except (OSError, ValueError):
            pass
    print(done.returncode, n)


if sys.argv[1] == "runs":
    counted(sys.argv[3:], lambda: time.sleep(float(sys.argv[2])))
elif sys.argv[1] == "runs-of":
    counted(sys.argv[4:], lambda: subprocess.run(sys.argv[2], shell=True, check=True, stdout=subprocess.DEVNULL))
else:
    left(sys.argv[2:])
