#!/usr/bin/python3
"""Does what the compiler accepts load, and does it then say what the evaluator says?

Rule files of one pattern each, many rules of it: what once made the verifier's work grow with the square of the rules, or with two to
their number, and what fills a program to its limit. Each is compiled, loaded (whole, and with the frame split, which takes the other
ways through the code) and run over one capture of tests/captures; the evaluator's lines are the expectation. A file that the
compiler refuses for its size must be refused with a place and a remedy, and half of it must load.
"""
import argparse
import json
import os
import random
import re
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
FOUND = os.path.join(HERE, "..", "packets", "found")
CAPTURE = os.path.join(HERE, "..", "captures", "mutated.pcap")

TCP = ["dport", "sport", "window", "urgptr", "checksum"]
EXTENSIONS = ["ah.spi", "frag.id", "rt.type", "dstopts.len", "hbh.len", "mh.type"]
OPTIONS = ["mss", "wscale", "sack.left", "sack.right", "tsval", "tsecr"]
FLAGS = ["syn", "fin", "rst", "psh", "ack", "urg"]


def addr4(r):
    return "%d.%d.%d.%d" % (r.randint(1, 223), r.randint(0, 255), r.randint(0, 255), r.randint(1, 254))


def addr6(r):
    return "2001:db8:%x:%x::%x" % (r.randint(0, 65535), r.randint(0, 65535), r.randint(1, 65535))


def octets(r, n):
    return ":".join("%02x" % r.randint(0, 255) for _ in range(n))


