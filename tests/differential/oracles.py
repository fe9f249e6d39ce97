#!/usr/bin/python3
"""Random conditions that another program understands too, which is the judge: libpcap's filter over frames of captures, and nft on the ingress of a device,
over packets that go through it.

usage: oracles.py --xdpfc XDPFC [--pcap N] [--nft N] [--seed S]

libpcap: N conditions, each written in both languages, over every frame of shared/data/pcap and tests/captures whose headers both understand in the same
way: sound, without tags, and IPv6 without extension headers. nft: N files of rules, which nft loads and prints; xdpfc translates them and sends packets
through both (--prove). Each condition, or file, is one test.
"""

import argparse
import collections
import ctypes
import ctypes.util
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tests", "packets"))
import corpus
import made

# What both call otherwise, or have no words for.
APART = "drop if malformed or vlan or ah or hbh or rt or frag or dstopts or mh;\ndefault pass;\n"
# (ours, libpcap's, bits); ours are looked at in IPv4 only, as libpcap's are.
NUMBERS = [("ip4." + f, "ip[%s]" % at, bits) for f, at, bits in (("ttl", "8", 8), ("id", "4:2", 16), ("tos", "1", 8), ("len", "2:2", 16), ("checksum", "10:2", 16),
                                                                 ("proto", "9", 8))] + [
    ("ip6." + f, "ip6[%s]" % at, bits) for f, at, bits in (("hoplimit", "7", 8), ("len", "4:2", 16), ("nexthdr", "6", 8))] + [
    ("tcp." + f, "tcp[%s]" % at, bits) for f, at, bits in (("sport", "0:2", 16), ("dport", "2:2", 16), ("seq", "4:4", 32), ("ackseq", "8:4", 32), ("flags", "13", 8),
                                                           ("window", "14:2", 16), ("urgptr", "18:2", 16))] + [
    ("udp.len", "udp[4:2]", 16), ("udp.checksum", "udp[6:2]", 16), ("icmp.type", "icmp[0]", 8), ("icmp.code", "icmp[1]", 8), ("sctp.vtag", "sctp[4:4]", 32),
    ("igmp.type", "igmp[0]", 8), ("pkt.len", "len", 11), ("eth.type", "ether[12:2]", 16)]
OPERATORS = {"==": "=", "!=": "!=", "<": "<", "<=": "<=", ">": ">", ">=": ">="}


