#!/usr/bin/python3
"""What `tx swap` and rewriting leave of a frame: in the kernel, whole and in pieces, the bytes that the evaluator leaves. Every verdict has a rule, so
that frames which must stay as they are do, too.

usage: sent.py --sent XDPF_SENT [--xdpfc XDPFC] [--xdpf XDPF] [--random N] [--seed S]
"""

import argparse
import os
import random
import re
import sys
import tempfile

sys.dont_write_bytecode = True
import corpus
import diff
import rules as random_rules

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
    "fields": """
ttl:   ip4.ttl = 64, ip6.hoplimit -= 3 if not vlan;
down:  ip.ttl -= 3 if vlan or udp;
src:   ip.src = 192.0.2.77, ip6.dst = 2001:db8::77, ip.src = 2001:db8::78;
port:  l4.dport = 8080, udp.sport = 53;
flags: tcp.syn = 0, tcp.window = 1000, tcp.ae = 1, tcp.seq = 0xdeadbeef, tcp.reserved = 5 if tcp.dport == 8080;
ip:    ip.dscp = af21, ip6.flowlabel = 77, ip4.id = 1, ip4.rf = 1, ip.ecn = ce, ip4.df = 0;
tags:  vlan.id = 5, vlan.inner.pcp = 3, vlan.dei = 1;
eth:   eth.src = 02:00:00:00:00:55, arp.spa = 192.0.2.1, arp.tha = 02:00:00:00:00:66, arp.op = reply;
icmp:  icmp.type = echo-reply, icmp6.code = 3, icmp.id = 7, icmp6.target = fe80::1, icmp.gateway = 192.0.2.9, icmp.mtu = 1280, icmp6.mtu = 1400;
none:  udp.checksum = 0 if udp.dport == 8080 and udp.len < 20;
other: gre.key = 7, gre.seq = 8, dccp.seq = 5, dccp.type = ack, udplite.sport = 4, mh.type = 3, igmp.group = 224.0.0.1, frag.id = 77;
all:   ip4.src = 0.0.0.0, udp.dport = 0xffff, ip4.id = 0xffff, ip4.dst = 255.255.255.255 if ip4.ecn == ce;
""",
    "to themselves": """
same:  ip4.ttl = 64 if ip4.ttl == 64;
zero:  ip4.id = 0, ip4.ttl = 0, udp.sport = 0, udp.dport = 0, ip.src = 0.0.0.0, ip.dst = ::, tcp.seq = 0, icmp.seq = 0;
ones:  ip4.id = 0xffff, ip4.ttl = 255, ip.dscp = 63, udp.sport = 0xffff, ip4.src = 255.255.255.255, l4.sport = 0xffff, icmp6.seq = 0xffff;
sums:  tcp.checksum = 0, ip4.checksum = 0xffff, icmp.checksum = 1, l4.checksum = 0xffff;
again: ip.ttl -= 1, l4.dport = 1, icmp.id = 1, ip4.dst = 192.0.2.1, sctp.checksum = 5;
""",
    "tags": """
mark:  mark 0x1234 if udp;
more:  mark 7, ip.ttl = 9 if udp.dport == 53;
push:  vlan push 100 if not vlan;
pop:   vlan pop if vlan.id == 7 or vlan.inner;
again: vlan push 9, vlan.pcp = 3 if tcp;
keys:  count x per (vlan.id, vlan.inner.id), count y per (vlan.type, eth.outertype), count z per (eth.type, vlan.inner.type, vlan.inner.pcp);
write: ip.ttl -= 1, l4.sport = 9, eth.dst = ff:ff:ff:ff:ff:ff;
off:   vlan pop, count q per vlan.id if payload[0:1] > 5;
drop:  drop if packet[12:2] == 0x8100 and packet[14:2] & 0xfff == 9;
deep:  drop if vlan.inner.id == 100 and payload.len > 20 and payload[2:2] == 0x0100;
swap:  tx swap if not vlan;
""",
    "inside": """
ttl:   inner.ip4.ttl = 64, inner.ip6.hoplimit -= 3, inner.ip.ttl -= 1;
src:   inner.ip.src = 192.0.2.77, inner.ip6.dst = 2001:db8::77, inner.ip.src = 2001:db8::78, inner.ip.dst = 10.9.9.9;
port:  inner.l4.dport = 8080, inner.udp.sport = 53, ip.src = 10.7.7.7, udp.sport = 77;
flags: inner.tcp.syn = 0, inner.tcp.window = 1000, inner.tcp.seq = 0xdeadbeef;
tags:  vlan push 5, inner.vlan.id = 5, inner.vlan.inner.pcp = 3 if not vlan;
eth:   inner.eth.src = 02:00:00:00:00:55, inner.arp.spa = 192.0.2.1, inner.arp.tha = 02:00:00:00:00:66;
icmp:  inner.icmp.type = echo-reply, inner.icmp6.code = 3, inner.icmp.seq = 7, inner.gre.key = 7, inner.frag.id = 77, inner.ip4.id = 0xffff;
sums:  count sums per (udp.checksum, gre.checksum, inner.ip4.checksum, inner.l4.checksum);
off:   vlan pop, inner.udp.dport = 0xffff, inner.ip.dscp = 63, inner.ip4.df = 1 if vlan;
none:  inner.udp.checksum = 0 if inner.udp.len < 20;
all:   inner.ip.ttl -= 1, inner.eth.dst = ff:ff:ff:ff:ff:ff, inner.l4.checksum = 1, inner.mh.type = 3, inner.igmp.group = 224.0.0.1;
""",
    "inside, to themselves": "t: inner.ip.ttl = 0, inner.l4.dport = 0;\nu: inner.ip.ttl = 255, inner.l4.dport = 0xffff, inner.ip4.src = 255.255.255.255;\n"
                             "v: inner.eth.src = 00:00:00:00:00:00;\nw: inner.eth.src = ff:ff:ff:ff:ff:ff;\nx: inner.ip.ttl = 0, inner.l4.dport = 0;\n",
    "forward": "default forward;\narp: drop if arp;\n",
    "forward, large": "large: if pkt.len > 100 { udp: forward else abort if udp or icmp; }\nrest: forward else drop if ip6 or vlan;\n",
    "rst": "default pass;\ncount all;\ntcp: reply rst if ip;\n",
    "unreachable": "default pass;\nicmp: reply unreachable if ip;\n",
    "syncookie": "default pass;\nold: drop if ip.ttl < 3;\nguard: syncookie;\nack: tx swap if tcp;\n",
    "syncookie, rewritten": "default pass;\npush: vlan push 5 if tcp and not vlan;\ntag: vlan pop if vlan.inner;\nto: ip4.dst = 192.0.2.9, tcp.dport = 80;\n"
                            "guard: syncookie if tcp.dport == 80;\nother: syncookie if l4.sport > 9;\n",
    "rewritten": "default pass;\npush: vlan push 5 if udp;\ntag: vlan pop if vlan and tcp;\nttl: ip.ttl = 9;\nr: reply rst if tcp;\n"
                 "u: reply unreachable if vlan.id == 5 and payload.len > 40;\noff: vlan pop if vlan.id == 5;\nf: forward if ip;\n",
    "both": "default drop;\na: reply rst if tcp;\nb: reply unreachable if udp or icmp or icmp6;\nc: forward if ip;\n",
    "behind a block": "if ip { if udp.dport >= 1024 { tx swap; } else { count low, tx; } }\nother: tx swap if vlan or arp;\n",
}
# Rules of few shapes, whose numbers are in records: each frame by the one for its ttl and address.
RULES["alike"] = "default pass;\n" + "".join(
    "ip.src = 192.0.2.%d, l4.dport = %d, tx swap if ip.ttl == %d and not vlan;\nvlan push %d, ip.dscp = %d, pass if ip.ttl == %d and vlan;\n"
    "mark %d, ip6.hoplimit -= %d, tx if ip6.hoplimit == %d;\n" % (n % 256, 1000 + n, n, n, n % 64, n, 7 * n, n % 9 + 1, n) for n in range(256))


