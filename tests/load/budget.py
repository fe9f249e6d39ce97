#!/usr/bin/python3
"""What `xdpfc --budget` says of maps and instructions, beside what the object holds and what the kernel accounts for when it is loaded.

usage: budget.py --xdpfc XDPFC [--all] [--random N] [--seed S]

Instructions that are verified are at most as many as was said, and at least half as many, under the kernel whose verifier that is about. --all
compares all examples, packet tests and ClassBench's sets up to 10,000 rules; else it is those that differ most in what their code is. --random: files
of the generator that the differential runs have, too.

A map is as large as was said, to the byte under that kernel, and but for the few hundred bytes that every map has under others. Maps whose elements are
allocated one by one are filled first, and those that only the runtime fills are no larger than was said.
"""
import argparse
import ctypes
import glob
import json
import os
import platform
import random
import re
import struct
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path[:0] = [os.path.join(ROOT, "tests", d) for d in ("packets", "bench")]
import classbench
import made
import rulefile

EVERY_MAP = """
set banned : ip live size 1000 timeout 10m;
set nets : net live size 1000;
drop if ip.src in nets or ip.dst in banned;
drop if udp over 100/s per ip.src size 5000;
drop if tcp over 100/s;
add ip.src to banned, log, drop if tcp.dport == 23;
count others per ip.src;
count total;
forward if tcp.dport == 80;
redirect cpu 3 if tcp.dport == 81;
redirect socket if tcp.dport == 82;
redirect eth0 if tcp.dport == 83;
redirect { eth0, eth1 } if tcp.dport == 84;
syncookie if tcp.dport == 443;
pass if tcp.dport in { 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 25, 27, 29, 31, 33, 35, 37, 39 };
"""
CLASSIFIED = "".join("drop if tcp.dport == %d and ip.src in { 192.0.%d.0/24, 2001:db8:%d::/48 };\n" % (7 * i, i, i) for i in range(60))
MAP_ITSELF = 1024                       # struct bpf_map and what is around it, which is larger or smaller in other kernels
BY_ONE = ("hash", "lpm_trie")           # their elements are allocated one by one
BY_RUNTIME = ("devmap_hash",)
SAME = (6, 18)                          # the kernel whose verifier the compiler knows
VERIFIED = [os.path.join("examples", n) for n in ("bogons", "door", "edge", "game", "tcpflags")] + [
    os.path.join("tests/packets", n) for n in ("crowded", "noiface", "norx", "rx", "syncookie", "tunnels")]
BPF_OBJ_GET, SYS_BPF = 7, {"x86_64": 321, "aarch64": 280}
TRIE_NODE = 16                          # so much larger it was before Linux 6.15


def command(*args):
    return subprocess.run(args, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, errors="replace")


def instructions(path):
    """Bytes of the sections that are executed, over eight."""
    with open(path, "rb") as f:
        data = f.read()
    at, size, n = struct.unpack_from("<Q", data, 40)[0], *struct.unpack_from("<HH", data, 58)
    heads = [struct.unpack_from("<IIQQQQ", data, at + size * i) for i in range(n)]
    return sum(h[5] for h in heads if h[2] & 4) // 8


def verified(pin):
    """What bpf_prog_info says of a pinned program, by way of its descriptor's text in /proc; None: it says nothing."""
    libc = ctypes.CDLL(None, use_errno=True)
    path = ctypes.create_string_buffer(pin.encode())
    attr = ctypes.create_string_buffer(struct.pack("QII", ctypes.addressof(path), 0, 0), 16)
    fd = libc.syscall(SYS_BPF[platform.machine()], BPF_OBJ_GET, attr, 16)
    if fd < 0:
        raise OSError(ctypes.get_errno(), pin)
    with open("/proc/self/fdinfo/%d" % fd) as f:
        found = re.search(r"^verified_insns:\s*(\d+)", f.read(), re.M)
    os.close(fd)
    return int(found.group(1)) if found else None


def fill(info, tmp):
    """A full map: keys that differ in their first bytes, or behind a prefix's length."""
    batch = os.path.join(tmp, "batch")
    with open(batch, "w") as f:
        for i in range(info["max_entries"]):
            key = i.to_bytes(4, "big") + bytes(info["bytes_key"] - 4)
            if info["type"] == "lpm_trie":
                key = (8 * (info["bytes_key"] - 4)).to_bytes(4, "little") + key[:-4]
            f.write("map update id %d key %s value %s\n" % (info["id"], " ".join(map(str, key)), " ".join(["0"] * info["bytes_value"])))
    return command("bpftool", "batch", "file", batch)


