#!/usr/bin/python3
"""The evaluator and the kernel must agree: frame by frame in verdict and rule, and at the end in every counter, table and miss. Every rule file
here and in examples/, and random ones (rules.py), against all frames of corpus.py; in the kernel also with frames of which only the first N
bytes are in one piece.

usage: diff.py [--xdpfc XDPFC] [--xdpf XDPF] [--mutants N] [--random N] [--alike N] [--seed S] [--engine E] [--counting HOW] [--splits N] [FILE…]

A rule file, whole or split at N, is one test. With FILE: only these, and as many random ones as --random and --alike say, else none. --splits: so many ways of
splitting at the most.
"""

import argparse
import glob
import json
import os
import re
import shlex
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
import alike
import corpus
import rulefile

SPLITS = (14, 20, 33, 34, 40, 54, 60)


def splits(n, number):
    """Whole, and N ways to split frames, others for each file."""
    return [None] + [SPLITS[(n * number + k) % len(SPLITS)] for k in range(min(n, len(SPLITS)))]


def program(path):
    """The files and options of a packet test, as its comments say (see run.py)."""
    files, options = [path], []
    with open(path) as f:
        for word, rest in re.findall(r"^#: (option|then) (.*)$", f.read(), re.M):
            if word == "then":
                files.append(os.path.join(os.path.dirname(path), rest.strip()))
            else:
                options += shlex.split(rest)
    return files, options


def run(*command):
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


SMALL = "--table-memory=8"              # engines by name: what would be larger is cut in several segments, soon enough for a test
NO_ENGINE = "there is no such classifier"


def engines(xdpfc, engine, files):
    """How the rules of the files are found, and why, where that engine is asked for."""
    done = run(xdpfc, "--quiet", "--json", "--budget", "--engine=" + engine, SMALL, *files)
    return {(s["engine"], s["why"]) for s in json.loads(done.stdout)["segments"]}


class Tally:
    def __init__(self):
        self.passed = self.failed = self.skipped = 0

    def fail(self, text):
        self.failed += 1
        print("FAILED: " + text)


def counted(line):
    """The summary, with tables in no order."""
    summary = json.loads(line)["summary"]
    for table in summary["tables"]:
        table["entries"] = {tuple(sorted(e["key"].items())): (e["packets"], e["bytes"]) for e in table["entries"]}
    return summary


def compare(what, evaluator, process, frames, tally):
    if process.returncode:
        tally.fail("%s: exit status %d: %s" % (what, process.returncode, process.stderr.strip()))
        return
    expected, have = evaluator.stdout.splitlines(), process.stdout.splitlines()
    if len(have) != len(frames.frames) + 1 or len(expected) != len(have):
        tally.fail("%s: %d lines of the evaluator, %d of the kernel for %d frames" % (what, len(expected), len(have), len(frames.frames)))
        return
    different = [i for i, (a, b) in enumerate(zip(expected[:-1], have[:-1])) if a != b]
    if different:
        tally.fail("%s: %d frames" % (what, len(different)))
        for i in different[:5]:
            print("  %s: evaluator %s, kernel %s\n    %s" % (frames.names[i], expected[i], have[i], frames.frames[i][:200].hex()))
        return
    expected, have = counted(expected[-1]), counted(have[-1])
    if expected == have:
        tally.passed += 1
        return
    tally.fail("%s: counters" % what)
    for theirs, ours in zip(expected.get("files", ()), have.get("files", ())):
        for a, b in zip(theirs["rules"], ours["rules"]):
            if a != b:
                print("  rule: evaluator %s\n    kernel %s" % (a, b))
    for key in expected.keys() | have.keys():
        if expected.get(key) != have.get(key):
            print("  %s: evaluator %s\n    kernel %s" % (key, str(expected.get(key))[:1000], str(have.get(key))[:1000]))


