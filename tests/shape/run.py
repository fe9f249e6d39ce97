#!/usr/bin/python3
"""Shapes: what is only in tables leaves an object's shape as it is, and whatever else changes, changes it.

usage: run.py XDPFC
"""
import json
import os
import random
import struct
import subprocess
import sys
import tempfile


def section(path, name):
    data = open(path, "rb").read()
    at, = struct.unpack_from("<Q", data, 40)
    size, n, names = struct.unpack_from("<HHH", data, 58)
    heads = [struct.unpack_from("<IIQQQQ", data, at + i * size) for i in range(n)]
    for h in heads:
        begin = heads[names][4] + h[0]
        if data[begin:data.index(b"\0", begin)] == name.encode():
            return data[h[4]:h[4] + h[5]]
    raise SystemExit("%s: no section %s" % (path, name))


def table(r, label):
    return "%s: %s if ip.src == 10.%d.%d.%d and ip.dst in { 10.%d.0.0/16 } and tcp.dport in { %d-%d };" % (
        label, r.choice(("drop", "pass")), *(r.randrange(256) for _ in range(4)), *sorted(r.sample(range(1, 65536), 2)))


def base():
    r = random.Random(11)
    head = ["set bad : ip live size 100 = { 192.0.2.1 };", "limit slow = 10 packets/s;", "default pass;"]
    code = ["old: drop if ip.src in bad;", "seen: log 5/s if udp.dport == 99;", "many: drop if icmp over slow;"]
    return head, code, [table(r, "r%d" % i) for i in range(60)]


def deep(r, label):
    return "%s: drop if ip.src == 10.%d.%d.%d and payload[0:4] == 0x%x;" % (label, *(r.randrange(256) for _ in range(3)), r.getrandbits(24) + 1)


def alike():
    """Rules that are code and share it: their numbers are in tables too."""
    head, code, rules = base()
    r = random.Random(13)
    return head, code + [deep(r, "deep%d" % i) for i in range(20)] + ["pace%d: log %d/s if ip.dst == 10.9.9.%d;" % (i, i + 1, i) for i in range(9)], rules


class Shapes:
    def __init__(self, xdpfc, base):
        self.xdpfc, self.base, self.passed, self.failed = xdpfc, base, 0, 0
        self.dir = tempfile.TemporaryDirectory()
        self.first = self.of(*base())

    def of(self, head, code, rules, name="shape.xdpf"):
        path = os.path.join(self.dir.name, name)
        with open(path, "w") as f:
            f.write("\n".join(head + rules[:20] + code + rules[20:]) + "\n")
        done = subprocess.run([self.xdpfc, path, "-o", path + ".o"], stderr=subprocess.PIPE, text=True)
        if done.returncode:
            raise SystemExit("%s: %s" % (path, done.stderr))
        return json.loads(section(path + ".o", ".debug_xdpf"))["shape"]

    def check(self, what, same, edit, **more):
        parts = self.base()
        edit(*parts)
        if (self.of(*parts, **more) == self.first) == same:
            self.passed += 1
        else:
            self.failed += 1
            print("FAILED: %s: the shape is %s" % (what, "another" if same else "the same"))

    def limits(self):
        """What many limits say is in tables; which limits there are is not, nor how much room they have."""
        rules = ["l%d: drop if udp.dport == %d over %d/s per ip.src size 10;" % (i, i + 1, i + 1) for i in range(20)]
        rules.append("drop if udp.dport == 99 over named;")
        many = ["limit named = 5/s burst 7;"] + rules
        shape = lambda lines: self.of(lines, [], [], name="limits.xdpf")
        first = shape(many)
        edits = (
            (True, "rate", ("over 7/s", "over 8 bytes/m burst 3000")), (True, "burst of one with a name", ("burst 7", "burst 8")),
            (True, "answer where it is full", ("7/s per ip.src", "7/s per ip.src when full closed")),
            (False, "size", ("7/s per ip.src size 10", "7/s per ip.src size 11")), (False, "key", ("7/s per ip.src", "7/s per ip.dst")),
            (False, "name", ("named", "other")), (False, "rule", ("l7:", "l77:")),
        )
        for same, what, (old, new) in edits:
            good = (shape([line.replace(old, new) for line in many]) == first) == same
            self.passed, self.failed = self.passed + good, self.failed + (not good)
            if not good:
                print("FAILED: another %s of a limit: the shape is %s" % (what, "another" if same else "the same"))
        good = shape(many[:1] + [line.replace(": drop", ": pass") for line in many[1:]]) != first
        self.passed, self.failed = self.passed + good, self.failed + (not good)


