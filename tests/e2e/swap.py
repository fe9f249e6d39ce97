#!/usr/bin/python3
"""Rule files that differ by an edit, and traffic whose verdict by each of them is known.

usage: swap.py gen DIR                     writes DIR/a/swap.xdpf, DIR/b/swap.xdpf, and DIR/shape/swap.xdpf, which takes another program
       swap.py send A B DIR STOP           sends from namespace B to A, until the file STOP is there; prints what came of it as JSON
       swap.py falls SENT SERIES                  of what "send" printed, and of statistics: prints which rules' numbers fell
       swap.py one A B                     sends one packet that is told apart: prints "a" or "b"
       swap.py log A B                     sends one that is logged

Packets go in small groups, each with one behind it that every version passes: when that came, all before it were judged. So nothing is lost
on the way, and each packet's fate is known.
"""
import json
import os
import random
import socket
import struct
import sys

N = 1000
MARKER = 9      # the port of the packet behind a group, which no rule asks for
LOGGED = 7007
IFACE = "xe0", "xe1"
ETH_IP = 0x0800


def address(n):
    return socket.inet_ntoa(struct.pack("!I", n))


def prefix(r):
    bits = r.choice((16, 20, 24, 24, 28, 32))
    return (r.getrandbits(24) | 10 << 24) >> (32 - bits) << (32 - bits), bits


def new_rule(r, label):
    low = r.choice((0, 1024, r.randrange(60000) + 16))
    high = {0: 65535, 1024: 65535}.get(low, low + r.choice((0, 0, 50)))
    return dict(label=label, verdict=r.choice(("drop", "pass")), src=prefix(r), dst=prefix(r), proto=r.choice(("tcp", "udp")), low=low, high=high)


def text(rule):
    net = lambda p: "%s/%d" % (address(p[0]), p[1])
    name = "%s: " % rule["label"] if rule["label"] else ""
    ports = "" if (rule["low"], rule["high"]) == (0, 65535) else ".dport in { %d-%d }" % (rule["low"], rule["high"])
    return "%s%s if ip.src in { %s } and ip.dst in { %s } and %s%s;" % (
        name, rule["verdict"], net(rule["src"]), net(rule["dst"]), rule["proto"], ports)


def versions():
    r = random.Random(4)
    a = [new_rule(r, "r%d" % i if i % 10 else None) for i in range(N)]
    b = [dict(rule) for rule in a]
    b[101]["verdict"] = "pass" if b[101]["verdict"] == "drop" else "drop"
    b[703]["dst"] = prefix(r)
    del b[602]
    # one that takes packets from a rule behind it
    b.insert(300, dict(a[400], label="new", verdict="drop" if a[400]["verdict"] == "pass" else "pass"))
    b.insert(0, dict(new_rule(r, "first"), src=(10 << 24 | 1, 32)))
    return a, b


def matches(rule, p):
    return all((p[k] ^ rule[k][0]) >> (32 - rule[k][1]) == 0 for k in ("src", "dst")) and p["proto"] == rule["proto"] and \
        rule["low"] <= p["port"] <= rule["high"]


def judge(rules, p):
    for rule in rules:
        if matches(rule, p):
            return rule["verdict"], rule["label"] or text(rule).rstrip(";")
    return "pass", "default"


def aimed(r, rule):
    within = lambda p: p[0] | r.getrandbits(32 - p[1]) if p[1] < 32 else p[0]
    return dict(src=within(rule["src"]), dst=within(rule["dst"]), proto=rule["proto"], port=r.randint(max(rule["low"], 16), rule["high"]))


def packets():
    a, b = versions()
    r = random.Random(5)
    out = []
    for rule in [b[0], b[301], a[400], a[101], a[703], b[704], a[602], *r.sample(a, 150)]:
        out.append(aimed(r, rule))
    for _ in range(20):
        out.append(dict(src=r.getrandbits(32), dst=10 << 24, proto="tcp", port=80))
    for p in out:
        p["a"], p["label_a"] = judge(a, p)
        p["b"], p["label_b"] = judge(b, p)
    return out


def frame(p, group, number):
    payload = struct.pack("!II", group, number)
    l4 = struct.pack("!HHHH", 1000, p["port"], 8 + len(payload), 0) if p["proto"] == "udp" else \
        struct.pack("!HHIIBBHHH", 1000, p["port"], 0, 0, 0x50, 2, 100, 0, 0)
    body = l4 + payload
    head = struct.pack("!BBHHHBBHII", 0x45, 0, 20 + len(body), 0, 0, 64, 17 if p["proto"] == "udp" else 6, 0, p["src"], p["dst"])
    return b"\2\0\0\0\0\2" + b"\2\0\0\0\0\1" + struct.pack("!H", ETH_IP) + head + body


