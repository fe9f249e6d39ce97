"""Random rules over frames of which tshark is the judge: a condition's truth follows from the values that tshark shows, by the words of docs/language.md.
What tshark does not say, or takes apart otherwise (compare.py), leaves a condition open, unless what is known decides it."""

import ipaddress
import os
import random
import re
import subprocess
import tempfile

import rules
import theirs

# Types whose fields are compared here. IP: of either family, which a number does not say.
NUMBERS = {"number", "port", "proto", "ethertype", "dscp", "ecn", "tcpflags", "icmptype", "icmp6type", "igmptype", "arpop", "dccptype"}
ADDRESSES = {"ip4": 32, "ip6": 128, "mac": 48}
ORDERED = {"==": lambda a, b: a == b, "!=": lambda a, b: a != b, "<": lambda a, b: a < b, "<=": lambda a, b: a <= b, ">": lambda a, b: a > b,
           ">=": lambda a, b: a >= b}
FLAGS_HAVE_NO_ORDER = ("==", "!=")
IMPOSSIBLE = re.compile("never|always|larger|beyond|no value|contradict")        # refused, since it says nothing


def written(kind, v):
    if kind == "ip4":
        return str(ipaddress.IPv4Address(v))
    if kind == "ip6":
        return str(ipaddress.IPv6Address(v))
    if kind == "mac":
        return ":".join("%02x" % b for b in v.to_bytes(6, "big"))
    return str(v)


class Known:
    """By field: its type, how many bits it has, and of each frame the value that tshark shows, None where it is absent, theirs.UNKNOWN where it does not say."""

    def __init__(self, ours, path):
        self.types, self.values, bits = {}, {}, {name: n for name, _, n in rules.fields()}
        self.most = {name: (1 << n) - 1 for name, n in bits.items()}
        frames = list(theirs.frames(path, ours.fields))
        for i, (field, kind) in enumerate(zip(ours.fields, ours.types)):
            if not field.known or kind not in NUMBERS | set(ADDRESSES) | {"flag"} or field.name == "tcp.reserved":
                continue
            values = [field.expected(frame) for frame in frames]
            for n, (_, malformed, have) in enumerate(ours.frames):
                # how far what is broken is taken apart, and what compare.py has a reason for
                if malformed or frames[n].malformed or values[n] is not theirs.UNKNOWN and have[i] != values[n]:
                    values[n] = theirs.UNKNOWN
            present = [v for v in values if v is not None and v is not theirs.UNKNOWN]
            if present:
                self.types[field.name], self.values[field.name] = kind, values
        self.names = sorted(self.types)


