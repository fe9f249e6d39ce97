"""Whole rule files, large ones: ClassBench's sets beside one rule, tenants, one odd rule among many, and what tables grow most by. What compiling
and loading them takes, and what a packet costs by the program's run-time statistics.

All rules here drop, and so does the default: what passes would cost the stack's time, and fill the caches with it. Every rule counts.
"""
import itertools
import json
import os
import random
import statistics
import subprocess

import classbench
from live import Refused

HERE = os.path.dirname(os.path.abspath(__file__))

SIZES = (1000, 10000, 100000)
WANT = {"median": 2.0, "most": 3.0, "growth": 1.5, "seconds": {10000: 1, 100000: 5}, "megabytes": 1024, "verified": 150000, "load": 0.5}
FAR = (64, 256, 1024, 4096, 16384)     # KB of tables of which one line is loaded
LINE = 64
TENANTS, TENANTS_RULES, WANT_TENANTS = 1000, 50, 2.0
MIDDLE = (("payload", "drop if udp.dport == 53 and payload[2:2] & 0x8000 != 0;"),
          ("a limit", "drop if tcp.syn over 1M/s per ip.src;"),
          ("a live set", "drop if ip.src in odd;"))


def build(x, name, path, *options):
    """Compiles and loads; what both took, or {"refused": why}."""
    out = x.path(name + ".o")
    try:
        took = x.compiler.ours(path, out, *x.options, *options)
        loaded = x.live.load(name, "ours", out)
    except Refused as why:
        return {"refused": str(why)}
    return {"compile_seconds": took["seconds"], "megabytes": took["megabytes"], "load_seconds": loaded["seconds"], "verified": loaded["verified"],
            "xlated": loaded["xlated"]}


def beside(x, name, other, rounds=None):
    """@name's cost beside @other's, over the frames that are sent now."""
    t = x.live.xdp(name, other, rounds=rounds)
    net, net_other, floor = t[name]["run"] - t["floor"]["run"], t[other]["run"] - t["floor"]["run"], t["floor"]["run"]
    return {"floor": floor, "ns": t[name]["run"], "ns_other": t[other]["run"], "net": net, "net_other": net_other, "ratio_net": net / net_other,
            "ratio_gross": t[name]["run"] / t[other]["run"]}


def show_built(x, what, row):
    x.say("  %-24s compile %6.2f s %5.0f MB, load %.3f s, %7d instructions verified" % (
        what, row["compile_seconds"], row["megabytes"], row["load_seconds"], row["verified"]))


def show_ratio(x, what, row, other, want=None):
    """@want is of the complete programs: gross."""
    x.say("  %-24s %6.1f ns, %s %6.1f (floor %.1f): net %.2f, gross %.2f%s%s" % (
        what, row["ns"], other, row["ns_other"], row["floor"], row["ratio_net"], row["ratio_gross"], " (want %.1f)" % want if want else "",
        "  above" if want and row["ratio_gross"] > want else ""))


# ---- what memory costs ----

