#!/usr/bin/python3
"""Flow specifications at random, said as ExaBGP and as GoBGP say them, against a matcher and an order of this file's own (RFC 8955, 8956).

    flowspec.py XDPFC
"""
import functools
import ipaddress
import json
import os
import random
import struct
import subprocess
import sys
import tempfile

R = random.Random(11)
DST, SRC, PROTO, PORT, DPORT, SPORT, TYPE, CODE, FLAGS, LENGTH, DSCP, FRAGMENT, LABEL = range(1, 14)
NAMES = {DST: "destination-ipv%d", SRC: "source-ipv%d", PORT: "port", DPORT: "destination-port", SPORT: "source-port", TYPE: "icmp-type", CODE: "icmp-code",
         FLAGS: "tcp-flags", LENGTH: "packet-length", FRAGMENT: "fragment", LABEL: "flow-label"}
VALUES = {PROTO: (6, 17, 1, 58, 132), PORT: (53, 80, 1000), DPORT: (53, 80, 443, 1000), SPORT: (53, 80, 1024), TYPE: (0, 8, 128), CODE: (0, 1, 3),
          FLAGS: (1, 2, 16, 18, 0), LENGTH: (20, 28, 60, 68, 100, 300), DSCP: (0, 10, 46), FRAGMENT: (1, 2, 4, 8, 6, 0), LABEL: (0, 5, 70000)}
OPS = {1: "=", 2: ">", 3: ">=", 4: "<", 5: "<=", 6: "!="}
RULES, PACKETS = 40, 4000


def prefix(six):
    n = R.choice((8, 24, 32) if not six else (16, 32, 64, 128))
    base = int(ipaddress.ip_address("2001:db8::7" if six else "10.1.2.3")) ^ (R.randrange(4) << (126 if six else 8))
    top = 128 if six else 32
    return (base >> (top - n) << (top - n), n)


def rule(six):
    parts = {}
    for t in R.sample(range(1, 14 if six else 13), R.randrange(1, 4)):
        if t in (DST, SRC):
            parts[t] = prefix(six)
        else:
            ops = []
            for i in range(R.randrange(1, 4)):
                both = 0x40 if i and R.randrange(2) else 0
                ops.append((both | (R.randrange(4) if t in (FLAGS, FRAGMENT) else R.choice(list(OPS))), R.choice(VALUES[t])))
            parts[t] = ops
    return {"six": six, "parts": parts, "drop": R.randrange(3) > 0}


# ---- the two ways to say it ----

def text(p, six):
    return "%s/%d" % (ipaddress.IPv6Address(p[0]) if six else ipaddress.IPv4Address(p[0]), p[1])


def exabgp(r):
    flow, six = {}, r["six"]
    for t, p in sorted(r["parts"].items()):
        name = {PROTO: "next-header" if six else "protocol", DSCP: "dscp"}.get(t) or NAMES[t]
        if t in (DST, SRC):
            flow[name % (6 if six else 4)] = [text(p, six) + ("/0" if six else "")]
            continue
        said = []
        for op, v in p:
            one = ("!" if op & 2 else "") + ("=" if op & 1 else "") if t in (FLAGS, FRAGMENT) else OPS[op & 7]
            one += str(v)
            if op & 0x40:
                said[-1] += "&" + one
            else:
                said.append(one)
        flow[name] = said
    communities = [{"value": 1, "string": "rate-limit:0"}] if r["drop"] else []
    return json.dumps({"exabgp": "4.0.1", "type": "update", "neighbor": {"message": {"update": {
        "attribute": {"extended-community": communities}, "announce": {"ipv%d flow" % (6 if six else 4): {"no-nexthop": [flow]}}}}}})


def length(t, v):
    return 2 if v > 65535 else 1 if v > 255 else 0


def gobgp(rules):
    table = {}
    for i, r in enumerate(rules):
        value = []
        for t, p in sorted(r["parts"].items()):
            if t in (DST, SRC):
                value.append({"type": t, "value": {"prefix": text(p, r["six"])}})
            else:
                value.append({"type": t, "value": [{"op": op | length(t, v) << 4 | (0x80 if k + 1 == len(p) else 0), "value": v}
                                                   for k, (op, v) in enumerate(p)]})
        attrs = [{"type": 16, "value": [{"type": 128, "subtype": 6, "as": 0, "rate": 0}]}] if r["drop"] else []
        table["[rule %d]" % i] = [{"nlri": {"value": value}, "best": True, "attrs": attrs}]
    return json.dumps(table)


