"""Makes a disagreement small, and keeps it as a test: a rule file whose comments say how it is compiled and run, and over which frames.

  #: way {"engine": "rfc"}          how it is compiled (worker.c)
  #: option --iface eth0            how it is run; #: then FILE: a file behind it
  #: seed N
  #: frame NS SPLIT HEX             ns since 2023-11-14T22:13:20Z; bytes in one piece, 0: all; the frame
"""

import json
import os
import re
import shutil
import time

import cases
import corpus

START = corpus.START


def kind(answer):
    """What sort of failure an answer tells of; None: of none."""
    ways = answer.get("ways", [])
    if "wrong" in answer:
        return "wrong"
    if any("refused" in w for w in ways):
        return "refused"
    return None


class Small:
    """A case that fails, as texts; .better() tries one that is smaller."""

    def __init__(self, worker, folder, case, seed, patience, lie=None):
        self.worker, self.folder, self.seed, self.lie = worker, folder, seed, lie
        self.given, self.ways = dict(case.given), list(case.ways)
        self.frames = list(zip(case.frames, case.times, case.splits))
        self.names, self.lines, self.more = [], [], case.more
        for path in case.files:
            with open(path) as f:
                self.lines.append([line for line in f.read().splitlines() if not line.startswith("#:")])
            self.names.append(path)
        self.until = time.time() + patience
        self.tried = 0
        self.kind = self.judge(self.lines, self.given, self.ways, self.frames)
        self.failing = self.answer      # of what there is now

    def judge(self, lines, given, ways, frames):
        self.tried += 1
        self.answer = {}
        paths = []
        for name, text in zip(self.names, lines):
            paths.append(os.path.join(self.folder, "small-" + os.path.basename(name)))
            with open(paths[-1], "w") as f:
                f.write("\n".join(text) + "\n")
        case = cases.Case(paths, [], given, *([x[i] for x in frames] for i in range(3)), ways)
        try:
            self.answer = self.worker.ask(case.job(os.path.join(self.folder, "small.pcap") if frames else None, seed=self.seed,
                                                   **({"lie": self.lie} if self.lie else {})))
        except cases.Dead:
            return "dead"
        return kind(self.answer)

    def better(self, lines=None, given=None, ways=None, frames=None):
        if time.time() > self.until:
            return False
        new = (self.lines if lines is None else lines, self.given if given is None else given, self.ways if ways is None else ways,
               self.frames if frames is None else frames)
        if self.judge(*new) != self.kind:
            return False
        self.lines, self.given, self.ways, self.frames = new
        self.failing = self.answer
        return True

    def without(self, items, take):
        """Takes out what of ITEMS need not be there, large pieces first; TAKE: is it enough with these?"""
        size = max(1, len(items) // 2)
        while items and time.time() < self.until:
            at, took = 0, False
            while at < len(items):
                rest = items[:at] + items[at + size:]
                if take(rest):
                    items, took = rest, True
                else:
                    at += size
            if size == 1 and not took:
                break
            size = max(1, size // 2)
        return items

    # ---- the parts ----

    def shorten_ways(self):
        for way in self.ways:
            if len(self.ways) > 1 and self.better(ways=[way]):
                break
        for key in list(self.ways[0]) if len(self.ways) == 1 else ():
            self.better(ways=[{k: v for k, v in self.ways[0].items() if k != key}])

    def shorten_frames(self):
        if self.kind == "refused":
            self.better(frames=[])
            return
        if self.kind != "wrong":
            return
        n = self.failing["wrong"]["frame"] + 1
        if n < len(self.frames):
            self.better(frames=self.frames[:n])
        self.frames[-1:] and self.better(frames=self.frames[-1:])
        self.without(self.frames, lambda rest: self.better(frames=rest))

    def shorten_files(self):
        for i in reversed(range(len(self.lines))):
            if len(self.lines) > 1:
                names, lines = self.names, self.lines
                self.names = names[:i] + names[i + 1:]
                if not self.better(lines=lines[:i] + lines[i + 1:]):
                    self.names = names
        for i in range(len(self.lines)):
            self.without(self.lines[i], lambda rest: self.better(lines=self.lines[:i] + [rest] + self.lines[i + 1:]))

    def shorten_lines(self):
        """Words of each line."""
        for i in range(len(self.lines)):
            for k in range(len(self.lines[i])):
                words = re.findall(r"\s+|[\w.:/]+|[^\w\s]", self.lines[i][k])

                def take(rest):
                    new = list(self.lines[i])
                    new[k] = "".join(rest)
                    return self.better(lines=self.lines[:i] + [new] + self.lines[i + 1:])

                self.without(words, take)

    def shorten_given(self):
        for name in list(self.given):
            self.better(given={k: v for k, v in self.given.items() if k != name})

    def shorten_bytes(self):
        for i in range(len(self.frames)):
            frame, when, split = self.frames[i]
            put = lambda *new: self.better(frames=self.frames[:i] + [new] + self.frames[i + 1:])
            if split and put(frame, when, 0):
                split = 0
            if put(frame, START, split):
                when = START
            for n in (14, 34, 42, 54, 64, 100, 200):
                if n < len(frame) and put(frame[:n], when, split):
                    frame = frame[:n]
                    break
            for n in (16, 4, 1):
                while len(frame) - n >= 14 and put(frame[:-n], when, split):
                    frame = frame[:-n]
            for n in (32, 8, 2, 1):
                for at in range(0, min(len(frame), 160), n):
                    zero = frame[:at] + bytes(len(frame[at:at + n])) + frame[at + n:]
                    if zero != frame and put(zero, when, split):
                        frame = zero

    def shrink(self):
        before = None
        while before != (self.lines, self.frames, self.given) and time.time() < self.until:
            before = (self.lines, self.frames, self.given)
            self.shorten_ways()
            self.shorten_frames()
            self.shorten_files()
            self.shorten_given()
            self.shorten_lines()
            self.shorten_bytes()

    def write(self, folder, name):
        """As files in FOLDER; the path of the first."""
        os.makedirs(folder, exist_ok=True)
        wrong = self.failing.get("wrong", {}).get("what") or next((w["refused"].strip().splitlines()[-1] for w in self.failing.get("ways", ())
                                                                   if w.get("refused", "").strip()), "the worker ended")
        names = ["%s%s.xdpf" % (name, "-%d" % (i + 1) if i else "") for i in range(len(self.lines))]
        for i, text in enumerate(self.lines):
            head = []
            if i == 0:
                head = ["# " + wrong] + ["#: way " + json.dumps(w) for w in self.ways] + ["#: seed %d" % self.seed]
                head += ["#: option " + "".join("--%s %s " % (k, v or "") for k, v in self.given.items()).strip()] if self.given else []
                head += ["#: then " + other for other in names[1:]]
                head += ["#: frame %d %d %s" % (when - START, split, frame.hex()) for frame, when, split in self.frames]
            with open(os.path.join(folder, names[i]), "w") as f:
                f.write("\n".join(head + text) + "\n")
        for path in self.more:
            shutil.copy(path, folder)
        return os.path.join(folder, names[0])


def keep(worker, folder, case, seed, keep_in, name, patience, lie=None):
    small = Small(worker, folder, case, seed, patience, lie)
    if small.kind:
        small.shrink()
    return small.write(keep_in, name)


def read(path):
    """A kept case, and its seed."""
    with open(path) as f:
        text = f.read()
    said = re.findall(r"^#: (\w+) (.*)$", text, re.M)
    files = [path] + [os.path.join(os.path.dirname(path), rest) for word, rest in said if word == "then"]
    frames = [rest.split() for word, rest in said if word == "frame"]
    seed = [int(rest) for word, rest in said if word == "seed"] or [1]
    return cases.Case(files, [], cases.given_in(text), [bytes.fromhex(f[2]) for f in frames], [START + int(f[0]) for f in frames],
                      [int(f[1]) for f in frames], [json.loads(rest) for word, rest in said if word == "way"] or [{}]), seed[0]
