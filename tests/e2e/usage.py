#!/usr/bin/python3
"""What xdpf says to arguments that are none, and to a compiler that is not there or falls over. Nothing of it needs privileges.

usage: usage.py XDPFC XDPF
"""
import os
import shutil
import subprocess
import sys
import tempfile

# arguments, and what is said of them; the exit status is that of usage
WRONG = (
    ("apply --confirm soon a.xdpf eth0", "--confirm takes a time from 1s to 24h"),
    ("apply --confirm 25h a.xdpf eth0", "--confirm takes a time from 1s to 24h"),
    ("apply --dispatch --reload a.xdpf eth0", "--reload does not go with --dispatch"),
    ("apply --priority 5 a.xdpf eth0", "--priority"),
    ("apply --mode fast a.xdpf eth0", "--mode"),
    ("apply --before x --after y --add a.xdpf eth0", "--before"),
    ("apply --replace y.o eth0", "y.o is no rule file"),
    ("bench", "filter"), ("bench --rounds 0 a.xdpf", "--rounds"), ("bench --packet 0 a.xdpf", "--packet"),
    ("confirm", "interface"), ("rollback", "interface"), ("remove", "interface"),
    ("doctor", "give an interface"), ("doctor a b c", "at most one filter"), ("doctor --mode fast eth0", "--mode is native or generic, not fast"),
    ("explain", "give one interface"), ("explain --raw --json eth0", "--raw explains nothing"), ("explain --verdict maybe eth0", "--verdict takes pass, drop"),
    ("explain --verdict pass,,drop eth0", "--verdict takes pass, drop"), ("explain --for 0 eth0", "--for takes a time"),
    ("explain --for soon eth0", "--for takes a time"), ("explain --rate 0 eth0", "--rate takes a number from 1"),
    ("explain --rate 1001 eth0", "--rate takes a number from 0 to 1000"), ("explain --count 0 eth0", "--count takes a number from 1"),
    ("explain --count many eth0", "--count takes a number"),
    ("follow eth0", "it takes no arguments"),
    ("log", "give one interface"), ("log a b", "give one interface"), ("log --pcap x --json eth0", "--pcap and --json are different forms"),
    ("log --count 0 eth0", "--count takes a number from 1"), ("log --count -1 eth0", "--count takes a number"),
    ("metrics", "say where to listen"), ("metrics --listen 9095", "--listen takes an address and a port"),
    ("metrics --listen :9095", "--listen takes an address and a port"), ("metrics --listen ::1:9095", "an IPv6 address stands in brackets"),
    ("metrics --listen 127.0.0.1:", "--listen takes an address and a port"), ("metrics --listen nowhere:80", "--listen takes an address and a port"),
    ("metrics --listen %s:80" % ("1" * 70), "--listen takes an address and a port"),
    ("restore", "give one interface"), ("restore a/b", "give one interface"), ("restore ..", "give one interface"),
    ("restore abcdefghijklmnop", "give one interface"), ("restore --mode fast eth0", "--mode is native or generic, not fast"),
    ("restore --from %s eth0" % ("d" * 5000), "name is too long"),
    ("run a.xdpf", "capture"), ("run --socket maybe a.xdpf x.pcap", "--socket maybe: yes or no"),
    ("run --flow-state closed a.xdpf x.pcap", "--flow-state closed: new, established or related"), ("run --rx hash a.xdpf x.pcap", "--rx hash: it takes"),
    ("run --rx pcp=1 a.xdpf x.pcap", "--rx pcp=1: it takes"), ("run --rxqueue 4294967296 a.xdpf x.pcap", "--rxqueue takes a number"),
    ("run --seed x a.xdpf x.pcap", "--seed takes a number"), ("run --split 3 a.xdpf x.pcap", "--split"),
    ("set", "say what to do: list, show, add"), ("set look eth0", "say what to do: list, show, add"), ("set list", "takes an interface"),
    ("set list eth0 s", "takes an interface"), ("set show eth0", "takes an interface and a set"), ("set add eth0 s", "a set and elements"),
    ("set replace eth0 s", "a set and a file"), ("set replace eth0 s a --follow b", "a set and a file"), ("set flush eth0", "and a set"),
    ("set show --from x eth0 s", "--from is for `add` and `remove`"), ("set add --follow x eth0 s 1", "--follow is for `replace`"),
    ("set add --from a --from b eth0 s", "--from takes one file"), ("set remove --timeout 5s eth0 s 1", "--timeout is for what is added"),
    ("set add --timeout soon eth0 s 1", "is no time: write 500ms"), ("set add --timeout 366d eth0 s 1", "is no time: write 500ms"),
    ("set replace --follow - eth0 s", "--follow takes a file"),
    ("stats", "interface"), ("stats a b", "interface"), ("stats --interval 5 eth0", "--interval is of --watch"),
    ("stats --watch --interval 0 eth0", "--interval"), ("stats --json --prometheus eth0", "--prometheus"),
    ("test", "filter"), ("test a.xdpf b.o", "filter"),
    ("nonsense", "no command is called nonsense; `xdpf --help` lists them"), ("statsu eth0", "did you mean `xdpf stats`?"),
    ("--json status", "unknown option --json; options stand behind the command"),
)


