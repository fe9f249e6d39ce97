"""Cases of the differential driver: rule files, frames, and the ways to compile them; and the worker (worker.c) that judges them."""

import json
import os
import random
import re
import select
import subprocess
import sys

sys.dont_write_bytecode = True
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tests", "packets"))
import corpus
import made
import rulefile
import rules

WAIT = 300              # seconds for an answer
SMALL = 8               # megabytes of tables: what would be larger is cut in several segments, soon enough for a test
# How else a file is compiled, besides as it is best: each engine by its name, nothing that is clever, and what is done where a verifier would walk too much.
PLAIN = {"plain": True}
SELDOM = ("bounds", "dir24", "pages")    # engines of sets that few files are for: their keys have at most so many bits
SELDOM_BITS, SELDOM_FROM = 32, 25        # and a set with so many elements is still a table where some of these are the same
OTHERS = [{"engine": e, "table_memory": SMALL} for e in ("linear", "switch", "rfc", "hybrid", "tree")] + [
    {"engine": "rfc", "table_memory": SMALL, "counting": "deferred"}, {"counting": "deferred"}] + [
    {"set_engine": s} for s in ("bits", "search", "hash", "pages", "bounds", "trie", "dir24", "quotient")] + [
    {"apart": 1}, {"apart": 3}, {"off_stack": True}]


class Dead(Exception):
    """The worker ended, or does not answer."""


class Worker:
    def __init__(self, path):
        self.path, self.process = path, None

    def ask(self, job):
        if not self.process:
            self.process = subprocess.Popen([self.path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        try:
            self.process.stdin.write(json.dumps(job).encode() + b"\n")
            self.process.stdin.flush()
            ready = select.select([self.process.stdout], [], [], WAIT)[0]
            line = self.process.stdout.readline() if ready else b""
        except BrokenPipeError:
            ready, line = True, b""
        if line:
            return json.loads(line)
        self.process.kill()
        said = self.process.communicate()[1].decode(errors="replace")
        why = "exit status %d: %s" % (self.process.returncode, said[-3000:]) if ready else "no answer in %d seconds" % WAIT
        self.process = None
        raise Dead(why)

    def close(self):
        if self.process:
            self.process.stdin.close()
            self.process.wait()
            self.process.stdout.close()
            self.process.stderr.close()
            self.process = None


class Case:
    """One program, its frames, and how it is run. .files: its rule files; .more: what they read besides."""

    def __init__(self, files, more, given, frames=(), times=(), splits=(), ways=()):
        self.files, self.more, self.given = files, more, given
        self.frames, self.times, self.splits, self.ways = list(frames), list(times), list(splits), list(ways)

    def text(self):
        out = []
        for path in self.files + self.more:
            with open(path) as f:
                out.append(f.read())
        return "\n".join(out)

    def job(self, capture=None, **more):
        given = {k.replace("-", "_"): True if v is None else int(v) if k == "rxqueue" else v for k, v in self.given.items()}
        job = {"files": self.files, "ways": self.ways, **given, **more}
        if capture:
            corpus.write_pcap(capture, self.frames, self.times)
            job.update(capture=capture, splits=self.splits)
        return job


def given_in(text):
    """The options that a rule file's comments say: {name: value or None}."""
    words = [w for line in text.splitlines() if line.startswith("#: option ") for w in line.split()[2:]]
    out, name = {}, None
    for word in words:
        if word.startswith("--"):
            name = word[2:]
            out[name] = None
        else:
            out[name] = word
    return out


def narrow():
    """Types of sets whose keys have few bits."""
    return {name for name, kind, bits in rules.types().values() if bits <= SELDOM_BITS and kind in ("NUM", "IP4")}


def other_way(rnd, text):
    """One of OTHERS; of the engines that few files are for, more often where they are for this one."""
    sets = re.findall(r"(?m)^set \w+ : (\([^)]*\)|\w+) = (.*)$", text)
    fit = {kind for kind, _ in sets} <= narrow() and any(elements.count(",") + 1 >= SELDOM_FROM for _, elements in sets)
    return {"set_engine": rnd.choice(SELDOM)} if fit and rnd.random() < 0.9 else rnd.choice(OTHERS)


def split(rnd, frame):
    """Bytes in one piece; 0: all."""
    if rnd.random() < 0.5 or len(frame) < 16:
        return 0
    at = rnd.choice((14, 15, 18, 20, 22, 33, 34, 40, 54, 60, 62, rnd.randrange(14, 130)))
    return at if at < len(frame) else rnd.randrange(14, len(frame))


def some_frames(rnd, known, n):
    """Frames of captures and packet tests, built ones, mutants of both, and one cut off behind each of its bytes."""
    built = list(made.frames(rnd, n // 3))
    cut = list(made.sweep(rnd.choice(rnd.choice((built, known)))))[:n // 8] if n >= 80 else []
    mutants = list(corpus.mutants(built + rnd.sample(known, min(len(known), n // 3)), n // 4, rnd.random()))
    rest = n - len(built) - len(cut) - len(mutants)
    frames = built + cut + mutants + [rnd.choice(known) for _ in range(rest)]
    rnd.shuffle(frames)
    return frames


def generate(folder, number, seed, known, n_frames, size=None):
    """Case NUMBER of a run; what the checker refuses is still in its files."""
    name = "%s/%d" % (seed, number)
    rnd = random.Random("case " + name)
    files, more = rulefile.make(folder, "d%d" % number, name, known, size)
    with open(files[0]) as f:
        given = given_in(f.read())
    case = Case(files, more, given, ways=[{"engine": "auto"}])
    if n_frames:
        case.frames = some_frames(rnd, known, n_frames)
        case.times = list(corpus.times(len(case.frames), rnd.random()))
        case.splits = [split(rnd, f) for f in case.frames]
        case.ways += [PLAIN, other_way(rnd, case.text())]
    return case
