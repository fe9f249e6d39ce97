"""Whole random rule files: declarations, includes, blocks in blocks, and verdicts for most packets, besides what rules.py makes. What is said in a comment
for packet tests (options, files behind the first) is said here so, too."""

import functools
import os
import random
import re
import subprocess

import rules
from corpus import ROOT

STATES = ("new", "established", "related")
DEFAULTS = ("pass", "pass", "drop", "drop", "tx", "tx swap", "abort", "redirect eth5 else pass", "redirect cpu 1", "forward", "forward else drop")
# Conditions that a good part of any frames meets, so that what stands behind them decides.
USUAL = ("tcp", "udp", "ip6", "ip4", "vlan", "l4", "not ip", "malformed", "ip.fragment", "arp", "icmp or icmp6", "inner.ip", "ip.ttl < 64", "pkt.len > 90",
         "pkt.len <= 60", "random 30%", "random 50% per flow", "l4.dport >= 1024", "ip4.ihl > 5", "payload.len > 20", "not vlan.inner", "udp.len < 40",
         "ip.src in 192.0.0.0/8", "packet[14:1] & 1 == 1")


@functools.cache
def named_values():
    """{table: [name, …]} of names.def."""
    found = {}
    with open(os.path.join(ROOT, "grammar", "names.def")) as f:
        for table, name in re.findall(r'^NAME\((\w+),\s*"([^"]+)"', f.read(), re.M):
            found.setdefault(table, []).append(name)
    return found


@functools.cache
def name_tables():
    """{TYPE: its table of names}."""
    with open(os.path.join(ROOT, "grammar", "types.def")) as f:
        return {t: names for t, names in re.findall(r'^TYPE\((\w+),\s*"[^"]+",\s*\w+,\s*\d+,\s*(\w+),', f.read(), re.M) if names != "NONE"}


