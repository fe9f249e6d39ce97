#!/usr/bin/python3
"""Constant sets by every engine that takes them: the kernel says of each frame what the evaluator says, which has no tables.

usage: engines.py --xdpfc XDPFC --xdpf XDPF [--only NAME] [--seed S]

A set, with one engine, is one test. The frames have keys at the sets' boundaries, one beside them, and random ones near to and far from them. An engine that
does not take a set must say so, and why; each must take some.
"""

import argparse
import ipaddress
import os
import random
import struct
import sys
import tempfile

sys.dont_write_bytecode = True
import corpus
import diff

ENGINES = ("bits", "search", "hash", "pages", "bounds", "trie", "dir24", "quotient")
FRAMES = 1500
SIZE = {"ip4": 32, "net4": 32, "ip6": 128, "net6": 128, "port": 16, "ttl": 8, "mac": 48}


def show(kind, lo, hi):
    if kind in ("port", "ttl"):
        return str(lo) if lo == hi else "%d-%d" % (lo, hi)
    if kind == "mac":
        return ":".join("%02x" % b for b in lo.to_bytes(6, "big"))
    address = ipaddress.IPv4Address if kind.endswith("4") else ipaddress.IPv6Address
    if lo == hi:
        return str(address(lo))
    nets = list(ipaddress.summarize_address_range(address(lo), address(hi)))
    return str(nets[0]) if len(nets) == 1 else "%s-%s" % (address(lo), address(hi))


def frame(key):
    """KEY: fields by name; the rest is of no matter."""
    six = any(k[-1] == "6" for k in key)
    size = 16 if six else 4
    ends = [key.get(end, 1).to_bytes(size, "big") for end in ("src6" if six else "src4", "dst6" if six else "dst4")]
    udp = struct.pack("!HHHH", key.get("sport", 7), key.get("dport", 9), 8, 0)
    if six:
        head = struct.pack("!IHBB", 6 << 28, 8, 17, key.get("ttl", 64))
    else:
        head = struct.pack("!BBHHHBBH", 0x45, 0, 28, 0, 0, key.get("ttl", 64), 17, 0)
    return bytes(6) + key.get("mac", 1).to_bytes(6, "big") + (b"\x86\xdd" if six else b"\x08\x00") + head + ends[0] + ends[1] + udp


# What a component of a key is: its kind, the frame's field, how a rule names it.
FIELDS = {"src4": ("net4", "ip4.src"), "dst4": ("net4", "ip4.dst"), "src6": ("net6", "ip6.src"), "dst6": ("net6", "ip6.dst"),
          "sport": ("port", "udp.sport"), "dport": ("port", "udp.dport"), "ttl": ("ttl", "ip.ttl"), "mac": ("mac", "eth.src")}


def prefix(r, bits, lengths, near=None, keep=0):
    length = r.choice(lengths)
    v = r.getrandbits(bits)
    if near is not None:
        v = near >> (bits - keep) << (bits - keep) | v & ((1 << (bits - keep)) - 1)
    host = (1 << (bits - length)) - 1
    return v & ~host, v | host


def nets(n, bits, lengths, crowd=None):
    def make(r):
        top = [r.getrandbits(bits) for _ in range(5)]
        return [(prefix(r, bits, lengths, crowd and r.choice(top), crowd or 0),) for _ in range(n)]
    return make


def edges(bits):
    def make(r):
        top = (1 << bits) - 1
        return [((0, 0),), ((top, top),), ((top - 9, top - 5),), ((3, 8),), ((9, 12),)] + [prefix_pair for prefix_pair in nets(20, bits, [bits])(r)]
    return make


def alternate(bits, n):
    """Every other number of a run."""
    def make(r):
        at = r.getrandbits(bits) >> 12 << 12
        return [((at + 2 * i, at + 2 * i),) for i in range(n)]
    return make


def product(*makes):
    def make(r):
        return [sum(parts, ()) for parts in zip(*(m(r) for m in makes))]
    return make


ALL4, ALL6 = list(range(8, 33)), list(range(16, 129))
CASES = {
    "ports": (["dport"], nets(40, 16, list(range(9, 17)))),
    "port-edges": (["dport"], edges(16)),
    "ttl": (["ttl"], nets(30, 8, [7, 8])),
    "mac": (["mac"], nets(70, 48, [48])),
    "hosts4": (["src4"], nets(900, 32, [32])),
    "many-hosts4": (["src4"], nets(12000, 32, [32])),
    "most-hosts4": (["src4"], nets(520000, 32, [32])),
    "edges4": (["src4"], edges(32)),
    "all4": (["src4"], lambda r: [((0, 0xffffffff),)]),
    "few4": (["src4"], nets(25, 32, ALL4)),
    "nets4": (["src4"], nets(700, 32, ALL4)),
    "crowd4": (["src4"], nets(2500, 32, list(range(20, 33)), 14)),
    "many4": (["dst4"], nets(12000, 32, list(range(16, 33)))),
    "alternate4": (["src4"], alternate(32, 700)),
    "hosts6": (["src6"], nets(800, 128, [128])),
    "edges6": (["src6"], edges(128)),
    "few6": (["src6"], nets(25, 128, ALL6)),
    "nets6": (["src6"], nets(1500, 128, ALL6)),
    "crowd6": (["src6"], nets(1500, 128, ALL6[36:], 40)),
    "alternate6": (["dst6"], alternate(128, 300)),
    "pairs4": (["src4", "dport"], product(nets(500, 32, [32], 26), nets(500, 16, [16], 12))),
    "pairs6": (["src6", "dport"], product(nets(400, 128, [128], 122), nets(400, 16, [16], 12))),
    "net-port4": (["src4", "dport"], product(nets(400, 32, ALL4, 8), nets(400, 16, [16], 13))),
    "net-port6": (["src6", "dport"], product(nets(400, 128, ALL6, 16), nets(400, 16, [16], 13))),
    "both-nets": (["src4", "dst4"], product(nets(300, 32, [32], 26), nets(300, 32, ALL4, 8))),
    "four": (["src6", "dst6", "sport", "dport"], product(nets(200, 128, [128], 124), nets(200, 128, [128], 124), nets(200, 16, [16], 14),
                                                       nets(200, 16, [16], 14))),
    "four-net": (["src6", "dst6", "sport", "dport"], product(nets(200, 128, [128], 124), nets(200, 128, ALL6, 16), nets(200, 16, [16], 15),
                                                           nets(200, 16, [16], 15))),
}
# So large that all other engines would take their time: by what is chosen for it.
LARGE = ("most-hosts4",)


