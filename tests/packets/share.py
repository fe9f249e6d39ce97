#!/usr/bin/python3
"""How many packets `random` takes, per packet and per flow: near its share, independently at each place, both directions of a flow alike; and the
kernel takes the same ones as the evaluator, whatever the seed.

usage: share.py --xdpfc XDPFC --xdpf XDPF

The bounds are five standard deviations of what chance would give: seeds are fixed, so a test that passes will pass again.
"""

import argparse
import os
import struct
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
import corpus

FLOWS = 10000
RULES = """default pass;
p1:   if random 1% { }
p30:  if random 30% { both: if random 30% { } }
f1:   if random 1% per flow { }
f30:  if random 30% per flow { fboth: if random 30% per flow { } }
f70:  if random 70% per flow { }
heads: drop if random 50% per flow;
"""
# Of what is drawn once: a packet, or a flow of two packets.
SHARES = {"p1": (0.01, 2 * FLOWS, 1), "p30": (0.3, 2 * FLOWS, 1), "both": (0.09, 2 * FLOWS, 1), "f1": (0.01, FLOWS, 2), "f30": (0.3, FLOWS, 2),
          "fboth": (0.09, FLOWS, 2), "f70": (0.7, FLOWS, 2), "heads": (0.5, FLOWS, 2)}


def frame(i, back):
    """A packet of flow I, or one back: every other flow is one of IPv6, every third TCP."""
    proto = 6 if i % 3 == 0 else 17
    ports = (1024 + i % 5000, 443)
    if i % 2:
        ends = [bytes.fromhex("20010db8") + bytes(8) + struct.pack("!I", i // 7), bytes.fromhex("20010db8") + bytes(11) + b"\1"]
    else:
        ends = [struct.pack("!I", 0x0a000000 + i // 7), bytes([192, 0, 2, 1])]
    if back:
        ends, ports = ends[::-1], ports[::-1]
    body = struct.pack("!HH", *ports)
    body += struct.pack("!IIBBHHH", 1, 0, 0x50, 2, 1, 0, 0) if proto == 6 else struct.pack("!HH", 8, 0)
    if i % 2:
        head = struct.pack("!IHBB", 6 << 28, len(body), proto, 64)
    else:
        head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(body), 0, 0, 64, proto, 0)
    return bytes(12) + (b"\x86\xdd" if i % 2 else b"\x08\x00") + head + b"".join(ends) + body


def run(*command):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if done.returncode:
        sys.exit("%s: %s" % (" ".join(command), done.stderr.strip()))
    return done


def counts(stderr):
    """{label: packets} of the rules in the tab-separated summary."""
    import json
    summary = json.loads(stderr.splitlines()[-1])["summary"]
    return {r["label"]: r["packets"] for f in summary["files"] for r in f["rules"] if r.get("label")}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--xdpfc", required=True)
    parser.add_argument("--xdpf", required=True)
    args = parser.parse_args()
    passed = failed = skipped = 0
    refused = corpus.kernel_refuses(args.xdpfc, args.xdpf)
    with tempfile.TemporaryDirectory() as tmp:
        rules, prog, capture = (os.path.join(tmp, n) for n in ("share.xdpf", "share.o", "share.pcap"))
        with open(rules, "w") as f:
            f.write(RULES)
        corpus.write_pcap(capture, [frame(i, back) for i in range(FLOWS) for back in (False, True)])
        run(args.xdpfc, "--quiet", rules, "-o", prog)
        seen = []
        for seed in ("1", "2", "18446744073709551615"):
            evaluator = run(args.xdpfc, "--json", "--run", capture, "--seed", seed, rules).stdout
            lines = evaluator.splitlines()[:-1]
            alike = all(a.split('"verdict"')[1] == b.split('"verdict"')[1] for a, b in zip(lines[::2], lines[1::2]))
            seen.append(lines)
            checks = [("both directions of a flow are decided alike", alike)]
            have = counts(evaluator)
            for label, (share, n, packets) in SHARES.items():
                got, due = have[label] / packets, share * n
                checks.append(("%s: %g of %d, %g due" % (label, got, n, due), abs(got - due) <= 5 * (n * share * (1 - share)) ** 0.5))
            if refused:
                print("skipped: share: the kernel: " + refused)
                skipped += 1
            else:
                kernel = run(args.xdpf, "run", "--json", "--seed", seed, prog, capture).stdout
                checks.append(("the kernel takes the same ones", kernel.splitlines()[:-1] == lines and counts(kernel) == have))
            for what, good in checks:
                passed += good
                failed += not good
                if not good:
                    print("FAILED: seed %s: %s" % (seed, what))
        differ = seen[0] != seen[1]
        passed += differ
        failed += not differ
        if not differ:
            print("FAILED: two seeds take the same packets")
    print("%d packets, %d seeds" % (2 * FLOWS, len(seen)))
    print("%d passed, %d failed, %d skipped" % (passed, failed, skipped))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
