#!/usr/bin/python3
"""Failures beneath xdpf, one after the other: allocations (failing.c), and system calls (strace), in all that it does to a filter. As root.

usage: runtime.py XDPFC XDPF FAILING.so [--all|--some] [--kind KIND] [--only NAME] [--seed N]

Whatever fails: the exit status says so, with words; or the command did without, and all is done. Then the interface has the old filter or the new one,
whole; a command that failed changed nothing; nothing more is pinned or loaded than before or behind the command, nothing crashed or leaked. Without
--all: of each command and kind, some failures that chance chose; --some: of some commands, one of each kind.
"""
import argparse
import json
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "e2e"))
import loaded       # noqa: E402
import memory       # noqa: E402

PID = os.getpid()
NET, PREFIX = "xdpf-faults-%d" % PID, "f%d" % PID
BPFFS = "/sys/fs/bpf/" + NET
IFACE = "xf0"
SOME = 4        # failures of each command and kind
FEW = ("apply", "replace", "fill")
WORDS = re.compile(r"\w{3}")
# kind: the calls that fail, and how
CALLS = {
    "bpf-memory": ("bpf", "ENOMEM"), "bpf-permission": ("bpf", "EPERM"), "open": ("openat", "EMFILE"), "network": ("%network", "ENOBUFS"),
    "place": ("mkdir,mkdirat,unlink,unlinkat,rmdir,rename,renameat,renameat2,flock", "EIO"), "write": ("write,writev,pwrite64", "ENOSPC"),
}


class Place:
    """A namespace with a veth pair, a bpffs directory, and objects."""
    def __init__(self, o, of, work):
        self.o, self.of, self.work = o, of, work
        self.env = dict(os.environ, XDPF_BPFFS=BPFFS)
        if not os.path.ismount("/sys/fs/bpf"):
            subprocess.run(["mount", "-t", "bpf", "-o", "mode=0700", "bpf", "/sys/fs/bpf"], check=True)
        os.mkdir(BPFFS)
        subprocess.run(["ip", "netns", "add", NET], check=True)
        subprocess.run(["ip", "-n", NET, "link", "add", IFACE, "type", "veth", "peer", "name", "xf1"], check=True)
        for i in (IFACE, "xf1", "lo"):
            subprocess.run(["ip", "-n", NET, "link", "set", i, "up"], check=True)
        for name, rules in (("a", memory.RULES), ("b", "other.xdpf")):
            text = open(os.path.join(work, rules), encoding="ascii").read()
            with open(self.path(name, "xdpf"), "w", encoding="ascii") as f:
                f.write(text)
            subprocess.run([o.xdpfc, "--quiet", self.path(name, "xdpf"), "-o", self.path(name, "o")], check=True)
        with open(os.path.join(work, "list"), "w", encoding="ascii") as f:
            f.write("192.0.2.7\n192.0.2.8\n")

    def path(self, name, kind):
        # one name of the file in both, so that its counters and sets go on
        folder = os.path.join(self.work, "rules-" + name)
        os.makedirs(folder, exist_ok=True)
        shutil.copy(os.path.join(self.work, "bad.xdpf"), folder)
        return os.path.join(folder, "%s.%s" % (PREFIX, kind))

    def close(self):
        self.run("remove", "--quiet", IFACE)
        subprocess.run(["ip", "netns", "del", NET], check=False)
        shutil.rmtree(BPFFS, ignore_errors=True)

    def command(self, *argv):
        return ["nsenter", "--net=/run/netns/" + NET, *argv]

    def run(self, *argv):
        return subprocess.run(self.command(self.o.xdpf, *argv), cwd=self.work, env=self.env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True, check=False, timeout=60)

    def must(self, *argv):
        r = self.run(*argv)
        if r.returncode:
            raise SystemExit("runtime: xdpf %s: %d: %s" % (" ".join(argv), r.returncode, r.stderr))
        return r.stdout

    def pins(self):
        return sorted(os.path.relpath(os.path.join(d, n), BPFFS) for d, _, names in os.walk(BPFFS) for n in names)

    def state(self):
        """What runs: the text of a rule that both filters have, whether it is confirmed, and the elements of the set."""
        status = json.loads(self.must("status", "--json", IFACE))
        if not status or not status[0].get("program_id"):
            return "none"
        rules = json.loads(self.must("stats", "--json", IFACE))["files"][0]["rules"]
        elements = json.loads(self.must("set", "show", "--json", IFACE, "late"))["elements"]
        return json.dumps([[r["text"] for r in rules if r["rule"] == "c"], bool(status[0].get("confirm")), sorted(e["element"] for e in elements)])

    def programs(self, most):
        """How many there are; the kernel lets go of them a moment behind their last reference."""
        until = time.monotonic() + 20
        while True:
            n = loaded.count(lambda name: name.startswith(PREFIX))
            if n <= most or time.monotonic() > until:
                return n
            time.sleep(0.02)


