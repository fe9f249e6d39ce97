"""What random rule files have, and how often: each feature of the language by its name, found in a file's text, and how often its conditions were true.
A run that is large enough fails where it saw too little of something."""

import os
import re
import sys

sys.dont_write_bytecode = True
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tests", "packets"))
import rules

LEAST = 0.01            # of the files have each feature
ENOUGH = 1000            # so many files are enough to ask for that

ENGINES = ("linear", "switch", "rfc", "hybrid", "tree")
SET_ENGINES = ("bits", "search", "hash", "pages", "bounds", "trie", "dir24", "quotient")
FORMS = {
    "verdict": {
        "pass": r"\bpass\b", "drop": r"\bdrop\b", "abort": r"\babort\b", "tx": r"\btx\b(?! swap)", "tx swap": r"\btx swap\b", "redirect IFACE": r"\bredirect eth",
        "redirect { … }": r"\bredirect \{", "redirect cpu": r"\bredirect cpu\b", "redirect socket": r"\bredirect socket\b", "redirect … else": r"redirect [^;]* else (pass|drop|abort|tx)",
        "forward": r"\bforward\b", "forward else": r"\bforward else\b", "reply rst": r"\breply rst\b", "reply unreachable": r"\breply unreachable\b", "syncookie": r"\bsyncookie\b",
    },
    "default": {v: r"(?m)^default %s\b" % v for v in ("pass", "drop", "abort", "tx(?! swap)", "tx swap", "redirect", "forward")},
    "action": {
        "count": r"\bcount \w+(?! per)[ ,;]", "count per": r"\bcount \w+ per\b", "count per (…)": r"\bcount \w+ per \(", "log": r"\blog\b(?! \d)", "log N/s": r"\blog \d+/s", "log N/m": r"\blog \d+/m",
        "log N/h": r"\blog \d+/h", "sample": r"\bsample 1/", "add": r"\badd .* to \w+", "add for": r"\badd .* to \w+ for\b", "remove": r"\bremove .* from\b", "vlan push": r"\bvlan push\b",
        "vlan pop": r"\bvlan pop\b", "mark": r"\bmark \d", "FIELD -= N": r" -= \d", "several": r": [^;{]*, (?!\d)[^;{]* if ",
    },
    "form": {
        "block": r"\{ [^}]*: ", "empty block": r"\{ \}", "block in a block": r"\{ [^}]*\{ \w+: ", "else": r"\} else \{", "else if": r"\} else if\b", "no label": r"(?m)^(drop|pass|tx|abort|redirect|forward|reply)\b.* if",
        "let": r"(?m)^let ", "include": r"(?m)^include ", "option counters off": r"(?m)^option counters off", "option counters on": r"(?m)^option counters on", "set from": r'(?m)^set .* from "', "several files": r"(?m)^#: then ",
        "and": r"\) and \(", "or": r"\) or \(", "not": r"\bnot [(a-z]", "comment": r"#",
    },
    "operator": {
        "==": r" == ", "!=": r" != ", "<": r" < ", "<=": r" <= ", ">": r" > ", ">=": r" >= ", "in": r" in ", "not in": r" not in ", "&": r" & \w+", "range": r"\d-\d", "address range": r"[\da-f.:]+[.:][\da-f]+-[\da-f]+[.:]",
        "prefix": r"[\d:a-f]/\d+[ ,;}]", "list": r"(in|==|!=) \{", "tuple": r"\) (not )?in \{ \(", "0x": r"\b0x", "payload[…]": r"payload\[", "packet[…]": r"packet\[", "bytes": r"(==|!=) (\w\w:){8}",
        "bits by name": r"\|", "inner": r"\binner\.", "time": r"\btime ", "random": r"\brandom [\d.]+%(?! per)", "random per flow": r"% per flow", "socket": r"(?<!redirect )\bsocket\b(?! (yes|no))",
        "malformed": r"\bmalformed\b", "iface": r"\biface (==|!=|in|not)", "known name": r"(==|!=|in|&) (\w+-\w+|mon|syn|ack|fin|https?|tcp|udp|af\d\d|ce|new)",
    },
    "limit": {
        "over": r" over ", "within": r" within ", "named": r"(over|within) l[i\d]", "inline": r"(over|within) \d", "packets": r" \d+( packets)?/[smh]", "bits": r"bits/", "bytes": r"bytes/", "per second": r"\d[ a-z]*/s\b",
        "per minute": r"\d[ a-z]*/m\b", "per hour": r"\d[ a-z]*/h\b", "burst": r" burst ", "per KEY": r"/[smh]( burst \d+)? per \w", "per (…)": r"/[smh]( burst \d+)? per \(", "no key": r"/[smh]( burst \d+)?;",
        "size": r" size \d+k", "when full open": r"when full open", "when full closed": r"when full closed", "key by prefix": r"per [^;]*ip\.(src|dst)/\d", "key of bytes": r" per [^;]*payload\[", "two in a row": r"(over|within) [^;]* (over|within) ",
    },
}


