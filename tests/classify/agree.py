#!/usr/bin/python3
"""Do the engines agree with the reference evaluator? Verdict and rule of every packet of a capture, and all counters at its end, by the evaluator,
which knows no engine, and in the kernel by each engine that the compiler offers.

usage: agree.py XDPFC XDPF RULES CAPTURE [--engine NAME]...        without --engine: all that xdpfc takes

Prints a line for each engine. An engine that is asked for by name and cannot do these rules says so, and is skipped; status 1: one disagrees, or
the compiler by its own choice refuses the rules.
"""
import argparse
import json
import os
import subprocess
import sys
import tempfile

ENGINES = ("linear", "switch", "rfc", "hybrid", "tree")
AUTO = "auto"
SHOWN = 5


def run(*command):
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, errors="replace")


def reason(done):
    """Why a tool refused, in a line: its first error, else its last words."""
    said = done.stderr.strip().splitlines() or ["status %d, without a word" % done.returncode]
    line = next((line for line in said if " error: " in line), said[-1])
    return "refused: " + os.path.basename(line.split(" ", 1)[0]) + " " + line.partition(" ")[2][:200]


def offered(xdpfc):
    """The engines that can be asked for by name."""
    with tempfile.TemporaryDirectory() as tmp:
        rules = os.path.join(tmp, "probe.xdpf")
        with open(rules, "w") as f:
            f.write("drop if tcp.dport == 1;\n")
        return [name for name in ENGINES if run(xdpfc, "--quiet", "--engine=" + name, "--check", rules).returncode == 0]


class Agreement:
    """Of one rule file and one capture."""

    def __init__(self, xdpfc, xdpf, rules, capture, tmp):
        self.xdpfc, self.xdpf, self.rules, self.capture = xdpfc, xdpf, rules, capture
        self.object = os.path.join(tmp, "agree.o")
        done = run(xdpfc, "--json", "--run", capture, rules)
        self.wrong = None if done.returncode == 0 else "the evaluator: " + reason(done)
        self.expected, self.counted = told(done)

    def engine(self, name):
        """("agrees" or "differs" or "refused", text)."""
        asked = [] if name == AUTO else ["--engine=" + name]
        done = run(self.xdpfc, "--quiet", *asked, self.rules, "-o", self.object)
        if done.returncode:
            return "refused", reason(done)
        done = run(self.xdpf, "run", "--json", self.object, self.capture)
        if done.returncode:
            return "differs", "the kernel does not run it: " + reason(done)
        have, counted = told(done)
        if len(have) != len(self.expected):
            return "differs", "%d packets of the evaluator, %d of the kernel" % (len(self.expected), len(have))
        other = [(a, b) for a, b in zip(self.expected, have) if a != b]
        if other:
            shown = "; ".join("evaluator %s, kernel %s" % pair for pair in other[:SHOWN])
            return "differs", "%d of %d packets: %s" % (len(other), len(have), shown)
        if counted != self.counted:
            return "differs", "counters: " + difference(self.counted, counted)
        return "agrees", "%d packets" % len(have)


def told(done):
    """(a line of JSON for each packet, what was counted)."""
    *lines, last = done.stdout.splitlines() or [""]
    counted = json.loads(last)["summary"] if done.returncode == 0 else {}
    for table in counted.get("tables", ()):
        table["entries"] = sorted(json.dumps(entry, sort_keys=True) for entry in table["entries"])
    return lines, counted


def difference(want, have):
    """The first rules that counted otherwise, else which parts are different."""
    pairs = [(a, b) for x, y in zip(want.get("files", ()), have.get("files", ())) for a, b in zip(x["rules"], y["rules"]) if a != b]
    if pairs:
        return "; ".join("evaluator %s, kernel %s" % pair for pair in pairs[:SHOWN])
    return ", ".join(key for key in want.keys() | have.keys() if want.get(key) != have.get(key))


def main():
    p = argparse.ArgumentParser(usage=__doc__.split("usage: ")[1].split("\n\n")[0], add_help=False)
    p.add_argument("xdpfc")
    p.add_argument("xdpf")
    p.add_argument("rules")
    p.add_argument("capture")
    p.add_argument("--engine", action="append")
    args = p.parse_args()
    with tempfile.TemporaryDirectory() as tmp:
        a = Agreement(args.xdpfc, args.xdpf, args.rules, args.capture, tmp)
        if a.wrong:
            sys.exit("agree: " + a.wrong)
        failed = False
        for name in args.engine or [AUTO, *offered(args.xdpfc)]:
            outcome, text = a.engine(name)
            print("%-8s %s: %s" % (name, outcome, text))
            failed |= outcome == "differs" or outcome == "refused" and name == AUTO
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
