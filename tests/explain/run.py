#!/usr/bin/python3
"""--explain: who decides is who decides with --run; every rule before stands in the answer; a condition that it calls false is false, by --run.

    run.py XDPFC [N]      N: random rule files
"""
import glob
import json
import os
import random
import struct
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(1, os.path.join(ROOT, "tests", "packets"))
import corpus
import decided
import made
import rulefile

HERE = os.path.join(ROOT, "tests", "explain")
PACKETS = ("arp", "tcp.dport = 80", "tcp.dport = 23", "udp.dport = 53, payload = 00:00:01:00:00", "udp.dport = 53", "udp.dport = 9", "tcp.dport = 53",
           "ip6.src = 2001:db8:bad::1, tcp.dport = 443", "ip4.src = 198.51.100.9", "tcp.dport = 8080, tcp.syn", "tcp.dport = 8081", "tcp.syn, tcp.fin",
           "ip4.fragoff = 10, ip4.proto = udp", "pkt.len = 20, tcp.dport = 80", "tcp.option.mss = 400, tcp.syn", "icmp.type = echo-request",
           "ip4.src = 192.0.2.1, gre, inner.ip4.src = 10.1.1.1, inner.tcp.dport = 80", "tcp.dport = 9, iface = eth7",
           "udp.dport = 7, flow.state = established")


class Tester:
    def __init__(self, xdpfc, folder):
        self.xdpfc, self.folder, self.passed, self.failed = os.path.abspath(xdpfc), folder, 0, 0

    def run(self, *args, stdin=None):
        return subprocess.run([self.xdpfc] + list(args), cwd=self.folder, input=stdin, stdin=None if stdin is not None else subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=100)

    def check(self, name, good, what=""):
        self.passed += bool(good)
        self.failed += not good
        if not good:
            print("FAILED %s: %s" % (name, what))

    def says(self, name, done, status, *texts):
        out = done.stdout + done.stderr
        self.check(name, done.returncode == status and "Sanitizer" not in out and all(t in out for t in texts), "status %d, %s\n%s" % (
            done.returncode, [t for t in texts if t not in out], out))

    def write(self, name, data, mode="w"):
        with open(os.path.join(self.folder, name), mode) as f:
            f.write(data)
        return name


def golden(t):
    """Text and JSON of what is printed, as it stands beside."""
    rules = os.path.join(HERE, "night.xdpf")
    text = objects = ""
    for p in PACKETS + ("repeat 4 packet { tcp.dport = 80 }", "add 192.0.2.1 to banned for 1m packet { tcp }", "packet { tcp.dport = 23 } packet { tcp }"):
        done = t.run("--time", "2026-01-05T09:30:00", "--explain", p, rules)
        t.check(p, done.returncode == 0 and not done.stderr, done.stderr)
        text += "--- %s\n%s" % (p, done.stdout)
        objects += t.run("--time", "2026-01-05T09:30", "--json", "--explain", p, rules).stdout
    for name, have in (("night.text", text), ("night.json", objects)):
        path = os.path.join(HERE, name)
        if os.environ.get("UPDATE", "") not in ("", "0"):
            with open(path, "w") as f:
                f.write(have)
        with open(path) as f:
            t.check(name, f.read() == have, "differs; UPDATE=1 writes it")


def against_run(t, rules, capture, conditions):
    """--explain of every packet, with --all, and --run: the same lines, and no rule is left out."""
    ran = [json.loads(line) for line in t.run("--quiet", "--json", "--run", capture, *rules).stdout.splitlines()]
    done = t.run("--json", "--all", "--explain", capture, *rules)
    t.check("status", done.returncode in (0, 1), done.stderr)
    told = [json.loads(line) for line in done.stdout.splitlines()]
    t.check(capture, [(p["packet"], p["verdict"], p["rule"]) for p in ran if p["verdict"] != "skipped"] ==
            [(p["packet"], p["verdict"], p["rule"]) for p in told if p["verdict"] != "skipped"], "%s differs from --run of %s" % (rules, capture))
    order, reached = {}, {}
    for p in told:
        if p["verdict"] == "skipped":
            continue
        places = [(r["file"], r["line"], r["column"]) for r in p["before"]]
        # a prefix of one order, each once
        t.check(capture, len(set(places)) == len(places), "packet %d: a rule twice" % p["packet"])
        for i, at in enumerate(places):
            if order.setdefault(i, at) != at:
                t.check(capture, False, "packet %d: %s, where %s stands otherwise" % (p["packet"], at, order[i]))
        if p["rule"] != "default":
            own = (p["file"], p["line"], p["column"])
            t.check(capture, order.setdefault(len(places), own) == own, "packet %d: rules before %s are left out" % (p["packet"], own))
        for r in p["before"]:
            if r["state"] == "failed" and "..." not in r["condition"]:
                conditions.setdefault((p["packet"], r["condition"]), p)
    return told


