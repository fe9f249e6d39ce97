#!/usr/bin/python3
"""Keys that somebody chose: addresses of one /56 that differ only in the last byte of each half, and such that differ in one byte, with all TTLs. A
limit has room for all of them, as for any others: each has its tokens, none goes by for want of room, whatever the seed. And keys that had to
move on where others were before them: when those have gone, they have their own bucket, and no second one where there is room now.

usage: chosen.py [--xdpfc XDPFC] [--xdpf XDPF]
"""

import argparse
import json
import os
import struct
import sys
import tempfile

sys.dont_write_bytecode = True
import corpus
import diff

BYTES = range(0, 256, 2)
RULES = ("limit source = 1/h burst 1 per ip.src size 50k;\nlimit hops = 1/h burst 1 per (ip6.src, ip.ttl) size 50k;\ndefault pass;\n"
         "limit behind = 6/m burst 1 per ip4.src size 3000;\nlater: drop if udp.sport == 5 over behind;\n"
         "over: drop if udp.sport == 1 over source;\nfar: drop if udp.sport == 3 over hops;\n")


def frame(port, a, b, ttl):
    udp = struct.pack(">HHHH", port, 2, 8, 0)
    source = bytes.fromhex("20010db8000000") + bytes((a, 0, 0, 0, 0, 0, 0, 0, b))
    return (bytes.fromhex("02000000000102000000000286dd") + struct.pack(">IHBB", 6 << 28, len(udp), 17, ttl) + source +
            bytes.fromhex("20010db8ffff00000000000000000001") + udp)


def plain(number):
    udp = struct.pack(">HHHH", 5, 2, 8, 0)
    return (bytes.fromhex("0200000000010200000000020800") + struct.pack(">BBHHHBBHII", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0,
                                                                       0x0a000000 + number * 2654435761 % (1 << 24), 0x0a000002) + udp)


# A bucket is full again after 10 s. The first ones are, when the others, which are not, ask again.
FIRST, OTHERS, SECOND = range(1500), range(1500, 3000), 1000000000
BEHIND = [(0, n) for n in FIRST] + [(6, n) for n in OTHERS] + [(11, n) for n in OTHERS]


def main():
    release = os.path.join(corpus.ROOT, "build", "release")
    parser = argparse.ArgumentParser()
    parser.add_argument("--xdpfc", default=os.path.join(release, "xdpfc"))
    parser.add_argument("--xdpf", default=os.path.join(release, "xdpf"))
    args = parser.parse_args()
    refused = corpus.kernel_refuses(args.xdpfc, args.xdpf)
    if refused:
        print("skipped: chosen: the kernel: " + refused)
        return 77
    frames = [f for a in BYTES for b in BYTES for f in (frame(1, a, b, 64), frame(3, a, 0, b))]
    with tempfile.TemporaryDirectory() as tmp:
        rules, capture, prog = (os.path.join(tmp, name) for name in ("chosen.xdpf", "frames.pcap", "chosen.o"))
        with open(rules, "w") as f:
            f.write(RULES)
        corpus.write_pcap(capture, frames + frames + [plain(n) for _, n in BEHIND],
                          [corpus.START] * (2 * len(frames)) + [corpus.START + at * SECOND for at, _ in BEHIND])
        for command in ((args.xdpfc, "--quiet", rules, "-o", prog), (args.xdpf, "run", "--json", prog, capture)):
            done = diff.run(*command)
            if done.returncode:
                print("FAILED: %s\n0 passed, 1 failed, 0 skipped" % done.stderr)
                return 1
        limits = json.loads(done.stdout.splitlines()[-1])["summary"]["limits"]
    each = {"admitted": len(frames) // 2, "denied": len(frames) // 2, "full": 0}
    want = {"source": each, "hops": each, "behind": {"admitted": len(FIRST) + len(OTHERS), "denied": len(OTHERS), "full": 0}}
    failed = [(limit, what) for limit in limits for what in each if limit[what] != want[limit["name"]][what]]
    for limit, what in failed:
        print("FAILED: %s: %s: %d of %d" % (limit["name"], what, limit[what], want[limit["name"]][what]))
    print("%d passed, %d failed, 0 skipped" % (len(limits) * len(each) - len(failed), len(failed)))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
