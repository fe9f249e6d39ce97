"""--explain of packets of which it is known what a filter did: what is not in them follows from that, with the fewest things taken otherwise; where
nothing leads there, it is said. What the filter did is what --run says, with inputs that --explain is not given."""
import json
import os
import struct

RULES = """
set banned : ip live size 100;
set rates : ip live size 100;
limit narrow = 1/h burst 2 per ip.src;
limit wide = 1/h burst 5;
banned:  drop if ip.src in banned;
seen:    add ip.src to rates if udp;
flow:    pass if flow.state == established and tcp;
fresh:   if flow.state == new and udp { dice: drop if random 40%; narrow: drop if udp over narrow; }
sock:    drop if socket and tcp.dport < 1024;
hash:    drop if rx.hash > 7 and icmp;
tag:     drop if rx.vlan.id == 5 and ip6;
flowly:  drop if random 50% per flow and tcp.syn;
either:  drop if (socket or flow.state == related) and tcp.ack;
none:    drop if not (flow.state == new or tcp or udp or icmp) and random 70%;
wide:    drop if ip over wide;
"""
INPUTS = (("--flow-state", "established", "--socket", "yes"), ("--flow-state", "new", "--socket", "no", "--rx", "hash=9"),
          ("--flow-state", "related", "--rx", "vlan=5"), ("--socket", "yes", "--rx", "hash=3,vlan=5"), ())
FRAME = (1, bytes.fromhex("0200000000010200000000020800" "450000280000000040060000c0000201c0000202" "10000016" + "00" * 8 + "50020000" + "00" * 4), 54)


def frames(path):
    """Of a pcap of microseconds, in this machine's order."""
    with open(path, "rb") as f:
        data = f.read()
    at, out = 24, []
    while at < len(data):
        sec, part, kept, length = struct.unpack_from("<IIII", data, at)
        out.append((sec * 10**9 + part * 1000, data[at + 16:at + 16 + kept], length))
        at += 16 + kept
    return out


def line(n, frame, verdict, rule, **more):
    return json.dumps(dict({"number": n, "ns": frame[0], "bytes": frame[1].hex(), "length": frame[2], "verdict": verdict, "rule": rule, "decided": True}, **more))


def told(t, *args):
    done = t.run("--quiet", "--json", "--all", *args)
    t.check("status", done.returncode in (0, 4) and not done.stderr, "%d: %s" % (done.returncode, done.stderr))
    return done.returncode, [json.loads(x) for x in done.stdout.splitlines()]


def follows(t, captures):
    """Whatever the inputs were, there is a way that leads to what --run said, and it is found."""
    rules, turned, n = t.write("decided.xdpf", RULES), 0, 0
    for i, capture in enumerate(captures):
        packets = frames(capture)
        for k, given in enumerate(INPUTS):
            ran = [x.split("\t") for x in t.run("--quiet", "--seed", str(100 * i + k), *given, "--run", capture, rules).stdout.splitlines()]
            lines = [line(int(no) + 1000, packets[int(no) - 1], v, r, file="decided.xdpf") for no, v, r in ran if v != "skipped"]
            t.write("decided.json", "\n".join(lines) + "\n")
            status, out = told(t, "--explain", "decided.json", rules)
            n += len(out)
            bad = [p for p in out if not p["agrees"] or (p["verdict"], p["rule"]) != (p["filter"]["verdict"], p["filter"]["rule"])]
            t.check(capture, status == 0 and len(out) == len(lines) and not bad, "%s %s: %s" % (capture, given, json.dumps(bad[:1])[:600]))
            t.check(capture, all(p["packet"] > 1000 for p in out))
            turned += sum(o["taken-as"] != o["known-as"] for p in out for o in p["outside"])
    t.check("something was taken otherwise", turned > n / 20, "%d of %d" % (turned, n))


def few(t):
    """One thing suffices, and one is taken otherwise; a set comes last."""
    rules = t.write("few.xdpf", "set s : ip live size 9;\nlimit l = 1/h burst 1;\nx: pass if tcp and random 50%;\na: drop if ip.src in s;\n"
                    "b: drop if ip over l;\ne: pass if flow.state == new;\nc: drop if flow.state in { new };\n")
    for verdict, rule, want in (("pass", "default", {}), ("pass", "x", {"random 50%": True}), ("drop", "b", {"over l": True}), ("drop", "a", {"ip.src in s": True})):
        t.write("few.json", line(1, FRAME, verdict, rule) + "\n")
        status, out = told(t, "--explain", "few.json", rules)
        have = {o["condition"]: o["taken-as"] for o in out[0]["outside"] if o["taken-as"] != o["known-as"]}
        t.check("few: " + rule, status == 0 and have == want, have)
    for rule in ("c", "x"):
        t.write("few.json", line(1, FRAME, "drop", rule) + "\n")
        status, out = told(t, "--explain", "few.json", rules)
        t.check("no way to " + rule, status == 4 and not out[0]["agrees"] and out[0]["rule"] == "default" and out[0]["filter"]["rule"] == rule, out)
    done = t.run("--explain", "few.json:1", rules)
    t.says("in words", done, 4, "THE FILTER DID OTHERWISE: drop by x", "over l, taken as false")
    t.write("few.json", line(7, FRAME, "drop", "a") + "\n" + line(8, FRAME, "drop", "b") + "\n")
    t.says("words of sets and limits", t.run("--explain", "few.json:1-2", rules), 0, "packet 7, 1970-01-01T00:00:00.000000Z, receive queue 0: ",
           "by what the filter did, it was so then; the set s has changed since", "over l: it is not in the packet; by what the filter did, it was so")