def really_false(t, name, capture, conditions):
    """Each condition that was called false, alone in a file: the packet goes by it."""
    packets, wrong = {}, []
    for n, c in conditions:
        packets.setdefault(c, set()).add(n)
    for c, wanted in packets.items():
        alone = t.write("alone.xdpf", "only: drop if %s;\n" % c)
        verdicts = {int(line.split("\t")[0]): line.split("\t")[1] for line in t.run("--quiet", "--run", capture, alone).stdout.splitlines()}
        wrong += [(n, c) for n in wanted if verdicts.get(n) != "pass"]
    t.check(name, packets and not wrong, "true, though it was called false: %s" % wrong[:5])


def random_rules(rng, n):
    fields = [("tcp.dport", lambda: rng.choice((22, 53, 80, 443, rng.randrange(65536)))), ("udp.dport", lambda: rng.choice((53, 123, 27015))),
              ("ip.ttl", lambda: rng.randrange(256)), ("pkt.len", lambda: rng.randrange(40, 1500)), ("ip4.src", lambda: "192.0.2.%d" % rng.randrange(4))]

    def leaf():
        if rng.random() < 0.3:
            return rng.choice(("tcp", "udp", "arp", "ip6", "malformed", "tcp.syn", "icmp", "ip.fragment", "vlan"))
        f, v = rng.choice(fields)
        return "%s %s %s" % (f, "==" if f == "ip4.src" else rng.choice(("==", "!=", "<", ">=")), v())

    def cond(depth):
        if not depth or rng.random() < 0.3:
            return leaf()
        if rng.random() < 0.2:
            return "not (%s)" % cond(depth - 1)
        return "(%s)" % rng.choice((" and ", " or ")).join(cond(depth - 1) for _ in range(rng.randrange(2, 4)))

    def block(depth, n):
        out = ""
        for _ in range(n):
            if depth and rng.random() < 0.25:
                out += "if %s {\n%s}" % (cond(1), block(depth - 1, 2))
                if rng.random() < 0.5:
                    out += " else if %s {\n%s}" % (cond(1), block(depth - 1, 1))
                if rng.random() < 0.5:
                    out += " else {\n%s}" % block(depth - 1, 1)
                out += "\n"
            else:
                out += "%s if %s;\n" % (rng.choice(("drop", "pass", "count seen", "ip.ttl = 9", "tx")), cond(2))
        return out

    return block(2, n)


def accepted(t, rng):
    """A random file, and the same without rewriting: rules that cannot hold are refused, and others are made."""
    for _ in range(100):
        text = random_rules(rng, 12)
        pure = text.replace("ip.ttl = 9", "count seen")
        if not any(t.run("--check", t.write("tried.xdpf", x)).returncode for x in (text, pure)):
            return text, pure
    raise RuntimeError("none of 100 random files is accepted")


def whole(t):
    """Of an `or` or a `not`, the whole is told, whatever within it is false; of an `and`, the first part that is."""
    rules = t.write("whole.xdpf", "a: drop if (tcp.dport == 80 and tcp.fin) or udp;\nb: drop if not ((tcp.dport == 22 and tcp.syn) or tcp);\n"
                    "c: drop if tcp and ((tcp.dport == 22 and tcp.syn) or udp);\nd: drop if tcp and (tcp.syn and (ip4 and tcp.fin));\n")
    told = json.loads(t.run("--json", "--explain", "tcp.dport = 80, tcp.syn", rules).stdout)
    t.check("whole", [r["condition"] for r in told["before"]] == [
        "(tcp.dport == 80 and tcp.fin) or udp", "not ((tcp.dport == 22 and tcp.syn) or tcp)", "((tcp.dport == 22 and tcp.syn) or udp)", "tcp.fin"],
        [r["condition"] for r in told["before"]])


