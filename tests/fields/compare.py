#!/usr/bin/python3
"""Compares the value of every field in every frame with what tshark says (theirs.py); the expected values are never ours.

usage: compare.py FIELDVALS [--random N] [--seed S] [--xdpfc XDPFC [--rules N]]

Captures: data/pcap of the folder in the environment variable XDPF_DATA (default: shared, beside the project), tests/captures, the
frames of generate.py, and random ones, as many as --random says (1000), of the seed that is printed. With --xdpfc random rules over these, too: what
tshark says of each frame is the judge of which frames a rule drops (judged.py); a rule is one test.
Prints per field how many values were compared, and each difference that EXPLAINED has no reason for. A field is one test: it passes if
there is no such difference, and its value was seen. Exit status: 0, 1 if a field failed, 77 if tshark is not there.
"""

import argparse
import collections
import glob
import os
import random
import shutil
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path[1:1] = [os.path.join(ROOT, "tests", d) for d in ("differential", "packets")]
import cases
import corpus
import judged
import theirs

# Differences that are right, as narrow as they can be said: capture's name or "*", field's name, a condition on (frame of theirs, our
# value, their value, whether a side finds the frame broken), and why.
def not_ethernet_ipv4(frame, ours, expected, broken):
    return ours is None and [frame.first("arp." + f, "arp") for f in ("hw.type", "proto.type", "hw.size", "proto.size")] != [1, 0x800, 6, 4]


def behind_ipv4(frame, ours, expected, broken):
    return "ip" in frame.outer and not set(frame.outer).isdisjoint(theirs.EXTENSIONS - {"ah"})


def behind_mobility(frame, ours, expected, broken):
    return "mipv6" in frame.outer and frame.first("mip6.proto", "mipv6") != 59


def stopped(frame, ours, expected, broken):
    return expected is None and frame.stopped()


OF_CHAIN = ("ip.proto", "ip.fragment", "ip.fragment.first")
EXPLAINED = [
    ("*", name, not_ethernet_ipv4, "ARP not of Ethernet and IPv4: tshark shows each address whose own type and length fit")
    for name in ("arp.sha", "arp.spa", "arp.tha", "arp.tpa")
] + [
    ("*", name, behind_ipv4, "tshark walks extension headers of IPv6 behind IPv4 too") for name in ("ip.proto", "frag.nexthdr", "frag.offset", "frag.more", "frag.id")
] + [
    ("*", name, lambda frame, ours, expected, broken: expected is None and frame.first("igmp.type", "igmp") not in (0x11, 0x12, 0x16, 0x17),
     "IGMP of a type that tshark takes apart otherwise")
    for name in ("igmp.code", "igmp.checksum")
] + [
    ("*", name, lambda frame, ours, expected, broken: ours is None and 62 in frame.nexts(), "next header 62 is mobility for tshark, too")
    for name in ("mh.nexthdr", "mh.len", "mh.type", "mh.checksum")
] + [
    ("*", "igmp.group", lambda frame, ours, expected, broken: ours is None and frame.first("igmp.type", "igmp") == 0x22,
     "tshark shows the groups in the records of an IGMPv3 report"),
    ("*", "ip4.len", lambda frame, ours, expected, broken: ours == 0 and broken,
     "tshark takes a total length of 0 for segmentation offload and shows what it should be"),
] + [
    ("*", name, lambda frame, ours, expected, broken: broken, "broken frame, the walk ends elsewhere") for name in OF_CHAIN
] + [
    ("*", name, lambda frame, ours, expected, broken: frame.stopped(), "tshark shows nothing of the next header that it names") for name in OF_CHAIN
] + [
    ("*", name, lambda frame, ours, expected, broken: frame.outer.count("ipv6.fraghdr") > 1, "several fragment headers: ours is what all of them say")
    for name in ("ip.fragment", "ip.fragment.first")
] + [
    ("*", "*", lambda frame, ours, expected, broken: ours is None and behind_ipv4(frame, ours, expected, broken),
     "tshark walks extension headers of IPv6 behind IPv4 too"),
    ("*", "*", lambda frame, ours, expected, broken: frame.outer[-1:] == ["igmp"] and "ipv6" in frame.outer and None in (ours, expected),
     "IGMP over IPv6, which no standard has"),
    ("*", "icmp6.id", lambda frame, ours, expected, broken: ours is None and frame.first("icmpv6.type", "icmpv6") in (160, 161),
     "ICMPv6 extended echo: identifier and an 8-bit sequence number, not the layout of echo"),
    ("*", "gre.key", lambda frame, ours, expected, broken: expected is None and frame.first("gre.flags.version", "gre") == 1,
     "GRE of version 1: tshark shows a length and a call in the key's place"),
    ("*", "gre.checksum", lambda frame, ours, expected, broken: ours is None and frame.first("gre.flags.routing", "gre") == 1,
     "GRE with routes, of RFC 1701 only: tshark shows a checksum that no bit says"),
    ("*", "*", lambda frame, ours, expected, broken: expected is None and 1500 < (ours or 0) < 1536 and frame.outer == ["eth"],
     "a number that is no length and no type: tshark shows neither"),
    ("*", "*", behind_mobility, "tshark shows a mobility header that has something behind it in the place of its chain"),
    ("*", "*", stopped, "tshark shows nothing of the next header that it names"),
    ("*", "*", lambda frame, ours, expected, broken: frame.any("eth.type", "eth.len") in theirs.OLD_TAGS, "a type that tshark takes for a tag"),
    ("*", "arp.tpa", lambda frame, ours, expected, broken: frame.first("arp.opcode", "arp") == 7, "DRARP: tshark shows an error in the place of the address"),
    ("*", "icmp.id",
     lambda frame, ours, expected, broken: frame.first("icmp.type", "icmp") in (42, 43) and ours is None,
     "ICMP extended echo: identifier and an 8-bit sequence number, not the layout of echo"),
    ("icmp-icmp_print-oobr-1.pcap", "pkt.len", lambda frame, ours, expected, broken: ours < expected,
     "libpcap cuts frames at the file's snapshot length"),
]


