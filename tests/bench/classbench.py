#!/usr/bin/python3
"""ClassBench filter sets as rule files, and their header traces as captures of real packets.

usage: classbench.py rules SET [--ip6] [--first N] [--verdicts LIST]        the rule file, to standard output
       classbench.py trace TRACE -o CAPTURE [--ip6] [--first N] [--mix SEED]

  SET, TRACE       acl1_1000.xz, acl1_1000_trace.xz; also unpacked
  --ip6            addresses are mapped into 2001:db8::/96, packets are IPv6
  --first N        only so many rules, headers
  --verdicts LIST  the rules' verdicts by turns; the default is the first of them (default: drop,pass)
  --mix SEED       a mix of which most miss: fields of different headers put together, and random ones

What a rule becomes. Rule number N of the set, from 0, has the label rN; a field that the set leaves open is not asked for. The set's rules are
of IPv4 headers, so the one that leaves all open is `if ip4` (`if ip6` when mapped). Ports belong to TCP and UDP and their like: where
a rule names a protocol that has none, its ports are left out, and where it names none, `l4.sport` and `l4.dport` ask for them. Protocols
that are walked through on the way to another one (AH; in IPv6 also the other extension headers) are asked for by the header's name. The flags are
left out: the headers of the traces were made without regard to them.

A packet has the header's addresses, protocol and ports where the protocol has some, sound lengths, and IPv4's checksum. The last column of a trace is
the filter that a header was made for, not the first that it matches: first_match() below says that.
"""
import argparse
import itertools
import lzma
import os
import random
import struct
import sys

ANY = (0, 65535)
PORTS = {6, 17, 33, 132, 136}                           # protocols that have them
WALKED4 = {51: "ah"}
WALKED6 = {0: "hbh", 43: "rt", 44: "frag", 51: "ah", 60: "dstopts", 135: "mh"}
PREFIX6 = bytes.fromhex("20010db8") + bytes(8)
ETHER = bytes.fromhex("020000000001020000000002")       # to, from
FAMILIES, SIZES = ("acl1", "fw1", "ipc1"), (100, 1000, 10000, 100000)


def folder():
    """Where the sets are, or None: the folder in XDPF_DATA, else "shared" beside the project."""
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    path = os.path.join(os.environ.get("XDPF_DATA") or os.path.join(os.path.dirname(root), "shared"), "data", "classbench")
    return path if os.path.isdir(path) else None


def lines(path):
    with (lzma.open if path.endswith(".xz") else open)(path, "rt") as f:
        yield from f


# ---- rules ----

def prefix(text):
    address, length = text.split("/")
    a, b, c, d = address.split(".")
    value, length = int(a) << 24 | int(b) << 16 | int(c) << 8 | int(d), int(length)
    return value >> 32 - length << 32 - length, length


def ports(text):
    low, high = text.split(":")
    return int(low), int(high)


def read_rules(path):
    """(source, destination, source ports, destination ports, protocol or None), in order."""
    for line in lines(path):
        if not line.startswith("@"):
            continue
        src, dst, sport, dport, proto = line[1:].split("\t")[:5]
        value, mask = (int(word, 16) for word in proto.split("/"))
        if mask not in (0, 255):
            raise ValueError("%s: a mask of protocols: %s" % (path, proto))
        yield prefix(src), prefix(dst), ports(sport), ports(dport), value if mask else None


def matches(rule, header):
    (src, src_len), (dst, dst_len), sport, dport, proto = rule
    if (header[0] ^ src) >> 32 - src_len or (header[1] ^ dst) >> 32 - dst_len or proto not in (None, header[4]):
        return False
    if proto is not None and proto not in PORTS or sport == dport == ANY:
        return True
    return header[4] in PORTS and sport[0] <= header[2] <= sport[1] and dport[0] <= header[3] <= dport[1]


def first_match(rules, header):
    """The number of the first rule that matches, or None."""
    return next((i for i, rule in enumerate(rules) if matches(rule, header)), None)


class Words:
    """Conditions of fields, each made once."""

    def __init__(self, ip6):
        self.ip6, self.made = ip6, {}
        self.walked = WALKED6 if ip6 else WALKED4

    def address(self, field, key):
        value, length = key
        if self.ip6:
            text, whole = "2001:db8::%x:%x" % (value >> 16, value & 65535), length == 32
            return "%s %s" % (field, "== " + text if whole else "in %s/%d" % (text, length + 96))
        text = "%d.%d.%d.%d" % (value >> 24, value >> 16 & 255, value >> 8 & 255, value & 255)
        return "%s %s" % (field, "== " + text if length == 32 else "in %s/%d" % (text, length))

    def port(self, field, key):
        return "%s == %d" % (field, key[0]) if key[0] == key[1] else "%s in %d-%d" % (field, *key)

    def protocol(self, field, key):
        return self.walked.get(key) or "%s == %d" % (field, key)

    def get(self, make, field, key):
        text = self.made.get((field, key))
        if text is None:
            text = self.made[field, key] = make(field, key)
        return text