def differential(t, n):
    """Random files, and the tree's own, over recorded packets."""
    rng = random.Random(7)
    captures = [os.path.join(ROOT, "tests", "captures", c + ".pcap") for c in ("edge", "scan", "malformed", "vlan", "frag")]
    for i in range(n):
        # a rewriting changes what stands behind it: a condition alone sees the packet as it came
        text, pure = accepted(t, rng)
        capture = captures[i % len(captures)]
        rules = t.write("random%d.xdpf" % i, text)
        against_run(t, [rules], capture, {})
        rules = t.write("pure.xdpf", pure)
        conditions = {}
        against_run(t, [rules], capture, conditions)
        really_false(t, "random %d" % i, capture, dict(list(conditions.items())[:40]))
    for path in sorted(glob.glob(os.path.join(ROOT, "examples", "*.xdpf"))):
        against_run(t, [path], captures[0], {})
    against_run(t, [os.path.join(ROOT, "examples", e + ".xdpf") for e in ("edge", "bastion", "game")], captures[0], {})


def inputs(t):
    rules = os.path.join(HERE, "night.xdpf")
    web = os.path.join(ROOT, "tests", "captures", "web.pcap")
    t.says("one", t.run("--explain", web + ":3", rules), 0, "packet 3: ", "before it, ")
    t.says("a range", t.run("--explain", web + ":3-4", rules), 0, "packet 3: ", "packet 4: ")
    t.says("none", t.run("--explain", web + ":69", rules), 1, "has 68 packets: there is no packet 69")
    t.says("beyond", t.run("--explain", web + ":68-70", rules), 1, "packet 68: ", "there are none behind that")
    for bad in (":0", ":4-3"):
        t.says(bad, t.run("--explain", web + bad, rules), 2, "counted from 1")
    t.says("no file", t.run("--explain", "none.pcap", rules), 1, "none.pcap: No such file")
    t.says("no capture", t.run("--explain", rules, rules), 1, "unknown file format")
    with open(web, "rb") as f:
        whole = f.read()
    t.write("cut.pcap", whole[:len(whole) - 7], "wb")
    t.says("cut", t.run("--explain", "cut.pcap", rules), 1, "packet 67: ", "is broken behind packet 67")
    done = subprocess.run([t.xdpfc, "--explain", "-:2", rules], input=whole, stdout=subprocess.PIPE, timeout=60)
    t.check("standard input", done.returncode == 0 and done.stdout.startswith(b"packet 2: "), done.stdout)
    frame = bytes.fromhex("0200000000010200000000020800" "4500012c000000004011000000000000" "0a0000010400" "1093010800000000")
    snapped = struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1) + struct.pack("<IIII", 1767605400, 0, len(frame), 314) + frame
    t.write("snapped.pcap", snapped, "wb")
    t.says("cut off", t.run("--explain", "snapped.pcap:1", rules), 0, "drop by bad", "%d of its 314 bytes were captured, which are" % len(frame), "--fill")
    filled = t.run("--fill", "--explain", "snapped.pcap:1", rules)
    t.says("filled", filled, 0, "pkt.len = 314", "of its 314 bytes were captured: the rest is taken as zeros")
    t.check("filled", "; malformed" not in filled.stdout, filled.stdout)
    t.says("steps", t.run("--explain", "tcp.dprot = 4", rules), 1, "<packet>:1:1: error: unknown field", "did you mean `tcp.dport`?")
    t.says("no way out", t.run("--explain", 'tcp } expect pass } x: drop; test "y" { packet { tcp', rules), 1, "these are no packets")
    t.says("nothing", t.run("--explain", "after 1s", rules), 1, "there is no packet to ask about")
    t.says("hex", t.run("--explain", 'hex = "ffffffffffff02000000000108060001"', rules), 0, "malformed")
    t.says("lets", t.run("--explain", "tcp.dport = 80, iface = eth7", rules), 0, "pass by from (night.xdpf:")
    t.says("iface", t.run("--iface", "eth7", "--explain", "{ tcp.dport = 80 }", rules), 0, "pass by from (night.xdpf:")
    t.says("no iface", t.run("--explain", "tcp.dport = 80", rules), 0, "iface == eth7: it is not given")
    t.write("banned.txt", "192.0.2.1\t5m\n")
    t.says("a set", t.run("--set", "banned=banned.txt", "--explain", "tcp.dport = 80", rules), 0, "drop by banned", "in set banned by 192.0.2.1 (1 element now)")
    t.says("no set", t.run("--set", "none=banned.txt", "--explain", "tcp", rules), 1, "no set that lives is called `none`")
    t.write("a:b=c.xdpf", "set b : ip live;\nset banned : ip live;\ndrop if ip.src in banned or ip.src in b;\n")
    t.write("b=c.xdpf:banned=banned.txt", "192.0.2.1\n")
    odd = "a:b=c.xdpf"
    for name in ("a:b=c.xdpf:banned", "banned", "a:b=c.xdpf:b"):
        t.says("an odd name: " + name, t.run("--set", name + "=banned.txt", "--explain", "tcp", odd), 0,
               "in set %s by 192.0.2.1 (1 element now)" % name.split(":")[-1])
    t.says("an odd list", t.run("--set", "banned=b=c.xdpf:banned=banned.txt", "--explain", "tcp", odd), 0, "in set banned by 192.0.2.1 (1 element now)")
    t.says("of several", t.run("--set", "banned=banned.txt", "--explain", "tcp", odd, rules), 1, "--set: several files have a set `banned`")
    t.says("of one", t.run("--set", "a:b=c.xdpf:banned=banned.txt", "--explain", "tcp", odd, rules), 0, "in set banned by 192.0.2.1 (1 element now)")
    t.says("no list", t.run("--set", "banned=none.txt", "--explain", "tcp", rules), 1, "cannot read none.txt")
    t.says("no file", t.run("--set", "banned", "--explain", "tcp", rules), 2, "NAME=FILE")
    t.says("time", t.run("--time", "2026-13-05", "--explain", "tcp", rules), 2, "a time of UTC")
    t.says("alone", t.run("--all", "--check", rules), 2, "--all is for --explain")