def replace(lines, old, new):
    i = next(i for i, line in enumerate(lines) if old in line)
    lines[i] = lines[i].replace(old, new)


def main():
    s, shared = Shapes(sys.argv[1], base), Shapes(sys.argv[1], alike)
    r = random.Random(12)
    same = {
        "nothing": lambda h, c, t: None,
        "a rule more": lambda h, c, t: t.insert(40, table(r, "new")),
        "a rule more, first of all": lambda h, c, t: t.insert(0, "new: drop if tcp.dport == 7 and ip.src == 10.1.1.1;"),
        "a rule less": lambda h, c, t: t.pop(30),
        "another address": lambda h, c, t: replace(t, "10.", "172."),
        "another label": lambda h, c, t: replace(t, "r30:", "renamed:"),
        "no label": lambda h, c, t: replace(t, "r30: ", ""),
        "another verdict": lambda h, c, t: replace(t, "drop", "pass"),
        "another order": lambda h, c, t: t.reverse(),
        "another place of the same code": lambda h, c, t: t.insert(0, t.pop()),
        "remarks": lambda h, c, t: t.insert(3, "# a remark\n"),
    }
    other = {
        "another field": lambda h, c, t: t.insert(40, "new: drop if ip4.ttl == 3;"),
        "a header by itself": lambda h, c, t: t.insert(40, "new: drop if tcp and ip.src == 10.1.1.1;"),
        "a verdict that there was none of": lambda h, c, t: t.insert(40, "new: abort if tcp.dport == 7 and ip.src == 10.1.1.1;"),
        "a rule that is code": lambda h, c, t: c.append("new: drop if payload[0:1] == 7;"),
        "another default": lambda h, c, t: replace(h, "default pass", "default drop"),
        "another rate": lambda h, c, t: replace(h, "10 packets", "11 packets"),
        "another pace": lambda h, c, t: replace(c, "log 5/s", "log 6/s"),
        "another set that lives": lambda h, c, t: replace(h, "192.0.2.1", "192.0.2.2"),
        "another size of it": lambda h, c, t: replace(h, "size 100", "size 101"),
        "another rule that logs": lambda h, c, t: replace(c, "seen:", "saw:"),
        "no counters": lambda h, c, t: h.insert(0, "option counters off;"),
        "twice as many rules": lambda h, c, t: t.extend(table(r, "n%d" % i) for i in range(60)),
    }
    for what, edit in same.items():
        s.check(what, True, edit)
    for what, edit in other.items():
        s.check(what, False, edit)
    s.limits()
    s.check("another file", False, same["nothing"], name="other.xdpf")
    for what, edit in {
            "another payload": lambda h, c, t: replace(c, "payload[0:4] == 0x", "payload[0:4] == 0xf"),
            "another address of one": lambda h, c, t: replace(c, "ip.src == 10.", "ip.src == 172."),
            "another pace of one": lambda h, c, t: replace(c, "log 5/s", "log 6/s"),
            "one more": lambda h, c, t: c.insert(9, deep(r, "new")),
            "one less": lambda h, c, t: c.pop(9),
            "another order": lambda h, c, t: c.insert(20, c.pop(9)),
            "a rule more that has none": same["a rule more"],
    }.items():
        shared.check("of rules that share code, " + what, True, edit)
    for what, edit in {
            "another verdict": lambda h, c, t: c.append(deep(r, "new").replace("drop", "pass")),
            "another place": lambda h, c, t: replace(c, "payload[0:4]", "payload[1:4]"),
            "another that logs": lambda h, c, t: c.append("new: log 3/s if ip.dst == 10.9.9.99;"),
    }.items():
        shared.check("of rules that share code, " + what, False, edit)
    print("%d passed, %d failed, 0 skipped" % (s.passed + shared.passed, s.failed + shared.failed))
    sys.exit(s.failed + shared.failed != 0)


main()