def write_rules(rules, out, ip6=False, verdicts=("drop", "pass")):
    words, turns, some = Words(ip6), itertools.cycle(verdicts), []
    get = words.get
    out.write("default %s;\n" % verdicts[0])
    for i, (src, dst, sport, dport, proto) in enumerate(rules):
        asked = []
        if src[1]:
            asked.append(get(words.address, "ip.src", src))
        if dst[1]:
            asked.append(get(words.address, "ip.dst", dst))
        if proto is not None:
            asked.append(get(words.protocol, "ip.proto", proto))
        if proto is None or proto in PORTS:
            if sport != ANY:
                asked.append(get(words.port, "l4.sport", sport))
            if dport != ANY:
                asked.append(get(words.port, "l4.dport", dport))
        some.append("r%d: %s if %s;\n" % (i, next(turns), " and ".join(asked) or ("ip6" if ip6 else "ip4")))
        if len(some) == 4096:
            out.write("".join(some))
            some.clear()
    out.write("".join(some))


# ---- headers and packets ----

def read_trace(path):
    """(source, destination, source port, destination port, protocol)."""
    for line in lines(path):
        yield tuple(map(int, line.split("\t", 5)[:5]))


def mix(headers, seed):
    """As many headers, most of which match nothing that they were made for."""
    rnd = random.Random(seed)
    for header in headers:
        src, dst, sport, dport, proto = header
        other, kind = rnd.choice(headers), rnd.randrange(4)
        if kind == 0:
            src = other[0]
        elif kind == 1:
            dst, sport = other[1], rnd.getrandbits(16)
        elif kind == 2:
            src, dport = src ^ 1 << rnd.randrange(32), other[3]
        else:
            src, dst, dport, proto = rnd.getrandbits(32), rnd.getrandbits(32), rnd.randrange(2000), rnd.choice((6, 17))
        yield src, dst, sport, dport, proto


def carried(proto, sport, dport, walked):
    """What stands behind the IP header."""
    if proto == 6:
        return struct.pack("!HHIIBBHHH", sport, dport, 1, 1, 0x50, 0x10, 1024, 0, 0)
    if proto == 17 or proto == 136:
        return struct.pack("!HHHH", sport, dport, 8, 0)
    if proto == 132:
        return struct.pack("!HHII", sport, dport, 1, 0)
    if proto == 33:
        return struct.pack("!HHBBHI", sport, dport, 4, 0, 0, 0) + bytes(4)
    if proto in walked:
        return bytes((59, 1)) + bytes(10) if proto == 51 else bytes((59, 0)) + bytes(6)
    return bytes(8)


def packet4(src, dst, proto, data):
    length = 20 + len(data)
    total = 0x4500 + length + (64 << 8 | proto) + (src >> 16) + (src & 65535) + (dst >> 16) + (dst & 65535)
    total = (total & 65535) + (total >> 16)
    total = (total & 65535) + (total >> 16)
    return ETHER + struct.pack("!HHHIBBHII", 0x0800, 0x4500, length, 0, 64, proto, total ^ 65535, src, dst) + data


def packet6(src, dst, proto, data):
    return ETHER + struct.pack("!HIHBB12sI12sI", 0x86dd, 6 << 28, len(data), proto, 64, PREFIX6, src, PREFIX6, dst) + data


def packets(headers, ip6=False):
    make, walked = (packet6, WALKED6) if ip6 else (packet4, WALKED4)
    for src, dst, sport, dport, proto in headers:
        yield make(src, dst, proto, carried(proto, sport, dport, walked))


def write_pcap(path, frames):
    """All at the same time."""
    with open(path, "wb") as f:
        f.write(struct.pack("<IHHiIII", 0xa1b23c4d, 2, 4, 0, 0, 262144, 1))
        heads = {n: struct.pack("<IIII", 1700000000, 0, n, n) for n in range(1515)}
        f.writelines(part for frame in frames for part in (heads[len(frame)], frame))


def main():
    p = argparse.ArgumentParser(usage=__doc__.split("usage: ")[1].split("\n\n")[0], add_help=False)
    p.add_argument("what", choices=("rules", "trace"))
    p.add_argument("file")
    p.add_argument("-o", dest="out")
    p.add_argument("--ip6", action="store_true")
    p.add_argument("--first", type=int)
    p.add_argument("--verdicts", default="drop,pass")
    p.add_argument("--mix", type=int)
    args = p.parse_args()
    if args.what == "rules":
        rules = itertools.islice(read_rules(args.file), args.first)
        with open(args.out, "w") if args.out else sys.stdout as f:
            write_rules(rules, f, args.ip6, args.verdicts.split(","))
        return
    if not args.out:
        p.error("where to? -o CAPTURE")
    headers = itertools.islice(read_trace(args.file), args.first)
    write_pcap(args.out, packets(headers if args.mix is None else mix(list(headers), args.mix), args.ip6))


if __name__ == "__main__":
    main()