class Conditions:
    """Conditions as text and as their truth of frame N: True, False, or None where that is open."""

    def __init__(self, rnd, known):
        self.rnd, self.known = rnd, known

    def value(self, name):
        rnd, seen = self.rnd, [v for v in self.known.values[name] if v is not None and v is not theirs.UNKNOWN]
        v = rnd.choice(seen)
        return v if rnd.random() < 0.8 else max(0, min(v + rnd.choice((-1, 1)), self.known.most[name]))

    def about(self, name, test):
        values = self.known.values[name]
        return lambda n: None if values[n] is theirs.UNKNOWN else values[n] is not None and bool(test(values[n]))

    def term(self):
        rnd = self.rnd
        name = rnd.choice(self.known.names)
        kind = self.known.types[name]
        if kind == "flag":
            return name, self.about(name, lambda v: v)
        v, show = self.value(name), lambda x: written(kind, x)
        r = rnd.random()
        if kind in ADDRESSES:
            bits = ADDRESSES[kind]
            if kind == "mac" or r < 0.4:
                op = rnd.choice(("==", "!="))
                return "%s %s %s" % (name, op, show(v)), self.about(name, lambda x: ORDERED[op](x, v))
            n = rnd.randrange(1, bits)
            v = v >> bits - n << bits - n
            word = rnd.choice(("in", "not in"))
            return "%s %s %s/%d" % (name, word, show(v), n), self.about(name, lambda x: (x >> bits - n == v >> bits - n) == (word == "in"))
        most = self.known.most[name]
        if r < 0.5:
            # a comparison that says nothing is refused
            vain = ("<", ">=") if v == 0 else ("<=", ">") if v == most else ()
            op = rnd.choice(FLAGS_HAVE_NO_ORDER if kind == "tcpflags" else [op for op in sorted(ORDERED) if op not in vain])
            return "%s %s %d" % (name, op, v), self.about(name, lambda x: ORDERED[op](x, v))
        if r < 0.65:
            mask = self.value(name) or 1
            op = rnd.choice(("==", "!="))
            return "%s & %d %s %d" % (name, mask, op, v & mask), self.about(name, lambda x: ORDERED[op](x & mask, v & mask))
        word, several = rnd.choice(("in", "not in")), sorted({self.value(name) for _ in range(rnd.choice((1, 3, 20)))})
        lo, hi = several[0], several[-1]
        if hi - lo == most or len(several) > most:
            several, lo, hi = [lo], lo, lo
        if r < 0.8 and kind != "tcpflags" and lo < hi:
            return "%s %s %d-%d" % (name, word, lo, hi), self.about(name, lambda x: (lo <= x <= hi) == (word == "in"))
        return "%s %s { %s }" % (name, word, ", ".join(map(str, several))), self.about(name, lambda x: (x in several) == (word == "in"))

    def condition(self, depth=0):
        r = self.rnd.random()
        if depth > 2 or r < 0.3:
            text, holds = self.term()
            return "(%s)" % text, holds
        if r < 0.45:
            text, holds = self.condition(depth + 1)
            return "not %s" % text, lambda n: None if holds(n) is None else not holds(n)
        decides = self.rnd.random() < 0.5        # an `or` is decided by what is true, an `and` by what is false
        parts = [self.condition(depth + 1) for _ in range(self.rnd.choice((2, 2, 3)))]

        def whole(n):
            of = [holds(n) for _, holds in parts]
            return decides if decides in of else None if None in of else not decides
        return "(%s)" % (" or " if decides else " and ").join(text for text, _ in parts), whole


def run(xdpfc, seed, n, path, ours, tally):
    rnd, known = random.Random("judged " + seed), Known(ours, path)
    conditions, compared, both, refused = Conditions(rnd, known), 0, 0, 0
    with tempfile.TemporaryDirectory() as tmp:
        file = os.path.join(tmp, "judged.xdpf")
        for _ in range(n):
            text, holds = conditions.condition()
            want = [holds(i) for i in range(len(ours.frames))]
            with open(file, "w") as f:
                f.write("default pass;\ndrop if %s;\n" % text)
            done = subprocess.run([xdpfc, "--quiet", "--run", path, file], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            if done.returncode:
                refused += 1
                ok = IMPOSSIBLE.search(done.stderr) and not (True in want and False in want)
                tally.rule(text, None if ok else done.stderr)
                continue
            have = [line.split("\t")[1] == "drop" for line in done.stdout.splitlines()]
            wrong = [i for i, (w, h) in enumerate(zip(want, have)) if w is not None and w != h]
            compared += sum(w is not None for w in want)
            both += True in want and False in want
            tally.rule(text, wrong and "%d frames; by tshark it is %s of frame %d" % (len(wrong), want[wrong[0]], wrong[0] + 1))
            if len(have) != len(want):
                tally.rule(text, "%d of %d frames were run" % (len(have), len(want)))
    if 4 * both < n:
        tally.rule("rules", "only %d of %d are true of some frames and not of others" % (both, n))
    print("rules judged by tshark: %d over %d fields, %d (rule, frame) pairs; %d are true of some frames and not of others, %d are refused" % (
        n, len(known.names), compared, both, refused))
