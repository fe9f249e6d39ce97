"""Sets of source addresses, of one element to a million: ours beside HASH (addresses) and LPM_TRIE (prefixes), each net of the same program without
the look-up, over keys of which half are members and that do not come again soon.

Also what a file of so many lines takes to compile, and what a set that lives takes to be filled. Elements are random, without repetition; prefixes
have the lengths of routing tables, most of them /24 (/48 of IPv6).
"""
import json
import os
import random
import struct
import subprocess

import classbench
from live import Refused
from scale import build

HERE = os.path.dirname(os.path.abspath(__file__))
SIZES = (1, 10, 100, 1000, 10000, 100000, 1000000)
FRAMES = 1 << 18
LENGTHS4 = ((24, 70), (32, 10), (28, 5), (23, 5), (22, 5), (20, 4), (16, 1))
LENGTHS6 = ((48, 60), (64, 15), (40, 8), (36, 5), (32, 8), (44, 4))
WANT = {("prefixes", 1000000): 1 / 10, ("addresses", 1000000): 1 / 3, ("prefixes6", 100000): 1 / 8}
WANT_SECONDS = 1.5
# name: (type of the rule file's set, lengths of prefixes, IPv6)
KINDS = {"addresses": ("ip", ((32, 1),), False), "prefixes": ("net", LENGTHS4, False), "prefixes6": ("net", LENGTHS6, True)}


def elements(kind, n, rnd):
    """@n different (address, length), addresses as numbers."""
    _, lengths, ip6 = KINDS[kind]
    bits, seen = 128 if ip6 else 32, {}
    choice, weights = [length for length, _ in lengths], [w for _, w in lengths]
    while len(seen) < n:
        for length in rnd.choices(choice, weights, k=n - len(seen)):
            # IPv6: global addresses, 2000::/3
            value = 1 << 61 | rnd.getrandbits(61) if ip6 else rnd.getrandbits(bits)
            value = value << 64 if ip6 else value
            seen[value >> bits - length << bits - length, length] = None
    return list(seen)


def address6(value):
    return "%x:%x:%x:%x::" % tuple(value >> shift & 65535 for shift in (112, 96, 80, 64))


def write_elements(path, kind, some):
    with open(path, "w") as f:
        if KINDS[kind][2]:
            f.writelines("%s/%d\n" % (address6(v), n) for v, n in some)
        elif kind == "addresses":
            f.writelines("%d.%d.%d.%d\n" % (v >> 24, v >> 16 & 255, v >> 8 & 255, v & 255) for v, _ in some)
        else:
            f.writelines("%d.%d.%d.%d/%d\n" % (v >> 24, v >> 16 & 255, v >> 8 & 255, v & 255, n) for v, n in some)


def write_keys(path, kind, some):
    """As the maps of set.c have them."""
    with open(path, "wb") as f:
        if KINDS[kind][2]:
            f.writelines(struct.pack("=I", n) + v.to_bytes(16, "big") for v, n in some)
        elif kind == "addresses":
            f.writelines(struct.pack("!I", v) for v, _ in some)
        else:
            f.writelines(struct.pack("=I", n) + struct.pack("!I", v) for v, n in some)


