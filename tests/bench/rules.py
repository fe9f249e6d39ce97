"""The curve of ns against rules: the first N rules of ClassBench's largest sets, over the set's trace, and the first few written by hand in C.

All rules drop and count, as in scale.py.
"""
import os

import classbench
from scale import build

COUNTS = (1, 3, 10, 30, 100, 300, 1000, 3000, 10000, 30000, 100000)
BY_HAND = 10            # nobody writes more


def write_c(rules, path):
    """Lines for rules-tuple.c; rules of protocols and ports that it knows."""
    mask = lambda n: (1 << 32) - (1 << 32 - n)
    with open(path, "w") as f:
        for i, (src, dst, sport, dport, proto) in enumerate(rules):
            f.write("RULE(%d, 0x%x, 0x%x, 0x%x, 0x%x, %d, %d, %d, %d, %d)\n" % (
                i, src[0], mask(src[1]), dst[0], mask(dst[1]), -1 if proto is None else proto, *sport, *dport))


def build_c(x, name, rules):
    lines, here = x.path(name + ".inc"), os.path.dirname(os.path.abspath(__file__))
    write_c(rules, lines)
    x.compiler.c(os.path.join(here, "rules-tuple.c"), x.path(name + ".o"), "-DN_RULES=%d" % len(rules), '-DRULES="%s"' % os.path.abspath(lines))
    return x.live.load(name, "c", x.path(name + ".o"))


def point(x, family, rules):
    """Ours, and where they are few the same in C, at so many rules; what is sent is the set's trace."""
    name, row = "curve-%s-%d" % (family, len(rules)), {"rules": len(rules)}
    path = x.path(name + ".xdpf")
    with open(path, "w") as f:
        classbench.write_rules(rules, f, False, ("drop",))
    row.update(build(x, name, path))
    names = [name] if "refused" not in row else []
    if len(rules) <= BY_HAND:
        names.append(name + "-c")
        build_c(x, names[-1], rules)
    if names:
        t = x.live.xdp(*names)
        for who, key in ((name, "ours"), (name + "-c", "c")):
            if who in t:
                row[key] = {what: t[who][what] - t["floor"][what] for what in ("run", "cpu")}
        row["floor"] = t["floor"]
        x.live.unload(*names)
    return row


def main(x):
    data, result = classbench.folder(), {}
    if not data:
        x.skip("the curve of rules", "ClassBench's sets are not at hand (XDPF_DATA says where)")
        return result
    x.title("ns against rules: the first N of ClassBench's largest sets over their traces, net of the floor: run (cpu)")
    for family in classbench.FAMILIES:
        whole = list(classbench.read_rules(os.path.join(data, family + "_100000.xz")))
        trace = x.path("curve.pcap")
        classbench.write_pcap(trace, classbench.packets(classbench.read_trace(os.path.join(data, family + "_100000_trace.xz"))))
        x.live.frames(trace)
        result[family] = []
        for n in COUNTS[:5] if x.quick else COUNTS:
            row = point(x, family, whole[:n])
            result[family].append(row)
            x.say("  %s %-6s %s%s" % (family, x.number(row["rules"]), "refused: " + row["refused"] if "refused" in row else "%7.1f (%.1f)" % (
                row["ours"]["run"], row["ours"]["cpu"]), "   C %.1f (%.1f)" % (row["c"]["run"], row["c"]["cpu"]) if "c" in row else ""))
    return result
