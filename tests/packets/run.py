#!/usr/bin/python3
"""Runs packet tests: rule files that say, in comments, what becomes of which packet.

usage: run.py [--xdpfc XDPFC] [--xdpf XDPF] [FILE…]        without FILE: every *.xdpf here and in examples/, and whether
                                                those here name every field

Comments of a rule file (one that has no "->" where one is due goes on in the next line):

  #: PACKET -> VERDICT LABEL                    PACKET is a Python expression over frames.py; its bytes are the frame
  #: sweep PACKET -> 0-13 skipped, 14-41 drop bad, 42- pass default
                                                one frame per length, cut off behind so many bytes
  #: at 1.5s PACKET -> VERDICT LABEL             the clock says so from here on; +5ms: so much later. It stands still in a file that says this,
                                                in others there is a second between packets
  #: 20 times PACKET -> VERDICT LABEL            so often, one after the other (behind a time, too)
  #: let NAME = EXPRESSION                      for the expressions below it
  #: option --iface eth0                        for both tools
  #: then FILE                                  another rule file behind this one, in one program

Each packet is judged twice: by the reference evaluator (xdpfc --run), and in the kernel (xdpf run). The last line counts both.
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
from corpus import HERE, ROOT


class BadTest(Exception):
    pass


class Test:
    """A rule file: its frames, each with (line, verdict, label)."""

    def __init__(self, path, frames):
        self.path, self.files, self.options, self.frames, self.expected = path, [path], [], [], []
        self.times, self.now, self.timed = [], corpus.START, False	# ns
        names = dict(vars(frames))
        pending, start = "", 0
        with open(path) as f:
            for number, line in enumerate(f, 1):
                if not line.startswith("#:"):
                    if pending:
                        raise BadTest("%s:%d: no verdict" % (path, start))
                    continue
                text = line[2:].strip()
                if not pending:
                    start = number
                pending = (pending + " " + text).strip()
                if self.directive(pending, start, names):
                    pending = ""
        if pending:
            raise BadTest("%s:%d: no verdict" % (path, start))

    def directive(self, text, line, names):
        """False: the next line belongs to it."""
        word, _, rest = text.partition(" ")
        if word == "option":
            self.options += shlex.split(rest)
        elif word == "then":
            self.files.append(os.path.join(os.path.dirname(self.path), rest))
        elif word == "let":
            name, _, expression = rest.partition("=")
            names[name.strip()] = self.evaluate(expression, line, names)
        elif "->" not in text:
            return False
        else:
            expression, _, outcome = (rest if word == "sweep" else text).rpartition("->")
            if word == "at":
                expression = self.clock(expression.split(None, 2), line)
            times, word2, behind = (expression.split(None, 2) + ["", "", ""])[:3]
            repeat, expression = (int(times), behind) if times.isdigit() and word2 == "times" else (1, expression)
            data = bytes(self.evaluate(expression, line, names))
            if word == "sweep":
                self.sweep(data, outcome, line)
            else:
                for _ in range(repeat):
                    self.add(data, outcome.split(), line)
        return True

    def clock(self, words, line):
        """`at TIME …`: sets the clock; what is behind it."""
        m = re.fullmatch(r"(\+?)(\d+)(?:\.(\d+))?(s|ms|us|ns)", words[1] if len(words) == 3 else "")
        if not m:
            raise BadTest("%s:%d: no time behind `at`, or nothing behind the time" % (self.path, line))
        digits = {"s": 9, "ms": 6, "us": 3, "ns": 0}[m[4]]
        ns = int(m[2]) * 10 ** digits + int((m[3] or "").ljust(digits, "0")[:digits] or 0)
        self.now, self.timed = (self.now if m[1] else corpus.START) + ns, True
        return words[2]

    def evaluate(self, expression, line, names):
        try:
            return eval(expression.strip(), names)
        except Exception as e:
            raise BadTest("%s:%d: %s: %s" % (self.path, line, type(e).__name__, e))

    def add(self, data, outcome, line):
        self.frames.append(data)
        self.times.append(self.now)
        self.expected.append((line, outcome[0], outcome[1] if len(outcome) > 1 else None))

    def sweep(self, data, outcome, line):
        due = 0
        for part in outcome.split(","):
            lengths, *what = part.split()
            first, _, last = lengths.partition("-")
            last = int(last) if last else (len(data) if "-" in lengths else int(first))
            if int(first) != due:
                raise BadTest("%s:%d: a sweep leaves out length %d" % (self.path, line, due))
            for n in range(int(first), last + 1):
                self.add(data[:n], what, line)
            due = last + 1
        if due != len(data) + 1:
            raise BadTest("%s:%d: the sweep ends at %d, the packet has %d bytes" % (self.path, line, due - 1, len(data)))


class Tally:
    def __init__(self):
        self.passed = self.failed = self.skipped = 0
        self.reasons = {}

    def fail(self, text):
        self.failed += 1
        print("FAILED: " + text)

    def skip(self, n, reason):
        self.skipped += n
        self.reasons[reason] = self.reasons.get(reason, 0) + n


def run(command):
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def judge(test, who, process, tally):
    """Compares what a tool printed with what is expected."""
    if process.returncode:
        tally.fail("%s: %s: exit status %d: %s" % (test.path, who, process.returncode, process.stderr.strip()))
        return
    lines = process.stdout.splitlines()
    if len(lines) != len(test.frames):
        tally.fail("%s: %s: %d lines for %d frames" % (test.path, who, len(lines), len(test.frames)))
        return
    for number, (text, (line, verdict, label)) in enumerate(zip(lines, test.expected), 1):
        have = (text.split("\t") + ["", ""])[:3]
        if have[0] == str(number) and have[1] == verdict and (label is None or have[2] == label):
            tally.passed += 1
        else:
            tally.fail("%s:%d: packet %d, %d bytes: %s %s expected, %s says %s %s" % (
                test.path, line, number, len(test.frames[number - 1]), verdict, label or "", who, have[1], have[2]))


def run_test(test, args, tally):
    with tempfile.TemporaryDirectory() as tmp:
        capture, prog = os.path.join(tmp, "packets.pcap"), os.path.join(tmp, "prog.o")
        corpus.write_pcap(capture, test.frames, test.times if test.timed else None)
        judge(test, "the evaluator", run([args.xdpfc, "--run", capture, *test.options, *test.files]), tally)
        compiled = run([args.xdpfc, "--quiet", *test.files, "-o", prog])
        if compiled.returncode:
            tally.fail("%s: does not compile: %s" % (test.path, compiled.stderr.strip()))
            return
        if args.refused:
            tally.skip(len(test.frames), "the kernel: " + args.refused)
        else:
            judge(test, "the kernel", run([args.xdpf, "run", *test.options, prog, capture]), tally)


def unnamed_words(paths):
    """Fields and headers of the tables that no test file names."""
    text = ""
    for path in paths:
        with open(path) as f:
            text += re.sub(r"#.*", "", f.read())
    words = set(re.findall(r"[a-z][a-z0-9]*(?:\.[a-z][a-z0-9]*)*", text))
    for table, row in (("fields.def", r'^(?:FIELD|META|ALIAS)\(\w+,\s*"([^"]+)"'), ("headers.def", r'^HEADER\(\w+,\s*"([^"]+)"')):
        with open(os.path.join(ROOT, "grammar", table)) as f:
            for name in re.findall(row, f.read(), re.M):
                if name not in words:
                    yield table, name


def main():
    release = os.path.join(ROOT, "build", "release")
    parser = argparse.ArgumentParser()
    parser.add_argument("--xdpfc", default=os.path.join(release, "xdpfc"))
    parser.add_argument("--xdpf", default=os.path.join(release, "xdpf"))
    parser.add_argument("--no-kernel", action="store_true")
    parser.add_argument("file", nargs="*")
    args = parser.parse_args()
    try:
        import frames
    except ImportError as e:
        print("skipped: packets: %s" % e)
        return 77
    tally = Tally()
    args.refused = "--no-kernel" if args.no_kernel else corpus.kernel_refuses(args.xdpfc, args.xdpf)
    paths = args.file or [p for d in (HERE, os.path.join(ROOT, "examples")) for p in sorted(glob.glob(os.path.join(d, "*.xdpf")))]
    packets = 0
    for path in paths:
        try:
            test = Test(path, frames)
        except BadTest as e:
            tally.fail(str(e))
            continue
        packets += len(test.frames)
        run_test(test, args, tally)
    if not args.file:
        for table, name in unnamed_words(p for p in paths if os.path.dirname(p) == HERE):
            tally.fail("%s: no packet test names %s" % (table, name))
    for reason, n in tally.reasons.items():
        print("skipped: packets: %d of them, %s" % (n, reason))
    print("%d files, %d packets" % (len(paths), packets))
    print("%d passed, %d failed, %d skipped" % (tally.passed, tally.failed, tally.skipped))
    return 1 if tally.failed else 0


if __name__ == "__main__":
    sys.exit(main())
