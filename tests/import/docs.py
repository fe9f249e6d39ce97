#!/usr/bin/python3
"""The examples of docs/import.md: `text NAME` blocks are files, `console` blocks commands and what they print (`$` as anybody, `#` as root).

    docs.py XDPFC
"""
import os
import re
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
PAGE = os.path.join(os.path.dirname(os.path.dirname(HERE)), "docs", "import.md")


def commands(block):
    """(prompt, command, what it prints) of each."""
    found = []
    for line in block.splitlines(True):
        m = re.match(r"([$#]) (xdpfc .*)\n", line)
        if m:
            found.append([m.group(1), m.group(2), ""])
        else:
            found[-1][2] += line
    return found


def main():
    xdpfc = os.path.abspath(sys.argv[1])
    passed = failed = skipped = 0
    with open(PAGE) as f:
        page = f.read()
    with tempfile.TemporaryDirectory() as scratch:
        for kind, name, block in re.findall(r"^```(text|console) ?(\S*)\n(.*?)^```$", page, re.S | re.M):
            if kind == "text":
                with open(os.path.join(scratch, name), "w") as f:
                    f.write(block)
                continue
            for prompt, command, wanted in commands(block):
                if prompt == "#" and os.geteuid() != 0:
                    print("skipped: %s: needs root" % command)
                    skipped += 1
                    continue
                env = dict(os.environ, PATH=os.path.dirname(xdpfc) + ":" + os.environ["PATH"])
                done = subprocess.run(["sh", "-c", command], cwd=scratch, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60)
                came = done.stdout.decode()
                if came != wanted:
                    print("FAILED %s: printed\n%sexpected\n%s" % (command, came, wanted))
                passed, failed = passed + (came == wanted), failed + (came != wanted)
    print("%d passed, %d failed, %d skipped" % (passed, failed, skipped))
    return 1 if failed or not passed else 0


sys.exit(main())