def open_in(namespace, iface):
    fd = os.open("/proc/self/ns/net", os.O_RDONLY)
    other = os.open(namespace, os.O_RDONLY)
    setns(other)
    s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_IP))
    s.bind((iface, ETH_IP))
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
    s.settimeout(20)
    setns(fd)
    os.close(other)
    os.close(fd)
    return s


def setns(fd):
    import ctypes
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.setns(fd, 0x40000000):
        raise OSError(ctypes.get_errno(), "setns")


def came(receiver, group):
    """The numbers of a group's packets that came, behind which its last one did."""
    seen = set()
    while True:
        data, where = receiver.recvfrom(2048)
        if where[2] == socket.PACKET_OUTGOING:
            continue
        g, number = struct.unpack("!II", data[-8:])
        if g != group:
            raise SystemExit("a packet of group %d came with those of %d" % (g, group))
        if number == 0xffffffff:
            return seen
        seen.add(number)


def exchange(sockets, chosen, group):
    marker = dict(src=1, dst=1, proto="udp", port=MARKER)
    for i, p in enumerate(chosen):
        sockets[1].send(frame(p, group, i))
    sockets[1].send(frame(marker, group, 0xffffffff))
    return came(sockets[0], group)


def send(a, b, stop):
    sockets = open_in(a, IFACE[0]), open_in(b, IFACE[1])
    r = random.Random()
    all_packets = packets()
    sent, unsure, wrong, group, differ = {"default": 0}, set(), [], 0, {"a": 0, "b": 0}
    total = 0
    while not os.path.exists(stop):
        chosen = [r.choice(all_packets) for _ in range(30)]
        seen = exchange(sockets, chosen, group)
        group += 1
        total += len(chosen) + 1
        sent["default"] += 1
        for i, p in enumerate(chosen):
            verdict = "pass" if i in seen else "drop"
            if verdict not in (p["a"], p["b"]):
                wrong.append(p)
            elif p["a"] != p["b"]:
                differ["a" if verdict == p["a"] else "b"] += 1
            # only what both versions ascribe to one rule is known
            if p["label_a"] == p["label_b"]:
                sent[p["label_a"]] = sent.get(p["label_a"], 0) + 1
            else:
                unsure |= {p["label_a"], p["label_b"]}
    print(json.dumps(dict(total=total, groups=group, wrong=wrong[:5], differ=differ,
                          sent={k: v for k, v in sent.items() if k not in unsure})))


def falls(sent, series):
    """Of all statistics in @series: are they many, and which rules that were always there had less once than before."""
    with open(sent) as f:
        names = json.load(f)["sent"]
    with open(series) as f:
        text, last, fell, n = f.read(), {}, set(), 0
    while text.strip():
        stats, end = json.JSONDecoder().raw_decode(text)
        text, n = text[end:].lstrip(), n + 1
        file = stats["files"][0]
        now = {r["label"] or r["text"]: r["packets"] for r in file["rules"]} | {"default": file["default"]["packets"]}
        fell |= {k for k in names if now[k] < last.get(k, 0)}
        last = now
    print(n > 10, sorted(fell))


def one(a, b):
    sockets = open_in(a, IFACE[0]), open_in(b, IFACE[1])
    p = next(p for p in packets() if p["a"] != p["b"] and p["label_b"] == "new")
    verdict = "pass" if exchange(sockets, [p], 1) else "drop"
    print("a" if verdict == p["a"] else "b")


def main():
    if sys.argv[1] == "gen":
        a, b = versions()
        other = "other: drop if tcp.dport == 7 and ip.ttl == 3 and payload[0:2] == 0x1234;\n"
        log = "port: log 1000/s, drop if udp.dport == %d and ip.src == 10.0.0.9;\n" % LOGGED
        for name, rules, more in ("a", a, ""), ("b", b, ""), ("shape", a, other), ("log-a", a, log), ("log-b", b[:1] + a, log):
            os.makedirs(os.path.join(sys.argv[2], name), exist_ok=True)
            with open(os.path.join(sys.argv[2], name, "swap.xdpf"), "w") as f:
                lines = [text(rule) + "\n" for rule in rules]
                at = 10 if name == "log-a" else 20 if name == "log-b" else 0
                f.write("".join(lines[:at]) + more + "".join(lines[at:]))
    elif sys.argv[1] == "send":
        send(*sys.argv[2:5])
    elif sys.argv[1] == "falls":
        falls(*sys.argv[2:4])
    elif sys.argv[1] == "log":
        exchange((open_in(sys.argv[2], IFACE[0]), open_in(sys.argv[3], IFACE[1])), [dict(src=10 << 24 | 9, dst=1, proto="udp", port=LOGGED)], 0)
    else:
        one(*sys.argv[2:4])


main()
