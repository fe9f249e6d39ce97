#!/usr/bin/python3
"""Changes of a filter that are ended by kill -9 at their system calls, one after the other.

usage: kills.py A B XDPF TOOLS DIR PREFIX STEP|all [SCENARIO...]

DIR holds PREFIXa.o and PREFIXb.o, which drop port 1 or 2 and pass the other, and PREFIXt-a.o, PREFIXt-b.o, which do so in tables of one shape. Behind
each kill xe0 must have a whole filter, the old or the new one, as the kernel runs it; behind the next command nothing may be left but what belongs
there. "all": at every system call; STEP: at every STEP-th of those that change something outside of the process.
Prints a line for each scenario, and for what is wrong.
"""
import json
import os
import socket
import struct
import subprocess
import sys
import time

import loaded

A, B, XDPF, TOOLS, DIR, PREFIX, STEP = sys.argv[1:8]
ONLY = sys.argv[8:]
OLD, NEW = "drop pass drop", "pass drop drop"
LINK_UPDATE = 29    # enum bpf_cmd
PLAIN, PENDING = {"link", "previous"}, {"link", "previous", "guard", "kept", "new", "programs", "until"}
ENV = dict(os.environ, ASAN_OPTIONS="detect_leaks=0")    # which cannot be looked for under ptrace
failed = checks = 0


def in_a(*argv):
    return subprocess.run(["nsenter", "--net=" + A, *argv], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=ENV, check=False)


def xdpf(*argv):
    r = in_a(XDPF, *argv)
    if r.returncode or "Sanitizer" in r.stderr:
        raise SystemExit("kills: xdpf %s: %d: %s" % (" ".join(argv), r.returncode, r.stderr))
    return r


def obj(name):
    return "%s/%s%s.o" % (DIR, PREFIX, name)


def check(ok, where, text):
    global failed, checks
    checks += 1
    if not ok:
        failed += 1
        print("FAILED: %s: %s" % (where, text))


def what():
    """The program that xe0 runs, by the kernel, and its verdicts."""
    r = subprocess.run([TOOLS + "/e2e_flood", A, B, "what"], stdout=subprocess.PIPE, text=True, check=True)
    return r.stdout.strip().partition(" ")[::2]


PINS = "/sys/fs/bpf/xdpf/" + in_a("/usr/bin/python3", "-c", "import socket, struct\ns = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)\n"
                                  "print(struct.unpack('Q', s.getsockopt(1, 71, 8))[0])").stdout.strip()
IFINDEX = {i: in_a("cat", "/sys/class/net/%s/ifindex" % i).stdout.strip() or
           in_a("ip", "-o", "link", "show", i).stdout.split(":")[0] for i in ("xe0", "xe2")}


def pins(iface):
    try:
        return {p for p in os.listdir("%s/%s" % (PINS, IFINDEX[iface])) if not p.startswith("watch-")}
    except FileNotFoundError:
        return set()


def programs(most):
    """How many programs of ours there are; the kernel lets go of them a moment behind their last pin, on busy CPUs seconds."""
    until = time.monotonic() + 30
    while True:
        n = loaded.count(lambda name: name.startswith(PREFIX))
        if n <= most or time.monotonic() > until:
            return n
        time.sleep(0.02)


def other(name):
    return "b" if name.endswith("a") else "a"


class Scenario:
    """.ready() before each kill: the command. .may: verdicts as the kernel runs it then. .waits: whether a guard may be there behind the next command."""
    ifaces = ("xe0",)
    may = {OLD, NEW}
    waits = False
    flood = True
    first = "a"
    hook = ()
    last = (0, 0)    # where only some kills are made: of so many last calls, one in so many

    def begin(self):
        pass

    def status(self):
        return xdpf("status", *self.ifaces)

    def after(self, where, before):
        pass


class Replace(Scenario):
    def ready(self):
        return ["apply", "--quiet", "--reload", obj(other(what()[0])), *self.ifaces]


class Both(Replace):
    ifaces = ("xe0", "xe2")

    def after(self, where, before):
        names = [i["program"] for i in json.loads(xdpf("status", "--json", "xe0", "xe2").stdout)]
        check(all(n in (PREFIX + "a", PREFIX + "b") for n in names), where, "status says %s" % names)
        if names[0] != names[1]:
            check(self.said.count("was ended in the middle") == 2, where, "one is new and one is old, and status said: " + self.said)
            xdpf("apply", "--quiet", "--reload", obj("a"), "xe0", "xe2")