def commands(p):
    """name, what is made ready before, the command"""
    a, b = p.path("a", "o"), p.path("b", "o")
    none, old = [("remove", "--quiet", IFACE)], [("apply", "--quiet", "--reload", "--afresh", a, IFACE)]
    waits = old + [("apply", "--quiet", "--reload", "--confirm", "600s", b, IFACE)]
    return {
        "apply": (none, ("apply", a, IFACE)),
        "replace": (old, ("apply", "--reload", b, IFACE)),
        "exchange": (old, ("apply", b, IFACE)),
        "afresh": (old, ("apply", "--afresh", b, IFACE)),
        "confirmed": (old, ("apply", "--reload", "--confirm", "600s", b, IFACE)),
        "confirm": (waits, ("confirm", IFACE)),
        "rollback": (waits, ("rollback", IFACE)),
        "remove": (old, ("remove", IFACE)),
        "add": (old, ("set", "add", IFACE, "late", "192.0.2.1", "2001:db8::1", "--timeout", "0")),
        "take": (old + [("set", "add", "--quiet", IFACE, "late", "192.0.2.1", "--timeout", "0")], ("set", "remove", IFACE, "late", "192.0.2.1")),
        "fill": (old + [("set", "add", "--quiet", IFACE, "late", "192.0.2.1", "--timeout", "0")], ("set", "replace", IFACE, "late", "list")),
        "flush": (old + [("set", "add", "--quiet", IFACE, "late", "192.0.2.1", "--timeout", "0")], ("set", "flush", IFACE, "late")),
        "test": (old, ("test", a)),
        "run": (old, ("run", a, memory.CAPTURE)),
        "stats": (old, ("stats", "--json", IFACE)),
        "metrics": (old, ("stats", "--prometheus", IFACE)),
        "status": (old, ("status", "--json", IFACE)),
        "source": (old, ("status", "--source", IFACE)),
        "show": (old, ("set", "show", "--json", IFACE, "late")),
        "doctor": (old, ("doctor", IFACE, b)),
    }


def ready(p, before):
    if before[0][0] == "remove":
        p.run(*before[0])
        return
    for argv in before:
        r = p.run(*argv)
        if r.returncode and "waits" in r.stderr + r.stdout:
            p.run("rollback", "--quiet", IFACE)
            r = p.run(*argv)
        if r.returncode:
            raise SystemExit("runtime: xdpf %s: %d: %s" % (" ".join(argv), r.returncode, r.stderr))


def failing(p, argv, kind, n):
    """Lets the N-th fail. Whether there was one, and how it ended."""
    log = os.path.join(p.work, "log")
    if os.path.exists(log):
        os.unlink(log)
    env = dict(p.env)
    options = list(filter(None, [os.environ.get("ASAN_OPTIONS")]))
    if kind == "memory":
        options.append("verify_asan_link_order=0")
        env.update(LD_PRELOAD=p.o.failing, FAILING_AT=str(n), FAILING_LOG=log)
        command = [p.o.xdpf, *argv]
    else:
        calls, error = CALLS[kind]
        # what a sanitizer looks for under a tracer it does not find
        options.append("detect_leaks=0")
        command = ["strace", "-f", "-qq", "-o", log, "-e", "trace=" + calls, "-e", "inject=%s:error=%s:when=%s" % (calls, error, n), p.o.xdpf, *argv]
    env["ASAN_OPTIONS"] = ":".join(options)
    # the namespace is entered first: that is not what is to fail
    done = subprocess.run(["nsenter", "--net=/run/netns/" + NET, *(["env", "LD_PRELOAD=" + env.pop("LD_PRELOAD")] if kind == "memory" else []), *command],
                          cwd=p.work, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False, timeout=120)
    try:
        with open(log, encoding="utf-8", errors="replace") as f:
            text = f.read()
    except FileNotFoundError:
        text = ""
    return text, done


