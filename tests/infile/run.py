#!/usr/bin/python3
"""Tests in rule files, by the evaluator (xdpfc --test) and in the kernel (xdpf test): both must say the same.

usage: run.py XDPFC XDPF

Every rule file here and in examples/ that has tests passes all of them, in both; every test of fails.xdpf fails, as the comment behind it
says. The packets of frames.xdpf have lengths and checksums that tshark finds right.
"""
import glob
import json
import os
import re
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
# What tshark says of a checksum: 1 is good, 0 is bad.
SUMS = ["ip", "tcp", "udp", "icmp", "icmpv6", "igmp", "sctp", "dccp", "gre"]
PREFERENCES = ["ip.check_checksum:TRUE", "tcp.check_checksum:TRUE", "udp.check_checksum:TRUE", "udplite.check_checksum:TRUE",
               "udplite.ignore_checksum_coverage:FALSE", "dccp.check_checksum:TRUE", "sctp.checksum:CRC-32C"]
sys.path.insert(0, os.path.join(ROOT, "tests", "packets"))

import corpus

# Whose packets are wrong on purpose.
WRONG = {"what is wrong stays wrong", "what is wrong inside"}
# A first fragment alone has no whole transport header's checksum, and a checksum that was named is that.
ODD = {"UDP over IPv6", "packet too big", "extension headers"}    # tshark misses what the payload should be
NO_SUMS = {"a later fragment", "GRE"}


class Tally:
    def __init__(self):
        self.passed = self.failed = self.skipped = 0
        self.refused = None    # why the kernel takes no program here

    def check(self, good, what):
        if good:
            self.passed += 1
        else:
            self.failed += 1
            print("FAILED: " + what)

    def skip(self, what):
        self.skipped += 1
        print("skipped: " + what)


def run(*command, **options):
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options)


def both(tally, xdpfc, xdpf, path):
    """What the evaluator says of a file's tests; the kernel's word is compared to it. None: it has said nothing."""
    name = os.path.relpath(path, ROOT)
    with open(path) as f:
        if not re.search(r'^test "', f.read(), re.M):
            return None
    done = run(xdpfc, "--json", "--test", path)
    tally.check(done.returncode in (0, 1) and not done.stderr, "%s, the evaluator: %d\n%s" % (name, done.returncode, done.stderr))
    if done.stderr or not done.stdout:
        return None
    ours = json.loads(done.stdout)
    tally.check(done.returncode == (1 if ours["failed"] else 0), "%s, the evaluator: exit status %d" % (name, done.returncode))
    if tally.refused:
        tally.skip("%s in the kernel: %s" % (name, tally.refused))
        return ours
    done = run(xdpf, "test", "--json", path)
    theirs = json.loads(done.stdout)[2] if done.stdout else done.stderr
    tally.check(theirs == ours, "%s: the evaluator says %s\nthe kernel %s" % (name, ours, theirs))
    # What is printed is the same, too.
    a, b = run(xdpfc, "--test", path).stdout.splitlines(), run(xdpf, "test", path).stdout.splitlines()
    tally.check(a[:-1] == [line for line in b if ": test " in line] and (not ours["tests"] or a[-1] == b[-1]), "%s: the lines differ:\n%s\n%s" % (name, a, b))
    tally.check(run(xdpfc, "--quiet", "--test", path).stdout.splitlines() == a[:-1], "%s: a summary that is not wanted" % name)
    return ours


def failing(tally, path, ours):
    """Each test has, behind it, what comes instead."""
    found = {f["test"]: "%d full %s %d" % (f["packet"], f["full"], f["size"]) if "full" in f else
             "%d %s %s" % (f["packet"], f["verdict"], f["rule"]) for f in ours["failures"]}
    with open(path) as f:
        want = dict(re.findall(r'^test "([^"]*)".*#: (.*)$', f.read(), re.M))
    tally.check(want and found == want, "%s: %s, not %s" % (path, found, want))


def tests_of(xdpfc, path, tmp):
    obj = os.path.join(tmp, "prog.o")
    done = run(xdpfc, "--quiet", path, "-o", obj)
    if done.returncode:
        return []
    with open(obj, "rb") as f:
        data = f.read()
    at = data.index(b'{"tests":')
    return json.JSONDecoder().raw_decode(data[at:].decode("utf-8", "replace"))[0]["tests"]