def far(x):
    """ns that one load from a table costs, by its KB, over the frames that are sent now; it is said."""
    names = {}
    for size in FAR:
        name = "far-%d" % size
        x.live.load(name, "c", x.compiler.c(os.path.join(HERE, "far.c"), x.path(name + ".o"), "-DLINES=%d" % (size * 1024 // LINE)))
        names[size] = name
    t = x.live.xdp(*names.values())
    x.live.unload(*names.values())
    ns = {size: t[name]["run"] - t["floor"]["run"] for size, name in names.items()}
    x.say("  one load at random from a table of %s KB: %s ns net" % (", ".join(map(str, ns)), ", ".join("%.0f" % v for v in ns.values())))
    return ns


def tables_of(x, path):
    """KB of the file's tables."""
    done = subprocess.run([x.compiler.xdpfc, "--budget", "--json", path], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    return sum(s["bytes"] or 0 for s in json.loads(done.stdout)["segments"]) // 1024 if done.stdout else 0


def reason(x, row, ns):
    """Why rules cost more than is wanted."""
    tables = tables_of(x, x.path(row["name"] + ".xdpf"))
    touched = min(tables, row["headers"] * LINE // 1024)
    size = max((s for s in ns if s <= touched), default=min(ns))
    return "%d headers in %d packets, tables of %d KB: at least one load from %d KB and more, %.0f ns, beside %.0f ns of one rule, all in the cache" % (
        row["headers"], row["packets"], tables, size, ns[size], row["net_other"])


# ---- ClassBench ----

def one_rule(x, data, family, ip6):
    """The program with the set's first rule; its name."""
    name = "one-%s%s" % (family, "-six" if ip6 else "")
    path = x.path(name + ".xdpf")
    with open(path, "w") as f:
        classbench.write_rules(itertools.islice(classbench.read_rules(os.path.join(data, family + "_1000.xz")), 1), f, ip6, ("drop",))
    built = build(x, name, path)
    if "refused" in built:
        raise Refused("%s: %s" % (name, built["refused"]))
    return name


def classbench_set(x, data, family, size, ip6, one):
    name = "%s-%d%s" % (family, size, "-six" if ip6 else "")
    path, trace = x.path(name + ".xdpf"), x.path(name + ".pcap")
    rules = list(classbench.read_rules(os.path.join(data, "%s_%d.xz" % (family, size))))
    with open(path, "w") as f:
        classbench.write_rules(rules, f, ip6, ("drop",))
    row = {"name": name, "family": family, "size": size, "rules": len(rules), "ip6": ip6, **build(x, name, path)}
    what = "%s %s%s" % (family, x.number(size), " IPv6" if ip6 else "")
    if "refused" in row:
        x.say("  %-24s refused: %s" % (what, row["refused"]))
        return row
    headers = list(classbench.read_trace(os.path.join(data, "%s_%d_trace.xz" % (family, size))))
    classbench.write_pcap(trace, classbench.packets(headers, ip6))
    row["headers"], row["packets"] = len(set(headers)), len(headers)
    x.live.frames(trace)
    row.update(beside(x, name, one))
    show_built(x, what, row)
    show_ratio(x, "", row, "one rule", WANT["most"])
    x.live.unload(name)
    return row


def above(x, rows, ns):
    """The sets that cost more than is wanted, each with the reason."""
    first, result = {(r["family"], r["ip6"]): r["ns"] for r in rows if r["size"] == SIZES[0] and "ns" in r}, {}
    for r in rows:
        few = first.get((r["family"], r["ip6"]))
        if "ns" not in r or (r["ratio_gross"] <= WANT["most"] and not (few and r["size"] == SIZES[-1] and r["ns"] > WANT["growth"] * few)):
            continue
        result[r["name"]] = reason(x, r, ns)
        x.say("  above: %s, %.2f: %s" % (r["name"], r["ratio_gross"], result[r["name"]]))
    return result


def summary(x, rows):
    """What is asked of all of them together."""
    done, result = [r for r in rows if "ratio_net" in r], {"refused": sum("refused" in r for r in rows)}
    for ip6 in (False, True):
        of = [r for r in done if r["ip6"] == ip6]
        if not of:
            continue
        which = "IPv6" if ip6 else "IPv4"
        result[which] = {k: {"median": statistics.median(r[k] for r in of), "most": max(r[k] for r in of)} for k in ("ratio_net", "ratio_gross")}
        x.say("  %s, %d of %d sets: gross median %.2f, most %.2f (want %.1f, %.1f); net %.2f, %.2f" % (
            which, len(of), len([r for r in rows if r["ip6"] == ip6]), *result[which]["ratio_gross"].values(), WANT["median"], WANT["most"],
            *result[which]["ratio_net"].values()))
        for family in classbench.FAMILIES:
            by_size = {r["size"]: r for r in of if r["family"] == family}
            if 1000 in by_size and 100000 in by_size:
                few, many = by_size[1000], by_size[100000]
                growth = result[which][family + "_growth"] = {"gross": many["ns"] / few["ns"], "net": many["net"] / few["net"]}
                x.say("  %s, %s: 100k over 1k gross %.2f (want %.1f), net %.2f%s" % (which, family, growth["gross"], WANT["growth"], growth["net"],
                                                                             "  above" if growth["gross"] > WANT["growth"] else ""))
    for key, what in (("megabytes", "MB to compile"), ("verified", "instructions verified"), ("load_seconds", "s to load")):
        if done:
            most, want = max(done, key=lambda r: r[key]), WANT["load" if key == "load_seconds" else key]
            x.say("  most %s: %.4g (want %.4g), %s %s" % (what, most[key], want, most["family"], x.number(most["size"])))
    for size, want in WANT["seconds"].items():
        took = [r["compile_seconds"] for r in done if r["size"] == size]
        if took:
            x.say("  most seconds to compile %s: %.2f (want %d)" % (x.number(size), max(took), want))
    return result


def all_sets(x, data):
    rows, ns = [], {}
    for ip6 in (False, True):
        for family in classbench.FAMILIES:
            one = one_rule(x, data, family, ip6)
            rows += [classbench_set(x, data, family, size, ip6, one) for size in (SIZES[:1] if x.quick else SIZES)]
            x.live.unload(one)
            if not ns and not ip6 and "ns" in rows[-1]:
                # the last trace has the most headers
                ns = far(x)
    return {"sets": rows, "summary": summary(x, rows), "far": ns, "above": above(x, rows, ns) if ns else {}}


# ---- tenants ----

def tenant_rules(rnd):
    """(source's /16, destination port), all different."""
    return [(rnd.randrange(1 << 16), port) for port in rnd.sample(range(1, 65536), TENANTS_RULES)]


def write_tenants(path, tenants):
    with open(path, "w") as f:
        f.write("default drop;\n")
        for address, rules in tenants:
            f.write("if ip.dst == 10.%d.%d.%d {\n" % (address >> 16 & 255, address >> 8 & 255, address & 255))
            for net, port in rules:
                f.write("\tdrop if ip.src in %d.%d.0.0/16 and tcp.dport == %d;\n" % (net >> 8, net & 255, port))
            f.write("}\n")


def tenant_headers(rnd, tenants, n=50000):
    """Nine in ten match a rule of their tenant's."""
    for _ in range(n):
        address, rules = rnd.choice(tenants)
        net, port = rnd.choice(rules)
        port = port if rnd.random() < 0.9 else rnd.randrange(65536)
        yield net << 16 | rnd.getrandbits(16), 10 << 24 | address, rnd.randrange(1024, 65536), port, 6


def tenants(x):
    rnd = random.Random(7)
    all_of_them = [(address, tenant_rules(rnd)) for address in rnd.sample(range(1 << 16), 10 if x.quick else TENANTS)]
    row, names = {"tenants": len(all_of_them), "rules": TENANTS_RULES}, ("tenants", "tenant")
    headers = None                      # of all tenants
    for name, some in zip(names, (all_of_them, all_of_them[:1])):
        write_tenants(x.path(name + ".xdpf"), some)
        row[name] = build(x, name, x.path(name + ".xdpf"))
        what = "%s of %d rules" % (x.several(len(some), "tenant"), TENANTS_RULES)
        if "refused" in row[name]:
            x.say("  %-24s refused: %s" % (what, row[name]["refused"]))
            continue
        show_built(x, what, row[name])
        sent = list(tenant_headers(rnd, some))
        headers = headers or sent
        classbench.write_pcap(x.path(name + ".pcap"), classbench.packets(sent))
    if all("refused" not in row[name] for name in names):
        x.live.frames(x.path("tenants.pcap"))
        row["same"] = beside(x, *names)
        show_ratio(x, "the same traffic", row["same"], "one tenant", WANT_TENANTS)
        x.live.frames(x.path("tenant.pcap"))
        row["own"] = beside(x, *names)
        many, one = row["same"], row["own"]
        row["ratio_net"], row["ratio_gross"] = many["net"] / one["net_other"], many["ns"] / one["ns_other"]
        x.say("  %-24s %6.1f ns, one tenant %6.1f: net %.2f, gross %.2f (want %.1f)%s" % (
            "each over its own", many["ns"], one["ns_other"], row["ratio_net"], row["ratio_gross"], WANT_TENANTS,
            "  above" if row["ratio_gross"] > WANT_TENANTS else ""))
        if row["ratio_gross"] > WANT_TENANTS:
            x.live.frames(x.path("tenants.pcap"))
            row["above"] = reason(x, {"name": names[0], "headers": len(set(headers)), "packets": len(headers), "net_other": one["net_other"]}, far(x))
            x.say("  above: " + row["above"])
    x.live.unload(*[name for name in names if "refused" not in row[name]])
    return row


# ---- one odd rule ----

def middle(x, data):
    """10,000 rules, and in the middle one that asks for more than headers."""
    size = 1000 if x.quick else 10000
    rules = list(classbench.read_rules(os.path.join(data, "acl1_%d.xz" % size)))
    base, rows = x.path("middle.xdpf"), {}
    with open(base, "w") as f:
        classbench.write_rules(rules, f, False, ("drop",))
    built = build(x, "middle", base)
    if "refused" in built:
        x.say("  %-24s refused: %s" % ("acl1 " + x.number(size), built["refused"]))
        return built
    classbench.write_pcap(x.path("middle.pcap"), classbench.packets(classbench.read_trace(os.path.join(data, "acl1_%d_trace.xz" % size))))
    x.live.frames(x.path("middle.pcap"))
    with open(base) as f:
        lines = f.read().splitlines(True)
    half = len(lines) // 2
    for i, (what, rule) in enumerate(MIDDLE):
        name = "middle-%d" % i
        with open(x.path(name + ".xdpf"), "w") as f:
            f.write("set odd : ip live size 1k;\n" * ("odd" in rule) + "".join(lines[:half]) + "odd: " + rule + "\n" + "".join(lines[half:]))
        rows[what] = build(x, name, x.path(name + ".xdpf"))
        if "refused" in rows[what]:
            x.say("  %-24s refused: %s" % ("with " + what, rows[what]["refused"]))
            continue
        rows[what].update(beside(x, name, "middle"))
        show_ratio(x, "with " + what, rows[what], "without")
        x.live.unload(name)
    x.live.unload("middle")
    return rows


# ---- what tables grow most by ----

def adversarial_rules(rnd, kind, n):
    """As read_rules() gives them: random ranges of ports, or prefixes shorter than /12 alone."""
    def net(least, most):
        length = rnd.randint(least, most)
        return rnd.getrandbits(32) >> 32 - length << 32 - length, length

    def ports():
        return tuple(sorted(rnd.choices(range(65536), k=2)))

    for _ in range(n):
        if kind == "ports":
            yield net(16, 28), net(8, 24), ports(), ports(), rnd.choice((6, 17))
        else:
            port = rnd.randrange(1, 1024)
            yield net(4, 11), net(4, 11), classbench.ANY, (port, port), rnd.choice((6, 17))


def adversarial_headers(rnd, rules, n=50000):
    """Half of them of a rule's, half of two rules'."""
    inside = lambda net: net[0] | (rnd.getrandbits(32 - net[1]))
    for _ in range(n):
        a = rnd.choice(rules)
        b = a if rnd.random() < 0.5 else rnd.choice(rules)
        yield inside(a[0]), inside(b[1]), rnd.randint(*a[2]), rnd.randint(*b[3]), a[4]


def adversarial(x):
    rows = []
    for kind, what in (("ports", "random port ranges"), ("short", "prefixes below /12")):
        for size in (100,) if x.quick else SIZES[:2]:
            rnd, name = random.Random(size), "%s-%d" % (kind, size)
            rules = list(adversarial_rules(rnd, kind, size))
            for path, some in ((name, rules), (name + "-one", rules[:1])):
                with open(x.path(path + ".xdpf"), "w") as f:
                    classbench.write_rules(some, f, False, ("drop",))
            one, row = build(x, name + "-one", x.path(name + "-one.xdpf")), {"kind": kind, "size": size, **build(x, name, x.path(name + ".xdpf"))}
            rows.append(row)
            if "refused" in row or "refused" in one:
                x.say("  %-24s refused: %s" % ("%s %s" % (x.number(size), what), row.get("refused") or one["refused"]))
            else:
                classbench.write_pcap(x.path(name + ".pcap"), classbench.packets(adversarial_headers(rnd, rules)))
                x.live.frames(x.path(name + ".pcap"))
                row.update(beside(x, name, name + "-one"))
                show_built(x, "%s %s" % (x.number(size), what), row)
                show_ratio(x, "", row, "one rule")
            x.live.unload(*[n for n, built in ((name, row), (name + "-one", one)) if "refused" not in built])
    return rows


def main(x):
    data = classbench.folder()
    result = {}
    if data:
        x.title("ClassBench: the whole set beside its first rule alone, over the set's trace")
        result["classbench"] = all_sets(x, data)
        x.title("one rule in the middle of acl1's %s that asks for more" % ("1k" if x.quick else "10k"))
        result["middle"] = middle(x, data)
    else:
        x.skip("ClassBench", "its sets are not at hand (XDPF_DATA says where)")
    x.title("tenants: blocks `if ip.dst == X { %d rules }`" % TENANTS_RULES)
    result["tenants"] = tenants(x)
    x.title("sets that tables grow most by, beside one rule")
    result["adversarial"] = adversarial(x)
    return result
