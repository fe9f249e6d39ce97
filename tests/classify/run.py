#!/usr/bin/python3
"""ClassBench's filter sets, by the evaluator and in the kernel, by every engine that the compiler offers: verdict and rule of every header.

usage: run.py --xdpfc XDPFC --xdpf XDPF [--whole] [--size N]... [--family acl1]...
       run.py --xdpfc XDPFC --xdpf XDPF --wild N... [--seeds N]

Every different header of the traces of the sets of 100 and 1,000 rules, IPv4 and mapped into IPv6; a sample of those of larger sets, as the evaluator
takes them one rule at a time; and behind them a mix of which most miss. --size: only those sets. Sets above 100 rules take one or two of the
engines by turns, beside the compiler's own choice. --whole: samples are larger, both families of all sets, and all engines; that takes long.

So that the evaluator does not judge alone, some headers of each are also looked up in the set itself, by a search that knows nothing of our language.

--wild N: rule files of N rules that ask for everything, in three flavours, from as many seeds as --seeds says (wild.py).

A disagreement is a failure; so is a set that the compiler by its own choice refuses, once it has engines to choose from.
"""
import argparse
import json
import os
import random
import re
import sys
import tempfile

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "bench"), os.path.join(HERE, "..", "packets")]
import agree
import classbench
import corpus
import wild

# Headers of the trace, which has fewer different ones for the smaller sets; of the mix; and those that are looked up in the set.
SAMPLE = {100: (50000, 2000, 1000), 1000: (50000, 2000, 200), 10000: (200, 200, 20), 100000: (40, 40, 5)}
WHOLE = {100: (50000, 50000, 1000), 1000: (50000, 50000, 1000), 10000: (10000, 10000, 100), 100000: (1000, 1000, 20)}


