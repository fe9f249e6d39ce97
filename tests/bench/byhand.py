"""Nanoseconds per packet of compiled rules, beside the same filter written by hand in C, and how long both take to compile.

Each rules-N.xdpf has its rules-N.c beside it. That they are the same filter is shown first: verdicts and all counters are compared packet by
packet over all captures at hand (tests/captures, and data/pcap of the folder in XDPF_DATA or else of "shared" beside the project) and over
mutants of them. Then the times, which no test judges: sys.exit() only if the filters disagree or something does not run.
"""

import glob
import json
import os
import re
import statistics
import subprocess
import sys
import time

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), "packets")]

SETS = (1, 10, 16)
COMPILED = 30
WANT_NET, WANT_GROSS = 1.3, 1.1
MUTANTS = 10000
NO_BPF = 77
VERDICTS = ("abort", "drop", "pass", "tx", "redirect")
METHOD = """\
hot       one packet again and again by BPF_PROG_TEST_RUN: floor, ours and C take turns of %(repeat)d runs each, %(rounds)d turns, pinned to one
          CPU; time is the thread's own on the CPU. Medians; in brackets the ratio of the least.
varied    %(frames)d different frames in an order that no branch predictor learns: a program before the one under test puts the next frame's
          headers and length in place and goes on by a tail call. What that costs is in the floor; gross is net on top of the hot floor.
net       without the floor, a program that is only `return XDP_DROP`; gross: with it.
"""


def run(*command, **kw):
    return subprocess.run(command, stdout=subprocess.PIPE, **kw)