def main():
    release = os.path.join(corpus.ROOT, "build", "release")
    parser = argparse.ArgumentParser()
    parser.add_argument("--sent", required=True)
    parser.add_argument("--xdpfc", default=os.path.join(release, "xdpfc"))
    parser.add_argument("--xdpf", default=os.path.join(release, "xdpf"))
    parser.add_argument("--random", type=int, default=6, help="random rule files that change packets")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    tally = diff.Tally()
    refused = corpus.kernel_refuses(args.xdpfc, args.xdpf)
    if refused:
        print("skipped: sent: the kernel: " + refused)
        print("0 passed, 0 failed, 1 skipped")
        return 0
    known = corpus.Corpus(300, 1)
    # Some of all, and all with tunnels that a test is about.
    frames = [f for i, f in enumerate(known.frames) if 14 <= len(f) <= 3000 and (i % 7 == 0 or known.names[i].startswith("inner"))]
    # The shortest ones have nothing but the addresses and a type.
    frames += [bytes(range(12)) + kind + bytes(n) for kind in (b"\x08\x00", b"\x08\x06", b"\x88\xb5") for n in (0, 1, 2, 46)]
    with tempfile.TemporaryDirectory() as tmp:
        capture, rules, prog = (os.path.join(tmp, name) for name in ("sent.pcap", "sent.xdpf", "sent.o"))
        corpus.write_pcap(capture, frames)
        for i in range(args.random):
            name = "random %d of seed %d" % (i, args.seed)
            writer = random_rules.Writer(random.Random("sent %d/%d" % (args.seed, i)), frames)
            random_rules.write_one(rules, ["default pass;"] + writer.changes(writer.rnd.choice((2, 6, 15))), args.xdpfc)
            with open(rules) as f:
                RULES[name] = f.read()
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
            if int(count[2]):
                print(text)
            if int(count[3]):
                print("skipped: sent: %s: this kernel does not split frames that short" % name)
                tally.skipped += int(count[3])
    print("%d passed, %d failed, %d skipped" % (tally.passed, tally.failed, tally.skipped))
    return 1 if tally.failed else 0


if __name__ == "__main__":
    sys.exit(main())
