"""Other filters over the same rules and traffic: the floor, ours, the same by hand in C, Debian's xdp-filter, nftables at netdev ingress and
iptables' raw table. Beside the last two it is told by the receiver's time on the CPU per packet, for all of them alike; between BPF programs by their
run-time statistics; see live.METHOD.

Each stands in a network namespace of its own, at its own veth pair. All rules drop and count, and so does what no rule decides: what passes would
cost the stack's time. Only xdp-filter cannot drop both, and passes what is in none of its maps. A peer that cannot be set up here, or cannot say
these rules, is skipped by name.

hot       one packet again and again, which the last of the rules decides that decides any
varied    ClassBench's trace for the set; for sets of addresses, random ones, half of them members
"""
import json
import os
import random
import shutil

import classbench
from live import Refused, run
from rules import BY_HAND, build_c
from scale import build
import sets

COUNTS = ((1, 100), (10, 100), (100, 100), (1000, 1000), (10000, 10000))        # rules, of ClassBench's set of so many
FAMILY = "acl1"
SET_SIZES = (1000, 100000)
XDP_FILTER_MOST = 10000                 # what its map holds
BPF = ("c", "xdp-filter")
WITH_PORTS = "{ tcp, udp, udplite, sctp, dccp }"


# ---- the same rules, as others write them ----

def nft_match(rule):
    (src, src_len), (dst, dst_len), sport, dport, proto = rule
    words = []
    for name, value, length in (("saddr", src, src_len), ("daddr", dst, dst_len)):
        if length:
            words.append("ip %s %s/%d" % (name, dotted(value), length))
    has_ports = proto is None or proto in classbench.PORTS
    asked = [(name, port) for name, port in (("sport", sport), ("dport", dport)) if port != classbench.ANY and has_ports]
    if proto is not None:
        words.append("ip protocol %d" % proto)
    elif asked:
        words.append("ip protocol " + WITH_PORTS)
    words += ["th %s %s" % (name, "%d-%d" % port if port[0] != port[1] else port[0]) for name, port in asked]
    return " ".join(words) or "ip version 4"


def nft_rules(rules, device):
    body = "".join("%s counter drop\n" % nft_match(rule) for rule in rules)
    return nft_table(device, "", body)


def nft_table(device, declared, body):
    return 'table netdev bench {\n%schain in {\ntype filter hook ingress device "%s" priority 0; policy drop;\n%s}\n}\n' % (declared, device, body)


def iptables_rules(rules, _device):
    """Raises Refused for a rule that would be several."""
    lines = ["*raw", ":PREROUTING DROP [0:0]", ":OUTPUT ACCEPT [0:0]"]
    for i, ((src, src_len), (dst, dst_len), sport, dport, proto) in enumerate(rules):
        words = ["-A PREROUTING"]
        words += ["-s %s/%d" % (dotted(src), src_len)] if src_len else []
        words += ["-d %s/%d" % (dotted(dst), dst_len)] if dst_len else []
        words += ["-p %d" % proto] if proto is not None else []
        if proto is None and (sport, dport) != (classbench.ANY, classbench.ANY):
            raise Refused("rule %d asks for ports of any protocol" % i)
        if proto in classbench.PORTS:
            words += ["--sport %d:%d" % sport] if sport != classbench.ANY else []
            words += ["--dport %d:%d" % dport] if dport != classbench.ANY else []
        lines.append(" ".join(words) + " -j DROP")
    return "\n".join([*lines, "COMMIT", ""])


def dotted(value):
    return "%d.%d.%d.%d" % (value >> 24, value >> 16 & 255, value >> 8 & 255, value & 255)


# ---- who stands where ----