def places(p, argv, kind):
    """Which of them are worth a failure."""
    if kind == "memory":
        text, done = failing(p, argv, kind, "list")
        return [int(line.split()[1]) for line in text.splitlines() if line.startswith("chosen ")], done
    text, done = failing(p, argv, kind, "65535")
    return list(range(1, 1 + sum(1 for line in text.splitlines() if "(" in line and "resumed>" not in line)))[:400], done


def one(p, name, before, argv, kind):
    ready(p, before)
    first, first_pins = p.state(), p.pins()
    which, done = places(p, argv, kind)
    p.of.check(done.returncode == 0, "%s: by itself: exit status %d: %s" % (name, done.returncode, done.stderr.decode(errors="replace")))
    output = done.stdout
    last, last_pins = p.state(), p.pins()
    n_all = len(which)
    some = 1 if p.o.some else SOME
    if not p.o.all and len(which) > some:
        which = sorted(p.o.random.sample(which, some))
    for n in which:
        ready(p, before)
        start, start_pins = p.state(), p.pins()
        text, done = failing(p, argv, kind, n)
        pins = p.pins()
        words = done.stderr.decode(errors="replace")
        where = "%s, %s %d: exit status %d: %s" % (name, kind, n, done.returncode, words)
        p.of.check("Sanitizer" not in words and 0 <= done.returncode < 5, where)
        if done.returncode:
            p.of.check(bool(WORDS.search(words)), where + "it says nothing")
            p.of.check(len(pins) in (len(start_pins), len(first_pins), len(last_pins)), "%s: it leaves %s, before %s" % (where, pins, start_pins))
        state = p.state()
        if done.returncode == 0:
            p.of.check(state == last, "%s: done, and %s is what there is, not %s" % (where, state, last))
        else:
            p.of.check(state in (first, start) or state == last, "%s: %s is what there is, neither %s nor %s" % (where, state, first, last))
        now = p.pins()
        p.of.check(len(now) in (len(start_pins), len(first_pins), len(last_pins)), "%s: behind the next command there are %s" % (where, now))
    most = 3
    have = p.programs(most)
    p.of.check(have <= most, "%s, %s: %d programs are left" % (name, kind, have))
    return n_all, len(which)


def main():
    parser = argparse.ArgumentParser()
    for name in ("xdpfc", "xdpf", "failing"):
        parser.add_argument(name, type=os.path.abspath)
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--some", action="store_true")
    parser.add_argument("--kind", default=".*")
    parser.add_argument("--only", default=".*")
    parser.add_argument("--seed", type=int, default=int(time.time()))
    o = parser.parse_args()
    if os.geteuid():
        print("skipped: failures beneath xdpf: needs root\n0 passed, 0 failed, 1 skipped")
        return 0
    o.random = random.Random(o.seed)
    print("seed %d" % o.seed)
    of = memory.Failures()
    with tempfile.TemporaryDirectory(prefix="xdpf-faults-") as work:
        memory.prepare(work, o.xdpfc)
        p = Place(o, of, work)
        try:
            for name, (before, argv) in commands(p).items():
                if not re.fullmatch(o.only, name) or (o.some and name not in FEW):
                    continue
                said = []
                for kind in ("memory", *CALLS):
                    if re.fullmatch(o.kind, kind):
                        n, done = one(p, name, before, argv, kind)
                        said.append("%s %d of %d" % (kind, done, n))
                print("%s: %s" % (name, ", ".join(said)), flush=True)
        finally:
            p.close()
    print("%d passed, %d failed, 0 skipped" % (of.passed, of.failed))
    return 1 if of.failed else 0


if __name__ == "__main__":
    sys.exit(main())