def write_pcap(path, frames):
    with open(path, "wb") as f:
        f.write(bytes.fromhex("d4c3b2a1020004000000000000000000ffff000001000000"))
        for frame in frames:
            f.write((0).to_bytes(8, "little") + len(frame).to_bytes(4, "little") * 2 + frame)


def sound(tally, xdpfc, path):
    """tshark finds no wrong checksum and nothing malformed in the packets, and checks most of them."""
    with tempfile.TemporaryDirectory() as tmp:
        frames = [(t["name"], bytes.fromhex(s["packet"])) for t in tests_of(xdpfc, path, tmp) if t["name"] not in WRONG
                  for s in t["steps"] if "packet" in s]
        tally.check(len(frames) > 30, "%s: its packets are not in the object" % path)
        pcap = os.path.join(tmp, "frames.pcap")
        write_pcap(pcap, [data for _, data in frames])
        fields = ["%s.checksum.status" % s for s in SUMS] + ["_ws.malformed"]
        try:
            done = run("tshark", "-r", pcap, "-T", "fields", *[x for p in PREFERENCES for x in ("-o", p)],
                       *[x for name in fields for x in ("-e", name)])
        except FileNotFoundError:
            return tally.skip("checksums: tshark is not installed")
        lines = done.stdout.split("\n")[:-1]
        tally.check(done.returncode == 0 and len(lines) == len(frames), "tshark: %s" % done.stderr)
        good = {}
        for (name, data), line in zip(frames, lines):
            said = dict(zip(fields, line.split("\t")))
            for s in SUMS:
                status = said.get(s + ".checksum.status", "")
                good[s] = good.get(s, 0) + ("1" in status)
                tally.check("0" not in status.split(",") or (name in NO_SUMS and s != "ip"), "test \"%s\": the checksum of %s is wrong: %s" %
                            (name, s, data.hex()))
            tally.check(not said.get("_ws.malformed") or name in ODD, "test \"%s\": tshark calls it malformed: %s" % (name, data.hex()))
        for s in ("ip", "tcp", "udp", "icmp", "icmpv6", "igmp", "sctp", "dccp"):
            tally.check(good.get(s), "no checksum of %s was looked at" % s)


STEPS = ((b'"repeat":1,', b'"repeat":0,'), (b'"repeat":1,', b'"repeat":x,'), (b'"expect":"pass"', b'"expect":"xxxx"'), (b'"by":', b'"bx":'),
         (b'{"packet":"0200', b'{"packet":"02g0'), (b'{"packet":"0200', b'{"packex":"0200'), (b'{"tests":[', b'{"tests":{'),
         (b'"line":', b'"lime":'), (b'"steps":[', b'"steqs":['), (b'"name":', b'"nane":'))
SETS = ((b'"add":1,', b'"add":9,'), (b'"add":1,', b'"adb":1,'), (b'"remove":1,', b'"remove":x,'), (b'"elements":"c0', b'"elements":"c"'),
        (b'"elements":"c0', b'"elements":"cg'), (b'"elements":"c0', b'"elemints":"c0'), (b'"keep":10000000000,', b'"keep":9E999999999,'),
        (b'"keep":10000000000,', b'"kept":10000000000,'), (b'"keep":10000000000,', b'"keep":-1000000000,'), (b'"source":', b'"sauces":'))


def wrong_objects(tally, xdpfc, xdpf, path, changes):
    """An object whose tests are broken is refused, and says so."""
    with tempfile.TemporaryDirectory() as tmp:
        obj = os.path.join(tmp, "prog.o")
        run(xdpfc, path, "-o", obj)
        with open(obj, "rb") as f:
            data = f.read()
        at = data.index(b'{"tests":')
        for old, new in changes:
            where = data.find(old, at)
            tally.check(where > 0 and len(old) == len(new), "%s is not in the object, or not as long as %s" % (old, new))
            with open(obj, "wb") as f:
                f.write(data[:where] + new + data[where + len(old):])
            done = run(xdpf, "test", obj)
            tally.check(done.returncode == 1 and "tests are" in done.stderr, "%s for %s is taken: %d %s" % (new, old, done.returncode, done.stderr))