# ---- their order ----

def encoded(t, p):
    return b"".join(bytes([op | length(t, v) << 4 | (0x80 if k + 1 == len(p) else 0)]) + v.to_bytes(1 << length(t, v), "big") for k, (op, v) in enumerate(p))


def compare(a, b):
    top = 128 if a["six"] else 32
    for t in range(1, 14):
        p, q = a["parts"].get(t), b["parts"].get(t)
        if (p is None) != (q is None):
            return 1 if p is None else -1
        if p is None or p == q:
            continue
        if t in (DST, SRC):
            n = min(p[1], q[1])
            x, y = p[0] >> (top - n), q[0] >> (top - n)
            if x != y:
                return -1 if x < y else 1
            return -1 if p[1] > q[1] else 1
        x, y = encoded(t, p), encoded(t, q)
        n = min(len(x), len(y))
        if x[:n] != y[:n]:
            return -1 if x[:n] < y[:n] else 1
        return -1 if len(x) > len(y) else 1
    return 0


# ---- what they mean ----

def holds(p, values, flags=False):
    """Is the list of operators true of one of @values?"""
    for have in values:
        groups = []
        for op, v in p:
            if flags:
                one = have & v == v if op & 1 else have & v != 0
                one = not one if op & 2 else one
            else:
                one = bool(op & 1) and have == v or bool(op & 2) and have > v or bool(op & 4) and have < v
            if op & 0x40:
                groups[-1] = groups[-1] and one
            else:
                groups.append(one)
        if any(groups):
            return True
    return False


def matches(r, k):
    if r["six"] != k["six"]:
        return False
    top = 128 if r["six"] else 32
    for t, p in r["parts"].items():
        if t in (DST, SRC):
            if (k["dst"] if t == DST else k["src"]) >> (top - p[1]) != p[0] >> (top - p[1]):
                return False
            continue
        ports = k["proto"] in (6, 17) and not k["later"]
        icmp = k["proto"] == (58 if r["six"] else 1) and not k["later"]
        values = {PROTO: [k["proto"]], PORT: [k["sport"], k["dport"]] if ports else [], DPORT: [k["dport"]] if ports else [],
                  SPORT: [k["sport"]] if ports else [], TYPE: [k["type"]] if icmp else [], CODE: [k["code"]] if icmp else [],
                  FLAGS: [k["flags"]] if k["proto"] == 6 and not k["later"] else [], LENGTH: [k["length"]], DSCP: [k["dscp"]],
                  FRAGMENT: [k["fragment"]], LABEL: [k["label"]]}[t]
        if not holds(p, values, t in (FLAGS, FRAGMENT)):
            return False
    return True


