#!/usr/bin/python3
"""Large rule files: nothing is refused for its size, nothing is lost in it, and what is wrong is told where it stands.

usage: run.py XDPFC [--rules N] [--elements N]

No time is asserted: what grows faster than its input makes the suite's time-out. The files are made here, the same ones each time.
"""
import argparse
import concurrent.futures
import os
import re
import subprocess
import sys
import tempfile


class Tally:
    def __init__(self):
        self.passed = self.failed = 0

    def check(self, good, what):
        if good:
            self.passed += 1
        else:
            self.failed += 1
            print("FAILED: " + what)


def address(i):
    """Different for each number, and in no order that a sort could guess."""
    i = i * 0x9e3779b1 & 0xffffffff
    return "%d.%d.%d.%d" % (i >> 24, i >> 16 & 255, i >> 8 & 255, i & 255)


def address6(i):
    i = i * 0x9e3779b1 & 0xffffffff
    return "2001:db8:%x:%x::%x" % (i >> 16, i & 0xffff, i % 9 + 1)


def source(i):
    return "10.%d.%d" % (i >> 8 & 255, i & 255)


def rule(i):
    return "r%d: drop if ip.src in %s.0/24 and tcp.dport == %d;\n" % (i, source(i), i % 60000 + 1)


def packet(i):
    return "packet { ip.src = %s.9, tcp.dport = %d }" % (source(i), i % 60000 + 1)


