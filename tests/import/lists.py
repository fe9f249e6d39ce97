#!/usr/bin/python3
"""Address lists: the translation against a matcher of its own, over addresses at and around the borders of what is listed.

    lists.py XDPFC
"""
import ipaddress
import os
import random
import struct
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
LISTED = os.path.join(os.environ.get("XDPF_DATA") or os.path.join(os.path.dirname(ROOT), "shared"), "data", "blocklists", "ipsum-3.txt")
R = random.Random(5)


def frame(address):
    a = ipaddress.ip_address(address)
    if a.version == 4:
        ip = struct.pack(">BBHHHBBH", 0x45, 0, 28, 0, 0, 64, 17, 0) + a.packed + bytes([198, 51, 100, 2])
        kind = b"\x08\x00"
    else:
        ip = struct.pack(">IHBB", 0x60000000, 8, 17, 64) + a.packed + ipaddress.ip_address("2001:db8:ffff::2").packed
        kind = b"\x86\xdd"
    return b"\x02\0\0\0\0\x02\x02\0\0\0\0\x01" + kind + ip + struct.pack(">HHHH", 1, 2, 8, 0)


def ranges(text):
    """(version, first, last) of each line, by Python's own reading."""
    for line in text.splitlines():
        word = line.split("#")[0].split(";")[0].split()
        if not word:
            continue
        if "-" in word[0]:
            lo, hi = (ipaddress.ip_address(x) for x in word[0].split("-"))
        else:
            net = ipaddress.ip_network(word[0])
            lo, hi = net[0], net[-1]
        yield lo.version, int(lo), int(hi)


def probes(listed, n):
    """Addresses at the ends of @n of the ranges, and beside them; those that no packet may be from do here."""
    found = set()
    for version, lo, hi in R.sample(listed, min(n, len(listed))):
        top = (1 << (32 if version == 4 else 128)) - 1
        for a in (lo - 1, lo, (lo + hi) // 2, hi, hi + 1):
            if 0 <= a <= top:
                found.add((version, a))
    return sorted(found)


def check(xdpfc, scratch, name, text, n, options=()):
    """None, or what is wrong."""
    path, rules, capture = (os.path.join(scratch, x) for x in ("list.txt", "list.xdpf", "list.pcap"))
    with open(path, "w") as f:
        f.write(text)
    done = subprocess.run([xdpfc, "--import=list"] + list(options) + [path], stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60)
    if done.returncode != 0:
        return "exit status %d: %s" % (done.returncode, done.stderr.decode()[-500:])
    with open(rules, "wb") as f:
        f.write(done.stdout)
    listed = list(ranges(text))
    ask = probes(listed, n)
    with open(capture, "wb") as f:
        f.write(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1))
        for version, a in ask:
            data = frame(ipaddress.IPv4Address(a) if version == 4 else ipaddress.IPv6Address(a))
            f.write(struct.pack("<IIII", 0, 0, len(data), len(data)) + data)
    ran = subprocess.run([xdpfc, "--run", capture, "--quiet", rules], stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60)
    came = [line.split("\t")[1] for line in ran.stdout.decode().splitlines()]
    match, other = ("pass", "drop") if "--match=pass" in options else ("drop", "pass")
    ordered = sorted(listed)
    for (version, a), verdict in zip(ask, came):
        want = match if any(v == version and lo <= a <= hi for v, lo, hi in ordered) else other
        if verdict != want:
            return "%s: %s is wanted, came %s" % (a, want, verdict)
    return None if len(came) == len(ask) else "%d packets were sent, %d judged: %s" % (len(ask), len(came), ran.stderr.decode())


MIXED = """# an address list
192.0.2.7
198.51.100.0/24 ; with a remark
203.0.113.5-203.0.113.9\ta remark
2001:db8::/32
2001:db9::5   # another
0.0.0.0/5
fe80::1-fe80::77
"""


def main():
    xdpfc = os.path.abspath(sys.argv[1])
    passed = failed = skipped = 0
    cases = [("mixed", MIXED, 100, ()), ("mixed, as what passes", MIXED, 100, ("--match=pass",)),
             ("many", "".join("%s\n" % ipaddress.IPv4Network((R.getrandbits(32) >> (32 - n) << (32 - n), n)) for n in
                              (R.choice((8, 12, 16, 20, 24, 28, 32)) for _ in range(300))), 300, ())]
    if os.path.exists(LISTED):
        with open(LISTED) as f:
            cases.append(("ipsum-3.txt", f.read(), 150, ()))
    else:
        print("skipped: ipsum-3.txt: the shared data is not here")
        skipped += 1
    with tempfile.TemporaryDirectory() as scratch:
        for name, text, n, options in cases:
            complaint = check(xdpfc, scratch, name, text, n, options)
            if complaint:
                print("FAILED %s: %s" % (name, complaint))
            passed, failed = passed + (not complaint), failed + bool(complaint)
    print("%d passed, %d failed, %d skipped" % (passed, failed, skipped))
    return 1 if failed else 0


sys.exit(main())