class Peers:
    def __init__(self, x):
        self.x, self.lacking = x, {}
        self.made = 0
        self.need("nft", "nft")
        self.need("iptables", "iptables-legacy-restore")
        self.need("xdp-filter", "xdp-filter")

    def need(self, peer, tool):
        if not shutil.which(tool):
            self.lacking[peer] = "there is no %s" % tool

    def skip(self, what, peer, why):
        self.x.skip("%s: %s" % (what, peer), why)

    def stand(self, what, peer, setup):
        """A pair with @peer at its end, by setup(namespace, device); its name, or None."""
        if peer in self.lacking:
            self.skip(what, peer, self.lacking[peer])
            return None
        self.made += 1
        name = "%s-%d" % (peer, self.made)
        try:
            self.x.live.pair(name, name, lambda device: setup(name, device))
        except Refused as why:
            self.skip(what, peer, str(why))
            return None
        return name

    def nft(self, what, text):
        return self.stand(what, "nft", lambda netns, device: run(["ip", "netns", "exec", netns, "nft", "-f", "-"], input=text(device)))

    def iptables(self, what, text):
        return self.stand(what, "iptables", lambda netns, device: run(["ip", "netns", "exec", netns, "iptables-legacy-restore"], input=text(device)))

    def xdp_filter(self, what, addresses):
        """Through its own tool as far as it goes; elements by bpftool, as its tool takes a process for each."""
        keys = self.x.path("xdp-filter.batch")

        def setup(netns, device):
            inside = ["nsenter", "--net=/run/netns/" + netns]
            run([*inside, "xdp-filter", "load", "--mode", "native", "--policy", "allow", "--features", "ipv4", device])
            run([*inside, "xdp-filter", "ip", "--mode", "src", dotted(addresses[0][0])])
            flags = run(["bpftool", "map", "dump", "pinned", "/sys/fs/bpf/xdp-filter/filter_ipv4", "-j"])
            value = one_value(flags)
            with open(keys, "w") as f:
                for v, _ in addresses[1:]:
                    f.write("map update pinned /sys/fs/bpf/xdp-filter/filter_ipv4 key %d %d %d %d value %s\n" % (*v.to_bytes(4, "big"), value))
            run(["bpftool", "batch", "file", keys])
        return self.stand(what, "xdp-filter", setup)

    def turns(self, capture, programs, pairs):
        """What each costs: {who: {"cpu", "run", and both net of the floor}}."""
        self.x.live.frames(capture)
        t = self.x.live.turns({"floor": ("xdp", "floor"), **{who: ("xdp", name) for who, name in programs.items()},
                               **{who: (name, "-") for who, name in pairs.items()}})
        floor = t["floor"]
        return {who: {"cpu": got["cpu"], "run": got["run"], "net_cpu": got["cpu"] - floor["cpu"], "net_run": got["run"] - floor["run"]}
                for who, got in t.items()}

    def show(self, what, row):
        ours, floor = row.get("ours"), row["floor"]
        self.x.say("  %s; floor: cpu %.1f, run %.1f%s" % (what, floor["cpu"], floor["run"], "; ours net: %.1f, %.1f" % (
            ours["net_cpu"], ours["net_run"]) if ours else ""))
        for who, got in row.items():
            if who in ("floor", "ours"):
                continue
            of = "run" if who in BPF else "cpu"
            net, ratio = got["net_" + of], ""
            if ours:
                ratio = "; ours is %.3f of it, gross %.3f" % (ours["net_" + of] / net, ours[of] / got[of])
            self.x.say("    %-10s %s %10.1f net%s" % (who, of, net, ratio))


def one_value(dump):
    """The bytes of a map's only value; of a map for each CPU, those of one CPU."""
    entry = json.loads(dump)[0]
    value = entry["value"] if "value" in entry else entry["values"][0]["value"]
    return " ".join(value)


# ---- rules ----

def last_decided(rules, headers):
    """The header whose rule is the last of those that decide any."""
    decided = [(classbench.first_match(rules, h), h) for h in headers]
    return max((d for d in decided if d[0] is not None), default=(None, headers[0]))[1]


