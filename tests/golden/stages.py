#!/usr/bin/python3
"""What --emit=asm prints is the program that -o writes, also where a first form of it did not fit the stack: each function takes as much of the stack
in the text as --budget reads in the object.

usage: stages.py XDPFC
"""
import json
import os
import re
import subprocess
import sys

PACKETS = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "packets")
FILES = ("live", "deep", "forms", "limits")     # the first one has a second form


def output(*command):
    return subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True).stdout


def stacks(asm):
    deepest, name, before = {}, None, None
    for line in asm.splitlines():
        label = re.match(r"(\w+):", line)
        if label and not re.match(r"LBB|L?tmp|Lfunc", label.group(1)):
            name = label.group(1)
        # what is read or written there, and what only its address is taken of, by the next line
        for n in re.findall(r"r10 - (\d+)", line) + re.findall(r"^\s*(?:r\d+) \+= -(\d+)", line if before else ""):
            deepest[name] = max(deepest.get(name, 0), int(n))
        before = re.search(r"r\d+ = r10$", line.rstrip())
    return deepest


def main():
    if len(sys.argv) != 2:
        sys.exit("usage: stages.py XDPFC")
    passed = failed = 0
    for name in FILES:
        path = os.path.join(PACKETS, name + ".xdpf")
        shown = stacks(output(sys.argv[1], "--quiet", "--emit=asm", path))
        for f in json.loads(output(sys.argv[1], "--quiet", "--budget", "--json", path))["functions"]:
            have, want = -(-shown.get(f["name"], 0) // 8) * 8, f["stack"]
            passed, failed = passed + (have == want), failed + (have != want)
            if have != want:
                print("FAILED: %s: %s takes %d bytes of the stack in the text, %d in the object" % (name, f["name"], have, want))
    print("%d passed, %d failed, 0 skipped" % (passed, failed))
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
