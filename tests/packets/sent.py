#!/usr/bin/python3
"""What `tx swap` leaves of a frame: in the kernel, whole and in pieces, the bytes that the evaluator leaves. Every verdict has a rule, so
that frames which must stay as they are do, too.

usage: sent.py --sent XDPF_SENT [--xdpfc XDPFC] [--xdpf XDPF]
"""

import argparse
import os
import re
import sys
import tempfile

sys.dont_write_bytecode = True
import corpus
import diff

RULES = {
    "rules": """
default pass;
types: count types per eth.type;
swap:  tx swap if udp or arp or icmp6;
tx:    tx if tcp.syn;
abort: abort if icmp;
drop:  drop if malformed;
""",
    "default": "default tx swap;\nstay: pass if tcp;\n",
    "behind a block": "if ip { if udp.dport >= 1024 { tx swap; } else { count low, tx; } }\nother: tx swap if vlan or arp;\n",
}


def main():
    release = os.path.join(corpus.ROOT, "build", "release")
    parser = argparse.ArgumentParser()
    parser.add_argument("--sent", required=True)
    parser.add_argument("--xdpfc", default=os.path.join(release, "xdpfc"))
    parser.add_argument("--xdpf", default=os.path.join(release, "xdpf"))
    args = parser.parse_args()
    tally = diff.Tally()
    refused = corpus.kernel_refuses(args.xdpfc, args.xdpf)
    if refused:
        print("skipped: sent: the kernel: " + refused)
        print("0 passed, 0 failed, 1 skipped")
        return 0
    frames = [f for f in corpus.Corpus(300, 1).frames if 14 <= len(f) <= 3000][::7]
    # The shortest ones have nothing but the addresses and a type.
    frames += [bytes(range(12)) + kind + bytes(n) for kind in (b"\x08\x00", b"\x08\x06", b"\x88\xb5") for n in (0, 1, 2, 46)]
    with tempfile.TemporaryDirectory() as tmp:
        capture, rules, prog = (os.path.join(tmp, name) for name in ("sent.pcap", "sent.xdpf", "sent.o"))
        corpus.write_pcap(capture, frames)
        for name, text in RULES.items():
            with open(rules, "w") as f:
                f.write(text)
            compiled = diff.run(args.xdpfc, "--quiet", rules, "-o", prog)
            if compiled.returncode:
                tally.fail("%s: %s" % (name, compiled.stderr.strip()))
                continue
            process = diff.run(args.sent, rules, prog, capture)
            count = re.search(r"^(\d+) passed, (\d+) failed, (\d+) skipped, (\d+) changed$", process.stdout, re.M)
            print("%s: %s" % (name, process.stdout.strip()[-3000:]))
            if not count:
                tally.fail("%s: exit status %d: %s" % (name, process.returncode, process.stderr.strip()[-2000:]))
                continue
            tally.passed += int(count[1])
            tally.failed += int(count[2])
            if int(count[3]):
                print("skipped: sent: %s: this kernel does not split frames that short" % name)
                tally.skipped += int(count[3])
    print("%d passed, %d failed, %d skipped" % (tally.passed, tally.failed, tally.skipped))
    return 1 if tally.failed else 0


if __name__ == "__main__":
    sys.exit(main())
