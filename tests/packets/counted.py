#!/usr/bin/python3
"""Counters of many rules are exact, at rest and under traffic, also on a reader's way through them: see counted.c.

usage: counted.py --counted XDPF_COUNTED --xdpfc XDPFC
"""
import argparse
import os
import subprocess
import sys
import tempfile

RULES = 4000


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--counted", required=True)
    parser.add_argument("--xdpfc", required=True)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as tmp:
        rules, prog = os.path.join(tmp, "many.xdpf"), os.path.join(tmp, "many.o")
        with open(rules, "w") as f:
            f.write("default pass;\nall: count all, count sources per ip4.src if udp;\n")
            f.writelines("r%d: drop if udp.dport == %d;\n" % (i, i + 1) for i in range(RULES - 1))
        subprocess.run([args.xdpfc, "--quiet", rules, "-o", prog], check=True)
        return subprocess.run([args.counted, prog]).returncode


sys.exit(main())