def rules_row(p, data, n, of):
    x, name, what = p.x, "peer-%d" % n, p.x.several(n, "rule")
    rules = list(classbench.read_rules(os.path.join(data, "%s_%d.xz" % (FAMILY, of))))[:n]
    trace = list(classbench.read_trace(os.path.join(data, "%s_%d_trace.xz" % (FAMILY, of))))
    hot, varied = x.path("peer-hot.pcap"), x.path("peer-varied.pcap")
    header = last_decided(rules, random.Random(3).sample(trace, min(20000, max(200, 1000000 // n))))
    classbench.write_pcap(hot, classbench.packets([header]))
    classbench.write_pcap(varied, classbench.packets(trace))
    with open(x.path(name + ".xdpf"), "w") as f:
        classbench.write_rules(rules, f, False, ("drop",))
    row, programs = {"rules": len(rules), "ours": build(x, name, x.path(name + ".xdpf"))}, {}
    if "refused" in row["ours"]:
        x.say("  %s, ours: refused: %s" % (what, row["ours"]["refused"]))
    else:
        programs["ours"] = name
    if n <= BY_HAND:
        build_c(x, name + "-c", rules)
        programs["c"] = name + "-c"
    pairs = {"nft": p.nft(what, lambda device: nft_rules(rules, device)), "iptables": p.iptables(what, lambda device: iptables_rules(rules, device))}
    pairs = {who: pair for who, pair in pairs.items() if pair}
    for kind, capture in (("hot", hot), ("varied", varied)):
        row[kind] = p.turns(capture, programs, pairs)
        p.show("%s, %s" % (what, kind), row[kind])
    x.live.unload(*programs.values())
    return row


# ---- sets ----

def sets_row(p, kind, n):
    x, rnd, what = p.x, random.Random(n), "%s %s" % (p.x.number(n), kind)
    some, built = sets.elements(kind, n, rnd), sets.Kind(p.x, kind)
    programs, row = {"c": "set-c"}, {"size": n, "ours": built.ours(some)}
    built.theirs(some)
    if "refused" in row["ours"]:
        x.say("  %s, ours: refused: %s" % (what, row["ours"]["refused"]))
    else:
        programs = {"ours": "set", **programs}
    members = ",".join(dotted(v) + ("/%d" % length if length < 32 else "") for v, length in some)
    declared = "set s { type ipv4_addr; %selements = { %s } }\n" % ("flags interval; auto-merge; " if kind == "prefixes" else "", members)
    pairs = {"nft": p.nft(what, lambda device: nft_table(device, declared, "ip saddr @s counter drop\n"))}
    if kind == "addresses" and n <= XDP_FILTER_MOST:
        pairs["xdp-filter"] = p.xdp_filter(what, some)
    else:
        p.skip(what, "xdp-filter", "it knows single addresses, and holds %d" % XDP_FILTER_MOST)
    p.skip(what, "iptables", "it has no sets of its own")
    pairs = {who: pair for who, pair in pairs.items() if pair}
    sets.write_frames(x.path("peer-varied.pcap"), kind, some, rnd, 1 << 12 if x.quick else sets.FRAMES)
    classbench.write_pcap(x.path("peer-hot.pcap"), classbench.packets([(some[-1][0], 0xc6336402, 50000, 50001, 17)]))
    for traffic in ("hot", "varied"):
        row[traffic] = p.turns(x.path("peer-%s.pcap" % traffic), programs, pairs)
        p.show("%s, %s" % (what, traffic), row[traffic])
    x.live.unload(*programs.values())
    built.close()
    return row


def main(x):
    p, data, result = Peers(x), classbench.folder(), {}
    x.title("peers: the receiver's ns on the CPU per packet")
    if data:
        p.skip("rules", "xdp-filter", "it knows addresses and ports each by itself, and no rules of several fields")
        result["rules"] = [rules_row(p, data, n, of) for n, of in (COUNTS[:3] if x.quick else COUNTS)]
    else:
        x.skip("peers over ClassBench's rules", "its sets are not at hand (XDPF_DATA says where)")
    result["sets"] = {kind: [sets_row(p, kind, n) for n in (SET_SIZES[:1] if x.quick else SET_SIZES)] for kind in ("addresses", "prefixes")}
    return result