def main():
    release = os.path.join(corpus.ROOT, "build", "release")
    parser = argparse.ArgumentParser()
    parser.add_argument("--xdpfc", default=os.path.join(release, "xdpfc"))
    parser.add_argument("--xdpf", default=os.path.join(release, "xdpf"))
    parser.add_argument("--mutants", type=int, default=3000)
    parser.add_argument("--random", type=int, help="random rule files (8, or none where files are given)")
    parser.add_argument("--alike", type=int, default=0, help="random files of rules that share their code (alike.py)")
    parser.add_argument("--splits", type=int, default=len(SPLITS))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--engine", default="auto", help="how rules are found, as xdpfc takes it")
    parser.add_argument("--counting", default="auto", help="how rules count, as xdpfc takes it")
    parser.add_argument("file", nargs="*")
    args = parser.parse_args()
    tally = Tally()
    frames = corpus.Corpus(args.mutants, args.seed)
    for reason in frames.skipped:
        print("skipped: diff: " + reason)
    tally.skipped += len(frames.skipped)
    refused = corpus.kernel_refuses(args.xdpfc, args.xdpf)
    if refused:
        print("skipped: diff: the kernel: " + refused)
        return 77
    with tempfile.TemporaryDirectory() as tmp:
        capture, prog = os.path.join(tmp, "frames.pcap"), os.path.join(tmp, "prog.o")
        corpus.write_pcap(capture, frames.frames, list(corpus.times(len(frames.frames), args.seed)))
        paths = args.file or [p for d in ("tests/packets", "examples") for p in sorted(glob.glob(os.path.join(corpus.ROOT, d, "*.xdpf")))]
        many = args.random if args.random is not None else 0 if args.file else 8
        if many:
            paths += rulefile.write(tmp, many, args.seed, frames.frames, args.xdpfc)
        paths += alike.write(tmp, args.alike, args.seed, frames.frames, args.xdpfc)
        found = set()
        for number, path in enumerate(paths):
            name = os.path.relpath(path, corpus.ROOT) if path.startswith(corpus.ROOT) else os.path.basename(path)
            files, options = program(path)
            compiled = run(args.xdpfc, "--quiet", "--engine=" + args.engine, "--counting=" + args.counting,
                           *([SMALL] if args.engine != "auto" else []), *files, "-o", prog)
            if compiled.returncode:
                tally.fail("%s: %s" % (name, compiled.stderr.strip()))
                continue
            if args.engine != "auto" and args.engine not in dict(found):    # another compilation: till it has been found
                found |= engines(args.xdpfc, args.engine, files)
                if NO_ENGINE in (why for _, why in found):
                    print("skipped: diff: the engine %s: %s" % (args.engine, NO_ENGINE))
                    return 77
            failed = tally.failed
            for split in splits(args.splits, number):
                options_here = options + (["--split", str(split)] if split else [])
                evaluator = run(args.xdpfc, "--json", "--run", capture, *options_here, *files)
                if evaluator.returncode:
                    tally.fail("%s: %s" % (name, evaluator.stderr.strip()))
                    break
                kernel = run(args.xdpf, "run", "--json", *options_here, prog, capture)
                if kernel.returncode == 3 and path.startswith(tmp) and "program is too large" in kernel.stderr:
                    print("skipped: diff: %s: the verifier finds it too large" % name)
                    tally.skipped += 1
                    break
                compare(name + (" split at %d" % split if split else ""), evaluator, kernel, frames, tally)
            if tally.failed > failed and path.startswith(tmp):
                for file in files:
                    with open(file) as f:
                        print(f.read())
    if args.engine != "auto" and args.engine not in dict(found):
        tally.fail("no rules are found by the engine " + args.engine)
    print("%d files, %d frames, %d splits" % (len(paths), len(frames.frames), min(args.splits, len(SPLITS))))
    print("%d passed, %d failed, %d skipped" % (tally.passed, tally.failed, tally.skipped))
    return 1 if tally.failed else 0


if __name__ == "__main__":
    sys.exit(main())