class Suite:
    def __init__(self, args, data, tmp):
        self.args, self.data, self.tmp = args, data, tmp
        self.engines = agree.offered(args.xdpfc)
        self.passed = self.failed = self.turn = 0
        self.skipped = []

    def outcome(self, what, ok, text):
        if ok:
            self.passed += 1
        else:
            self.failed += 1
            print("FAILED: %s: %s" % (what, text))

    def skip(self, what, text):
        self.skipped.append(what)
        print("skipped: %s: %s" % (what, text))

    def looked_up(self, what, rules, headers, expected, n):
        """The evaluator's own answer, by the set."""
        verdicts = ("drop", "pass")
        for i in random.Random(2).sample(range(len(headers)), min(n, len(headers))):
            rule = classbench.first_match(rules, headers[i])
            want, have = ("drop", "default") if rule is None else (verdicts[rule % 2], "r%d" % rule), json.loads(expected[i])
            if (have["verdict"], have["rule"]) != want:
                self.outcome(what, False, "%s: the set says %s, the evaluator %s" % (headers[i], want, expected[i]))
                return
        self.outcome(what, True, "")

    def set(self, family, size, ip6):
        name = "%s_%d" % (family, size)
        path, capture = os.path.join(self.tmp, "rules.xdpf"), os.path.join(self.tmp, "headers.pcap")
        rules = list(classbench.read_rules(os.path.join(self.data, name + ".xz")))
        trace = list(dict.fromkeys(classbench.read_trace(os.path.join(self.data, name + "_trace.xz"))))
        n_trace, n_mix, n_looked_up = (WHOLE if self.args.whole else SAMPLE)[size]
        headers = trace if n_trace >= len(trace) else random.Random(1).sample(trace, n_trace)
        headers += list(classbench.mix(trace, 1))[:n_mix]
        with open(path, "w") as f:
            classbench.write_rules(rules, f, ip6)
        classbench.write_pcap(capture, classbench.packets(headers, ip6))
        what = name + (" mapped into IPv6" if ip6 else "")
        a = agree.Agreement(self.args.xdpfc, self.args.xdpf, path, capture, self.tmp)
        if a.wrong:
            self.outcome(what, False, a.wrong)
            return
        self.looked_up(what + ": the set", rules, headers, a.expected, n_looked_up)
        self.engine_by_engine(what, a, self.some_engines(size))

    def some_engines(self, size):
        """Beside the compiler's own choice. With sanitizers large sets take long: of theirs, one or two by turns, and none of the largest's."""
        n = len(self.engines)
        if self.args.whole or size <= 100 or not n:
            return self.engines
        some = {1000: 2, 10000: 1}.get(size, 0 if size > 10000 else 1)
        first, self.turn = self.turn, self.turn + some
        return [self.engines[(first + i) % n] for i in range(some)]

    def engine_by_engine(self, what, a, engines):
        if a.wrong:
            self.outcome(what, False, a.wrong)
            return
        for engine in [agree.AUTO, *engines]:
            outcome, text = a.engine(engine)
            if outcome != "refused":
                self.outcome("%s: %s" % (what, engine), outcome == "agrees", text)
            elif engine == agree.AUTO and self.engines:
                self.outcome("%s: %s" % (what, engine), False, text)
            else:
                self.skip("%s: %s" % (what, engine), text)

    # ---- rule files from a seed ----

    def errors(self, path):
        """The lines that the compiler refuses; None: it refuses more than lines."""
        done = agree.run(self.args.xdpfc, "--quiet", "--check", path)
        if done.returncode == 0:
            return []
        return sorted({int(n) for n in re.findall(r"^%s:(\d+):\d+: error: " % re.escape(path), done.stderr, re.M)
                       if "do not fit" not in done.stderr})

    def wild(self, flavour, seed, n):
        what, path, capture = "%d %s rules, seed %d" % (n, flavour, seed), os.path.join(self.tmp, "wild.xdpf"), os.path.join(self.tmp, "wild.pcap")
        made = wild.write(path, seed, flavour, n, lambda: self.errors(path))
        if not made:
            self.outcome(what, False, "no rule file comes of it")
            return
        classbench.write_pcap(capture, [made.frame() for _ in range(1500)])
        self.engine_by_engine(what, agree.Agreement(self.args.xdpfc, self.args.xdpf, path, capture, self.tmp), self.some_engines(n))

    def main(self):
        for seed in range(1, self.args.seeds + 1):
            for flavour in ("mixed", "ports", "short"):
                for n in self.args.wild or ():
                    self.wild(flavour, seed, n)
        if self.args.wild:
            return
        for size in self.args.size or classbench.SIZES:
            for i, family in enumerate(self.args.family or classbench.FAMILIES):
                # of large sets one family of addresses, by turns; of the largest, one set
                for ip6 in (False, True):
                    if size < 10000 or self.args.whole or ip6 == bool(i % 2) and (size < 100000 or i == 0):
                        self.set(family, size, ip6)


def main():
    p = argparse.ArgumentParser(usage=__doc__.split("usage: ")[1].split("\n\n")[0], add_help=False)
    p.add_argument("--xdpfc", required=True)
    p.add_argument("--xdpf", required=True)
    p.add_argument("--whole", action="store_true")
    p.add_argument("--wild", type=int, action="append")
    p.add_argument("--seeds", type=int, default=1)
    p.add_argument("--size", type=int, action="append", choices=classbench.SIZES)
    p.add_argument("--family", action="append", choices=classbench.FAMILIES)
    args = p.parse_args()
    data = classbench.folder()
    refused = corpus.kernel_refuses(args.xdpfc, args.xdpf)
    if refused or not data and not args.wild:
        print("skipped: classify: " + ("the kernel: " + refused if refused else "ClassBench's sets are not at hand (XDPF_DATA says where)"))
        print("0 passed, 0 failed, 1 skipped")
        return 77
    with tempfile.TemporaryDirectory() as tmp:
        suite = Suite(args, data, tmp)
        suite.main()
    print("%d passed, %d failed, %d skipped" % (suite.passed, suite.failed, len(suite.skipped)))
    return 1 if suite.failed else 0


if __name__ == "__main__":
    sys.exit(main())