def elements(t):
    """The element that decided, as it is written and where; else the one that is nearest."""
    t.write("bad.txt", "# listed\n 192.0.2.0/25  # ours\n\n2001:db8::/32;x\n")
    rules = t.write("sets.xdpf", """let servers = { 198.51.100.7, 198.51.100.9 };
set one : net = { 10.0.0.0/8, servers,
	172.16.0.0/12 };
set file : net = { 203.0.113.0/24 } from "bad.txt";
set pairs : (ip, port) = { (192.0.2.1, 22),
	(192.0.2.9, 8080) };
set high : port = { 1024-2000, 2001-3000, 70 };
a: drop if ip.src in one;
b: drop if ip.src in file;
c: drop if (ip.src, tcp.dport) in pairs;
d: drop if tcp.dport in high;
""")
    for packet, *texts in (
            ("ip4.src = 10.2.3.4", "it is 10.2.3.4, in set one by 10.0.0.0/8 (sets.xdpf:2)"),
            ("ip4.src = 198.51.100.9", "in set one by servers (sets.xdpf:2)"),
            ("ip4.src = 172.20.0.1", "in set one by 172.16.0.0/12 (sets.xdpf:3)"),
            ("ip4.src = 192.0.2.77", "in set file by 192.0.2.0/25 (bad.txt:2)", "not in set one (of 4 elements, servers at sets.xdpf:2 is nearest)"),
            ("ip6.src = 2001:db8::7", "in set file by 2001:db8::/32 (bad.txt:4)", "it is 2001:db8::7, not in set one (4 elements)"),
            ("ip4.src = 203.0.114.0, tcp.dport = 8080", "not in set file (of 3 elements, 203.0.113.0/24 at sets.xdpf:4 is nearest)",
             "not in set pairs (of 2 elements, (192.0.2.9, 8080) at sets.xdpf:6 is nearest)", "not in set high (of 3 elements, 2001-3000 at sets.xdpf:7 is nearest)"),
            ("ip4.src = 203.0.114.0, tcp.dport = 71", "not in set high (of 3 elements, 70 at sets.xdpf:7 is nearest)"),
            ("ip4.src = 203.0.114.0, tcp.dport = 2000", "in set high by 1024-2000 (sets.xdpf:7)")):
        t.says(packet, t.run("--explain", packet, rules), 0, *texts)