def write_frames(path, kind, some, rnd, n=FRAMES):
    """Half of the sources are members, the others are random: some of those are members, too."""
    ip6 = KINDS[kind][2]
    udp, bits = struct.pack("!HHHH", 50000, 50001, 8, 0), 128 if ip6 else 32
    head6 = classbench.ETHER + struct.pack("!HIHBB", 0x86dd, 6 << 28, 8, 17, 64)
    to6 = struct.pack("!IIII", 0x20010db8, 0, 0, 2) + udp
    members = rnd.choices(some, k=n // 2)

    def frames():
        for value, length in members:
            other = 1 << 125 | rnd.getrandbits(125) if ip6 else rnd.getrandbits(32)
            for source in (value | rnd.getrandbits(bits - length) if length < bits else value, other):
                yield head6 + source.to_bytes(16, "big") + to6 if ip6 else classbench.packet4(source, 0xc6336402, 17, udp)
    classbench.write_pcap(path, frames())


class Kind:
    """One kind of set, and its two programs without a look-up, which stay loaded."""

    def __init__(self, x, kind):
        self.x, self.kind = x, kind
        self.six = ["-DSIX"] if KINDS[kind][2] else []
        self.header = "ip6" if self.six else "ip4"
        with open(x.path("none.xdpf"), "w") as f:
            f.write("default drop;\ndrop if %s;\n" % self.header)
        built = build(x, "none", x.path("none.xdpf"))
        if "refused" in built:
            raise Refused(built["refused"])
        self.c("none-c")

    def c(self, name, *options):
        out = self.x.path("%s-%s.o" % (name, self.kind))
        self.x.compiler.c(os.path.join(HERE, "set.c"), out, *self.six, *options)
        return self.x.live.load(name, "c", out)

    def theirs(self, some):
        """The kernel's map, filled by our hand."""
        x, keys = self.x, self.x.path("set.keys")
        write_keys(keys, self.kind, some)
        self.c("set-c", "-DSIZE=%d" % len(some), "-DADDRESSES" if self.kind == "addresses" else "-DPREFIXES")
        x.live.do("fill", "set-c", "listed", keys)

    def ours(self, some, live=False):
        name = "live" if live else "set"
        x, path = self.x, self.x.path(name + ".xdpf")
        write_elements(x.path("set.txt"), self.kind, some)
        with open(path, "w") as f:
            f.write('default drop;\nset listed : %s%s from "set.txt";\ndrop if ip.src in listed;\n' % (
                KINDS[self.kind][0], " live size %d" % len(some) if live else ""))
        return build(x, name, path)

    def size(self, n):
        x, rnd = self.x, random.Random(n)
        some = elements(self.kind, n, rnd)
        row = {"kind": self.kind, "size": n, **self.ours(some)}
        row["live"] = self.ours(some, True)
        self.theirs(some)
        write_frames(x.path("set.pcap"), self.kind, some, rnd, 1 << 12 if x.quick else FRAMES)
        x.live.frames(x.path("set.pcap"))
        names = ["none", "none-c", "set-c"] + (["set"] if "refused" not in row else []) + (["live"] if "refused" not in row["live"] else [])
        t = x.live.xdp(*names)
        row.update(floor=t["floor"]["run"], theirs=t["set-c"]["run"], theirs_net=t["set-c"]["run"] - t["none-c"]["run"],
                   theirs_curve={what: t["set-c"][what] - t["floor"][what] for what in ("run", "cpu")})
        if "set" in t:
            row.update(ours=t["set"]["run"], ours_net=t["set"]["run"] - t["none"]["run"],
                       ours_curve={what: t["set"][what] - t["floor"][what] for what in ("run", "cpu")})
            row["ratio_net"], row["ratio_gross"] = row["ours_net"] / row["theirs_net"], row["ours"] / row["theirs"]
        if "live" in t:
            row["live"].update(net=t["live"]["run"] - t["none"]["run"], ratio_net=(t["live"]["run"] - t["none"]["run"]) / row["theirs_net"])
        x.live.unload(*names[2:])
        self.show(row)
        return row

    def reason(self):
        """Why a look-up costs more than is wanted: of the set that was compiled last."""
        done = subprocess.run([self.x.compiler.xdpfc, "--budget", "--json", self.x.path("set.xdpf")], stdout=subprocess.PIPE, text=True)
        t = json.loads(done.stdout)["sets"][0]
        return "%s, %d KB: at most %d loads that wait for each other, and what keys are this random find in no cache" % (
            t["engine"], t["bytes"] // 1024, t["reads"])

    def show(self, row):
        what = "%s %s" % (self.x.number(row["size"]), self.kind)
        theirs = "HASH" if self.kind == "addresses" else "LPM_TRIE"
        if "refused" in row:
            self.x.say("  %-16s refused: %s; %s %.1f net" % (what, row["refused"], theirs, row["theirs_net"]))
            return
        want = WANT.get((self.kind, row["size"]))
        self.x.say("  %-16s %6.1f ns net (%6.1f gross), %s %6.1f (%6.1f): net %.3f, gross %.3f%s%s   compile %.2f s %.0f MB, load %.2f s" % (
            what, row["ours_net"], row["ours"], theirs, row["theirs_net"], row["theirs"], row["ratio_net"], row["ratio_gross"],
            " (want %.3f)" % want if want else "", "  above" if want and row["ratio_net"] > want else "", row["compile_seconds"], row["megabytes"],
            row["load_seconds"]))
        if want and row["ratio_net"] > want:
            row["above"] = self.reason()
            self.x.say("  above: " + row["above"])
        if "net" in row["live"]:
            self.x.say("  %-16s %6.1f ns net, net %.3f   load %.2f s, %d instructions verified" % (
                "  the same, live", row["live"]["net"], row["live"]["ratio_net"], row["live"]["load_seconds"], row["live"]["verified"]))
        else:
            self.x.say("  %-16s refused: %s" % ("  the same, live", row["live"]["refused"]))

    def close(self):
        self.x.live.unload("none", "none-c")


def living(x, n):
    """A set that lives: what is compiled holds its elements, and the runtime fills it."""
    some = elements("prefixes", n, random.Random(n))
    write_elements(x.path("set.txt"), "prefixes", some)
    with open(x.path("live.xdpf"), "w") as f:
        f.write('default drop;\nset listed : net live size %d from "set.txt";\ndrop if ip.src in listed;\n' % n)
    row = build(x, "live", x.path("live.xdpf"))
    if "refused" in row:
        x.say("  live, %s prefixes: refused: %s" % (x.number(n), row["refused"]))
        return row
    x.say("  live, %s prefixes: compile %.2f s, load and fill %.2f s (want %.1f together)" % (
        x.number(n), row["compile_seconds"], row["load_seconds"], WANT_SECONDS))
    x.live.unload("live")
    return row


def main(x):
    x.title("sets: net of the same program without the look-up, over fresh random keys")
    result = {}
    for kind in KINDS:
        k = Kind(x, kind)
        result[kind] = [k.size(n) for n in (SIZES[:4] if x.quick else SIZES)]
        k.close()
    for kind in KINDS:
        most = result[kind][-1]
        if "compile_seconds" in most:
            x.say("  a file of %s lines, %s: compiled in %.2f s (want %.1f)" % (x.number(most["size"]), kind, most["compile_seconds"], WANT_SECONDS))
    result["live"] = living(x, 1000 if x.quick else 1000000)
    return result