class Tester:
    def __init__(self, work):
        self.work, self.passed, self.failed = work, 0, 0

    def says(self, xdpf, argv, status, says, **more):
        done = subprocess.run([xdpf, *argv], cwd=self.work, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60, check=False,
                              **{"stdin": subprocess.DEVNULL, **more})
        words = done.stderr.decode(errors="replace")
        if done.returncode == status and says in words and not done.stdout and "Sanitizer" not in words:
            self.passed += 1
        else:
            self.failed += 1
            print("FAILED: %s: exit status %d, wanted %d with \"%s\": %s" % (" ".join(argv)[:80], done.returncode, status, says, words[:1500]))


def compilers(t, xdpf):
    """A compiler beside xdpf, in whose place there are others."""
    here = shutil.copy(xdpf, os.path.join(t.work, "xdpf"))
    beside = os.path.join(t.work, "xdpfc")
    with open(os.path.join(t.work, "a.xdpf"), "w", encoding="ascii") as f:
        f.write("drop if udp;\n")
    nowhere = dict(os.environ, PATH="/nonexistent")
    t.says(here, ["test", "a.xdpf"], 3, "xdpfc, which knows rules, cannot be started: No such file or directory", env=nowhere)
    for text, status, says in (("kill -SEGV $$", 3, "xdpfc ended by signal 11"), ("exit 1", 1, ""), ("echo words", 1, "is no"), ("exit 0", 1, "is no")):
        with open(beside, "w", encoding="ascii") as f:
            f.write("#!/bin/sh\n%s\n" % text)
        os.chmod(beside, 0o755)
        t.says(here, ["test", "a.xdpf"], status, says)
    with open(beside, "w", encoding="ascii") as f:
        f.write("no program\n")
    t.says(here, ["test", "a.xdpf"], 3, "cannot be started: Exec format error")
    folder = os.open(t.work, os.O_RDONLY)
    t.says(here, ["test", "-"], 3, "standard input cannot be read: Is a directory", stdin=folder)
    os.close(folder)
    t.says(here, ["test", "none.xdpf"], 3, "cannot be started: Exec format error")
    t.says(here, ["test", "none.o"], 1, "none.o")
    t.says(here, ["restore", "--from", t.work, "eth9"], 1, "no filter is kept for it")


def main():
    xdpf = os.path.abspath(sys.argv[2])
    with tempfile.TemporaryDirectory(prefix="xdpf-usage-") as work:
        t = Tester(work)
        for line, says in WRONG:
            t.says(xdpf, line.split(), 2, says)
        compilers(t, xdpf)
    print("%d passed, %d failed, 0 skipped" % (t.passed, t.failed))
    return 1 if t.failed else 0


if __name__ == "__main__":
    sys.exit(main())
