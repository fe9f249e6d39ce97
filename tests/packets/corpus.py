"""One capture out of many: every different frame of the captures at hand, of the packet tests, of the field tests' generator, and mutants of
all of them from a fixed seed. What comes in is named, so that a difference can be found again."""

import glob
import os
import random
import struct
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))


def read_pcap(path):
    """The frames of a capture of Ethernet frames; none of others."""
    with open(path, "rb") as f:
        data = f.read()
    order = {b"\xd4\xc3\xb2\xa1": "<", b"\x4d\x3c\xb2\xa1": "<", b"\xa1\xb2\xc3\xd4": ">", b"\xa1\xb2\x3c\x4d": ">"}.get(data[:4])
    if not order or struct.unpack(order + "I", data[20:24])[0] & 0xffff != 1:
        return
    at = 24
    while at + 16 <= len(data):
        size = struct.unpack(order + "I", data[at + 8:at + 12])[0]
        at += 16
        if at + size > len(data):
            return
        yield data[at:at + size]
        at += size


START = 1700000000 * 10 ** 9


def write_pcap(path, frames, times=None):
    """TIMES: of each frame, in ns; else they are a second apart."""
    with open(path, "wb") as f:
        f.write(struct.pack("<IHHiIII", 0xa1b23c4d, 2, 4, 0, 0, 262144, 1))
        for i, data in enumerate(frames):
            now = times[i] if times else START + i * 10 ** 9
            f.write(struct.pack("<IIII", now // 10 ** 9, now % 10 ** 9, len(data), len(data)) + data)


def times(n, seed):
    """Of N frames: some at once, some seconds apart, and now and then the clock goes back."""
    rnd, now = random.Random(seed), START
    for _ in range(n):
        now += rnd.choice((0, 0, rnd.randrange(1000), rnd.randrange(10 ** 6), rnd.randrange(10 ** 8), rnd.randrange(10 ** 8), rnd.randrange(10 ** 10)))
        if rnd.random() < 0.005:
            now -= rnd.choice((1, rnd.randrange(10 ** 9), rnd.randrange(10 ** 11)))
        yield now


def kernel_refuses(xdpfc, xdpf):
    """Why the kernel takes no program at all here, or None: what it says of the smallest one."""
    with tempfile.TemporaryDirectory() as tmp:
        rules, prog, capture = (os.path.join(tmp, name) for name in ("probe.xdpf", "probe.o", "probe.pcap"))
        with open(rules, "w") as f:
            f.write("default drop;\n")
        write_pcap(capture, [bytes(14)])
        subprocess.run([xdpfc, "--quiet", rules, "-o", prog], check=True)
        probe = subprocess.run([xdpf, "run", prog, capture], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        return (probe.stderr.strip().splitlines() or ["refused"])[-1] if probe.returncode == 3 else None


def mutants(frames, n, seed):
    """Cut off, with bytes, lengths or types changed: mostly in the headers, where it matters."""
    rnd = random.Random(seed)
    telling = [0, 1, 4, 5, 6, 17, 33, 43, 44, 47, 50, 51, 58, 59, 60, 132, 135, 136, 0x45, 0x46, 0x4f, 0x60, 0x08, 0x81, 0x86, 0xdd, 0xff]
    frames = [f for f in frames if 14 <= len(f) <= 2000]
    for _ in range(n if frames else 0):
        b = bytearray(rnd.choice(frames))
        for _ in range(rnd.choice((0, 1, 1, 2, 4))):
            at = rnd.randrange(12, min(len(b), 110)) if len(b) > 14 else rnd.randrange(len(b))
            b[at] = rnd.choice((rnd.choice(telling), rnd.getrandbits(8), b[at] ^ 1 << rnd.randrange(8)))
        if rnd.random() < 0.4:
            b = b[:rnd.randrange(14, len(b) + 1)]
        if rnd.random() < 0.1:
            b += bytes(rnd.randrange(1, 30))
        yield bytes(b)


class Corpus:
    """.frames, and .names: where each comes from. .skipped: what was not there."""

    def __init__(self, n_mutants, seed):
        self.frames, self.names, self.skipped, self.seen = [], [], [], set()
        data = os.environ.get("XDPF_DATA") or os.path.join(os.path.dirname(ROOT), "shared")
        for folder in (os.path.join(data, "data", "pcap"), os.path.join(ROOT, "tests", "captures")):
            captures = sorted(glob.glob(os.path.join(folder, "*.pcap")))
            if not captures:
                self.skipped.append("%s: no captures there" % folder)
            for path in captures:
                self.add(os.path.basename(path), read_pcap(path))
        try:
            import frames
            import run
            for path in sorted(glob.glob(os.path.join(HERE, "*.xdpf")) + glob.glob(os.path.join(ROOT, "examples", "*.xdpf"))):
                self.add(os.path.basename(path), run.Test(path, frames).frames)
            sys.path.insert(0, os.path.join(ROOT, "tests", "fields"))
            import generate
            self.add("generated", generate.all())
        except ImportError as e:
            self.skipped.append("the frames of the packet tests: %s" % e)
        self.add("mutants of seed %d" % seed, list(mutants(self.frames, n_mutants, seed)))

    def add(self, name, frames):
        for i, f in enumerate(frames, 1):
            if f not in self.seen:
                self.seen.add(f)
                self.frames.append(f)
                self.names.append("%s:%d" % (name, i))