class Bench:
    def __init__(self, args):
        self.args = args
        self.rounds, self.repeat = (3, 10000) if args.quick else (args.rounds or 21, args.repeat)
        self.xdpfc = os.path.join(args.build, "xdpfc")
        self.bench = os.path.join(args.build, "bench", "xdpf_bench")
        self.dir = os.path.join(args.build, "bench")
        self.skipped, self.results = [], {"sets": {}}

    def skip(self, name, why):
        self.skipped.append({"name": name, "why": why})
        print("skipped: %s: %s" % (name, why))

    def path(self, name):
        return os.path.join(self.dir, name)

    def compile_ours(self, n, out):
        return [self.xdpfc, os.path.join(HERE, "rules-%d.xdpf" % n), "-o", out]

    def compile_c(self, name, out):
        # where Debian keeps asm/types.h
        machine = run("gcc", "-print-multiarch").stdout.decode().strip()
        return ["clang-19", "-O2", "-g", "-target", "bpf", "-mcpu=v3", "-I/usr/include/" + machine, "-c", os.path.join(HERE, name), "-o", out]

    def checked(self, command):
        if subprocess.run(command).returncode:
            sys.exit("bench: failed: " + " ".join(command))

    # ---- frames ----

    def captures(self):
        data = os.path.join(os.environ.get("XDPF_DATA") or os.path.join(os.path.dirname(ROOT), "shared"), "data", "pcap")
        found = sorted(glob.glob(os.path.join(ROOT, "tests", "captures", "*.pcap")))
        more = sorted(glob.glob(os.path.join(data, "*.pcap")))
        if not more:
            self.skip("captures of data/pcap", "not at hand (XDPF_DATA says where)")
        return found + more

    def make_frames(self):
        import corpus
        import traffic
        self.all = self.captures()
        varied, mutants = self.path("varied.pcap"), self.path("mutants.pcap")
        newest = max(os.path.getmtime(p) for p in (__file__, traffic.__file__, corpus.__file__, *self.all))
        if not os.path.exists(mutants) or os.path.getmtime(mutants) < newest:
            frames = traffic.varied()
            corpus.write_pcap(varied, frames)
            for path in self.all:
                frames += corpus.read_pcap(path)
            corpus.write_pcap(mutants, corpus.mutants(frames, MUTANTS, 1))
        self.varied = varied
        self.all += [varied, mutants]

    def make_cases(self, n):
        """The packets that the rule file speaks of, and which rule each is for."""
        import corpus
        import frames
        cases, packets = [], []
        with open(os.path.join(HERE, "rules-%d.xdpf" % n)) as f:
            rules = re.findall(r"^#: (.*) -> (\w+) (\S+)$|^([\w-]+):", f.read(), re.M)
        labels = [label for _, _, _, label in rules if label]
        for text, verdict, rule, label in rules:
            if label:
                continue
            packet = bytes(eval(text, vars(frames)))
            which = "no match" if rule == "default" else "first match" if rule == labels[0] else "last match"
            if len(labels) == 1 and rule != "default":
                which = "match"
            proto = re.findall(r"(TCP|UDP|ICMP)\(", text)[0]
            cases.append({"case": "%s, %s, %s" % (which, "IPv6" if "IPv6(" in text else "IPv4", proto), "packet": text,
                          "verdict": verdict, "rule": rule, "index": (labels + ["default"]).index(rule)})
            packets.append(packet)
        corpus.write_pcap(self.path("cases-%d.pcap" % n), packets)
        return cases

    # ---- the kernel ----

    def objects(self, n):
        ours, theirs = self.path("rules-%d.o" % n), self.path("rules-%d-c.o" % n)
        self.checked(self.compile_ours(n, ours))
        self.checked(self.compile_c("rules-%d.c" % n, theirs))
        return ours, theirs

    def compare(self, n):
        """Only whether they are the same filter. False: the kernel takes no programs."""
        ours, theirs = self.objects(n)
        done = run(self.bench, "--ours", ours, "--theirs", theirs, *self.all)
        if done.returncode not in (0, NO_BPF):
            sys.exit("bench: rules-%d: failed" % n)
        if done.returncode == 0:
            self.results["sets"][n] = json.loads(done.stdout)
            self.show_compared(n, self.results["sets"][n])
        return done.returncode == 0

    def measure(self, n):
        ours, theirs = self.objects(n)
        cases = self.make_cases(n)
        done = run(self.bench, "--ours", ours, "--theirs", theirs, "--cases", self.path("cases-%d.pcap" % n), "--varied", self.varied,
                   "--feed", self.path("feed.o"), "--rounds", str(self.rounds), "--repeat", str(self.repeat), *self.all)
        if done.returncode == NO_BPF:
            return False
        if done.returncode:
            sys.exit("bench: rules-%d: failed" % n)
        result = json.loads(done.stdout)
        for case, hot in zip(cases, result["hot"]):
            if VERDICTS[hot["verdict"]] != case["verdict"] or hot["rule"] != case["index"]:
                sys.exit("bench: rules-%d: %s: was to be %s by %s, and is %s by rule %d" % (n, case["packet"], case["verdict"], case["rule"],
                                                                                      VERDICTS[hot["verdict"]], hot["rule"]))
            hot.update(case)
        result["varied"]["case"] = "varied"
        self.results["sets"][n] = result
        self.show(n, result)
        return True

    def rates(self, t, floor):
        """(net ours, net C, ratio net, ratio gross, ratio net of the least); @floor: of a hot run."""
        for key in ("median", "least"):
            t["net_" + key] = {k: t[k][key] - t["floor"][key] for k in ("ours", "c")}
        net = t["net_median"]
        t["ratio_net"] = net["ours"] / net["c"]
        t["ratio_gross"] = (net["ours"] + floor) / (net["c"] + floor)
        t["ratio_net_least"] = t["net_least"]["ours"] / t["net_least"]["c"]

    def show_compared(self, n, result):
        size, captures = result["size"], result["captures"]
        print("\nrules-%d" % n)
        print("  same verdicts and counters on %d packets of %d captures" % (sum(c["compared"] for c in captures),
                                                                             sum(c["compared"] > 0 for c in captures)))
        odd = [c["capture"] for c in captures if not c["ethernet"]]
        for what, count in (("captures that are not of Ethernet frames: " + ", ".join(map(os.path.basename, odd)), len(odd)),
                            ("frames below 14 bytes, which the kernel does not run", sum(c["too_short"] for c in captures)),
                            ("frames above 3000 bytes, which are not linear", sum(c["too_long"] for c in captures))):
            if count:
                print("  skipped: %d %s" % (count, what))
        print("  instructions (xlated): ours %d, C %d; bytes of machine code: %d, %d; walked by the verifier: %d, %d" % tuple(
            size[who][what] for what in ("xlated", "jited", "verified") for who in ("ours", "c")))
        sys.stdout.flush()

    def show(self, n, result):
        self.show_compared(n, result)
        print("  %-24s %7s %7s %7s %9s %7s %18s %12s" % ("ns per packet", "floor", "ours", "C", "net ours", "net C",
                                                       "net (want %.1f)" % WANT_NET, "gross (%.1f)" % WANT_GROSS))
        floor = statistics.median(t["floor"]["median"] for t in result["hot"])
        for t in result["hot"] + [result["varied"]]:
            self.rates(t, floor if t is result["varied"] else t["floor"]["median"])
            print("  %-24s %7.2f %7.2f %7.2f %9.2f %7.2f %11.2f (%.2f) %12.2f%s" % (
                t["case"], t["floor"]["median"], t["ours"]["median"], t["c"]["median"], t["net_median"]["ours"], t["net_median"]["c"],
                t["ratio_net"], t["ratio_net_least"], t["ratio_gross"],
                "  above" if t["ratio_net"] > WANT_NET or t["ratio_gross"] > WANT_GROSS else ""))
        sys.stdout.flush()

    # ---- compiling ----

    def compile_times(self, rounds):
        commands = {"xdpfc": self.compile_ours(COMPILED, self.path("rules-%d.o" % COMPILED)),
                    "clang": self.compile_c("rules-%d.c" % COMPILED, self.path("rules-%d-c.o" % COMPILED))}
        times = {who: [] for who in commands}
        for command in commands.values():       # into the page cache
            self.checked(command)
        for _ in range(rounds):
            for who, command in commands.items():
                start = time.perf_counter()
                subprocess.run(command, check=True)
                times[who].append((time.perf_counter() - start) * 1000)
        result = {who: {"median_ms": statistics.median(t), "least_ms": min(t)} for who, t in times.items()}
        result["ratio"] = result["xdpfc"]["median_ms"] / result["clang"]["median_ms"]
        self.results["compile"] = result
        print("\ncompiling rules-%d, wall time, median of %d in turns (least)" % (COMPILED, rounds))
        print("  xdpfc %.1f ms (%.1f), clang -O2 %.1f ms (%.1f); ratio %.2f (want: below 1)" % (
            result["xdpfc"]["median_ms"], result["xdpfc"]["least_ms"], result["clang"]["median_ms"], result["clang"]["least_ms"],
            result["ratio"]))

    def main(self):
        os.makedirs(self.dir, exist_ok=True)
        self.make_frames()
        self.checked(self.compile_c("feed.c", self.path("feed.o")))
        import traffic
        self.results["method"] = METHOD % {"repeat": self.repeat, "rounds": self.rounds, "frames": traffic.N}
        print(self.results["method"])
        for n in self.args.counts or SETS + (COMPILED,):
            if not (self.measure if n in SETS else self.compare)(n):
                self.skip("times in the kernel", "it does not take BPF programs from us (root, or CAP_BPF with CAP_NET_ADMIN, is needed)")
                break
        self.compile_times(3 if self.args.quick else 15)
