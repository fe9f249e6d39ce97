#!/usr/bin/python3
"""Allocations that fail, one after the other (failing.c), in all that xdpfc does.

usage: memory.py XDPFC FAILING.so [--every N] [--some] [--plain] [--only NAME]

Each failure must end in exit status 3, or 1, with a message that says so; or make no difference at all: the same output, to the byte. Never in a
signal, a sanitizer's word, or half a file. --plain: it was built without sanitizers, and nobody says whose a crash is. --some: not of every command.
Without --every: each place that allocates, its first failures and some of the later ones; --every 1: all.
"""
import argparse
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import zlib

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
NO_MEMORY = re.compile(r"memory|bad_alloc|not enough core|: malloc$", re.I | re.M)
# Who does not look at what it was given, and is not ours to mend: what LLVM asks for by new(nothrow), and libpcap's optimiser and scanner.
THEIRS = re.compile(r"^ +#0 0x[0-9a-f]+ (in )?(\(anonymous namespace\)::AsmParser::|llvm::|.*/libpcap\.so)|^out of dynamic memory in yy", re.M)
MOST_SHOWN = 10
SOME = ("check-json", "object", "format", "run-json", "analyse-json", "import-json", "import-nft")
WITHOUT_TEXT = 2        # files of small.xdpf

RULES = "small.xdpf"
CAPTURE = os.path.join(ROOT, "tests/captures/edge.pcap")


def commands():
    """name, arguments, the file that is written"""
    imports = os.path.join(ROOT, "tests/import/rules")
    first = {}
    for name in sorted(os.listdir(imports)):
        first.setdefault(name.rsplit(".", 1)[1], os.path.join(imports, name))
    yield from (
        ("check", ["--check", RULES], None),
        ("check-json", ["--check", "--json", "wrong.xdpf"], None),
        ("object", [RULES, "-o", "out/x.o"], "out/x.o"),
        ("plain", ["-O0", "--json", RULES, "-o", "out/x.o"], "out/x.o"),
        ("format", ["--format", "out/f.xdpf"], "out/f.xdpf"),
        ("test", ["--test", RULES], None),
        ("test-json", ["--test", "--json", RULES], None),
        ("run", ["--run", CAPTURE, RULES], None),
        ("run-json", ["--json", "--run", CAPTURE, RULES], None),
        ("explain", ["--explain", CAPTURE + ":1-3", RULES], None),
        ("explain-json", ["--json", "--explain", "tcp.dport = 22", RULES], None),
        ("diff", ["--diff", RULES, "other.xdpf"], None),
        ("analyse", ["--analyse", RULES], None),
        ("analyse-json", ["--analyse", "--json", RULES], None),
        ("budget", ["--budget", RULES], None),
        ("budget-json", ["--budget", "--json", RULES], None),
        ("list", ["--list=fields", "--json"], None),
    )
    for stage in ("ast", "ir", "llvm", "asm", "json", "xdpf"):
        yield "emit-" + stage, ["--emit=" + stage, RULES], None
    yield "import-json", ["--import=json", "small.json"], None
    for kind in ("list", "pcap-filter", "iptables", "ip6tables", "nft", "flowspec"):
        yield "import-" + kind, ["--import=" + kind, first[kind]], None
    yield "prove", ["--import=pcap-filter", "--prove", "20", first["pcap-filter"]], None


class Failures:
    def __init__(self):
        self.passed = self.failed = self.skipped = self.theirs = 0

    def check(self, ok, text):
        if ok:
            self.passed += 1
        else:
            self.failed += 1
            if self.failed <= MOST_SHOWN or os.environ.get("ALL"):
                print("FAILED: " + text, flush=True)


def records(path):
    """(n, status, at, length, sum, output, files, said) of each failure, and how many allocations there were."""
    found, counted = [], 0
    with open(path, encoding="utf-8", errors="replace") as f:
        for line in f:
            if line.startswith("failed "):
                found.append((*map(int, line.split()[1:]), []))
            elif line.startswith("counted "):
                counted = int(line.split()[1])
            elif found:
                found[-1][-1].append(line[2:].rstrip("\n"))
    return found, counted


def file_sum(path):
    try:
        with open(path, "rb") as f:
            return zlib.crc32(f.read())
    except FileNotFoundError:
        return 0