class Suite:
    def __init__(self, args, tmp):
        self.xdpfc, self.rules, self.elements, self.tmp = args.xdpfc, args.rules, args.elements, tmp
        self.tally = Tally()

    def path(self, name):
        return os.path.join(self.tmp, name)

    def write(self, name, parts):
        with open(self.path(name), "w") as f:
            f.writelines(parts)

    def run(self, *args):
        return subprocess.run([self.xdpfc, *args], cwd=self.tmp, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    # ---- what is looked at; each in a process of its own, two at a time ----

    def tree(self):
        """All rules are in the tree, in their order and with what they say."""
        self.write("tree.xdpf", (rule(i) for i in range(self.rules)))
        seen, wrong = 0, None
        with subprocess.Popen([self.xdpfc, "--emit=ast", "tree.xdpf"], cwd=self.tmp, stdout=subprocess.PIPE, text=True) as p:
            for line in p.stdout:
                m = re.fullmatch(r"    rule (\S+) @(\d+):(\d+)\n", line)
                if not m:
                    continue
                if m.groups() != ("r%d" % seen, str(seen + 1), "1") and not wrong:
                    wrong = line
                seen += 1
        self.tally.check(p.returncode == 0, "the tree is printed")
        self.tally.check(seen == self.rules, "rules in the tree: %d, not %d" % (seen, self.rules))
        self.tally.check(not wrong, "a rule is out of place: %s" % wrong)

    def decide(self):
        """The first, the last and one in the middle decide, and the evaluator comes to each of them."""
        asked = sorted({0, 1, self.rules // 2, self.rules - 2, self.rules - 1})
        tests = ['test "rule %d" { %s expect drop by r%d }\n' % (i, packet(i), i) for i in asked]
        tests.append('test "none" { packet { ip.src = 11.0.0.1, tcp.dport = 80 } expect pass by default }\n')
        tests.append('test "by its place" { %s expect drop by "decide.xdpf:%d" }\n' % (packet(self.rules - 1), self.rules))
        self.write("decide.xdpf", [*(rule(i) for i in range(self.rules)), *tests])
        r = self.run("--test", "decide.xdpf")
        self.tally.check(r.returncode == 0, "tests of large files: %s%s" % (r.stdout[-500:], r.stderr[-500:]))

    def tell(self):
        """Errors far behind are told where they stand, with what they are against."""
        n = self.rules
        lines = [rule(i) for i in range(n)]
        lines[n - 2] = "r%d: drop if ip.srx == 192.0.2.1;\n" % (n - 2)
        lines[n - 1] = "r7: drop if tcp.dport == 80;\n"
        self.write("tell.xdpf", lines)
        r = self.run("--check", "tell.xdpf")
        said = r.stderr.splitlines()
        self.tally.check(r.returncode == 1, "a broken file is refused")
        self.tally.check(sum(": error: " in s for s in said) == 2, "two errors are told:\n%s" % r.stderr[:1000])
        self.tally.check("tell.xdpf:%d:%d: error: unknown field `ip.srx`" % (n - 1, len("r%d: drop if " % (n - 2)) + 1) in said, "the field that is none")
        self.tally.check("tell.xdpf:%d:1: error: label `r7` is already taken" % n in said, "the label that is taken")
        self.tally.check("tell.xdpf:8:1: note: first used here" in said, "where the label was used")

    def sets(self):
        """Elements of files, of both families: the first, the last, and some between are in, their neighbours are not."""
        n = self.elements
        self.write("addresses.txt", (address(i) + "\n" if i % 4 else address6(i) + "\n" for i in range(n)))
        inside = [address(1), address6(0), address(n // 2 + 1), address6(n // 8 * 4), address(n - 1), address6((n - 1) // 4 * 4)]
        outside = [address(0), address(n + 1), address6(1), address6(n // 4 * 4 + 4)]

        def tests(verdict, addresses):
            for a in addresses:
                yield 'test "%s %s" { packet { ip.src = %s, udp } expect %s }\n' % (verdict, a, a, verdict)

        for name, kind, live in (("constant", "net", ""), ("live", "ip", " live size 4M")):
            self.write(name + ".xdpf", ['set s : %s%s from "addresses.txt";\ndrop if ip.src in s;\n' % (kind, live), *tests("drop", inside),
                                        *tests("pass", outside)])
            r = self.run("--test", name + ".xdpf")
            self.tally.check(r.returncode == 0, "the set is %s: %s%s" % (name, r.stdout[-500:], r.stderr[-500:]))

    def alike(self):
        """Rules that are code and do the same but for numbers become an object, too."""
        kinds = ("drop if ip.src == %s and payload[0:4] == 0x%x;\n", "redirect cpu %d if ip.dst == %s;\n", "log %d/s, pass if ip4.src == %s;\n",
                 "mark %d, tx if ip.dst == %s;\n")

        def rules():
            for i in range(self.rules // 4):
                kind = kinds[i % 4]
                yield kind % ((address(i), i + 1) if i % 4 == 0 else (i % 3 + 1, address(i)))

        self.write("alike.xdpf", rules())
        r = self.run("alike.xdpf", "-o", "alike.o")
        self.tally.check(r.returncode == 0, "rules that are alike: %s" % r.stderr[-500:])

    def wrong_elements(self):
        """An element that is none is told with its line; elements that are in a list twice, too."""
        n = self.elements // 10
        self.write("wrong.txt", [*(address(i) + "/32\n" for i in range(n - 1)), "192.0.2.1/33\n"])
        self.write("wrong.xdpf", ['set s : net from "wrong.txt";\ndrop if ip.src in s;\n'])
        r = self.run("--check", "wrong.xdpf")
        self.tally.check(r.returncode == 1 and "wrong.txt:%d:1: error: /33 is no prefix length of an IPv4 address" % n in r.stderr,
                         "a wrong element: %s" % r.stderr[:500])
        self.write("twice.xdpf", ["set s : ip = {\n", *(address(i) + ",\n" for i in range(n)), address(n // 3) + "\n};\ndrop if ip.src in s;\n"])
        r = self.run("--emit=ast", "twice.xdpf")
        self.tally.check(r.returncode == 0 and "twice.xdpf:%d:1: warning: `%s` is already in this list" % (n + 2, address(n // 3)) in r.stderr,
                         "an element that is there twice: %s" % r.stderr[:500])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("xdpfc")
    parser.add_argument("--rules", type=int, default=100000)
    parser.add_argument("--elements", type=int, default=1000000)
    args = parser.parse_args()
    args.xdpfc = os.path.abspath(args.xdpfc)
    with tempfile.TemporaryDirectory() as tmp, concurrent.futures.ThreadPoolExecutor(2) as pool:
        s = Suite(args, tmp)
        for done in [pool.submit(f) for f in (s.tree, s.sets, s.decide, s.tell, s.alike, s.wrong_elements)]:
            done.result()
    print("%d passed, %d failed, 0 skipped" % (s.tally.passed, s.tally.failed))
    return 1 if s.tally.failed else 0


sys.exit(main())