class Ours:
    """Frames as fieldvals prints them."""

    def __init__(self, fieldvals, *capture):
        out = subprocess.run([fieldvals, *capture], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.status, self.message = out.returncode, out.stderr.strip()
        lines = [line.split("\t") for line in out.stdout.splitlines()]
        self.types = lines[2][2:]
        self.fields = [theirs.Field(name, tshark, header) for name, tshark, header in zip(lines[0][2:], lines[1][2:], lines[3][2:])]
        self.frames = [(int(n), m == "1", [None if v == "-" else int(v, 16) for v in values]) for n, m, *values in lines[4:]]


class Tally:
    def __init__(self):
        self.compared, self.unknown, self.broken = collections.Counter(), collections.Counter(), collections.Counter()
        self.explained, self.wrong, self.frames, self.skipped = collections.Counter(), {}, 0, 0
        self.inner = collections.Counter()
        self.rules_passed = self.rules_failed = 0

    def rule(self, text, complaint):
        self.rules_passed, self.rules_failed = self.rules_passed + (not complaint), self.rules_failed + bool(complaint)
        if complaint:
            print("FAILED: %s: %s" % (text, complaint))

    def skip(self, why):
        print("skipped: fields: " + why)
        self.skipped += 1


def explanation(capture, field, frame, ours, expected, broken):
    for where, name, condition, why in EXPLAINED:
        if where in ("*", capture) and name in ("*", field.name) and condition(frame, ours, expected, broken):
            return why
    return None


def compare(fieldvals, path, tally):
    capture = os.path.basename(path)
    ours = Ours(fieldvals, path)
    if ours.status:
        if ours.status == 3:
            tally.skip(ours.message)
            return
        raise RuntimeError(ours.message)
    known = [(i, f) for i, f in enumerate(ours.fields) if f.known]
    frames = list(theirs.frames(path, ours.fields))
    if len(frames) != len(ours.frames):
        raise RuntimeError("%s: %d frames, but tshark has %d" % (capture, len(ours.frames), len(frames)))
    for (number, malformed, values), frame in zip(ours.frames, frames):
        tally.frames += 1
        broken = ("both" if frame.malformed else "ours") if malformed else "theirs" if frame.malformed else None
        if broken:
            tally.broken[(capture, broken)] += 1
        for i, field in known:
            expected = field.expected(frame)
            if expected is theirs.UNKNOWN:
                tally.unknown[field.name] += 1
                continue
            if field.shown(values[i]) == expected:
                tally.compared[field.name] += expected is not None
                continue
            # How far a broken frame is taken apart is a matter of taste; a value that both have is not.
            if broken and (values[i] is None or expected is None):
                tally.explained["broken frame, the field is absent on one side"] += 1
                continue
            why = explanation(capture, field, frame, values[i], expected, bool(broken))
            if why:
                tally.explained[why] += 1
            else:
                tally.wrong.setdefault(field.name, []).append("%s:%d: %s is %s, but %s for tshark (%s)" % (
                    capture, number, field.name, values[i], expected, ":".join(frame.protocols)))


# Inside a tunnel only what tshark shows once per header, with nothing of ours to derive it by.
INNER = {"ip4": "ip", "ip6": "ipv6", "tcp": "tcp", "udp": "udp", "icmp": "icmp", "icmp6": "icmpv6", "eth": "eth"}
NEEDED = ("ip4.src", "ip4.ttl", "ip6.dst", "tcp.dport", "tcp.seq", "udp.sport", "udp.len", "eth.src")


def compare_inner(fieldvals, path, tally):
    ours, outer = Ours(fieldvals, path, "inner"), Ours(fieldvals, path)
    if ours.status:
        return
    known = [(i, f) for i, f in enumerate(ours.fields) if f.tshark and f.header in INNER and f.name not in theirs.DERIVED and f.header == f.name.split(".")[0]]
    for (number, malformed, values), (_, outside, _), frame in zip(ours.frames, outer.frames, theirs.frames(path, ours.fields)):
        inner = frame.inner()
        if not inner or malformed or outside or frame.malformed:
            continue
        for i, field in known:
            expected = field.expected(inner)
            if expected is theirs.UNKNOWN:
                continue
            if field.shown(values[i]) == expected:
                tally.inner[field.name] += expected is not None
            elif expected is not None:
                tally.wrong.setdefault("inner." + field.name, []).append("%s:%d: inner.%s is %s, but %s for tshark (%s)" % (
                    os.path.basename(path), number, field.name, values[i], expected, ":".join(frame.protocols)))


def random_frames(seed, n):
    """Those of the differential driver: frames of captures and packet tests, built ones, mutants of both, cut off ones."""
    rnd, known = random.Random("fields " + seed), corpus.Corpus(0, 0)
    return cases.some_frames(rnd, [f for f in known.frames if 14 <= len(f) <= 3000], n), known.skipped


def at_random(args, tally):
    frames, skipped = random_frames(args.seed, args.random)
    with tempfile.TemporaryDirectory() as tmp:
        for why in skipped:
            tally.skip("random frames from " + why)
        path = os.path.join(tmp, "random.pcap")
        corpus.write_pcap(path, frames)
        compare(args.fieldvals, path, tally)
        compare_inner(args.fieldvals, path, tally)
        if args.xdpfc:
            judged.run(args.xdpfc, args.seed, args.rules, path, Ours(args.fieldvals, path), tally)


def write_generated(path):
    import generate
    from scapy.all import Ether, wrpcap
    wrpcap(path, [Ether(f) for f in generate.all()])


def main():
    p = argparse.ArgumentParser()
    p.add_argument("fieldvals")
    p.add_argument("--xdpfc")
    p.add_argument("--random", type=int, default=1000)
    p.add_argument("--rules", type=int, default=30)
    p.add_argument("--seed", default=str(random.SystemRandom().randrange(1 << 32)))
    args = p.parse_args()
    fieldvals = args.fieldvals
    data = os.environ.get("XDPF_DATA") or os.path.join(os.path.dirname(ROOT), "shared")
    if not shutil.which("tshark"):
        print("skipped: fields: tshark is not installed")
        return 77
    print("seed %s" % args.seed)
    tally = Tally()
    for d in (os.path.join(data, "data", "pcap"), os.path.join(ROOT, "tests", "captures")):
        captures = sorted(glob.glob(os.path.join(d, "*.pcap")))
        if not captures:
            tally.skip("%s: no captures there" % d)
        for path in captures:
            compare(fieldvals, path, tally)
            compare_inner(fieldvals, path, tally)
    try:
        with tempfile.TemporaryDirectory() as tmp:
            path = os.path.join(tmp, "generated.pcap")
            write_generated(path)
            compare(fieldvals, path, tally)
            compare_inner(fieldvals, path, tally)
    except ImportError as e:
        tally.skip("generated frames: %s" % e)
    at_random(args, tally)

    fields = Ours(fieldvals).fields
    for field in fields:
        if field.known:
            n = tally.compared[field.name]
            print("%-18s %7d compared%s" % (field.name, n, "" if n else ": not seen"))
            if not n:
                tally.wrong.setdefault(field.name, []).append("%s: not seen" % field.name)
        elif field.name in theirs.WITHOUT:
            print("%-18s       - %s" % (field.name, theirs.WITHOUT[field.name]))
        else:
            tally.wrong[field.name] = ["%s: neither a tshark name, nor a derivation, nor a reason why not" % field.name]
    print("inside tunnels: %d values of %d fields compared" % (sum(tally.inner.values()), len(tally.inner)))
    for name in NEEDED:
        if not tally.inner[name]:
            tally.wrong["inner." + name] = ["inner.%s: not seen" % name]
    for (capture, who), n in sorted(tally.broken.items()):
        print("broken: %s: %d frames, %s" % (capture, n, {"both": "for both", "ours": "only for us", "theirs": "only for tshark"}[who]))
    for why, n in sorted(tally.explained.items()):
        print("explained: %d: %s" % (n, why))
    for wrong in tally.wrong.values():
        for text in wrong[:20]:
            print("FAILED: " + text)
    print("%d frames, %d values compared, %d differences explained" % (
        tally.frames, sum(tally.compared.values()), sum(tally.explained.values())))
    failed = len(tally.wrong) + tally.rules_failed
    print("%d passed, %d failed, %d skipped" % (sum(f.known for f in fields) - len(tally.wrong) + tally.rules_passed, failed, tally.skipped))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