class Suite:
    def __init__(self, xdpfc, tmp, same):
        self.same = same
        self.xdpfc, self.tmp, self.pin = xdpfc, tmp, "/sys/fs/bpf/xdpf-budget-%d" % os.getpid()
        self.passed = self.failed = 0
        self.ratios = []

    def check(self, what, ok, why=""):
        if ok:
            self.passed += 1
        else:
            self.failed += 1
            print("FAILED %s: %s" % (what, why))

    def maps(self, name, budget):
        ids = json.loads(command("bpftool", "-j", "prog", "show", "pinned", self.pin).stdout)["map_ids"]
        loaded = {}
        for number in ids:
            info = json.loads(command("bpftool", "-j", "map", "show", "id", str(number)).stdout)
            if info["type"] in BY_ONE:
                done = fill(info, self.tmp)
                self.check("%s: %s is filled" % (name, info["name"]), done.returncode == 0, done.stderr[-300:])
                info = json.loads(command("bpftool", "-j", "map", "show", "id", str(number)).stdout)
            loaded[re.sub(r"^[^.]+(?=\.)", "", info["name"])] = info
        for said in budget["maps"]:
            have = loaded.pop(said["name"][:15], None)
            what = "%s: %s" % (name, said["name"])
            if not have:
                self.check(what, False, "the kernel has none of the name: " + ", ".join(loaded))
                continue
            bytes = said["bytes"] + said["bytes_per_cpu"] * os.cpu_count()
            more = have["bytes_memlock"] - bytes
            less = most = 0
            if not self.same:
                less = most = MAP_ITSELF
                most += TRIE_NODE * said["entries"] if have["type"] == "lpm_trie" else 0
            if have["type"] in BY_RUNTIME:
                less = bytes
            self.check(what, have["type"] == said["type"] and -less <= more <= most,
                       "said %s of %d bytes, the kernel has %s of %d" % (said["type"], bytes, have["type"], have["bytes_memlock"]))
        self.check(name + ": no map is left out", not loaded, ", ".join(loaded))

    def callees(self):
        """Whatever of the kernel's the generator calls has a row in verify_call.c: the walk ends where it knows nothing of a function."""
        def text(*path):
            with open(os.path.join(ROOT, *path)) as f:
                return f.read()
        code = "".join(text("compiler", n) for n in sorted(os.listdir(os.path.join(ROOT, "compiler"))) if n.startswith("codegen"))
        names = set(re.findall(r"\b(BPF_FUNC_\w+)", code)) | set(re.findall(r'\bcg_kfunc\(g, "(\w+)"', code))
        rx = re.search(r"#define XDPF_RX_NAMES\s*\{(.*?)\}", text("runtime", "abi.h")).group(1)
        names |= {"dev" + n for n in re.findall(r'"(\w+)"', rx)}
        rows = set(re.findall(r'^\t\{ (?:0, "(\w+)"|(BPF_FUNC_\w+), NULL),', text("compiler", "verify_call.c"), re.M))
        rows = {a or b for a, b in rows}
        self.check("names of functions are found", len(names) > 30 and "bpf_ct_release" in names, str(sorted(names)))
        for name in sorted(names):
            self.check(name, name in rows, "compiler/verify_call.c has no row of it")

    def rules(self, name, *paths):
        """The instructions that are verified of a program; @paths: its files, else one of the tree by its name."""
        paths, out = paths or (os.path.join(ROOT, name + ".xdpf"),), os.path.join(self.tmp, "rules.o")
        done = command(self.xdpfc, "--quiet", *paths, "-o", out)
        said = command(self.xdpfc, "--quiet", "--json", "--budget", *paths)
        self.check(name + ": compiles", done.returncode == said.returncode == 0, done.stderr + said.stderr)
        if done.returncode or said.returncode:
            return
        done, bound = command("bpftool", "prog", "load", out, self.pin), json.loads(said.stdout)["verified"]
        # a random file may be too long for kernels: then that was said
        long = done.returncode != 0 and bound is not None and bound > 1000000 and "failed to load: -7" in done.stderr
        self.check(name + (": is too long, as was said" if long else ": loads"), done.returncode == 0 or long, done.stderr[-300:])
        if done.returncode == 0:
            try:
                have = verified(self.pin)
                self.check(name + ": instructions that are verified", bound is not None and have <= bound <= 2 * have,
                           "said %s, the kernel walked %d" % (bound, have))
                self.ratios += [bound / have] if bound else []
            finally:
                os.unlink(self.pin)

    def generated(self, n, seed):
        frames, rnd = list(made.frames(random.Random(seed), 300)), random.Random(seed)
        for i in range(n):
            paths, more = rulefile.make(self.tmp, "random%d" % i, "%s/%d" % (seed, i), frames, rnd.choice((None, None, 40, 80)))
            rulefile.repair(paths + more, self.xdpfc)
            self.rules("random %s/%d" % (seed, i), *paths)

    def classbench(self):
        """False: the sets are not there."""
        folder = classbench.folder()
        for family in classbench.FAMILIES if folder else ():
            for size in (100, 1000, 10000):
                path = os.path.join(self.tmp, "%s_%d.xdpf" % (family, size))
                rules = command(sys.executable, classbench.__file__, "rules", os.path.join(folder, "%s_%d.xz" % (family, size)))
                with open(path, "w") as f:
                    f.write(rules.stdout)
                self.check(path, rules.returncode == 0, rules.stderr)
                self.rules("%s %d" % (family, size), path)
        return bool(folder)

    def file(self, name, text):
        path = os.path.join(self.tmp, name + ".xdpf")
        with open(path, "w") as f:
            f.write(text)
        done = command(self.xdpfc, "--quiet", path, "-o", path + ".o")
        said = command(self.xdpfc, "--quiet", "--json", "--budget", path)
        self.check(name + ": compiles", done.returncode == said.returncode == 0, done.stderr + said.stderr)
        budget = json.loads(said.stdout)
        self.check(name + ": instructions", budget["instructions"] == instructions(path + ".o"),
                   "said %d, there are %d" % (budget["instructions"], instructions(path + ".o")))
        self.check(name + ": sums", [budget["memory"][k] for k in ("bytes", "bytes_per_cpu")] ==
                   [sum(m[k] for m in budget["maps"]) for k in ("bytes", "bytes_per_cpu")], str(budget["memory"]))
        done = command("bpftool", "--debug", "prog", "load", path + ".o", self.pin)
        if "Operation not permitted" in done.stderr or done.returncode and not os.path.ismount("/sys/fs/bpf"):
            return "the kernel refuses BPF: " + done.stderr.strip().splitlines()[-1]
        self.check(name + ": loads", done.returncode == 0, done.stderr[-300:])
        depth = re.findall(r"stack depth ([0-9+]+)", done.stdout + done.stderr)
        said = sorted(f["stack"] for f in budget["functions"])
        self.check(name + ": each function's stack is what the verifier says", depth and sorted(map(int, depth[-1].split("+"))) == said,
                   "said %s, the verifier %s" % (said, depth[-1:]))
        try:
            self.maps(name, budget)
        finally:
            os.unlink(self.pin)
        return None


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--xdpfc", required=True)
    p.add_argument("--all", action="store_true")
    p.add_argument("--random", type=int, default=0)
    p.add_argument("--seed", default="budget")
    args = p.parse_args()
    skipped = 0
    release = tuple(map(int, re.match(r"(\d+)\.(\d+)", platform.release()).groups()))
    if release < (6, 4):
        print("skipped: budget: Linux %d.%d does not account for what maps take" % release)
        return 77
    if not os.path.ismount("/sys/fs/bpf"):
        command("mount", "-t", "bpf", "bpf", "/sys/fs/bpf")
    with tempfile.TemporaryDirectory() as tmp:
        suite = Suite(args.xdpfc, tmp, release == SAME)
        suite.callees()
        for name, text in ("every", EVERY_MAP), ("classified", CLASSIFIED), ("plain", "drop if udp;\n"):
            why = suite.file(name, text)
            if why:
                print("skipped: budget: %s: %s" % (name, why))
                skipped += 1
        names = VERIFIED
        if args.all:
            names = sorted(os.path.relpath(f, ROOT)[:-5] for d in ("examples", "tests/packets") for f in glob.glob(os.path.join(ROOT, d, "*.xdpf")))
        if platform.machine() not in SYS_BPF or skipped:
            print("skipped: budget: instructions that are verified: %s" % (why or "a machine whose system calls are not known"))
            skipped += 1
            names = []
        elif release != SAME:
            print("skipped: budget: instructions that are verified: Linux %d.%d's verifier is not %d.%d's" % (release + SAME))
            skipped += 1
            names = []
        for name in names:
            suite.rules(name)
        if names:
            suite.generated(args.random, args.seed)
            if args.all and not suite.classbench():
                print("skipped: budget: ClassBench's sets are not there")
                skipped += 1
            print("bound over what the kernel walked: %.3f to %.3f of %d programs" % (min(suite.ratios), max(suite.ratios), len(suite.ratios)))
    print("%d passed, %d failed, %d skipped" % (suite.passed, suite.failed, skipped))
    return 1 if suite.failed else 77 if skipped and not suite.passed else 0


if __name__ == "__main__":
    sys.exit(main())