def living(t):
    """The same of sets that live, as they are at that moment."""
    rules = t.write("living.xdpf", """set nets : net live size 64 = { 10.0.0.0/8, 10.1.0.0/16, 2001:db8::/32 };
set hosts : ip live size 64 timeout 1m;
set pairs : (net, port) live size 64 = { (192.0.2.0/24, 22), (198.51.100.1, 8080) };
set none : port live size 64;
a: drop if ip.src in nets;
b: drop if ip.src in hosts;
c: drop if (ip.src, tcp.dport) in pairs;
d: drop if tcp.dport in none;
e: drop if ip.dst in nets;
""")
    for packet, *texts in (
            ("ip4.src = 10.1.2.3", "it is 10.1.2.3, in set nets by 10.1.0.0/16 (3 elements now)"), ("ip4.src = 10.2.2.3", "in set nets by 10.0.0.0/8 (3 elements now)"),
            ("ip6.src = 2001:db8::9", "in set nets by 2001:db8::/32 (3 elements now)"),
            ("ip4.src = 192.0.2.7, tcp.dport = 22", "it is 192.0.2.7, not in set nets (of 3 elements now, 10.0.0.0/8 is nearest)", "not in set hosts (0 elements now)",
             "in set pairs by (192.0.2.0/24, ssh) (2 elements now)"),
            ("ip4.src = 198.51.100.2, tcp.dport = 8080, ip4.dst = 10.1.9.9", "not in set pairs (of 2 elements now, (198.51.100.1, http-alt) is nearest)",
             "not in set none (0 elements now)", "in set nets by 10.1.0.0/16 (3 elements now)"),
            ("ip6.src = 2001:db9::1, tcp.dport = 9", "not in set nets (of 3 elements now, 2001:db8::/32 is nearest)", "not in set pairs (2 elements now)"),
            ("add 192.0.2.1 to hosts for 10s add 192.0.2.9 to hosts after 2s packet { ip4.src = 192.0.2.1 }",
             "in set hosts by 192.0.2.1 (2 elements now, it expires in 8.000 s)"),
            ("add 192.0.2.1 to hosts for 10s add 192.0.2.9 to hosts after 12s packet { ip4.src = 192.0.2.1 }",
             "not in set hosts (of 1 element now, 192.0.2.9 is nearest)")):
        t.says(packet, t.run("--explain", packet, rules), 0, *texts)


def generated(t, n):
    """Files of the generator that the differential runs have, with limits, sets, tunnels, and whatever the language has: who decides, and no rule is left
    out."""
    rng = random.Random(11)
    for i in range(n):
        frames = list(made.frames(rng, 80))
        paths, more = rulefile.make(t.folder, "made%d" % i, "explain/%d" % i, frames)
        rulefile.repair(paths + more, t.xdpfc)
        capture = os.path.join(t.folder, "made%d.pcap" % i)
        corpus.write_pcap(capture, frames, list(corpus.times(len(frames), rng.random())))
        against_run(t, [os.path.basename(p) for p in paths], os.path.basename(capture), {})


