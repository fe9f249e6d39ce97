#!/usr/bin/python3
"""Outputs that cannot be written: each system call of a writing command that fails (strace), a full device, a file system without room, a closed pipe,
a signal in the middle.

usage: outputs.py XDPFC [--all]

The exit status is 3 with words, or all was written. An object is the old one or the new one, whole, and nothing lies beside it.
"""
import argparse
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import memory       # noqa: E402

SYSTEM = 3
# what fails, and how; what stands in a directory or on a file's way to its name
CALLS = (("write", "ENOSPC"), ("write", "EIO"), ("openat", "EACCES"), ("rename", "EIO"), ("fchmod", "EPERM"), ("close", "EIO"), ("fsync", "EIO"))
OLD = b"the old one"
SOME = 6


def run(xdpfc, work, argv, prefix=(), **more):
    env = dict(os.environ)
    env["ASAN_OPTIONS"] = ":".join(filter(None, [env.get("ASAN_OPTIONS"), "detect_leaks=0" if prefix else None]))
    more = {"stdout": subprocess.PIPE, **more}
    return subprocess.run([*prefix, xdpfc, *argv], cwd=work, env=env, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False, timeout=120, **more)


def holds(path):
    try:
        with open(path, "rb") as f:
            return f.read()
    except FileNotFoundError:
        return None


class Output:
    """A command that writes a file: before it there is the old one, or none."""
    def __init__(self, of, xdpfc, work, name, argv, old):
        self.of, self.xdpfc, self.work, self.name, self.argv, self.old = of, xdpfc, work, name, argv, old
        self.folder = os.path.join(work, "out")
        self.path = os.path.join(self.folder, argv[-1].split("/")[-1])

    def ready(self):
        for name in os.listdir(self.folder):
            os.unlink(os.path.join(self.folder, name))
        if self.old is not None:
            with open(self.path, "wb") as f:
                f.write(self.old)

    def judge(self, where, done, new):
        words, have = done.stderr.decode(errors="replace"), holds(self.path)
        where = "%s: exit status %d: %s" % (where, done.returncode, words)
        self.of.check(done.returncode in (0, 1, SYSTEM) and "Sanitizer" not in words, where)
        self.of.check(have == new if done.returncode == 0 else have in (self.old, new) and len(words) > 10, where + "the file holds %s bytes" %
                      (None if have is None else len(have)))
        beside = [n for n in os.listdir(self.folder) if os.path.join(self.folder, n) != self.path]
        self.of.check(not beside, where + "beside it there is %s" % beside)

    def calls(self, every):
        self.ready()
        self.of.check(run(self.xdpfc, self.work, self.argv).returncode == 0, "%s: by itself" % self.name)
        new, log = holds(self.path), os.path.join(self.work, "log")
        for call, error in CALLS:
            self.ready()
            run(self.xdpfc, self.work, self.argv, ("strace", "-f", "-qq", "-o", log, "-e", "trace=" + call))
            with open(log, encoding="utf-8", errors="replace") as f:
                n = sum(1 for line in f if " %s(" % call in line)
            # the last ones are those of the output
            for k in range(1 if every else max(1, n - SOME), n + 1):
                self.ready()
                done = run(self.xdpfc, self.work, self.argv, ("strace", "-f", "-qq", "-o", log, "-e", "trace=" + call, "-e",
                                                              "inject=%s:error=%s:when=%d" % (call, error, k)))
                self.judge("%s, %s %d: %s" % (self.name, call, k, error), done, new)
        for name in ("write", "rename", "openat"):
            for sig in ("INT", "TERM", "KILL"):
                self.ready()
                done = run(self.xdpfc, self.work, self.argv, ("strace", "-f", "-qq", "-o", log, "-e", "trace=" + name, "-e",
                                                              "inject=%s:signal=%s:when=1+" % (name, sig)))
                have = holds(self.path)
                self.of.check(done.returncode != 0 and have in (self.old, new), "%s, SIG%s at %s: exit status %d, %s bytes" %
                              (self.name, sig, name, done.returncode, None if have is None else len(have)))


def no_room(of, xdpfc, work):
    """A file system that is full: as root, in mounts of our own."""
    script = """mount -t tmpfs -o size=16k tmpfs out && head -c 12000 /dev/zero >out/rest && printf old >out/x.o
"$0" small.xdpf -o out/x.o; echo "status $?"; cat out/x.o; echo; ls out"""
    if os.geteuid():
        print("skipped: a full file system: needs root")
        of.skipped += 1
        return
    done = subprocess.run(["unshare", "--mount", "sh", "-c", script, xdpfc], cwd=work, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False,
                          timeout=60)
    of.check(done.stdout == "status 3\nold\nrest\nx.o\n" and "No space left" in done.stderr, "a full file system: %s%s" % (done.stdout, done.stderr))


def streams(of, xdpfc, work):
    """What goes to standard output."""
    capture = os.path.join(memory.ROOT, "tests/captures/edge.pcap")
    for argv in (["--run", capture, "small.xdpf"], ["--emit=json", "small.xdpf"], ["--emit=ir", "small.xdpf"], ["--list=fields"], ["--budget", "small.xdpf"],
                 ["--analyse", "small.xdpf"], ["small.xdpf", "-o", "-"], ["--test", "--json", "small.xdpf"], ["--help"], ["--format", "-"]):
        with open("/dev/full", "wb") as full:
            done = run(xdpfc, work, argv, stdout=full)
        words = done.stderr.decode(errors="replace")
        if argv == ["--format", "-"]:
            of.check(done.returncode in (0, SYSTEM), "%s, /dev/full: exit status %d: %s" % (argv, done.returncode, words))
        else:
            of.check(done.returncode == SYSTEM and re.search("No space left", words) and "Sanitizer" not in words,
                     "%s, /dev/full: exit status %d: %s" % (argv, done.returncode, words))
        read, write = os.pipe()
        os.close(read)
        done = run(xdpfc, work, argv, stdout=write)
        os.close(write)
        words = done.stderr.decode(errors="replace")
        of.check(done.returncode in ((0, SYSTEM) if argv == ["--format", "-"] else (SYSTEM,)) and "Sanitizer" not in words,
                 "%s, a closed pipe: exit status %d: %s" % (argv, done.returncode, words))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("xdpfc", type=os.path.abspath)
    parser.add_argument("--all", action="store_true")
    o = parser.parse_args()
    of = memory.Failures()
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    with tempfile.TemporaryDirectory(prefix="xdpf-faults-") as work:
        memory.prepare(work, o.xdpfc)
        with open(os.path.join(work, "unformatted.xdpf"), "rb") as f:
            unformatted = f.read()
        for name, argv, old in (("a new object", ["small.xdpf", "-o", "out/x.o"], None), ("an object in the place of another", ["small.xdpf", "-o", "out/x.o"], OLD),
                                ("a rule file's layout", ["--format", "out/f.xdpf"], unformatted)):
            Output(of, o.xdpfc, work, name, argv, old).calls(o.all)
        no_room(of, o.xdpfc, work)
        streams(of, o.xdpfc, work)
        shutil.rmtree(os.path.join(work, "out"))
    print("%d passed, %d failed, %d skipped" % (of.passed, of.failed, of.skipped))
    return 1 if of.failed else 0


if __name__ == "__main__":
    sys.exit(main())
