"""Packets through veth: namespaces of our own, what stands in them, and turns.

Everything lives in a network and a mount namespace that end with the process that began in them (enter()): interfaces, further namespaces, pins,
the private /run/netns and /sys/fs/bpf. xdpf_live_bench (live_bench.c) loads, sends and counts; here is said who takes turns with whom.

A turn sends what the bench was given last, for some milliseconds. Sender and receiver share a CPU, so the receiver gets all, in batches of 64 frames.
"""
import json
import os
import statistics
import subprocess
import sys
import tempfile

NO_BPF = 77
MAC = "02:00:00:00:00:01"               # whom the frames are for
METHOD = """\
live      frames leave by the kernel's live-frame test run and veth, in batches of 64, and are received by a thread (threaded NAPI) on the same CPU,
          both before what else wants it.
          All take turns of %(ms)d ms, behind %(warm)d ms that do not count, %(rounds)d times; medians of the turns.
run       ns per packet by the run-time statistics of the BPF program; reading the clock twice is in them, and in the floor.
cpu       ns on the CPU per packet of the thread that receives, for XDP, nftables and iptables alike. In front of the last two stands a program
          that is only `return XDP_PASS`: it counts what arrives.
net       without the floor, which is a program that is only `return XDP_DROP`; gross: with it.
"""


class Refused(Exception):
    pass


def enter():
    """Begins this program again in namespaces of its own; an error's text where that is refused."""
    if os.environ.get("XDPF_BENCH_INSIDE") != "yes":
        done = subprocess.run(["unshare", "--net", "--mount", "true"], stderr=subprocess.PIPE, text=True)
        if done.returncode:
            return done.stderr.strip()
        os.environ["XDPF_BENCH_INSIDE"] = "yes"
        sys.stdout.flush()
        os.execvp("unshare", ["unshare", "--net", "--mount", "--propagation", "private", sys.executable, *sys.argv])
    for command in (["mount", "-t", "sysfs", "sysfs", "/sys"], ["mount", "-t", "bpf", "bpf", "/sys/fs/bpf"], ["mkdir", "-p", "/run/netns"],
                    ["mount", "-t", "tmpfs", "tmpfs", "/run/netns"], ["ip", "link", "set", "lo", "up"]):
        done = subprocess.run(command, stderr=subprocess.PIPE, text=True)
        if done.returncode:
            return done.stderr.strip()
    return None


class Live:
    """The bench that sends, and its pairs. The floor and the pair "xdp", whose program is exchanged at every turn, are there from the start."""

    def __init__(self, bench, sender, quick=False, rounds=None):
        self.errors = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen([bench, sender], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.errors, text=True)
        self.n_pairs = 0
        self.rounds, self.warm, self.ms = (3, 1, 10) if quick else (rounds or 9, 5, 45)
        self.pair("xdp")
        self.load("floor", "floor")

    def close(self):
        self.process.stdin.close()
        self.process.wait()

    def said(self):
        """The last line of what it said on the way."""
        self.errors.seek(0)
        lines = self.errors.read().strip().splitlines()
        self.errors.seek(0)
        self.errors.truncate()
        return lines[-1] if lines else ""

    def do(self, *words):
        self.process.stdin.write(" ".join(map(str, words)) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise Refused(self.said() or "the bench has ended")
        answer = json.loads(line)
        if "error" in answer:
            said = self.said()
            raise Refused(answer["error"] + (": " + said if said else ""))
        return answer

    def load(self, name, kind, *path):
        return self.do("load", name, kind, *path)

    def unload(self, *names):
        for name in names:
            self.do("unload", name)

    def frames(self, capture):
        return self.do("frames", capture)["frames"]

    # ---- pairs ----

    def pair(self, name, netns=None, setup=None):
        """A veth pair; its other end in the namespace @netns, which is made. @setup(device) runs before anything stands there."""
        number = (os.getpid() & 0x3fffff) << 6 | self.n_pairs
        a, b = "a%07x" % number, "b%07x" % number
        self.n_pairs += 1
        where = ["ip", "netns", "exec", netns] if netns else []
        one_queue = ["numrxqueues", "1", "numtxqueues", "1"]
        link = ["ip", "link", "add", a, *one_queue, "type", "veth", "peer", "name", b, *one_queue]
        for command in ([["ip", "netns", "add", netns]] if netns else []) + [
                link, *([["ip", "link", "set", b, "netns", netns]] if netns else []), ["ip", "link", "set", a, "up"],
                [*where, "sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=0"], [*where, "ip", "link", "set", b, "address", MAC],
                [*where, "ip", "link", "set", b, "up"]]:
            run(command)
        if setup:
            setup(b)
        self.do("pair", name, a, netns or "-", b)
        run([*where, "sh", "-c", "echo 1 >/sys/class/net/%s/threaded" % b])
        return b

    # ---- turns ----

    def turns(self, contestants, rounds=None):
        """@contestants: {name: (pair, program)}. What each costs by turns: {name: {"run": ns, "cpu": ns, "packets": n}}, medians."""
        seen = {name: {"run": [], "cpu": [], "packets": []} for name in contestants}
        names = list(contestants)
        for r in range(rounds or self.rounds):
            for k in range(len(names)):
                name = names[(k + r) % len(names)]
                got = self.do("turn", *contestants[name], self.warm, self.ms)
                if not got["packets"]:
                    raise Refused("%s: no packet arrived" % name)
                seen[name]["run"].append(got["run_ns"] / got["packets"])
                seen[name]["cpu"].append(got["cpu_ns"] / got["packets"])
                seen[name]["packets"].append(got["packets"])
        return {name: {what: statistics.median(values) for what, values in s.items()} for name, s in seen.items()}

    def xdp(self, *programs, rounds=None):
        """The floor and @programs, all at the pair "xdp"."""
        return self.turns({name: ("xdp", name) for name in ("floor", *programs)}, rounds)


def run(command, **kw):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **kw)
    if done.returncode:
        said = done.stderr.strip().splitlines() or ["status %d" % done.returncode]
        raise Refused("%s: %s" % (" ".join(command[:6]), next((line for line in said if "rror: " in line), said[-1])))
    return done.stdout


class Compiler:
    """Of rule files and of C, with what it took."""

    def __init__(self, build, folder):
        self.xdpfc, self.folder = os.path.join(build, "xdpfc"), folder
        self.timed = subprocess.Popen([sys.executable, os.path.join(os.path.dirname(os.path.abspath(__file__)), "timed.py")], stdin=subprocess.PIPE,
                                      stdout=subprocess.PIPE, text=True)
        self.include = "-I/usr/include/" + subprocess.run(["gcc", "-print-multiarch"], stdout=subprocess.PIPE, text=True).stdout.strip()

    def path(self, name):
        return os.path.join(self.folder, name)

    def ours(self, rules, out, *options):
        """{"seconds", "megabytes": the most that was resident}. Raises Refused with the compiler's first error."""
        errors = self.path("xdpfc.errors")
        self.timed.stdin.write(json.dumps([[self.xdpfc, "--quiet", *options, rules, "-o", out], errors]) + "\n")
        self.timed.stdin.flush()
        status, took, megabytes = json.loads(self.timed.stdout.readline())
        if status:
            with open(errors) as f:
                lines = f.read().splitlines() or ["status %d" % status]
            raise Refused(next((line.partition(" error: ")[2] for line in lines if " error: " in line), lines[-1]))
        return {"seconds": took, "megabytes": megabytes}

    def c(self, source, out, *options):
        run(["clang-19", "-O2", "-g", "-target", "bpf", "-mcpu=v3", self.include, *options, "-c", source, "-o", out])
        return out