def lines(t):
    """What `xdpf log --json` writes."""
    rules = t.write("lines.xdpf", "port: log, drop if udp.dport == 4242;\nlong: drop if pkt.len > 200;\nlast: drop if packet[200:1] == 0;\n")
    frame = bytes.fromhex("0200000000010200000000020800") + bytes.fromhex("4500011c000000004011000000000000") + bytes((10, 0, 0, 1, 4, 0, 16, 147, 1, 8, 0, 0))
    good = {"time": "x", "ns": 1767605400000000000, "interface": "xe0", "rxqueue": 1, "rule": "port", "verdict": "drop", "length": 298, "bytes": frame.hex()}
    done = t.run("--explain", t.write("log.json", json.dumps(good) + "\n\n" + json.dumps(dict(good, rule="other")) + "\n"), rules)
    t.says("lines", done, 0, "drop by long", "%d of its 298 bytes were captured: the rest is taken as zeros" % len(frame), "said drop by other")
    for bad, why in (("{", "log.json:2: "), ('{"bytes":"0"}', "`bytes`"), ('{"bytes":"zz"}', "`bytes`"), ('{"bytes":7}', "`bytes`"), ("[]", "no object"),
                     ('{"bytes":"%s"}' % ("00" * 65536), "`bytes`"),
                     ('{"bytes":"0000","length":1}', "`length`"), ('{"bytes":"00","length":1e9}', "`length`"),
                     ('{"bytes":"00","ns":-1}', "`ns`"), ('{"bytes":"00","rxqueue":4294967296}', "`rxqueue`"),
                     ('{"bytes":"00","interface":"%s"}' % ("a" * 16), "`interface`"),
                     ('{"bytes":"00","bytes":"01"}', "duplicate"), ('{"bytes":"00","rule":5}', "`rule`"), ("\0\xff", "log.json:2: ")):
        t.write("log.json", json.dumps(good) + "\n" + bad + "\n")
        t.says(bad[:40], t.run("--explain", "log.json", rules), 1, "packet 1: ", why)
    t.says("a blank first", t.run("--explain", t.write("log.json", "\ufeff \n\t" + json.dumps(good) + "\n"), rules), 0, "packet 1: ")
    t.write("log.pcapng", b"\n\r\r\n" + b"\0" * 8, "wb")
    t.says("pcapng is none", t.run("--explain", "log.pcapng", rules), 1, "log.pcapng")
    t.says("short", t.run("--explain", t.write("log.json", '{"bytes":"0011"}\n'), rules), 0, "skipped")
    t.says("text", t.run("--explain", t.write("log.txt", "2026-01-05T10:00:00Z\txe0\tport\tdrop\t62\tx\n"), rules), 1, "--json, or --pcap FILE")


def drawn(t):
    """Of `sample`, which packets are drawn: some, as xdpf_test_random() says."""
    done = t.run("--json", "--all", "--explain", os.path.join(ROOT, "tests", "captures", "edge.pcap"), t.write("sample.xdpf", "s: sample 1/2;\n"))
    told = [a["outcome"] for line in done.stdout.splitlines() for r in json.loads(line).get("before", []) for a in r["actions"]]
    t.check("drawn", set(told) == {None, "the packet is not drawn"} and 0.35 < told.count(None) / len(told) < 0.65, told)


def many(t):
    """100,000 rules: grouped, and each where it is asked for."""
    t.write("many.xdpf", "count seen;\n" + "".join("r%d: drop if ip.src == 10.%d.%d.%d and tcp.dport == %d;\n" % (i, i >> 16, i >> 8 & 255, i & 255, i % 65536)
                                                  for i in range(100000)))
    done = t.run("--explain", "ip4.src = 10.0.0.9, tcp.dport = 80", "many.xdpf")
    t.says("many", done, 0, "before it, 100001 rules (--all shows each)", "99999 rules, from many.xdpf:2 to many.xdpf:100001: ip.src: it is 10.0.0.9",
           "many.xdpf:11: r9: tcp.dport == 9: it is http (80)")
    t.check("many", done.stdout.count("\n") < 12, done.stdout)
    told = json.loads(t.run("--json", "--explain", "ip4.src = 10.0.0.9, tcp.dport = 80", "many.xdpf").stdout)
    t.check("each", len(told["before"]) == 100001 and sum(r["state"] == "failed" for r in told["before"]) == 100000)


def main():
    with tempfile.TemporaryDirectory() as folder:
        t = Tester(sys.argv[1], folder)
        golden(t)
        inputs(t)
        elements(t)
        living(t)
        lines(t)
        drawn(t)
        whole(t)
        many(t)
        decided.run(t, ROOT)
        n = int(sys.argv[2]) if len(sys.argv) > 2 else 5
        differential(t, n)
        generated(t, n)
    print("%d passed, %d failed, 0 skipped" % (t.passed, t.failed))
    sys.exit(1 if t.failed else 0)


main()
