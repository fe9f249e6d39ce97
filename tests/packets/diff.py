#!/usr/bin/python3
"""The evaluator and the kernel must agree, frame by frame: verdict and rule. Every rule file here and in examples/ against all frames of
corpus.py; in the kernel also with frames of which only the first N bytes are in one piece.

usage: diff.py [--xdpfc XDPFC] [--xdpf XDPF] [--mutants N] [--seed S] [FILE…]

A comparison of one file's lines, whole or split at N, is one test.
"""

import argparse
import glob
import os
import re
import shlex
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
import corpus

SPLITS = (None, 14, 20, 33, 34, 40, 54, 60)


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


class Tally:
    def __init__(self):
        self.passed = self.failed = self.skipped = 0

    def fail(self, text):
        self.failed += 1
        print("FAILED: " + text)


def compare(what, expected, process, frames, tally):
    if process.returncode:
        tally.fail("%s: exit status %d: %s" % (what, process.returncode, process.stderr.strip()))
        return
    have = process.stdout.splitlines()
    different = [i for i, (a, b) in enumerate(zip(expected, have)) if a != b]
    if len(have) == len(expected) and not different:
        tally.passed += 1
        return
    tally.fail("%s: %d lines, %d of them different (%d expected)" % (what, len(have), len(different), len(expected)))
    for i in different[:5]:
        print("  %s: evaluator %s, kernel %s\n    %s" % (
            frames.names[i], expected[i].split("\t")[1:], have[i].split("\t")[1:], frames.frames[i][:200].hex()))


def main():
    release = os.path.join(corpus.ROOT, "build", "release")
    parser = argparse.ArgumentParser()
    parser.add_argument("--xdpfc", default=os.path.join(release, "xdpfc"))
    parser.add_argument("--xdpf", default=os.path.join(release, "xdpf"))
    parser.add_argument("--mutants", type=int, default=3000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("file", nargs="*")
    args = parser.parse_args()
    tally = Tally()
    frames = corpus.Corpus(args.mutants, args.seed)
    for reason in frames.skipped:
        print("skipped: diff: " + reason)
    tally.skipped += len(frames.skipped)
    paths = args.file or [p for d in ("tests/packets", "examples") for p in sorted(glob.glob(os.path.join(corpus.ROOT, d, "*.xdpf")))]
    with tempfile.TemporaryDirectory() as tmp:
        capture, prog = os.path.join(tmp, "frames.pcap"), os.path.join(tmp, "prog.o")
        corpus.write_pcap(capture, frames.frames)
        for path in paths:
            name = os.path.relpath(path, corpus.ROOT)
            files, options = program(path)
            evaluator = run(args.xdpfc, "--run", capture, *options, *files)
            compiled = run(args.xdpfc, *files, "-o", prog)
            if evaluator.returncode or compiled.returncode:
                tally.fail("%s: %s" % (name, (evaluator.stderr if evaluator.returncode else compiled.stderr).strip()))
                continue
            expected = evaluator.stdout.splitlines()
            if len(expected) != len(frames.frames):
                tally.fail("%s: the evaluator printed %d lines for %d frames" % (name, len(expected), len(frames.frames)))
                continue
            for split in SPLITS:
                kernel = run(args.xdpf, "run", *options, *(["--split", str(split)] if split else []), prog, capture)
                if kernel.returncode == 3:
                    print("skipped: diff: %s: %s" % (name, (kernel.stderr.strip().splitlines() or ["refused"])[-1]))
                    tally.skipped += len(SPLITS)
                    break
                compare(name + (" split at %d" % split if split else ""), expected, kernel, frames, tally)
    print("%d files, %d frames, %d splits" % (len(paths), len(frames.frames), len(SPLITS) - 1))
    print("%d passed, %d failed, %d skipped" % (tally.passed, tally.failed, tally.skipped))
    return 1 if tally.failed else 0


if __name__ == "__main__":
    sys.exit(main())