def several(tally, xdpfc, xdpf):
    """With several files, what came is said with the file whose rule or default it was."""
    with tempfile.TemporaryDirectory() as tmp:
        files = [os.path.join(tmp, "one.xdpf"), os.path.join(tmp, "two.xdpf")]
        with open(files[0], "w") as f:
            f.write('web: pass if tcp;\ntest "rule" { packet { tcp } expect pass by web }\ntest "default" { packet { udp } expect drop }\n')
        with open(files[1], "w") as f:
            f.write("web: drop if tcp;\n")
        expected = ["expected pass by web, came drop by web of two.xdpf", "expected drop, came pass by default of two.xdpf"]
        done = run(xdpfc, "--test", *files)
        says = [done.stdout]
        if not tally.refused:
            obj = os.path.join(tmp, "prog.o")
            run(xdpfc, "--quiet", *files, "-o", obj)
            says.append(run(xdpf, "test", obj).stdout)
        for text in says:
            tally.check(all(e in text for e in expected), "several files: %r" % text)


PASSED_ON = (
    'set seen : ip live;\nweb: if tcp { note: add ip.src to seen if tcp.dport == 80; known: pass if tcp.dport == 80; }\n'
    'away: redirect "xdpf-nowhere" else pass if udp.dport == 7;\n'
    'test "a rule" { packet { tcp.dport = 80 } expect pass by known }\n'
    'test "the default" { packet { tcp.dport = 81 } expect pass by default repeat 3 packet { tcp.dport = 82 } expect pass by default }\n'
    'test "an else" { packet { udp.dport = 7, no-way } expect pass by away }\n'
    'test "anybody" { packet { udp.dport = 9 } expect pass }\n'
    'test "not this one" { packet { tcp.dport = 81 } expect pass by known }\n'
    'test "nor then" { packet { tcp.dport = 80 } packet { tcp.dport = 83 } expect pass by known }\n'
    'test "behind" { packet { tcp.dport = 8080 } expect pass by default }\n',
    'last: drop if tcp.dport == 8080;\nweb: pass if tcp.dport == 80;\ntest "of the last" { packet { tcp.dport = 80 } expect pass by web }\n'
    'test "of the last, not so" { packet { tcp.dport = 81 } expect pass by web }\n',
)


def passed_on(tally, xdpfc, xdpf):
    """Who passed a packet on that all files passed."""
    with tempfile.TemporaryDirectory() as tmp:
        files = [os.path.join(tmp, "one.xdpf"), os.path.join(tmp, "two.xdpf")]
        for path, text in zip(files, PASSED_ON):
            with open(path, "w") as f:
                f.write(text)
        expected = {"not this one": "packet 1: expected pass by known, came pass by default of one.xdpf",
                    "nor then": "packet 2: expected pass by known, came pass by default of one.xdpf",
                    "behind": "packet 1: expected pass by default, came drop by last of two.xdpf",
                    "of the last, not so": "packet 1: expected pass by web, came pass by default of two.xdpf"}
        for counting in ("at-once", "deferred"):
            says = [run(xdpfc, "--test", *files)]
            if not tally.refused:
                obj = os.path.join(tmp, "prog.o")
                run(xdpfc, "--quiet", "--counting=" + counting, *files, "-o", obj)
                says.append(run(xdpf, "test", obj))
            for done in says:
                failed = dict(re.findall(r'test "(.*?)": (.*)', done.stdout))
                tally.check(failed == expected and "Sanitizer" not in done.stderr, "who passed it on: %r, %r" % (done.stdout, done.stderr))


def main():
    xdpfc, xdpf = sys.argv[1:3]
    tally, n = Tally(), 0
    tally.refused = corpus.kernel_refuses(xdpfc, xdpf)
    for path in sorted(glob.glob(os.path.join(HERE, "*.xdpf")) + glob.glob(os.path.join(ROOT, "examples", "*.xdpf"))):
        ours = both(tally, xdpfc, xdpf, path)
        if not ours:
            continue
        n += ours["tests"]
        if path.endswith("/fails.xdpf"):
            failing(tally, path, ours)
        else:
            tally.check(not ours["failures"], "%s: %s" % (path, ours["failures"]))
            tally.check(ours["tests"] or "examples" in path, "%s has no tests" % path)
    several(tally, xdpfc, xdpf)
    passed_on(tally, xdpfc, xdpf)
    sound(tally, xdpfc, os.path.join(HERE, "frames.xdpf"))
    for name, changes in (("steps.xdpf", STEPS), ("sets.xdpf", SETS)):
        if tally.refused:
            tally.skip("broken tests in the kernel: " + tally.refused)
        else:
            wrong_objects(tally, xdpfc, xdpf, os.path.join(HERE, name), changes)
    print("%d passed, %d failed, %d skipped" % (tally.passed, tally.failed, tally.skipped))
    return 1 if tally.failed else 0


if __name__ == "__main__":
    sys.exit(main())