class File(rules.Writer):
    """A file's lines: .made(n), of about so many rules. FOLDER and STEM: where what it includes and reads is written."""

    def __init__(self, rnd, frames, folder, stem):
        super().__init__(rnd, frames)
        self.folder, self.stem, self.files = folder, stem, []
        self.lets = {}          # type: names
        self.names, self.name_tables = named_values(), name_tables()

    def maybe(self, p):
        return self.rnd.random() < p

    # ---- declarations ----

    def let(self, i):
        kind = self.rnd.choice(("PORT", "NUM", "IP4", "IP6", "time", "tuple", "ports", "bytes"))
        name = "n%d" % i
        text = {
            "PORT": lambda: self.span(16), "NUM": lambda: str(self.number(self.rnd.choice((8, 16, 32)))), "IP4": lambda: self.address("IP4"),
            "IP6": lambda: self.address("IP6"), "time": lambda: "{ 08:00-12:30, 13:00-%02d:15 }" % self.rnd.randrange(14, 24),
            "tuple": lambda: "{ (%s, %s), (%s, %s) }" % (self.span(16), self.span(8), self.span(16), self.span(8)),
            "ports": lambda: self.values(lambda: self.span(16), 6), "bytes": lambda: ":".join("%02x" % b for b in self.seen(9)),
        }[kind]()
        self.lets.setdefault(kind, []).append(name)
        return "let %s = %s;" % (name, text)

    def by_let(self):
        kind = self.rnd.choice(sorted(self.lets))
        name = self.rnd.choice(self.lets[kind])
        return {
            "PORT": lambda: "l4.dport in %s" % name, "ports": lambda: "%s %s %s" % (self.layer("l4.sport"), self.rnd.choice(("in", "not in")), name),
            "NUM": lambda: "%s %s %s" % (self.layer(self.rnd.choice(("ip4.id", "tcp.seq", "tcp.window", "pkt.len"))), self.rnd.choice(("==", "<", ">=")), name),
            "IP4": lambda: "%s in %s" % (self.layer("ip.src"), name), "IP6": lambda: "%s not in %s" % (self.layer("ip.dst"), name),
            "time": lambda: "time in %s" % name, "tuple": lambda: "(%s, ip.proto) in %s" % (self.layer("l4.dport"), name),
            "bytes": lambda: "payload[2:9] == %s" % name,
        }[kind]()

    def from_file(self, i):
        """A set whose elements stand in a file."""
        kind = self.rnd.choice(("IP", "NET", "PORT", "IP4"))
        self.sets["f%d" % i] = [kind]
        path = "%s-%d.txt" % (self.stem, i)
        with open(os.path.join(self.folder, path), "w") as f:
            f.write("# elements\n" + "\n".join(self.element(kind, 16) for _ in range(self.rnd.choice((0, 3, 40)))) + "\n")
        return 'set f%d : %s from "%s";' % (i, self.types[kind][0], path)

    def included(self):
        path = "%s-included.xdpf" % self.stem
        lines = [self.let(90), self.named(["PORT"]), "limit li = %s;" % self.limit(), self.rule(), self.verdict()]
        self.limits.append("li")
        with open(os.path.join(self.folder, path), "w") as f:
            f.write("\n".join(lines) + "\n")
        self.files.append(os.path.join(self.folder, path))
        return 'include "%s";' % path

    def declare(self):
        """Few of each, other ones in each file: a program has room for some."""
        rnd, out = self.rnd, []
        self.limits = []
        for i in range(rnd.choice((0, 0, 1, 2))):
            out.append("limit l%d = %s;" % (i, self.limit()))
            self.limits.append("l%d" % i)
        usual = ["NUM", "PORT", "PROTO", "ETHERTYPE", "IP", "IP4", "IP6", "NET", "MAC"] + sorted(
            k for k, t in self.types.items() if t[1] == "NUM" and k not in ("NUM", "PORT", *rules.NO_SET))
        # Now and then none but IPv4 addresses: what looks only those up takes such files.
        only = self.maybe(0.16)
        for _ in range(rnd.choice((1, 2) if only else (0, 1, 1, 2, 3))):
            out.append(self.named(["IP4"], rnd.choice((30, 60))) if only else self.named([rnd.choice(usual)]))
        if self.maybe(0.3) and not only:
            out.append(self.named([rnd.choice(usual[:9]) for _ in range(rnd.choice((2, 2, 3, 4)))]))
        if self.maybe(0.3):
            out += self.living()[:rnd.choice((1, 2, 3))]
            self.live = {k: v for k, v in self.live.items() if any(line.startswith("set %s :" % k) for line in out)}
            self.sets = {k: v for k, v in self.sets.items() if k[0] != "v" or k in self.live}
        out += [self.let(i) for i in range(rnd.choice((0, 0, 0, 1, 2)))]
        if self.maybe(0.04) and not only:
            out.append(self.from_file(1))
        if self.maybe(0.04):
            out.append(self.included())
        if self.maybe(0.05):
            out.append("option counters off;")
        elif self.maybe(0.03):
            out.append("option counters on;")
        return out

    # ---- conditions ----

    def limit(self):
        # As many keys as there are packets: where a table is full, it may have room for more than it says.
        return super().limit().replace(" size 100k", self.rnd.choice((" size 4k", " size 4k", " size 20k", " size 4k when full closed")))

    def by_name(self):
        """A value by its name."""
        named = [f for f in self.fields if f[1] in self.name_tables]
        name, kind, _ = self.rnd.choice([f for f in named if f[1] == "TCPFLAGS"] if self.maybe(0.1) else named)
        values = self.names.get(self.name_tables[kind])
        if not values:
            return "tcp"
        if kind == "TCPFLAGS" and self.maybe(0.7):
            mask = self.rnd.sample(values, 2)
            return "%s & %s == %s" % (self.layer(name), "|".join(mask), self.rnd.choice(mask))
        return "%s %s %s" % (self.layer(name), self.rnd.choice(("==", "!=", "in")), self.rnd.choice(values))

    def of_input(self):
        return self.rnd.choice((
            lambda: "iface == eth%d" % self.rnd.randrange(3), lambda: "iface != eth0", lambda: "iface in { eth0, eth2, \"eth0.5\" }",
            lambda: "iface not in { eth1 }", lambda: "rxqueue == %d" % self.rnd.randrange(3), lambda: "rxqueue in 1-7", lambda: "weekday == mon",
            lambda: "weekday in { sat, sun }", lambda: "weekday < 4", lambda: "rx.hash & 1 == 1", lambda: "rx.timestamp > %d" % self.number(60),
            lambda: "rx.vlan.id < 100", lambda: "rx.vlan.pcp != 0"))()

    def comparison(self):
        r = self.rnd.random()
        if r < 0.06:
            return self.by_name()
        if r < 0.09:
            return self.of_input()
        if r < 0.13 and self.lets:
            return self.by_let()
        if r < 0.15:
            return "%s %s 0x%x" % (self.layer("tcp.seq"), self.rnd.choice(("<", ">=")), self.number(32))
        return super().comparison()

    # ---- rules ----

    def block(self, depth):
        """Rules in a block."""
        inside = []
        for _ in range(self.rnd.choice((0, 1, 1, 2))):
            r = self.rnd.random()
            inside.append(self.nested(depth + 1) if r < 0.3 and depth < 3 else self.deciding() if r < 0.5 else self.rule_once())
        return " ".join(inside)

    def nested(self, depth=0):
        text = "%s: if %s { %s }" % (self.label(), self.condition(2) + self.limited(), self.block(depth))
        if self.maybe(0.3):
            text += " else if %s { %s }" % (self.condition(2), self.block(depth))
        if self.maybe(0.4):
            text += " else { %s }" % self.block(depth)
        return text

    def deed(self):
        """An action that does not decide."""
        rnd = self.rnd
        acts = [lambda: "count c%d" % rnd.randrange(3), lambda: "count k%s per %s" % (self.rules, self.key()), lambda: "log", lambda: "sample 1/%d" % rnd.choice((1, 2, 9)),
                lambda: "log %d/%s" % (rnd.choice((1, 3, 100)), rnd.choice("smh")), self.change, self.change, self.change, self.change]
        if self.live:
            acts += [self.set_change] * 5
        return rnd.choice(acts)()

    def rule_once(self):
        """Without a block."""
        if self.live and self.maybe(0.25):
            return "%s: %s if %s;" % (self.label(), self.set_change(), self.rnd.choice((self.condition(2), self.rnd.choice(USUAL))))
        if self.maybe(0.35):
            return "%s: if %s { }" % (self.label(), self.condition() + self.limited())
        deeds = ", ".join(self.deed() for _ in range(self.rnd.choice((1, 1, 1, 2, 3))))
        return "%s: %s if %s;" % (self.label(), deeds, self.rnd.choice((self.condition(), self.rnd.choice(USUAL))) + self.limited())

    def deciding(self):
        """A verdict for a good part of the packets."""
        verdict = self.rnd.choice(rules.VERDICTS)
        deeds = "".join(self.deed() + ", " for _ in range(self.rnd.choice((0, 0, 0, 1, 2))))
        condition = self.rnd.choice(USUAL)
        if self.maybe(0.3):
            condition = "(%s) and %s" % (condition, self.condition(2))
        label = "" if self.maybe(0.05) else self.label() + ": "
        return "%s%s%s if %s;" % (label, deeds, verdict, condition + self.limited())

    def rule(self):
        r = self.rnd.random()
        if r < 0.45:
            return super().rule()
        return self.nested() if r < 0.6 else self.rule_once()

    def made(self, n):
        out = self.declare()
        body = [self.rule() for _ in range(n)] + [self.verdict() for _ in range(n // 6)]
        body += ["%s: if %s { }" % (self.label(), self.membership(name)) for name in self.sets for _ in range(self.rnd.choice((1, 1, 2)))]
        body += ["%s: %s if %s;" % (self.label(), self.change(), self.rnd.choice(USUAL)) for _ in range(self.rnd.choice((0, 0, 1, 2, 3)))]
        self.rnd.shuffle(body)
        # In the second half, so that rules before them are reached.
        for _ in range(self.rnd.choice((2, 2, 3, 4))):
            body.insert(self.rnd.randrange(len(body) // 2, len(body) + 1), self.deciding())
        for _ in range(self.rnd.choice((1, 2, 3, 4, 6))):
            body.append(self.deciding())
        return out + body


def options(rnd, number):
    """What `xdpf run` is told besides, as {name: value}; None: it is so."""
    out = {}
    if rnd.random() < 0.4:
        out["flow-state"] = rnd.choice(STATES)
    if rnd.random() < 0.5:
        out["socket"] = rnd.choice(("yes", "no"))
    if rnd.random() < 0.3:
        out["no-way"] = None
    if rnd.random() < 0.4:
        out["rx"] = "hash=%d,timestamp=%d,vlan=%d,pcp=%d" % tuple(number(b) for b in (32, 60, 12, 3))
    if rnd.random() < 0.5:
        out["iface"] = rnd.choice(("eth0", "eth1", "eth2"))
    if rnd.random() < 0.5:
        out["rxqueue"] = str(rnd.randrange(4))
    return out


def shown(given):
    return "".join(" --%s%s" % (k, "" if v is None else " " + v) for k, v in given.items())


def make(folder, stem, seed, frames, size=None):
    """One program, of one file or several: (paths of its files, other files that they read). What the checker refuses is still in it."""
    rnd = random.Random(seed)
    n = size or rnd.choice((1, 3, 6, 10, 10, 16, 28))
    files = rnd.choice((1, 1, 1, 1, 2, 3))
    names = [stem + ("-%d" % (j + 1) if j else "") for j in range(files)]
    more = []
    for j, name in enumerate(names):
        writer = File(random.Random("%s/%d" % (seed, j)), frames, folder, name)
        given = options(writer.rnd, writer.number) if j == 0 else {}
        head = ["#: option" + shown(given)] if given else []
        head += ["#: then %s.xdpf" % behind for behind in (names[1:] if j == 0 else ())]
        # What is behind shall be reached.
        default = "pass" if j + 1 < files and rnd.random() < 0.8 else rnd.choice(DEFAULTS)
        if rnd.random() < 0.9:
            head.append("default %s;" % default)
        body = writer.retags(max(1, n // 4)) if rnd.random() < 0.08 else writer.changes(max(1, n // 3)) if rnd.random() < 0.08 else None
        if body is None:
            body = writer.made(max(1, n // files))
        elif rnd.random() < 0.7:
            body.append("end: drop;")
        with open(os.path.join(folder, name + ".xdpf"), "w") as f:
            f.write("\n".join(head + body) + "\n")
        more += writer.files
    return [os.path.join(folder, name + ".xdpf") for name in names], more


def repair(paths, xdpfc):
    """Takes out the lines that the checker refuses, of all these files together."""
    first = [p for p in paths if not p.endswith("-included.xdpf")]
    while True:
        checked = subprocess.run([xdpfc, "--quiet", "--check", *first], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        wrong = {}
        for path, line in re.findall(r"^([^\n:]*):(\d+):\d+: error:", checked.stderr, re.M):
            wrong.setdefault(path, set()).add(int(line))
        if not wrong:
            return
        for path, numbers in wrong.items():
            with open(path) as f:
                lines = f.readlines()
            with open(path, "w") as f:
                f.writelines(line for number, line in enumerate(lines, 1) if number not in numbers)


def write(folder, n, seed, frames, xdpfc):
    """N programs in FOLDER that the checker accepts; the paths of their first ones. Files behind it are named in it as in packet tests."""
    paths = []
    for i in range(n):
        files, more = make(folder, "random-%s-%d" % (seed, i), "%s/%d" % (seed, i), frames)
        repair(files + more, xdpfc)
        paths.append(files[0])
    return paths
