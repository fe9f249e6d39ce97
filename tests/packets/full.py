#!/usr/bin/python3
"""A table that gets more keys than it has room for: what is counted, and what is said to be missing, by the evaluator and in the kernel. And one that gets
few, of which the kernel makes no more than may come: each of these has room, several of one packet too.

usage: full.py [--xdpfc XDPFC] [--xdpf XDPF]
"""

import argparse
import os
import struct
import sys
import tempfile

sys.dont_write_bytecode = True
import corpus
import diff

KEYS, ROOM, AGAIN = 66000, 65536, 500
RULES = """
default pass;
keys:   count keys per payload[0:4];
twice:  count twice per (payload[0:4], udp.dport) if payload[3:1] == 7;
few:    count few per udp.dport;
again:  count keys per payload[0:4] if udp.dport == 2;
"""
FEW, TIMES = 40, 3      # packets, and keys of each
FEW_RULES = "default pass;\nfirst: count keys per (payload[0:4], ip4.ttl);\n" + "".join(
    "then%d: ip4.ttl -= 1, count keys per (payload[0:4], ip4.ttl);\n" % i for i in range(1, TIMES))


def udp(payload, dport=1):
    size = 8 + len(payload)
    ip = struct.pack(">BBHHHBBHII", 0x45, 0, 20 + size, 0, 0, 64, 17, 0, 0x0a000001, 0x0a000002)
    return (bytes((2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0)) + ip + struct.pack(">HHHH", 4000, dport, size, 0) + payload)


def frames():
    """First as many keys as there is room for and more; then keys that are there, keys that are not, and no keys at all."""
    key = lambda i: struct.pack(">I", (i * 2654435761) & 0xffffffff)	# all different: the factor is odd
    found = [udp(key(i)) for i in range(KEYS)]
    found += [udp(key(i)) for i in range(AGAIN)]
    found += [udp(key(ROOM + i) + b"more") for i in range(7)]
    found += [udp(key(i), 2) for i in range(3)]
    found += [udp(key(ROOM + i), 2) for i in range(5)]
    found += [udp(bytes(n % 4)) for n in range(40)]
    found += [bytes(12) + b"\x88\xb5" + bytes(n) for n in range(60)]
    return found


def misses(summary):
    return {(m["rule"], m["table"]): (m["absent"], m["full"]) for m in summary["misses"]}


def main():
    release = os.path.join(corpus.ROOT, "build", "release")
    parser = argparse.ArgumentParser()
    parser.add_argument("--xdpfc", default=os.path.join(release, "xdpfc"))
    parser.add_argument("--xdpf", default=os.path.join(release, "xdpf"))
    args = parser.parse_args()
    tally = diff.Tally()

    def check(what, have, expected):
        if have == expected:
            tally.passed += 1
        else:
            tally.fail("%s: %s, expected %s" % (what, str(have)[:500], str(expected)[:500]))

    def both(tmp, all_frames, text, refused):
        """What the evaluator and the kernel print of the frames, and what they have counted."""
        capture, rules, prog = (os.path.join(tmp, name) for name in ("full.pcap", "full.xdpf", "full.o"))
        corpus.write_pcap(capture, all_frames)
        with open(rules, "w") as f:
            f.write(text)
        runs = {"evaluator": diff.run(args.xdpfc, "--json", "--run", capture, rules)}
        if refused:
            print("skipped: full: the kernel: " + refused)
            tally.skipped += 1
        else:
            check("compile", diff.run(args.xdpfc, "--quiet", rules, "-o", prog).returncode, 0)
            runs["kernel"] = diff.run(args.xdpf, "run", "--json", prog, capture)
        for who, process in runs.items():
            if process.returncode:
                tally.fail("%s: exit status %d: %s" % (who, process.returncode, process.stderr.strip()))
        return runs, {who: diff.counted(p.stdout.splitlines()[-1]) for who, p in runs.items() if not p.returncode}

    with tempfile.TemporaryDirectory() as tmp:
        refused = corpus.kernel_refuses(args.xdpfc, args.xdpf)
        _, summaries = both(tmp, [udp(struct.pack(">I", i)) for i in range(FEW)], FEW_RULES, refused)
        for who, summary in summaries.items():
            check(who + ": keys of few packets", [len(t["entries"]) for t in summary["tables"]], [FEW * TIMES])
            check(who + ": which all have room", {m[1] for m in misses(summary).values()}, {0})
        all_frames = frames()
        runs, summaries = both(tmp, all_frames, RULES, refused)
        for who, summary in summaries.items():
            tables = {t["name"]: t["entries"] for t in summary["tables"]}
            sevens = sum(1 for f in all_frames[:KEYS] if f[45] == 7)
            check(who + ": entries", {name: len(t) for name, t in tables.items()}, {"keys": ROOM, "twice": sevens, "few": 2})
            check(who + ": packets in the full table", sum(c[0] for c in tables["keys"].values()), ROOM + AGAIN + 2 * 3)
            check(who + ": misses", misses(summary), {
                ("keys", "keys"): (100, KEYS - ROOM + 7 + 5), ("again", "keys"): (0, 5), ("few", "few"): (60, 0), ("twice", "twice"): (0, 0)})
        if len(summaries) == 2:
            check("evaluator and kernel: verdicts", runs["kernel"].stdout.splitlines()[:-1], runs["evaluator"].stdout.splitlines()[:-1])
            check("evaluator and kernel: counters", summaries["kernel"], summaries["evaluator"])
    print("%d passed, %d failed, %d skipped" % (tally.passed, tally.failed, tally.skipped))
    return 1 if tally.failed else 0


if __name__ == "__main__":
    sys.exit(main())
