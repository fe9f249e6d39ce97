"""Random rule files over the whole table of fields, for diff.py. Their conditions ask for values that frames have, so that they hold now and
then; sets have names, are of every type, and are asked for by fields of several widths. What the checker refuses (a contradiction, say) is
taken out again, by the line that it names."""

import functools
import os
import random
import re
import subprocess

from corpus import ROOT

FIELD = re.compile(r'^(FIELD|META|ALIAS)\((\w+),\s*"([^"]+)",\s*(.*)$')
OF_FRAMES = {"pkt.len", "iface", "rxqueue", "weekday", "time"}
NO_SET = ("TIME", "WEEKDAY")      # numbers that no set holds: their types' names are words of the language
VERDICTS = ("drop", "pass", "abort", "tx", "tx swap", "redirect eth1 else pass", "redirect eth2", "redirect { eth1, eth3 } else tx swap",
            "redirect { eth1, eth2 }", "redirect cpu 1 else abort", "redirect cpu 0", "redirect socket", "redirect socket else drop", "forward",
            "forward else drop", "reply rst", "reply unreachable", "syncookie")


@functools.cache
def fields():
    """[(name, type, bits)] of fields.def."""
    found = []
    with open(os.path.join(ROOT, "grammar", "fields.def")) as f:
        for line in f:
            m = FIELD.match(line)
            if m:
                form, _, name, rest = m.groups()
                columns = [c.strip() for c in rest.split(",")]
                kind, bits = {"FIELD": (1, 5), "META": (1, 2), "ALIAS": (0, 1)}[form]
                found.append((name, columns[kind], int(columns[bits].strip(" )"))))
    return found


@functools.cache
def fixed():
    """Fields that are not written to: those of rewrite.def, and what is no bytes of a header."""
    with open(os.path.join(ROOT, "grammar", "rewrite.def")) as f:
        ids = set(re.findall(r"^FIXED\((\w+),", f.read(), re.M))
    with open(os.path.join(ROOT, "grammar", "fields.def")) as f:
        rows = [m.groups() for m in map(FIELD.match, f) if m]
    # Of a group, what all its members are.
    members = {id: {c.strip() for c in rest.split(",")[3:8]} - {"NONE"} for form, id, _, rest in rows if form == "ALIAS"}
    return {name for form, id, name, _ in rows if form == "META" or id in ids or (id in members and members[id] <= ids)}


@functools.cache
def types():
    """{ID: (name, kind, bits)} of types.def."""
    with open(os.path.join(ROOT, "grammar", "types.def")) as f:
        return {m[0]: (m[1], m[2], int(m[3])) for m in re.findall(r'^TYPE\((\w+),\s*"([^"]+)",\s*(\w+),\s*(\d+),', f.read(), re.M)}


@functools.cache
def conditions():
    with open(os.path.join(ROOT, "grammar", "headers.def")) as f:
        return re.findall(r'^HEADER\(\w+,\s*"([^"]+)"', f.read(), re.M)


