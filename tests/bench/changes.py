"""Sets that live, changed from outside: what `xdpf set` takes for a million elements, of every kind of set and for every way in which rules use one.

Each command is a process of its own that reads a text. Beside them, in turn: the kernel's own batched update of an empty HASH by as many elements,
the least that it would be if each were an entry of one of its maps. Of several rounds the least.
"""
import ctypes
import os
import random
import select
import struct
import subprocess
import time

from live import Refused, run
import sets

WANT_SECONDS = 1.5
# name: (type in the rule file, what the elements are of, what stands in front of and behind each, the packet's field in a rule)
KINDS = {
    "addresses": ("ip", "addresses", "%s", "ip.src"), "prefixes": ("net", "prefixes", "%s", "ip.src"),
    "prefixes6": ("net", "prefixes6", "%s", "ip.src"), "composite": ("(ip, port)", "addresses", "(%s, 443)", "(ip.src, udp.dport)"),
}
USES = {
    "asked": "", "added to": "add %s to listed if udp.dport == 8;\n",
    "taken from": "remove %s from listed if udp.dport == 9;\n",
    "both": "add %s to listed if udp.dport == 8;\nremove %s from listed if udp.dport == 9;\n",
}
BPF_MAP_CREATE, BPF_MAP_UPDATE_BATCH, BPF_MAP_TYPE_HASH, BPF_F_NO_PREALLOC = 0, 26, 1, 1
SYS_BPF = {"x86_64": 321, "aarch64": 280}[os.uname().machine]
KEY, VALUE = 20, 24                     # an address and struct xdpf_element


def bpf(command, attr):
    got = ctypes.CDLL(None, use_errno=True).syscall(SYS_BPF, command, ctypes.create_string_buffer(attr, len(attr)), len(attr))
    if got < 0:
        raise Refused("bpf(%d): %s" % (command, os.strerror(ctypes.get_errno())))
    return got


class Yardstick:
    """The kernel's map, filled by one system call."""

    def __init__(self, n):
        self.n, rnd = n, random.Random(3)
        self.keys = ctypes.create_string_buffer(b"".join(struct.pack("=I16x", v) for v in rnd.sample(range(1 << 32), n)), KEY * n)
        self.values = ctypes.create_string_buffer(VALUE * n)

    def seconds(self):
        fd = bpf(BPF_MAP_CREATE, struct.pack("=IIIII", BPF_MAP_TYPE_HASH, KEY, VALUE, self.n, BPF_F_NO_PREALLOC))
        try:
            attr = struct.pack("=QQQQIIQQ", 0, 0, ctypes.addressof(self.keys), ctypes.addressof(self.values), self.n, fd, 0, 0)
            start = time.monotonic()
            bpf(BPF_MAP_UPDATE_BATCH, attr)
            return time.monotonic() - start
        finally:
            os.close(fd)


class Changes:
    def __init__(self, x):
        self.x, self.n = x, 10000 if x.quick else 1000000
        self.tool = os.path.join(x.args.build, "xdpf")
        self.device = "s%x" % os.getpid()
        run(["ip", "link", "add", self.device, "type", "veth", "peer", "name", "t%x" % os.getpid()])
        run(["ip", "link", "set", self.device, "up"])
        self.yardstick = Yardstick(self.n)
        self.least = self.yardstick.seconds()

    def write(self, kind):
        """Two files without a common element."""
        _, of, form, _ = KINDS[kind]
        some = sets.elements(of, 2 * self.n, random.Random(5))
        for name, part in (("one", some[:self.n]), ("two", some[self.n:])):
            path = self.x.path(name + ".txt")
            sets.write_elements(path, of, part)
            if form != "%s":
                with open(path) as f:
                    lines = [form % line.strip() + "\n" for line in f]
                with open(path, "w") as f:
                    f.writelines(lines)

    def compile(self, kind, use, more=""):
        x, path = self.x, self.x.path("changes.xdpf")
        name, _, _, field = KINDS[kind]
        rule = USES[use]
        with open(path, "w") as f:
            f.write("set listed : %s live size %d timeout 1h;\ndrop if %s in listed;\n%s%s" % (
                name, 2 * self.n, field, rule.replace("%s", field), more))
        x.compiler.ours(path, x.path("changes.o"))

    def timed(self, *words):
        """Seconds, and seconds on a CPU: a machine that has other work makes the first grow."""
        before, start = os.times(), time.monotonic()
        run([self.tool, *words])
        took, after = time.monotonic() - start, os.times()
        return took, after.children_user + after.children_system - before.children_user - before.children_system

    def apply(self):
        return self.timed("apply", "--quiet", self.x.path("changes.o"), self.device)

    def remove(self):
        subprocess.run([self.tool, "remove", "--quiet", self.device], stderr=subprocess.DEVNULL)

    def set(self, *words):
        return self.timed("set", words[0], "--quiet", self.device, "listed", *words[1:])

    def show(self):
        """Until the first line is there, and the last."""
        start = time.monotonic()
        p = subprocess.Popen([self.tool, "set", "show", self.device, "listed"], stdout=subprocess.PIPE)
        select.select([p.stdout], [], [])
        first, lines = time.monotonic() - start, 0
        for block in iter(lambda: p.stdout.read1(1 << 20), b""):
            lines += block.count(b"\n")
        if p.wait() or lines != self.n:
            raise Refused("show: %d lines of %d" % (lines, self.n))
        return (first, 0), (time.monotonic() - start, 0)

    def round(self, kind, use):
        one, two = self.x.path("one.txt"), self.x.path("two.txt")
        self.compile(kind, use)
        self.apply()
        try:
            self.least = min(self.least, self.yardstick.seconds())
            row = {"add": self.set("add", "--from", one, "--timeout", "0"), "add --timeout beside": self.set("add", "--from", two, "--timeout", "1h"),
                   "remove": self.set("remove", "--from", one), "replace": self.set("replace", one)}
            self.compile(kind, use, "drop if udp.dport == 7;\n")
            row["apply"] = self.apply()
            row["replace behind it"] = self.set("replace", two)
            row["show first"], row["show all"] = self.show()
            row["flush"] = self.set("flush")
            row["add --timeout"] = self.set("add", "--from", one, "--timeout", "1h")
        finally:
            self.remove()
        return row

    def row(self, kind, use):
        rounds = [self.round(kind, use) for _ in range(1 if self.x.quick else min(self.x.args.rounds or 2, 9))]
        row = {what: [min(r[what][k] for r in rounds) for k in range(2)] for what in rounds[0]}
        over = [what for what, took in row.items() if took[0] > WANT_SECONDS]
        self.x.say("  %-10s %-10s  %s%s" % (kind, use, "  ".join("%s %.2f" % (what, took) + (" (%.2f)" % cpu if cpu else "")
                                                                  for what, (took, cpu) in row.items()),
                                            "   above: " + ", ".join(over) if over else ""))
        return {"kind": kind, "use": use, **row}


def main(x):
    c = Changes(x)
    x.title("changes: %s elements of a live set, seconds, and those on a CPU (want %.1f each); `add --timeout beside`: beside as many others,\n"
            "  which `remove` takes away again; `replace`: instead of as many others; `apply`: of other rules, which the set stays for" % (x.number(c.n), WANT_SECONDS))
    rows = []
    for kind in KINDS:
        c.write(kind)
        rows += [c.row(kind, use) for use in USES]
    x.say("  the kernel's own batched update of a HASH of as many: %.2f" % c.least)
    return {"elements": c.n, "rows": rows, "batched_update": c.least}