# name: (rules, a rule by its number)
PATTERNS = {
    "equal": (2900, lambda r, i: f"drop if ip4.src == {addr4(r)};"),
    "two": (1900, lambda r, i: f"drop if ip4.src == {addr4(r)} and tcp.dport == {i};"),
    "range": (1000, lambda r, i: f"drop if ip4.src in 10.{i >> 8}.{i & 255}.3-10.{i >> 8}.{i & 255}.77;"),
    "six": (1300, lambda r, i: f"drop if ip6.src == {addr6(r)};"),
    "either": (1100, lambda r, i: f"drop if ip.src in {{ {addr4(r)}, {addr6(r)} }};"),
    "six-range": (120, lambda r, i: f"count c if ip6.{'src' if i % 2 else 'dst'} in 2001:db8:{i:x}::3-2001:db8:{i:x}::77;"),
    "six-below": (56, lambda r, i: f"count c if ip6.src < {addr6(r)};"),
    "not-equal": (56, lambda r, i: f"count c if tcp.{TCP[i % 5]} != {7 * i + 1};"),
    "not": (100, lambda r, i: f"count c if not (ip4.src == {addr4(r)} or tcp.dport != {i});"),
    "mask": (90, lambda r, i: f"count c if tcp.seq & 0x{i:x}7 != {i % 8};"),
    "below": (110, lambda r, i: f"count c{i % 9} if tcp.{TCP[i % 5]} < {i + 2} and pkt.len > {i};"),
    "zero": (60, lambda r, i: f"count c if tcp.{TCP[i % 5]} == {65535 * (i % 2)} or ip4.id == 0;"),
    "flags": (60, lambda r, i: f"count c if tcp.{FLAGS[i % 6]} and not tcp.{FLAGS[(i % 6 + i // 6 % 5 + 1) % 6]};"),
    "bytes": (480, lambda r, i: f"drop if payload[{i % 40}:4] == {octets(r, 4)};"),
    "long-bytes": (300, lambda r, i: f"drop if payload[{i % 40}:15] == {octets(r, 15)};"),
    "list": (600, lambda r, i: f"drop if tcp.dport in {{ {', '.join(str(p) for p in r.sample(range(65536), 12))} }};"),
    "tables": (250, lambda r, i: f"count c if tcp.dport in {{ {', '.join(str(40 * k + i % 39 + 3000 * (i // 39)) for k in range(18))} }};"),
    # more sets than a program may have functions, each look-up of which is a call
    "sets": (600, lambda r, i: "count c%d if %s;" % (i % 9, (
        lambda: "ip4.src in { %s }" % ", ".join(f"{a}.{i >> 8}.{i & 255}.0/{24 + i % 9}" for a in range(1, 20)),
        lambda: "ip6.dst in { %s }" % ", ".join(f"2001:db8:{i:x}:{a:x}::/{64 + i % 65}" for a in range(1, 20)),
        lambda: "(ip.src, tcp.dport) in { %s }" % ", ".join(f"({addr4(r)}, {a})" for a in range(20)),
        lambda: "(ip6.src, ip6.dst, tcp.dport) in { %s }" % ", ".join(f"({addr6(r)}, 2001:db8:{i:x}::{a}, {a})" for a in range(9)),
    )[i % 4]())),
    "nets": (400, lambda r, i: "count c%d if ip4.src in { %s };" % (i % 9, ", ".join(f"{a}.{i >> 8}.{i & 255}.0/{24 + i % 9}" for a in range(1, 20)))),
    "tuples": (700, lambda r, i: f"drop if (ip.src, tcp.dport) in {{ ({addr4(r)}, {i}), ({addr6(r)}, 4) }};"),
    "swap": (500, lambda r, i: f"tx swap if tcp.dport == {i};"),
    "forward": (600, lambda r, i: f"forward if ip4.dst == {addr4(r)};"),
    "reply": (600, lambda r, i: f"reply {'rst' if i % 2 else 'unreachable'} if l4.dport == {i};"),
    "syncookie": (40, lambda r, i: f"syncookie if l4.dport == {i};"),
    "redirect": (500, lambda r, i: f"redirect eth{i % 9} else pass if tcp.dport == {i};"),
    "keys": (55, lambda r, i: f"count t{i} per (ip.src, tcp.dport, eth.src);"),
    "long-key": (50, lambda r, i: f"count t per (ip.src, ip.dst, tcp.sport, tcp.dport, tcp.seq, eth.src, eth.dst, tcp.window) if tcp.dport > {i};"),
    "extensions": (60, lambda r, i: f"count k{i % 6} per {EXTENSIONS[i % 6]};"),
    "extension-tests": (60, lambda r, i: f"count c if {EXTENSIONS[(i * 5) % 6]} > {i % 7} or {EXTENSIONS[i % 6]} != 3;"),
    "nat": (60, lambda r, i: f"ip4.dst = {addr4(r)}, tcp.dport = {8000 + i} if ip4.dst == {addr4(r)} and tcp.dport == {i};"),
    "nat-all": (40, lambda r, i: f"ip.dst = {addr6(r) if i % 2 else addr4(r)}, l4.sport = {i};"),
    "hops": (100, lambda r, i: f"ip.ttl -= 1 if tcp.dport != {i};"),
    "retag": (40, lambda r, i: f"vlan {'pop' if i % 2 else f'push {i}'} if tcp.dport != {i};"),
    "rewrite-then-ask": (60, lambda r, i: f"ip4.ttl = {i}, tcp.window = {i};\ncount c if ip4.ttl < {i + 1} and tcp.window == {i};"),
    "inner-nat": (39, lambda r, i: f"inner.ip4.dst = {addr4(r)}, inner.tcp.dport = {8000 + i} if inner.ip4.dst == {addr4(r)} and inner.tcp.dport == {i};"),
    "inner-keys": (40, lambda r, i: f"count t{i % 20} per (ip.src, inner.ip.src) if inner.tcp.dport != {i};"),
    "inner-retag": (20, lambda r, i: f"vlan {'pop' if i % 2 else f'push {i}'} if inner.tcp.dport != {i};"),
    "marks": (60, lambda r, i: f"mark {i} if tcp.dport != {i};"),
    "connections": (140, lambda r, i: f"drop if tcp.dport == {i} and flow.state {'!=' if i % 3 else '=='} {r.choice(('new', 'established'))};"),
    # what once made the verifier tell all ways through the rules apart by the frame's length
    "mixed": (140, lambda r, i: (f"count c{i % 9} per ip.src if tcp.dport == {i};", f"drop if ip4.ttl == {i} and udp.sport == {i};",
                                 f"log 1/s if tcp.syn and tcp.sport == {i};", f"pass if pkt.len > {10 * i} and udp.dport == {i};",
                                 f"reply rst if tcp.dport == {1000 + i};", f"ip.dscp = {i % 64} if tcp.dport == {2000 + i} or udp.dport == {i};",
                                 f"add ip.src to s for 10s if udp.dport == {3000 + i};" if i > 7 else "set s : ip live size 1k;")[i % 7]),
    "cookie-and-many": (200, lambda r, i: "guard: syncookie if tcp.dport == 80;" if i == 150 else f"count c{i % 20} if tcp.sport == {i} and ip4.ttl != {i};"),
    # what once made the verifier tell what is inside of a tunnel apart by each way to the payload outside
    "inner-payload": (6, lambda r, i: (f"count x if payload[0:20] == {octets(r, 20)};", f"count y if inner.payload[0:20] == {octets(r, 20)};",
                                       "inner.ip4.dst = 192.0.2.7, inner.tcp.dport = 80 if inner.tcp.option.mss > 5;", "vlan push 5 if inner.frag.id > 5;",
                                       "drop if inner.rt.type == 3 or inner.ah.spi == 9;", "drop if payload.len == 99;")[i]),
    "options": (100, lambda r, i: f"count c{i % 9} if {'inner.' * (i % 2)}tcp.option.{OPTIONS[i // 2 % 6]} > {i};"),
    # what once made the verifier tell all ways through the rules apart by what was in registers, and on the stack
    "changed-sets": (40, lambda r, i: (f"set s{i} : {('ip', 'ip6', '(ip, port)', 'ip')[i]} live size 20{' timeout 3s' if i % 3 else ''};" if i < 4 else (
        f"add ip.src to s0, add (ip.dst, l4.sport) to s2 for {i}s if tcp.dport > {i};", f"if ip6.src not in s1 {{ add ip.dst to s3 if icmp6.target in s1; }}",
        f"remove ip.dst from s3, count c{i} per (icmp6.target, payload[{i % 9}:3]) if random {i}%;", f"add ip6.src to s1, vlan push {i} if ip.src in s3;",
        f"if (ip.src, l4.dport) in s2 {{ remove ip.src from s0; }} else {{ ip.ttl -= 1 if payload.len > {i}; }}")[i % 5])),
    "blocks": (150, lambda r, i: f"if tcp.dport > {i} {{ count z if ip4.ttl != {i}; }} else {{ count y if udp.len < {i + 9}; }}"),
}