def last(t):
    """Of a set that a rule adds to meanwhile, what is told is the answer that the rule got, not an earlier one's."""
    rules = t.write("last.xdpf", "set s : ip4 live size 8;\na: count x if ip4.src in s;\nb: add ip4.src to s if ip4;\nc: drop if ip4.src in s;\nd: pass if ip4;\n")
    t.write("last.json", line(1, FRAME, "pass", "d") + "\n")
    done = t.run("--all", "--explain", "last.json", rules)
    t.says("the last answer", done, 0, "pass by d", "a: held, and went on", "c: ip4.src in s: by what the filter did, it was not so then; the set s has changed since")


def cookies(t):
    """What a rule that answers with cookies did depends on what the kernel keeps: a connection that it knows, a cookie that came back."""
    rules = t.write("cookie.xdpf", "g: syncookie if tcp.dport == 22;\nlate: drop if tcp.ack;\n")
    head = "0200000000010200000000020800" "450000280000000040060000c0000201c0000202" "10000016" "00000000" "00000000"
    syn, ack = ((1, bytes.fromhex(head + "50%02x0000" % flags + "00000000"), 54) for flags in (2, 16))
    for frame, verdict, rule, turned in ((syn, "tx", "g", {}), (syn, "pass", "default", {"syncookie": True}),
                                         (syn, "drop", "g", {"an answer to the SYN": False}),
                                         (ack, "drop", "g", {}), (ack, "drop", "late", {"syncookie": True})):
        t.write("cookie.json", line(1, frame, verdict, rule) + "\n")
        status, out = told(t, "--explain", "cookie.json", rules)
        have = {o["condition"]: o["taken-as"] for o in out[0]["outside"] if o["taken-as"] != o["known-as"]}
        t.check("cookies: %s by %s" % (verdict, rule), status == 0 and out[0]["agrees"] and have == turned, out)
    t.write("cookie.json", line(1, syn, "drop", "g") + "\n" + line(2, ack, "drop", "g") + "\n")
    t.says("cookies: in words", t.run("--explain", "cookie.json:1-2", rules), 0, "syncookie (no answer to the SYN could be made: `else`)",
           "syncookie (neither a SYN nor a right cookie: `else`)")
    # what nothing explains: an answer to an acknowledgement
    t.write("cookie.json", line(1, ack, "tx", "g") + "\n")
    t.check("cookies: an answer by nobody", told(t, "--explain", "cookie.json", rules)[0] == 4)


def texts(t):
    """Rules as a program keeps them: the same words as from files, wherever these stood."""
    os.makedirs(os.path.join(t.folder, "in", "deep"))
    t.write("in/top.xdpf", 'include "deep/part.xdpf";\nset a : net from "list.txt";\na: drop if ip.src in a;\ntest "t" { packet from "no.pcap" 1 expect drop }\n')
    t.write("in/deep/part.xdpf", 'set b : net from "list.txt";\nb: drop if ip.src in b;\n')
    t.write("in/list.txt", "192.0.2.0/24\n")
    t.write("in/deep/list.txt", "198.51.100.0/24\n")
    t.write("second.xdpf", "z: drop if tcp;\n")
    sources = [{"name": n, "text": open(os.path.join(t.folder, p)).read()} for n, p in (
        ("top.xdpf", "in/top.xdpf"), ("part.xdpf", "in/deep/part.xdpf"), ("list.txt", "in/deep/list.txt"), ("list.txt", "in/list.txt"),
        ("second.xdpf", "second.xdpf"))]

    def texts_of(files=2, **more):
        return t.write("texts.json", json.dumps(dict({"files": files, "sources": sources}, **more)))

    for packet, want in (("ip4.src = 192.0.2.1", "drop by a (top.xdpf:3:1)"), ("ip4.src = 198.51.100.1", "drop by b (part.xdpf:2:1)"),
                         ("tcp, ip4.src = 10.0.0.1", "drop by z (second.xdpf:1:1)")):
        t.says("texts: " + packet, t.run("--explain", packet, "--texts", texts_of()), 0, want)
    for name, path, why in (("fewer", texts_of(1), "more texts are kept than the rules name"),
                            ("out of turn", t.write("turned.json", json.dumps({"files": 2, "sources": sources[:2] + sources[3:]})), "in its turn"),
                            ("one missing", t.write("short.json", json.dumps({"files": 2, "sources": sources[:4]})), "fewer texts"),
                            ("none", t.write("none.json", '{"files":1,"sources":[]}'), "`files`"), ("no text", t.write("no.json", '{"files":1,"sources":[{"name":"x"}]}'), "`text`"),
                            ("no object", t.write("list.json", "[]"), "`files`"), ("broken", t.write("broken.json", '{"files":'), "broken.json: "),
                            ("no file", "gone.json", "gone.json: ")):
        t.says("texts: " + name, t.run("--explain", "tcp", "--texts", path), 1, why)
    t.says("texts, and files", t.run("--explain", "tcp", "--texts", texts_of(), "second.xdpf"), 2, "is too much")
    t.says("texts alone", t.run("--check", "--texts", texts_of()), 2, "--texts is for --explain")


def bad_lines(t):
    rules = t.write("second.xdpf", "z: drop if tcp;\n")
    for more, why in (('"number":-1', "`number`"), ('"file":7', "`file`"), ('"verdict":{}', "`verdict`")):
        t.write("bad.json", '{"bytes":"%s",%s,"decided":true}\n' % ("00" * 20, more))
        t.says(more, t.run("--explain", "bad.json", rules), 1, why)


def run(t, root):
    follows(t, [os.path.join(root, "tests", "captures", c + ".pcap") for c in ("edge", "protocols", "frag")])
    few(t)
    last(t)
    cookies(t)
    texts(t)
    bad_lines(t)