class Writer:
    def __init__(self, rnd, frames):
        self.rnd, self.frames = rnd, [f for f in frames if len(f) >= 42]
        self.fields = [f for f in fields() if f[1] not in ("IFACE", "TIME")]
        self.flags = [f[0] for f in self.fields if f[1] == "FLAG"]
        self.numbers = [f for f in self.fields if f[1] not in ("FLAG", "IP4", "IP6", "IP", "MAC")]
        self.addresses = [f for f in self.fields if f[1] in ("IP4", "IP6", "IP", "MAC")]
        self.written = [f for f in self.fields if f[0] not in fixed()]
        self.headers = conditions()
        self.types = types()
        self.rules = 0
        self.limits = []
        self.inside = self.rnd.choice((0, 0, 0.3))
        self.sets, self.live = {}, {}	# the name of each: its types; those that live

    def layer(self, name):
        """The field or header, in some writers' files now and then inside a tunnel."""
        return "inner." + name if self.rnd.random() < self.inside and name not in OF_FRAMES else name

    def seen(self, nbytes):
        """So many bytes from some place of some frame: what they mean there is not asked."""
        f = self.rnd.choice(self.frames)
        at = self.rnd.choice((14, 16, 20, 23, 26, 30, 34, 36, 38, 42, self.rnd.randrange(12, 60)))
        return (f + bytes(80))[at:at + nbytes]

    def number(self, bits):
        r = self.rnd.random()
        if r < 0.5:
            v = int.from_bytes(self.seen((bits + 7) // 8), "big")
        elif r < 0.8:
            v = self.rnd.choice((0, 1, 2, 4, 5, 6, 8, 17, 20, 28, 40, 58, 64, 100, 255, 1500))
        else:
            v = self.rnd.getrandbits(bits)
        return v & ((1 << bits) - 1)

    def span(self, bits):
        a, b = sorted((self.number(bits), self.number(bits)))
        return "%d-%d" % (a, b) if a < b else str(a)

    def address(self, kind):
        if kind == "IP":
            kind = self.rnd.choice(("IP4", "IP6"))
        if kind == "MAC":
            return ":".join("%02x" % b for b in self.seen(6))
        size = 4 if kind == "IP4" else 16
        at = self.rnd.choice((26, 30)) if size == 4 else self.rnd.choice((22, 38))
        v = int.from_bytes((self.rnd.choice(self.frames) + bytes(60))[at:at + size], "big")
        length = self.rnd.choice((8 * size, 8 * size, self.rnd.randrange(8 * size + 1)))
        v &= ~((1 << (8 * size - length)) - 1)
        b = v.to_bytes(size, "big")
        text = ".".join(map(str, b)) if size == 4 else ":".join("%x" % int.from_bytes(b[i:i + 2], "big") for i in range(0, 16, 2))
        return text if length == 8 * size else "%s/%d" % (text, length)

    def values(self, one, at_most=4):
        return "{ %s }" % ", ".join(one() for _ in range(self.rnd.randrange(1, at_most + 1)))

    def comparison(self):
        r = self.rnd.random()
        if r < 0.5:
            name, _, bits = self.rnd.choice(self.numbers)
            name = self.layer(name)
            one = lambda: str(self.number(bits)) if self.rnd.random() < 0.6 else self.span(bits)
            form = self.rnd.randrange(4)
            if form == 0:
                return "%s %s %d" % (name, self.rnd.choice(("==", "!=", "<", "<=", ">", ">=")), self.number(bits))
            if form == 1 and bits > 1:
                mask = self.number(bits) or 1
                return "%s & %d %s %d" % (name, mask, self.rnd.choice(("==", "!=")), self.number(bits) & mask)
            return "%s %s %s" % (name, self.rnd.choice(("in", "not in", "==", "!=")), self.values(one, self.rnd.choice((2, 4, 20))))
        if r < 0.7:
            name, kind, _ = self.rnd.choice(self.addresses)
            name = self.layer(name)
            return "%s %s %s" % (name, self.rnd.choice(("in", "not in", "==", "!=")), self.values(lambda: self.address(kind)))
        if r < 0.85:
            base, off, size = self.rnd.choice((self.layer("payload"), "packet")), self.rnd.choice((0, 0, 1, 2, 4, 12, 14, 23, 34, 60)), self.rnd.randrange(1, 21)
            if size > 8:
                return "%s[%d:%d] %s %s" % (base, off, size, self.rnd.choice(("==", "!=")), ":".join("%02x" % b for b in self.seen(size)))
            bits = 8 * size
            return "%s[%d:%d] %s %s" % (base, off, size, self.rnd.choice(("in", "not in")), self.values(lambda: self.span(bits)))
        a, b = self.rnd.sample(self.numbers, 2)
        box = lambda: "(%s, %s)" % (self.span(a[2]), self.span(b[2]))
        return "(%s, %s) %s %s" % (self.layer(a[0]), self.layer(b[0]), self.rnd.choice(("in", "not in")), self.values(box))

    def element(self, kind, wide):
        """One of a set of a type: a value or a range, some of them up to the last number of a usual width. WIDE: bits of most of them."""
        if self.types[kind][1] != "NUM":
            one = self.address({"NET": "IP"}.get(kind, kind))
            if kind == "MAC" and self.rnd.random() < 0.2:
                return one + "-ff:ff:ff:ff:ff:ff" if self.rnd.random() < 0.3 else "%s-%sff" % (one, one[:-2])
            if kind != "NET":
                # Sets of single addresses hold nothing else.
                return one.split("/")[0]
            if "/" not in one and self.rnd.random() < 0.2:
                return one + ("-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff" if ":" in one else "-255.255.255.255")
            return one
        limit = self.types[kind][2]
        bits = min(limit, wide)
        r = self.rnd.random()
        if r < 0.12:
            end = (1 << self.rnd.choice([b for b in (8, 16, 32, 64, bits) if b <= limit])) - 1
            start = self.rnd.choice((end - self.rnd.randrange(end // 2 + 1), end - self.rnd.randrange(min(end, 200) + 1)))
            return "%d-%d" % (start, end) if start < end else str(end)
        if r < 0.15:
            return "0-%d" % (1 + self.rnd.getrandbits(self.rnd.randrange(1, bits + 1)) // 2)
        if r < 0.25:
            start = self.number(bits)
            end = min(start + self.rnd.randrange(1, 50), (1 << limit) - 1)
            return "%d-%d" % (start, end) if start < end else str(end)
        return str(self.number(bits))

    def named(self, kinds, n=None):
        """The declaration of a set of these types, with up to 16 elements, which are compared one by one, or more, which are looked up: N of them."""
        name = "s%d" % (len(self.sets) + 1)
        self.sets[name] = kinds
        n = n or self.rnd.choice((1, 3, 16, 17, 18, 30, 60)) if len(kinds) == 1 else self.rnd.choice((1, 4, 16, 17, 40))
        wide = self.rnd.choice((8, 16, 16, 32, 64))
        one = lambda: [self.element(kind, wide) for kind in kinds]
        elements = [one() for _ in range(n)]
        names = [self.types[kind][0] for kind in kinds]
        if len(kinds) == 1:
            return "set %s : %s = { %s };" % (name, names[0], ", ".join(e[0] for e in elements))
        return "set %s : (%s) = { %s };" % (name, ", ".join(names), ", ".join("(%s)" % ", ".join(e) for e in elements))

    def living(self):
        """Sets that live, of one component or several, one of them a prefix; small, so that they are full at times."""
        out = []
        for i in range(3):
            name, kinds = "v%d" % (i + 1), [self.rnd.choice(("IP", "IP4", "IP6", "NET", "PORT", "MAC", "NUM", "PROTO"))]
            if self.rnd.random() < 0.5:
                kinds.append(self.rnd.choice(("PORT", "PROTO", "IP", "NUM")))
                self.rnd.shuffle(kinds)
            self.sets[name] = self.live[name] = kinds
            names = [self.types[kind][0] for kind in kinds]
            one = lambda: [self.element(kind, 16) for kind in kinds]
            elements = [e for e in (one() for _ in range(self.rnd.choice((0, 1, 4)))) if not any("-" in c for c in e)]
            elements = [e for i, e in enumerate(elements) if e not in elements[:i]]
            written = [e[0] if len(e) == 1 else "(%s)" % ", ".join(e) for e in elements]
            out.append("set %s : %s live size %d%s%s;" % (
                name, names[0] if len(names) == 1 else "(%s)" % ", ".join(names), max(len(elements), self.rnd.choice((1, 2, 4, 20, 60, 150))),
                self.rnd.choice(("", " timeout 3s", " timeout 20s", " timeout 1m")), " = { %s }" % ", ".join(written) if written else ""))
        return out

    def set_change(self):
        """An action that changes a set that lives."""
        name = self.rnd.choice(list(self.live))
        fields = [self.operand(kind) for kind in self.live[name]]
        fields = [f + self.rnd.choice(("", "/24/64", "/8/32", "/0/0")) if f.endswith(("ip.src", "ip.dst")) and kind == "NET" else f
                  for f, kind in zip(fields, self.live[name])]
        key = fields[0] if len(fields) == 1 else "(%s)" % ", ".join(fields)
        if self.rnd.random() < 0.25:
            return "remove %s from %s" % (key, name)
        return "add %s to %s%s" % (key, name, self.rnd.choice(("", "", " for 2s", " for 1s", " for 10s", " for 10m")))

    def operand(self, kind):
        """A field that may be asked for an element of the type, or a slice."""
        size = {"NUM": self.rnd.choice((1, 2, 2, 3, 4, 4, 5, 6, 7, 8)), "MAC": 6}.get(kind)
        if size and self.rnd.random() < 0.25:
            return "%s[%d:%d]" % (self.rnd.choice((self.layer("payload"), "packet")), self.rnd.choice((0, 0, 2, 4, 6, 12, 14, 23, 34, 36)), size)
        families = {"IP": ("IP", "IP4", "IP6"), "NET": ("IP", "IP4", "IP6")}.get(kind, (kind,))
        fields = [f for f in self.fields if f[1] in families]
        # By width first: most fields are narrow.
        bits = self.rnd.choice(sorted({f[2] for f in fields}))
        return self.layer(self.rnd.choice([f[0] for f in fields if f[2] == bits]))

    def membership(self, name=None):
        name = name or self.rnd.choice(list(self.sets))
        fields = [self.operand(kind) for kind in self.sets[name]]
        left, operators = (fields[0], ("in", "in", "not in", "==", "!=")) if len(fields) == 1 else ("(%s)" % ", ".join(fields), ("in", "not in"))
        return "%s%s %s %s" % (self.rnd.choice(("", "", "not ")), left, self.rnd.choice(operators), name)

    def chance(self):
        """What does not depend on the frame, or on its flow only."""
        if self.rnd.random() < 0.3:
            states = self.rnd.sample(("new", "established", "related"), self.rnd.choice((1, 1, 2)))
            return self.rnd.choice(("socket", "not socket", "flow.state == " + states[0], "flow.state != " + states[0],
                                    "flow.state in { %s }" % ", ".join(states)))
        if self.rnd.random() < 0.3:
            at, to = self.rnd.sample(range(24 * 60), 2)
            return "time %02d:%02d-%02d:%02d" % (at // 60, at % 60, to // 60, to % 60)
        return "random %s%%%s" % (self.rnd.choice(("0.5", "10", "33.3", "50", "90", "100")), self.rnd.choice(("", " per flow", " per flow")))

    def condition(self, depth=0):
        r = self.rnd.random()
        if self.sets and r < 0.1:
            return self.membership()
        if depth > 2 or r < 0.35:
            return self.comparison()
        if r < 0.38:
            return self.chance()
        if r < 0.5:
            return self.layer(self.rnd.choice(self.flags))
        if r < 0.65:
            return self.layer(self.rnd.choice(self.headers))
        if r < 0.75:
            return "not " + (self.comparison() if self.rnd.random() < 0.5 else "(%s)" % self.condition(depth + 1))
        word = self.rnd.choice((" and ", " and ", " or "))
        return word.join("(%s)" % self.condition(depth + 1) for _ in range(self.rnd.choice((2, 2, 3))))

    def label(self):
        self.rules += 1
        return "r%d" % self.rules

    def key(self):
        names = [f[0] for f in self.rnd.sample(self.fields, self.rnd.choice((1, 1, 2, 3)))]
        names = [self.layer(n) + self.rnd.choice(("", "/24/64", "/8/0")) if n in ("ip.src", "ip.dst") else self.layer(n) for n in names]
        if self.rnd.random() < 0.2:
            names.append("%s[%d:%d]" % (self.layer("payload"), self.rnd.randrange(8), self.rnd.choice((1, 2, 3, 4, 8, 9, 16, 20))))
        return names[0] if len(names) == 1 else "(%s)" % ", ".join(names)

    def limit(self):
        """A rate, small enough for frames that are there once or twice."""
        unit, most = self.rnd.choice((("", 20), (" packets", 2000), (" bits", 10 ** 7), (" bytes", 10 ** 6)))
        text = "%d%s/%s" % (self.rnd.randrange(1, self.rnd.choice((3, 30, most))) * (10000 if unit == " bits" else 1), unit, self.rnd.choice("smh"))
        if self.rnd.random() < 0.6:
            text += " burst %d" % self.rnd.choice((1, 2, 3, 10) if unit in ("", " packets") else (64, 100, 1514, 20000))
        if self.rnd.random() < 0.8:
            text += " per " + self.key()
            text += self.rnd.choice(("", " size 100k", " when full closed", " when full open"))
        return text

    def limited(self):
        """What follows a condition."""
        r = self.rnd.random()
        if r < 0.7:
            return ""
        one = lambda: " %s %s" % (self.rnd.choice(("over", "within")), self.rnd.choice(self.limits + [self.limit()] * 2))
        return one() + (one() if r > 0.95 else "")

    def rule(self):
        label = self.label()
        r = self.rnd.random()
        if r < 0.6:
            # Decides nothing, but its counter tells how often the condition held.
            return "%s: if %s%s { }" % (label, self.condition(), self.limited())
        if r < 0.7:
            return "%s: count t%s per %s if %s;" % (label, label, self.key(), self.condition() + self.limited())
        if r < 0.73:
            note = self.rnd.choice(("log", "log %d/%s" % (self.rnd.choice((1, 3, 100)), self.rnd.choice("smh")), "sample 1/%d" % self.rnd.choice((1, 3))))
            return "%s: %s if %s;" % (label, note, self.condition())
        if r < 0.76:
            return "%s: %s if %s;" % (label, ", ".join(self.change() for _ in range(self.rnd.choice((1, 1, 2, 3)))), self.condition())
        if r < 0.79 and self.live:
            return "%s: %s if %s;" % (label, self.set_change(), self.condition(2))
        if r < 0.82:
            return "%s: if %s { %s } else { %s }" % (label, self.condition() + self.limited(), self.verdict(), self.verdict())
        if r < 0.9:
            return "%s: if %s { %s } else if %s { %s %s }" % (label, self.condition(), self.verdict(), self.condition(),
                                                               self.verdict(), self.verdict())
        return self.verdict(label)

    def change(self):
        """An action that changes the packet; those that the checker refuses take their line with them."""
        r = self.rnd.random()
        if r < 0.2:
            return self.rnd.choice(("vlan push %d" % self.rnd.choice((0, 1, 7, 4095)), "vlan pop"))
        if r < 0.25:
            return "mark %d" % self.rnd.getrandbits(32)
        if r < 0.35:
            return "%s -= %d" % (self.layer(self.rnd.choice(("ip.ttl", "ip4.ttl", "ip6.hoplimit"))), self.rnd.choice((1, 1, 2, 63, 64, 255)))
        name, kind, bits = self.rnd.choice(self.written)
        name = self.layer(name)
        if self.types[kind][1] in ("NUM", "FLAG"):
            return "%s = %d" % (name, self.number(bits))
        return "%s = %s" % (name, self.address(kind).split("/")[0])

    def changes(self, n):
        """Rules that change the packet, and rules that look at what was changed; a file of nothing else."""
        rules = []
        for _ in range(n):
            action = self.change()
            rules.append("%s: %s if %s;" % (self.label(), action, self.condition()) if self.rnd.random() < 0.5 else "%s: %s;" % (self.label(), action))
            if self.rnd.random() < 0.6:
                rules.append("%s: if %s { }" % (self.label(), self.condition()))
            if self.rnd.random() < 0.2:
                label = self.label()
                rules.append("%s: count t%s per %s;" % (label, label, self.key()))
        return rules + ["sure: eth.dst = 02:00:00:00:00:77;", self.verdict(), "%s: tx swap if %s;" % (self.label(), self.comparison())]

    def retags(self, n):
        """Rules that put tags in and take them out, and rules that ask for what stands behind them, mostly inside tunnels."""
        self.inside = 0.6
        rules = []
        for _ in range(n):
            action = self.rnd.choice(("vlan push %d" % self.rnd.choice((0, 7, 4095)), "vlan pop", "vlan pop", self.change()))
            rules.append("%s: %s%s;" % (self.label(), action, self.rnd.choice(("", " if vlan", " if not vlan.inner", " if " + self.condition(2)))))
            rules += ["%s: if %s { }" % (self.label(), self.comparison()) for _ in range(3)]
        return rules + [self.verdict() for _ in range(3)]

    def verdict(self, label=None):
        # Of several conditions, so that something is left for the rules behind.
        return "%s: %s if (%s) and (%s) and %s;" % (label or self.label(), self.rnd.choice(VERDICTS), self.condition(1), self.condition(1),
                                                     self.comparison())


def write_one(path, lines, xdpfc):
    """A file that the checker accepts: the lines that it names in errors are left out."""
    while True:
        with open(path, "w") as f:
            f.write("\n".join(lines) + "\n")
        checked = subprocess.run([xdpfc, "--check", path], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        wrong = {int(m) for m in re.findall(r"^[^\n:]*:(\d+):\d+: error:", checked.stderr, re.M)}
        if not wrong:
            return
        lines = [line for number, line in enumerate(lines, 1) if number not in wrong]