class Tables(Scenario):
    first = "t-a"

    def ready(self):
        return ["apply", "--quiet", obj("t-b" if what()[1] == OLD else "t-a"), "xe0"]

    def after(self, where, before):
        rules = json.loads(xdpf("stats", "--json", "xe0").stdout)["files"][0]["rules"]
        text = [r["text"] for r in rules if r["label"] == "port"]
        port = "1" if before == OLD else "2"
        check(len(text) == 1 and text[0].rstrip(";").endswith(" " + port), where, "the kernel runs %s, and says %s" % (before, text))


class TablesBoth(Tables):
    """Two interfaces; by the rules that the kernel names."""
    ifaces = ("xe0", "xe2")

    def ready(self):
        return ["apply", "--quiet", obj("t-b" if what()[1] == OLD else "t-a"), *self.ifaces]

    def after(self, where, before):
        ports = [json.loads(xdpf("stats", "--json", i).stdout)["files"][0]["rules"][-1]["text"].rstrip(";").split()[-1] for i in self.ifaces]
        check(ports[0] == ("1" if before == OLD else "2") and ports[1] in "12", where, "the kernel says %s" % ports)
        if ports[0] != ports[1]:
            check(self.said.count("was ended in the middle") == 2 and "the old one runs" in self.said and "the new one runs" in self.said, where,
                  "one is new and one is old, and status said: " + self.said)
            xdpf("apply", "--quiet", obj("t-a"), *self.ifaces)


class First(Scenario):
    may = {OLD, ""}
    flood = False

    def ready(self):
        if what()[0] != "none":
            xdpf("remove", "--quiet", "xe0")
        return ["apply", "--quiet", obj("a"), "xe0"]


class Remove(First):
    def ready(self):
        if what()[0] == "none":
            xdpf("apply", "--quiet", obj("a"), "xe0")
        return ["remove", "--quiet", "xe0"]


class Wait(Scenario):
    waits = True

    def plain(self):
        if what()[0] == "xdpf_guard":
            xdpf("rollback", "--quiet", "xe0")
        return what()[0]

    def ready(self):
        return ["apply", "--quiet", "--confirm", "600s", obj(other(self.plain())), "xe0"]


class Confirm(Wait):
    command = "confirm"

    def ready(self):
        if what()[0] != "xdpf_guard":
            xdpf("apply", "--quiet", "--confirm", "600s", obj(other(what()[0])), "xe0")
        return [self.command, "--quiet", "xe0"]


class Rollback(Confirm):
    command = "rollback"


class Previous(Scenario):
    def ready(self):
        if "previous" not in pins("xe0"):
            xdpf("apply", "--quiet", "--reload", obj(other(what()[0])), "xe0")
        return ["rollback", "--quiet", "xe0"]


class Expired(Scenario):
    """What is killed is whoever only looks, behind the time."""
    def ready(self):
        if "guard" not in pins("xe0"):
            xdpf("apply", "--quiet", "--confirm", "1s", obj(other(what()[0])), "xe0")
            time.sleep(1.02)
        return ["status", "xe0"]


class Resize(Scenario):
    """A set gets another size, so it is copied; and just before the exchange the old filter adds another element to it: it is in whatever runs then."""
    first = "r-a"
    flood = False
    last = (24, 3)

    def begin(self):
        self.sent = "%s/sent" % DIR
        open(self.sent, "w", encoding="ascii").close()
        self.hook = ["-s", str(LINK_UPDATE), "nsenter --net=%s /usr/bin/python3 %s/visitor.py %s" % (B, os.path.dirname(__file__), self.sent)]

    def ready(self):
        return ["apply", "--quiet", obj("r-b" if what()[1] == OLD else "r-a"), "xe0"]

    def after(self, where, before):
        with open(self.sent, encoding="ascii") as f:
            sent = set(f.read().split())
        have = {e["element"] for e in json.loads(xdpf("set", "show", "--json", "xe0", "seen").stdout)["elements"]}
        check(have == sent, where, "%s runs; of the set are missing %s, and there are besides %s" % (what()[1], sorted(sent - have), sorted(have - sent)))