def packet():
    six = R.randrange(2) == 1
    k = {"six": six, "proto": R.choice(VALUES[PROTO]), "sport": R.choice(VALUES[SPORT]) + R.randrange(-1, 2), "dport": R.choice(VALUES[DPORT]) + R.randrange(-1, 2),
         "type": R.choice(VALUES[TYPE]), "code": R.choice(VALUES[CODE]), "flags": R.choice((1, 2, 16, 18, 0, 3, 63)), "dscp": R.choice(VALUES[DSCP]),
         "label": R.choice(VALUES[LABEL]) + R.randrange(2)}
    piece = R.choice((0, 0, 0, 0, 1, 2, 3))        # whole, the first, one between, the last
    k["later"] = piece > 1
    df = not six and not piece and R.randrange(2)
    k["fragment"] = df | (2 if piece > 1 else 0) | (4 if piece == 1 else 0) | (8 if piece == 3 else 0)
    for side in ("src", "dst"):
        p = prefix(six)
        k[side] = p[0] | R.randrange(8)
    body = {6: struct.pack(">HHIIBBHHH", k["sport"], k["dport"], 1, 2, 0x50, k["flags"], 100, 0, 0), 132: struct.pack(">HHII", k["sport"], k["dport"], 1, 2),
            17: struct.pack(">HHHH", k["sport"], k["dport"], 8, 0)}.get(k["proto"], struct.pack(">BBHI", k["type"], k["code"], 0, 7))
    want = R.choice(VALUES[LENGTH]) + R.randrange(-1, 2)
    body += bytes(max(0, want - len(body) - (40 if six else 20)))
    if piece in (1, 2):
        body += bytes(-len(body) % 8)
    if k["proto"] == 17 and not k["later"]:
        body = body[:4] + struct.pack(">H", len(body)) + body[6:]
    if six:
        chain, first = b"", k["proto"]
        if piece:
            chain, first = struct.pack(">BBHI", k["proto"], 0, {1: 1, 2: 8 * 9 + 1, 3: 8 * 9}[piece], 7), 44
        k["length"] = 40 + len(chain) + len(body)
        ip = struct.pack(">IHBB", 6 << 28 | k["dscp"] << 22 | k["label"], len(chain) + len(body), first, 64) + k["src"].to_bytes(16, "big") + \
            k["dst"].to_bytes(16, "big") + chain + body
    else:
        k["length"] = 20 + len(body)
        off = {0: 0x4000 if df else 0, 1: 0x2000, 2: 0x2009, 3: 9}[piece]
        ip = struct.pack(">BBHHHBBH", 0x45, k["dscp"] << 2, k["length"], 1, off, 64, k["proto"], 0) + k["src"].to_bytes(4, "big") + k["dst"].to_bytes(4, "big") + body
    return k, b"\x02\0\0\0\0\x02\x02\0\0\0\0\x01" + (b"\x86\xdd" if six else b"\x08\0") + ip


def run(xdpfc, scratch, rules, said, packets):
    """None, or what is wrong."""
    paths = []
    for i, document in enumerate(said):
        paths.append(os.path.join(scratch, "flow.%d.json" % i))
        with open(paths[-1], "w") as f:
            f.write(document)
    capture = os.path.join(scratch, "flow.pcap")
    with open(capture, "wb") as f:
        f.write(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1))
        for _, data in packets:
            f.write(struct.pack("<IIII", 0, 0, len(data), len(data)) + data)
    done = subprocess.run([xdpfc, "--import=flowspec", "--run", capture, "--quiet"] + paths, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=120)
    came = [line.split("\t")[1] for line in done.stdout.decode().splitlines()]
    if done.returncode != 0 or len(came) != len(packets):
        return "exit status %d, %d packets judged: %s" % (done.returncode, len(came), done.stderr.decode()[-1000:])
    ordered = sorted(rules, key=functools.cmp_to_key(compare))
    dropped = 0
    for (k, data), verdict in zip(packets, came):
        first = next((r for r in ordered if matches(r, k)), None)
        want = "drop" if first and first["drop"] else "pass"
        dropped += want == "drop"
        if verdict != want:
            return "%s: %s is wanted by %s, came %s\n%s" % (k, want, first, verdict, data.hex())
    return None if 0 < dropped < len(packets) else "all packets are treated alike"


def main():
    xdpfc = os.path.abspath(sys.argv[1])
    passed = failed = 0
    with tempfile.TemporaryDirectory() as scratch:
        for turn in range(6):
            six = turn % 2 == 1
            found = {}
            while len(found) < RULES:
                r = rule(six)
                found[repr(sorted(r["parts"].items()))] = r
            rules = list(found.values())
            packets = [packet() for _ in range(PACKETS)]
            # One rule with an address tells a table's family; a rule that nothing matches does.
            mark = {"six": six, "parts": {DST: (1, 128) if six else (1, 32)}, "drop": False}
            for name, said in (("ExaBGP", ["\n".join(exabgp(r) for r in rules)]), ("GoBGP", [gobgp(rules + [mark])])):
                complaint = run(xdpfc, scratch, rules, said, packets)
                if complaint:
                    print("FAILED %s, IPv%d, %d: %s" % (name, 6 if six else 4, turn, complaint))
                passed, failed = passed + (not complaint), failed + bool(complaint)
    print("%d passed, %d failed, 0 skipped" % (passed, failed))
    return 1 if failed else 0


sys.exit(main())