class Case:
    def __init__(self, fields, elements, seed):
        r = random.Random(seed)
        self.fields, self.bits = fields, [SIZE[FIELDS[f][0]] for f in fields]
        self.elements = elements(r)
        self.frames = [frame(k) for k in self.keys(r)]
        self.names = ["frame %d" % i for i in range(len(self.frames))]

    def keys(self, r):
        picked = self.elements if len(self.elements) < FRAMES // 8 else r.sample(self.elements, FRAMES // 8)
        for e in picked:
            for _ in range(4):
                # one component moved by one from an end of its range, or anywhere; the others in theirs
                key = [r.choice((lo, hi, r.randint(lo, hi))) for lo, hi in e]
                at = r.randrange(len(key))
                key[at] += r.choice((-1, 0, 0, 1))
                if r.random() < 0.15:
                    key[at] = r.getrandbits(self.bits[at])
                yield {f: v % (1 << bits) for f, v, bits in zip(self.fields, key, self.bits)}
            other = r.choice(self.elements)
            yield {f: r.choice((e, other))[i][0] for i, f in enumerate(self.fields)}
        for v in (0, -1):
            yield {f: v % (1 << bits) for f, bits in zip(self.fields, self.bits)}
        for _ in range(FRAMES // 8):
            yield {f: r.getrandbits(bits) for f, bits in zip(self.fields, self.bits)}

    def text(self):
        kinds = [FIELDS[f][0] for f in self.fields]
        shown = [[show(k, lo, hi) for k, (lo, hi) in zip(kinds, e)] for e in self.elements]
        operand = ", ".join(FIELDS[f][1] for f in self.fields)
        if len(kinds) > 1:
            return "drop if (%s) in { %s };\n" % (operand, ", ".join("(%s)" % ", ".join(e) for e in shown))
        return "drop if %s in { %s };\n" % (operand, ", ".join(e[0] for e in shown))


def check(name, case, args, tmp, tally, took):
    capture, rules, prog = (os.path.join(tmp, name + end) for end in (".pcap", ".xdpf", ".o"))
    corpus.write_pcap(capture, case.frames)
    with open(rules, "w") as f:
        f.write(case.text())
    evaluator = diff.run(args.xdpfc, "--json", "--run", capture, rules)
    if evaluator.returncode:
        tally.fail("%s: %s" % (name, evaluator.stderr.strip()))
        return
    said = evaluator.stdout.count('"drop"')
    if not len(case.frames) // 20 < said or (said > len(case.frames) * 19 // 20 and name != "all4"):
        tally.fail("%s: %d of %d frames are in the set: this says little" % (name, said, len(case.frames)))
    for engine in (None,) + (ENGINES if name not in LARGE else ()):
        compiled = diff.run(args.xdpfc, "--quiet", *(["--set-engine=" + engine] if engine else []), rules, "-o", prog)
        if compiled.returncode == 1 and engine and "cannot be a table of the engine " + engine in compiled.stderr and "remedy" in compiled.stderr:
            continue
        if compiled.returncode:
            tally.fail("%s, %s: %s" % (name, engine, compiled.stderr.strip()))
            continue
        took[engine] = took.get(engine, 0) + 1
        diff.compare("%s, %s" % (name, engine), evaluator, diff.run(args.xdpf, "run", "--json", prog, capture), case, tally)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--xdpfc", required=True)
    parser.add_argument("--xdpf", required=True)
    parser.add_argument("--only")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    tally, took = diff.Tally(), {}
    refused = corpus.kernel_refuses(args.xdpfc, args.xdpf)
    if refused:
        print("skipped: engines: the kernel: " + refused)
        return 77
    with tempfile.TemporaryDirectory() as tmp:
        for name, (fields, elements) in CASES.items():
            if not args.only or args.only == name:
                check(name, Case(fields, elements, "%s %d" % (name, args.seed)), args, tmp, tally, took)
    for engine in ENGINES if not args.only else ():
        if took.get(engine, 0) < 3:
            tally.fail("%s took %d sets" % (engine, took.get(engine, 0)))
    print("%d passed, %d failed, %d skipped" % (tally.passed, tally.failed, tally.skipped))
    return 1 if tally.failed else 0


if __name__ == "__main__":
    sys.exit(main())