def prepare(work, xdpfc):
    os.makedirs(os.path.join(work, "out"))
    for name in os.listdir(os.path.join(HERE, "rules")):
        shutil.copy(os.path.join(HERE, "rules", name), work)
    with open(os.path.join(work, "small.json"), "wb") as out:
        subprocess.run([xdpfc, "--emit=json", RULES], cwd=work, stdout=out, check=True)


def one(of, work, tool, name, arguments, output, failing, every, plain):
    log, printed = os.path.join(work, "log"), os.path.join(work, "printed")
    if os.path.exists(log):
        os.unlink(log)
    out = os.path.join(work, output) if output else None
    if output:
        for old in os.listdir(os.path.join(work, "out")):
            os.unlink(os.path.join(work, "out", old))
        if "--format" in arguments:
            shutil.copy(os.path.join(work, "unformatted.xdpf"), out)
    before = file_sum(out) if out else 0
    env = dict(os.environ, LD_PRELOAD=failing, FAILING_AT="each", FAILING_LOG=log, FAILING_EVERY=str(every))
    env["ASAN_OPTIONS"] = ":".join(filter(None, [os.environ.get("ASAN_OPTIONS"), "verify_asan_link_order=0"]))
    if out:
        env["FAILING_OUTPUT"] = out
    with open(printed, "wb") as f:
        done = subprocess.run([tool, *arguments], cwd=work, env=env, stdin=subprocess.DEVNULL, stdout=f, stderr=subprocess.PIPE, timeout=3000)
    with open(printed, "rb") as f:
        text = f.read()
    after = file_sum(out) if out else 0
    want = done.returncode
    of.check(want in (0, 1, 4) and b"Sanitizer" not in done.stderr, "%s: by itself: exit status %d: %s" %
             (name, want, done.stderr.decode(errors="replace")[-1500:]))
    found, counted = records(log)
    of.check(counted > 0 and found, "%s: no allocation was counted" % name)
    files, last, spared, want_file = None, before, 0, after
    for n, status, at, length, crc, holds, beside, said in found:
        after = want_file
        where, words = "%s, allocation %d: exit status %d" % (name, n, status), "\n".join(said)
        if status == want and not NO_MEMORY.search(words):
            # it did without
            ok = length == len(text) - at and crc == zlib.crc32(text[at:]) and (not out or holds == after)
            if not ok and output and output.endswith(".o") and length == len(text) - at and spared < WITHOUT_TEXT:
                # LLVM's BTF writer leaves out the text of a file that it has no memory for
                spared += 1
                of.theirs += 1
                ok, after = True, holds
            of.check(ok and "Sanitizer" not in words, "%s, and another output: %s" % (where, words))
        elif THEIRS.search(words) or (plain and status == 128 + signal.SIGSEGV):
            of.theirs += 1
        else:
            of.check(status in (1, 3) and NO_MEMORY.search(words) and "Sanitizer" not in words, "%s: %s" % (where, words))
            of.check(not out or holds in (last, after), where + ": the output is neither the old one nor the new one")
        last = holds
        # one more at most: the output itself
        files = beside if files is None else files
        of.check(beside in (files, files + 1), "%s: files are left beside the output: %d, %d before" % (where, beside, files))
    return counted, len(found)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("xdpfc")
    parser.add_argument("failing")
    parser.add_argument("--every", type=int, default=0)
    parser.add_argument("--some", action="store_true")
    parser.add_argument("--plain", action="store_true")
    parser.add_argument("--only")
    o = parser.parse_args()
    of = Failures()
    with tempfile.TemporaryDirectory(prefix="xdpf-faults-") as work:
        prepare(work, os.path.abspath(o.xdpfc))
        for name, arguments, output in commands():
            if (o.only and not re.fullmatch(o.only, name)) or (o.some and name not in SOME):
                continue
            counted, n = one(of, work, os.path.abspath(o.xdpfc), name, arguments, output, os.path.abspath(o.failing), o.every, o.plain)
            print("%s: %d allocations, %d of them failed" % (name, counted, n), flush=True)
    print("%d faults were LLVM's and libpcap's own" % of.theirs)
    print("%d passed, %d failed, 0 skipped" % (of.passed, of.failed))
    return 1 if of.failed else 0


if __name__ == "__main__":
    sys.exit(main())