class ResizeWait(Resize):
    waits = True
    last = (8, 1)

    def ready(self):
        if what()[0] == "xdpf_guard":
            xdpf("rollback", "--quiet", "xe0")
        return ["apply", "--quiet", "--confirm", "600s", obj("r-b" if what()[1] == OLD else "r-a"), "xe0"]


SCENARIOS = dict(replace=Replace, both=Both, tables=Tables, tables2=TablesBoth, wait=Wait, confirm=Confirm, rollback=Rollback, previous=Previous, expired=Expired,
                 resize=Resize, resize2=ResizeWait,
                 first=First, remove=Remove)


def look_behind(s, where):
    """The state that a kill left, and what the next command makes of it."""
    name, verdicts = what()
    check(verdicts in s.may, where, "the kernel runs %s: %s" % (name, verdicts))
    s.said = s.status().stderr
    after = what()
    if name != "xdpf_guard" or s.waits:
        check(after[1] == verdicts, where, "it was %s, and is %s behind the next command" % (verdicts, after[1]))
    for iface in s.ifaces:
        have = pins(iface)
        if after[0] == "xdpf_guard":
            check(s.waits and have - {"before"} | {"previous"} == PENDING, where, "%s waits with %s" % (iface, sorted(have)))
        elif after[0] == "none":
            check(not os.path.exists(PINS), where, "nothing runs, with %s and %s" % (sorted(have), os.path.exists(PINS) and os.listdir(PINS)))
        else:
            check(have | {"previous"} == PLAIN, where, "%s runs with %s" % (iface, sorted(have)))
    own = sum(len(pins(i) & {"link", "previous", "kept", "new"}) - (after[0] == "xdpf_guard") for i in s.ifaces)
    own += len(pins("xe2") & {"link", "previous"}) if "xe2" not in s.ifaces else 0
    n = programs(own)
    check(n <= own, where, "%d programs, %d of them pinned" % (n, own))
    s.after(where, verdicts)


def run(name, s):
    changes = [] if STEP == "all" else ["-c"]
    step = 1 if STEP == "all" else int(STEP)
    n, kills = 1, 0
    if s.last[0] and STEP != "all":
        r = in_a(TOOLS + "/e2e_killer", "0", "-c", *s.hook, XDPF, *s.ready())
        n, step = max(1, int(r.stdout.split()[-1]) - s.last[0]), s.last[1]
    while True:
        r = in_a(TOOLS + "/e2e_killer", str(n), *changes, *s.hook, XDPF, *s.ready())
        ended = r.stdout.rstrip().rpartition("\n")[2].split()
        if len(ended) != 2 or "Sanitizer" in r.stderr or (ended[0] == "done" and r.returncode):
            check(False, "%s %d" % (name, n), "exit status %d: %s%s" % (r.returncode, r.stdout, r.stderr))
            return kills, 0
        look_behind(s, "%s, call %d" % (name, n))
        if ended[0] == "done":
            return kills, int(ended[1])
        kills += 1
        n += step


def main():
    for name, cls in SCENARIOS.items():
        if ONLY and name not in ONLY:
            continue
        if what()[0] != "none":
            xdpf("remove", "--quiet", "xe0")
        if pins("xe2"):
            xdpf("remove", "--quiet", "xe2")
        if not issubclass(cls, First):
            xdpf("apply", "--quiet", obj(cls.first), *cls.ifaces)
        s = cls()
        s.begin()
        stop = "%s/stop-%s" % (DIR, name)
        flood = subprocess.Popen([TOOLS + "/e2e_flood", A, B, "watch", stop, "10000"], stdout=subprocess.PIPE, text=True) if cls.flood else None
        before = failed
        kills, calls = run(name, s)
        text = ""
        if flood:
            open(stop, "w", encoding="ascii").close()
            saw = json.loads(flood.communicate()[0])
            check(saw["through"] == 0 and saw["sent"] > 0, name, "%(through)d of %(sent)d packets came through" % saw)
            text = ", %(sent)d packets, %(through)d through" % saw
        print("%s: %d kills, %d calls in all, %d wrong%s" % (name, kills, calls, failed - before, text), flush=True)
    print(json.dumps(dict(checks=checks, failed=failed)))


main()
