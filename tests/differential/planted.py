#!/usr/bin/python3
"""The driver finds what is wrong: what is compiled says something else than what the evaluator runs, in one place. It makes a case small, and several
runs one.

usage: planted.py --worker XDPF_DIFFERENTIAL

Each fault is one test; so is each thing that is asked of the small case, and that it fails again when it is read back.
"""

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
import cases
import corpus
import features
import made
import shrink

RULES = """default pass;
set seen : ip live size 500 timeout 10m;
limit slow = 2/m burst 3 per ip.src;
odd:   if ip.ttl > 100 and not (udp or tcp.syn) { count odd per (ip.proto, ip.ttl); }
vlan:  vlan push 7 if vlan.id == 100;
seen:  add ip.src to seen if ip.proto in { 6, 17 };
slow:  if ip over slow { }
ttl:   ip.ttl -= 1 if ip4;
bound: drop if tcp.dport in 80-443;
both:  count both per ip.src, tx swap if payload[0:1] >= 128;
frag:  abort if ip.fragment and ip4.ihl > 5;
rest:  redirect eth1 else pass if ip6 and (hbh or rt);
"""
FEW = """default pass;
odd:   if ip.ttl > 100 { count odd per ip.proto; }
bound: drop if tcp.dport in 80-443;
both:  tx swap if payload[0:1] >= 128;
"""
# What is compiled otherwise; how the complaint begins.
FAULTS = {
    "a boundary": (["80-443", "80-442"], "drop by bound"),
    "an offset": (["payload[0:1]", "payload[1:1]"], ""),
    "a verdict": (["abort if", "drop if"], "abort by frag"),
    "bytes": (["ip.ttl -= 1", "ip.ttl -= 2"], "bytes"),
    "a tag": (["vlan push 7", "vlan push 8"], "bytes"),
    "a key": (["both per ip.src", "both per ip.dst"], "counters.tables"),
    "a counter": (["ip.ttl > 100", "ip.ttl > 101"], "counters.files"),
    "a limit's state": (["2/m burst 3", "3/m burst 3"], ""),
    "a set's state": (["timeout 10m", "timeout 11m"], "set seen"),
    "none": (["nothing", "of it"], None),
}


def case(folder, name, text, n):
    path = os.path.join(folder, name)
    with open(path, "w") as f:
        f.write(text)
    rnd = random.Random(11)
    frames = list(made.frames(rnd, n))
    return cases.Case([path], [], {}, frames, list(corpus.times(len(frames), 3)), [cases.split(rnd, f) for f in frames], [{"engine": "auto"}])


def pieces(folder, say):
    """Two runs as one: what both saw is what one would have seen that had all of it; a failure of either is one of both."""
    run, paths, whole = os.path.join(features.ROOT, "tests", "differential", "run"), [], features.Coverage()
    for i, text in enumerate((RULES, FEW)):
        own = features.Coverage()
        for coverage in (own, whole):
            coverage.add_text(text)
            coverage.add_used("rules by", ("rfc", "linear")[:i + 1])
            coverage.add_seen({"operand vlan": [3 * i, 5], "only %d" % i: [1, 0]}, 100, 40 + i)
        paths.append(os.path.join(folder, "%d.json" % i))
        with open(paths[-1], "w") as f:
            json.dump({"seed": str(i), "load": False, "files": 1, "pairs": 100, "runs": 300, "loads": 3, "failed": i, "unfit": 0, "seconds": 2,
                       "coverage": own.saved()}, f)
    again = os.path.join(folder, "both.json")
    done = subprocess.run([run, "--merge", *paths, "--json", again], stdout=subprocess.PIPE, text=True)
    say("several runs as one: the sum", all(text in done.stdout for text in (
        "2 files, 200 (file, packet) pairs, run 600 times in 6 programs", "1 passed, 1 failed")) and done.returncode == 1, done.stdout)
    with open(again) as f:
        said = json.load(f)["coverage"]
    say("several runs as one: what they saw", said == json.loads(json.dumps(whole.saved())), said)
    done = subprocess.run([run, "--merge", paths[0], again], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    say("several runs as one: not one of them twice", done.returncode == 1 and "the same seed" in done.stdout, done.stdout)


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--worker", required=True)
    args = p.parse_args()
    tally = {True: 0, False: 0}

    def say(what, ok, why=""):
        tally[bool(ok)] += 1
        if not ok:
            print("FAILED: %s: %s" % (what, why))

    with tempfile.TemporaryDirectory() as folder:
        pieces(folder, say)
        worker, planted = cases.Worker(args.worker), case(folder, "planted.xdpf", RULES, 1500)
        capture = os.path.join(folder, "planted.pcap")
        # whether it takes any program from us: what it says of ours is a fault of ours
        answer = worker.ask(case(folder, "least.xdpf", "default pass;\n", 10).job(capture))
        if any("refused" in w for w in answer.get("ways", ())):
            print("skipped: planted: the kernel: " + answer["ways"][0]["refused"].strip())
            return 77
        for name, (lie, begins) in FAULTS.items():
            answer = worker.ask(planted.job(capture, lie=lie))
            wrong = answer.get("wrong", {}).get("what")
            say(name, wrong is None if begins is None else wrong is not None and wrong.startswith(begins), answer)
        lie = FAULTS["a boundary"][0]
        planted = case(folder, "few.xdpf", FEW, 800)
        planted.ways.append({"engine": "linear"})
        path = shrink.keep(worker, folder, planted, 1, os.path.join(folder, "kept"), "small", 900, lie)
        small, seed = shrink.read(path)
        text = [line for line in small.text().splitlines() if line and line[0] != "#"]
        say("few rules are left", len(text) <= 2, text)
        say("one packet is left", len(small.frames) == 1 and len(small.frames[0]) <= 100, small.frames)
        say("one way to compile is left", len(small.ways) == 1, small.ways)
        answer = worker.ask(small.job(capture, seed=seed, lie=lie))
        say("it still fails", "wrong" in answer, answer)
        answer = worker.ask(small.job(capture, seed=seed))
        say("without the fault it passes", "wrong" not in answer and "unfit" not in answer, answer)
        worker.close()
    print("%d passed, %d failed, 0 skipped" % (tally[True], tally[False]))
    return 1 if tally[False] else 0


if __name__ == "__main__":
    sys.exit(main())