class Conditions:
    """Both texts of random conditions."""

    def __init__(self, rnd, frames):
        self.rnd, self.frames = rnd, frames

    def value(self, bits):
        f = self.rnd.choice(self.frames)
        at = self.rnd.choice((12, 14, 16, 18, 20, 22, 23, 26, 34, 36, 38, 42))
        v = int.from_bytes((f + bytes(64))[at:at + (bits + 7) // 8], "big")
        return self.rnd.choice((v, v, self.rnd.choice((0, 1, 6, 17, 64, 80, 255, 1 << bits - 1)), self.rnd.getrandbits(bits))) & (1 << bits) - 1

    def address(self, six):
        f = self.rnd.choice(self.frames)
        b = (f + bytes(64))[22:38] if six else (f + bytes(64))[26:30]
        if six:
            return ":".join("%x" % int.from_bytes(b[i:i + 2], "big") for i in range(0, 16, 2)), int.from_bytes(b, "big"), 128
        return ".".join(map(str, b)), int.from_bytes(b, "big"), 32

    def net(self, six):
        _, v, bits = self.address(six)
        n = self.rnd.choice((bits, bits // 2, self.rnd.randrange(1, bits + 1)))
        v &= ((1 << n) - 1) << bits - n
        b = v.to_bytes(bits // 8, "big")
        text = ":".join("%x" % int.from_bytes(b[i:i + 2], "big") for i in range(0, 16, 2)) if six else ".".join(map(str, b))
        return "%s/%d" % (text, n)

    def term(self):
        rnd = self.rnd
        r = rnd.random()
        if r < 0.4:
            ours, theirs, bits = rnd.choice(NUMBERS)
            family = "ip4 and " if ours.startswith(("tcp", "udp", "icmp", "sctp", "igmp")) else ""
            # flags have no order
            op, v = rnd.choice(("==", "!=") if ours == "tcp.flags" else sorted(OPERATORS)), self.value(bits)
            if rnd.random() < 0.25 and bits > 1 and ours != "pkt.len":
                mask = self.value(bits) or 1
                return "(%s%s & %d %s %d)" % (family, ours, mask, "==", v & mask), "(%s & %d = %d)" % (theirs, mask, v & mask)
            return "(%s%s %s %d)" % (family, ours, op, v), "(%s %s %d)" % (theirs, OPERATORS[op], v)
        if r < 0.55:
            proto, way, n = rnd.choice(("tcp", "udp", "sctp")), rnd.choice(("sport", "dport")), self.value(16)
            word = {"sport": "src", "dport": "dst"}[way]
            if rnd.random() < 0.3:
                m = min(n + rnd.randrange(3000), 65535)
                return "(%s.%s in %s)" % (proto, way, n if n == m else "%d-%d" % (n, m)), "(%s %s portrange %d-%d)" % (proto, word, n, m)
            return "(%s.%s == %d)" % (proto, way, n), "(%s %s port %d)" % (proto, word, n)
        if r < 0.75:
            six, way = rnd.random() < 0.4, rnd.choice(("src", "dst"))
            name, word = ("ip6", "ip6") if six else ("ip4", "ip")
            if rnd.random() < 0.5:
                a = self.address(six)[0]
                return "(%s.%s == %s)" % (name, way, a), "(%s %s host %s)" % (word, way, a)
            a = self.net(six)
            return "(%s.%s in %s)" % (name, way, a), "(%s %s net %s)" % (word, way, a)
        if r < 0.82:
            mac = ":".join("%02x" % b for b in rnd.choice(self.frames)[6:12])
            return "(eth.src == %s)" % mac, "(ether src %s)" % mac
        if r < 0.9:
            n = rnd.choice((1, 2, 4))
            at, v, op = rnd.randrange(0, 15 - n), self.value(8 * n), rnd.choice(sorted(OPERATORS))
            return "(packet[%d:%d] %s %d)" % (at, n, op, v), "(ether[%d:%d] %s %d)" % (at, n, OPERATORS[op], v)
        return rnd.choice((("ip4", "ip"), ("ip6", "ip6"), ("arp", "arp"), ("(ip.proto == tcp)", "(ip proto 6 or ip6 proto 6)"),
                           ("(ip.proto == udp)", "(ip proto 17 or ip6 proto 17)"), ("(ip4.fragoff != 0)", "(ip[6:2] & 0x1fff != 0)"),
                           ("(ip4.mf == 1)", "(ip[6] & 0x20 != 0)"), ("(ip4.ihl > 5)", "(ip[0] & 0xf > 5)")))

    def condition(self, depth=0):
        r = self.rnd.random()
        if depth > 2 or r < 0.3:
            return self.term()
        if r < 0.45:
            a, b = self.condition(depth + 1)
            return "(not %s)" % a, "(not %s)" % b
        word = self.rnd.choice((" and ", " and ", " or "))
        both = [self.condition(depth + 1) for _ in range(self.rnd.choice((2, 2, 3)))]
        return tuple("(%s)" % word.join(x[i] for x in both) for i in (0, 1))


class Libpcap:
    """Its offline filter."""

    class Program(ctypes.Structure):
        _fields_ = [("len", ctypes.c_uint), ("code", ctypes.c_void_p)]

    class Header(ctypes.Structure):
        _fields_ = [("sec", ctypes.c_long), ("usec", ctypes.c_long), ("caplen", ctypes.c_uint32), ("len", ctypes.c_uint32)]

    def __init__(self):
        self.lib = ctypes.CDLL(ctypes.util.find_library("pcap") or "libpcap.so.0.8")
        self.lib.pcap_open_dead.restype = ctypes.c_void_p
        self.lib.pcap_geterr.argtypes, self.lib.pcap_geterr.restype = [ctypes.c_void_p], ctypes.c_char_p
        self.lib.pcap_compile.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int, ctypes.c_uint32]
        self.lib.pcap_offline_filter.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_char_p]
        self.lib.pcap_freecode.argtypes = [ctypes.c_void_p]
        self.pcap = self.lib.pcap_open_dead(1, 65536)

    def matches(self, expression, frames):
        """Of each frame, whether it matches; None: it matches nothing, by libpcap's own word; or the error's text."""
        program = self.Program()
        if self.lib.pcap_compile(self.pcap, ctypes.byref(program), expression.encode(), 1, 0):
            error = self.lib.pcap_geterr(self.pcap).decode()
            return [False] * len(frames) if "rejects all packets" in error else error
        out = []
        for f in frames:
            h = self.Header(0, 0, len(f), len(f))
            out.append(self.lib.pcap_offline_filter(ctypes.byref(program), ctypes.byref(h), f) != 0)
        self.lib.pcap_freecode(ctypes.byref(program))
        return out


class Tally:
    def __init__(self, xdpfc):
        self.xdpfc, self.passed, self.failed, self.skipped = xdpfc, 0, 0, 0

    def say(self, name, complaint):
        self.passed, self.failed = self.passed + (not complaint), self.failed + bool(complaint)
        if complaint:
            print("FAILED: %s: %s" % (name, complaint))

    def skip(self, what, why):
        self.skipped += 1
        print("skipped: oracles: %s: %s" % (what, why))

    def dropped(self, text, capture, where):
        """Of each frame, whether a rule drops it."""
        path = os.path.join(where, "o.xdpf")
        with open(path, "w") as f:
            f.write(text)
        done = subprocess.run([self.xdpfc, "--quiet", "--run", capture, path], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        if done.returncode:
            return done.stderr
        return [line.split("\t")[1] == "drop" for line in done.stdout.splitlines()]


def pcap(t, rnd, n, where):
    data = os.path.join(os.environ.get("XDPF_DATA") or os.path.join(os.path.dirname(ROOT), "shared"), "data", "pcap")
    if not os.path.isdir(data):
        t.skip("captures", "%s is not there" % data)
    names = [os.path.join(d, x) for d in (data, os.path.join(ROOT, "tests", "captures")) if os.path.isdir(d) for x in sorted(os.listdir(d)) if x.endswith(".pcap")]
    frames = list({f: None for path in names for f in corpus.read_pcap(path) if 14 <= len(f) <= 3000})
    frames += list(made.frames(rnd, 500))
    capture = os.path.join(where, "o.pcap")
    corpus.write_pcap(capture, frames)
    apart = t.dropped(APART, capture, where)
    frames = [f for f, no in zip(frames, apart) if not no]
    corpus.write_pcap(capture, frames)
    conditions, lib = Conditions(rnd, frames), Libpcap()
    compared = both = refused = 0
    for _ in range(n):
        ours, theirs = conditions.condition()
        want = lib.matches(theirs, frames)
        have = t.dropped("default pass;\ndrop if %s;\n" % ours, capture, where)
        if isinstance(have, str):
            # A contradiction, which it finds; libpcap must find no packet for it, either.
            refused += 1
            t.say(ours, None if isinstance(want, list) and not any(want) or re.search("never|always|larger|beyond|no value", have) else have)
            continue
        if isinstance(want, str):
            t.say(theirs, want)
            continue
        different = [i for i, (a, b) in enumerate(zip(want, have)) if a != b]
        compared += len(frames)
        both += 0 < sum(want) < len(frames)
        t.say(ours, different and "%d of %d frames; libpcap says of `%s` %s, for one: %s" % (
            len(different), len(frames), theirs, want[different[0]], frames[different[0]].hex()))
    print("libpcap: %d conditions, %d (condition, frame) pairs; %d conditions are true of some frames and not of others, %d are refused" % (n, compared, both, refused))


def nft_rule(rnd):
    port = lambda: rnd.choice((22, 53, 80, 443, 1024, rnd.randrange(65536)))
    four = lambda: rnd.choice(("192.0.2.1", "192.0.2.0/24", "10.0.0.0/8", "198.51.100.2", "192.0.2.1-192.0.2.77"))
    six = lambda: rnd.choice(("2001:db8::1", "2001:db8::/32", "fe80::/10", "2001:db8::2"))
    parts = (
        lambda: "ip %s %s%s" % (rnd.choice(("saddr", "daddr")), rnd.choice(("", "", "!= ")), four()), lambda: "ip6 %s %s" % (rnd.choice(("saddr", "daddr")), six()),
        lambda: "%s %s %d" % (rnd.choice(("tcp", "udp")), rnd.choice(("sport", "dport")), port()),
        lambda: "tcp dport { %s }" % ", ".join(map(str, sorted({port() for _ in range(4)}))), lambda: "udp sport %d-%d" % tuple(sorted((port(), 65535))),
        lambda: "ip ttl %s %d" % (rnd.choice(("<", ">", "==", "!=", ">=")), rnd.choice((1, 63, 64, 128))), lambda: "ip6 hoplimit %s %d" % (rnd.choice(("<", ">=")), rnd.choice((1, 64))),
        lambda: "meta l4proto %s" % rnd.choice(("tcp", "udp", "icmp", "ipv6-icmp", "132", "{ tcp, udp }")), lambda: "ip protocol %s" % rnd.choice(("tcp", "udp", "icmp")),
        lambda: "icmp type %s" % rnd.choice(("echo-request", "{ echo-reply, 13 }")), lambda: "icmpv6 type %s" % rnd.choice(("echo-request", "nd-neighbor-solicit")),
        lambda: "ether saddr 02:00:00:00:00:0%d" % rnd.randrange(1, 4), lambda: "tcp flags & (syn | ack) == %s" % rnd.choice(("syn", "ack", "syn | ack")),
        lambda: "ip dscp %s" % rnd.choice(("af21", "cs0", "ef")), lambda: "vlan id %s%d" % (rnd.choice(("", "!= ")), rnd.choice((5, 7, 100))),
        lambda: "ether type %s" % rnd.choice(("arp", "ip", "ip6", "0x88cc")), lambda: "ip saddr . tcp dport { 192.0.2.1 . %d, 192.0.2.2 . 80-90 }" % port(),
        lambda: "udp length %s %d" % (rnd.choice(("<", ">")), rnd.choice((8, 20, 100))), lambda: "ip length > %d" % rnd.choice((20, 60, 200)),
        lambda: "meta protocol %s" % rnd.choice(("ip", "ip6", "arp")))
    return " ".join(rnd.choice(parts)() for _ in range(rnd.choice((1, 1, 2, 2, 3)))) + " " + rnd.choice(("drop", "drop", "accept"))


def nft(t, rnd, n, where):
    missing = [x for x in ("nft", "ip", "unshare") if not shutil.which(x)]
    if os.geteuid() or missing or subprocess.run(["unshare", "-n", "true"], stderr=subprocess.DEVNULL).returncode:
        t.skip("nft", "not installed: " + " ".join(missing) if missing else "needs root and network namespaces")
        return
    rules, saved = os.path.join(where, "o.nft"), os.path.join(where, "o.json")
    why, compared, made_of = collections.Counter(), 0, 0
    while made_of < n:
        lines = []
        for _ in range(40):
            # What nft itself refuses, such as a protocol that another part of the rule excludes, is none.
            if len(lines) == 8:
                break
            with open(rules, "w") as f:
                f.write("table netdev t {\n\tchain c {\n\t\ttype filter hook ingress device \"eth7\" priority -500; policy %s;\n" % rnd.choice(("accept", "accept", "drop")))
                lines.append(nft_rule(rnd))
                f.write("".join("\t\t%s\n" % line for line in lines) + "\t}\n}\n")
            if subprocess.run(["unshare", "-n", "sh", "-ec", "ip link add eth7 type veth peer name eth8; nft -f %s; nft -j list ruleset > %s" % (rules, saved)],
                              stderr=subprocess.DEVNULL).returncode:
                lines.pop()
        made_of += 1
        done = subprocess.run([t.xdpfc, "--import=nft", "--prove", "1500", saved], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        if done.returncode == 1:
            why["not translated"] += 1
            continue
        m = re.search(r"(\d+) packets compared.* 0 treated otherwise", done.stderr)
        compared += int(m[1]) if m else 0
        t.say("nft: " + "; ".join(lines), None if done.returncode == 0 and m else "exit status %d: %s" % (done.returncode, done.stderr[-1500:]))
    if 2 * why["not translated"] > n:
        t.say("nft", "%d of %d files are not translated" % (why["not translated"], n))
    print("nft: %d files, %d (file, packet) pairs by live packets; %d files are not translated" % (n, compared, why["not translated"]))


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--xdpfc", required=True)
    p.add_argument("--pcap", type=int, default=60)
    p.add_argument("--nft", type=int, default=3)
    p.add_argument("--seed")
    args = p.parse_args()
    if args.seed is None:
        args.seed = str(random.SystemRandom().randrange(1 << 32))
    print("seed %s" % args.seed)
    t = Tally(args.xdpfc)
    with tempfile.TemporaryDirectory() as where:
        pcap(t, random.Random("pcap " + args.seed), args.pcap, where)
        nft(t, random.Random("nft " + args.seed), args.nft, where)
    print("%d passed, %d failed, %d skipped" % (t.passed, t.failed, t.skipped))
    return 1 if t.failed else 0


if __name__ == "__main__":
    sys.exit(main())