def table():
    """{(group, name): a regular expression, compiled}."""
    found = {(group, name): pattern for group, forms in FORMS.items() for name, pattern in forms.items()}
    fixed = rules.fixed()
    for name, kind, _ in rules.fields():
        word = r"(?<![\w.])(inner\.)?%s(?![\w.])" % re.escape(name)
        found["field", name] = word
        if name not in fixed and kind != "TIME":
            found["write", name] = word + r" (-?=) "
    for name in rules.conditions():
        found["header", name] = r"(?<![\w.])(inner\.)?%s(?![\w.]| (==|!=|<|>|in|not|&|push|pop|[a-z]+ =|=))" % re.escape(name)
    for id, (name, kind, _) in rules.types().items():
        if kind not in ("FLAG", "BYTES", "IFACE") and id not in rules.NO_SET:
            found["set of", name] = r"(?m)^set \w+ : (\(.*)?\b%s\b" % name
    found["set of", "(…)"] = r"(?m)^set \w+ : \("
    for name, pattern in {"live": r" live ", "live (…)": r": \([^)]*\) live", "live net": r"\bnet\b[^=]* live", "live timeout": r" live .*timeout",
                          "live with elements": r" live .*= \{"}.items():
        found["set of", name] = r"(?m)^set .*" + pattern
    return {k: re.compile(v) for k, v in found.items()}


class Coverage:
    def __init__(self):
        self.table = table()
        self.files = self.packets = self.defaults = 0
        self.has = dict.fromkeys(list(self.table) + [("rules by", e) for e in ENGINES] + [("sets by", e) for e in SET_ENGINES], 0)
        self.seen = {}          # condition: [how often it was false, how often true]

    def add_text(self, text):
        """The files of one program."""
        self.files += 1
        for key, pattern in self.table.items():
            self.has[key] += pattern.search(text) is not None

    def add_used(self, group, names):
        """What a file has that its text does not say."""
        for name in names:
            self.has[group, name] = self.has.get((group, name), 0) + 1

    def add_seen(self, seen, packets, defaults):
        self.packets += packets
        self.defaults += defaults
        for name, n in seen.items():
            had = self.seen.setdefault(name, [0, 0])
            had[0] += n[0]
            had[1] += n[1]

    def saved(self):
        """All of it, for JSON; .add_saved() is told that."""
        return {"files": self.files, "packets": self.packets, "defaults": self.defaults, "has": [[*key, n] for key, n in self.has.items()], "seen": self.seen}

    def add_saved(self, saved):
        self.files += saved["files"]
        for group, name, n in saved["has"]:
            self.has[group, name] = self.has.get((group, name), 0) + n
        self.add_seen(saved["seen"], saved["packets"], saved["defaults"])

    def wanted_seen(self):
        """Conditions of which both must have been seen: every field and header, every operator."""
        names = {"operand " + name for group, name in self.table if group in ("field", "header") and name != "eth"}
        names |= {"operator " + o for o in ("==", "!=", "<", "<=", ">", ">=", "in", "not in", "&", "(…)")}
        names |= {"of " + o for o in ("values", "set", "live set", "tuples", "bytes", "interfaces")}
        return sorted(names | {"limit over", "limit within", "random per flow", "random per packet", "operand socket", "operand malformed"})

    def print(self):
        print("of %d files, what has each feature, in percent:" % self.files)
        by_group = {}
        for (group, name), n in self.has.items():
            by_group.setdefault(group, []).append("%s %.1f" % (name, 100 * n / max(1, self.files)))
        for group, words in by_group.items():
            self.wrapped(group, words)
        print("packets for which each condition was true, in percent of those that it was asked of:")
        share = lambda n: "%.2g" % (100 * n[1] / max(1, sum(n)))
        by_group = {}
        for name, n in sorted(self.seen.items()):
            group, _, rest = name.partition(" ")
            by_group.setdefault(group, []).append("%s %s" % (rest, share(n)))
        for group, words in by_group.items():
            self.wrapped(group, words)
        print("defaults decide %.1f%% of %d packets" % (100 * self.defaults / max(1, self.packets), self.packets))

    @staticmethod
    def wrapped(group, words):
        line = "  %s:" % group
        for word in words:
            if len(line) + len(word) > 148:
                print(line)
                line = "   "
            line += " " + word + ","
        print(line.rstrip(","))

    def too_little(self):
        """What the run saw too little of; nothing, where it is too small to say."""
        if self.files < ENOUGH:
            return []
        out = ["%s %s: in %d of %d files" % (*key, n, self.files) for key, n in self.has.items() if n < LEAST * self.files]
        if 2 * self.defaults >= self.packets:
            out.append("defaults decide %d of %d packets" % (self.defaults, self.packets))
        for name in self.wanted_seen():
            n = self.seen.get(name, (0, 0))
            out += ["%s was never %s" % (name, what) for what, k in zip(("false", "true"), n) if not k]
        return out