# files of which more would be verified than is good, and what is done about it
SHAPES = [(name, "what is known of a packet is in a map") for name in ("many-ways.xdpf", "many-headers.xdpf")]


def command(args, **kw):
    return subprocess.run(args, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, errors="replace", **kw)


class Suite:
    def __init__(self, opts, where):
        self.opts, self.where = opts, where
        self.passed, self.failed = 0, 0

    def check(self, name, ok, why=""):
        if ok:
            self.passed += 1
        else:
            self.failed += 1
            print(f"FAILED {name}: {why}")

    def compile(self, name, text):
        rules = os.path.join(self.where, name + ".xdpf")
        with open(rules, "w", encoding="utf-8") as f:
            f.write(text)
        return rules, command([self.opts.xdpfc, "--quiet", rules, "-o", rules[:-5] + ".o"])

    def pattern(self, name, count, rule):
        r = random.Random(name)
        lines = [rule(r, i) for i in range(count)]
        rules, done = self.compile(name, "\n".join(lines) + "\n")
        if done.returncode == 1:
            self.check(name, "do not fit one program" in done.stderr and "remedy:" in done.stderr, done.stderr[:300])
            rules, done = self.compile(name, "\n".join(lines[:count // 2]) + "\n")
        self.check(name + ": compiles", done.returncode == 0, done.stderr[:300])
        if done.returncode:
            return
        want = command([self.opts.xdpfc, "--quiet", "--run", CAPTURE, rules]).stdout
        for split in ([], ["--split", "34"]):
            got = command([self.opts.xdpf, "run", "--quiet", *split, rules[:-5] + ".o", CAPTURE])
            what = " ".join([name] + split)
            self.check(what + ": loads", got.returncode == 0, got.stderr[-400:])
            self.check(what + ": says what the evaluator says", got.returncode or (want and got.stdout == want), "other lines")
        self.live(name, rules[:-5] + ".o")

    def shapes(self):
        """What would be too much for a verifier is compiled otherwise, and said to be; and so it is for who wants to hear of nothing."""
        for name, shape in SHAPES:
            rules, out = os.path.join(FOUND, name), [os.path.join(self.where, n + ".o") for n in ("said", "quiet")]
            text = " ".join(command([self.opts.xdpfc, "--budget", rules]).stdout.split())
            verified = re.search(r"verified: at most (\d+)", text)
            self.check(name + ": few are verified", verified and int(verified[1]) < 300000, text[:400])
            self.check(name + ": says its shape", f"shape: {shape}; else" in text, text[:400])
            data = json.loads(command([self.opts.xdpfc, "--budget", "--json", rules]).stdout)
            self.check(name + ": and to programs", data["shape"] == shape, data["shape"])
            for quiet, o in zip(([], ["--quiet"]), out):
                command([self.opts.xdpfc, *quiet, rules, "-o", o])
            with open(out[0], "rb") as one, open(out[1], "rb") as other:
                self.check(name + ": the same in silence", one.read() == other.read(), "another object")
            self.live(name, out[0])

    def live(self, name, prog):
        """A test run has what the kernel would say from its inputs, and the verifier never sees the rest: here it does."""
        pin = "/sys/fs/bpf/xdpf-load-%d" % os.getpid()
        if not os.path.ismount("/sys/fs/bpf"):
            command(["mount", "-t", "bpf", "bpf", "/sys/fs/bpf"])
        done = command(["bpftool", "prog", "load", prog, pin])
        self.check(name + ": loads by another loader", done.returncode == 0, done.stderr[-400:])
        if os.path.exists(pin):
            os.unlink(pin)


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--xdpfc", required=True)
    p.add_argument("--xdpf", required=True)
    p.add_argument("--only")
    opts = p.parse_args()
    with tempfile.TemporaryDirectory() as where:
        s = Suite(opts, where)
        probe, done = s.compile("probe", "drop;\n")
        ran = command([opts.xdpf, "run", "--quiet", probe[:-5] + ".o", CAPTURE])
        if done.returncode == 0 and ran.returncode == 3:
            print(f"skipped: load: the kernel refuses BPF: {ran.stderr.strip().splitlines()[-1] if ran.stderr else 'no reason given'}")
            print("0 passed, 0 failed, 1 skipped")
            return 77
        if opts.only in (None, "shapes"):
            s.shapes()
        for name, (count, rule) in PATTERNS.items():
            if not opts.only or opts.only == name:
                s.pattern(name, count, rule)
    print(f"{s.passed} passed, {s.failed} failed, 0 skipped")
    return 1 if s.failed else 0


if __name__ == "__main__":
    sys.exit(main())
