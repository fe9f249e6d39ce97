#!/usr/bin/python3
"""What --import prints of the files in rules/, and what it says of them, beside the files in expected/.

    golden.py XDPFC      compares; UPDATE=1 in the environment writes what is printed instead

A file's kind is its name's last part. rules/NAME.options has options of its own, a line for each time that it is translated. Every text that comes out is
compiled, and laying it out again changes nothing.
"""
import difflib
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
RULES, EXPECTED = os.path.join(HERE, "rules"), os.path.join(HERE, "expected")
UPDATE = os.environ.get("UPDATE", "") not in ("", "0")


def cases():
    for name in sorted(os.listdir(RULES)):
        kind = name.rsplit(".", 1)[-1]
        if kind in ("ipset", "options"):
            continue
        options = [""]
        if os.path.exists(os.path.join(RULES, name + ".options")):
            with open(os.path.join(RULES, name + ".options")) as f:
                options = f.read().splitlines()
        for number, line in enumerate(options):
            yield name, kind, line.split(), name + ("" if len(options) == 1 else ".%d" % (number + 1))


def run(xdpfc, *args, **more):
    return subprocess.run([xdpfc] + list(args), cwd=RULES, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60, **more)


def check(xdpfc, name, kind, options):
    done = run(xdpfc, "--import=" + kind, *options, name)
    text = done.stdout
    if done.returncode not in (0, 1):
        return None, "exit status %d: %s" % (done.returncode, done.stderr.decode())
    if done.returncode == 1 and text:
        return None, "a refused file is printed all the same"
    if done.returncode == 0:
        again = run(xdpfc, "--emit=xdpf", "-", input=text)
        if again.stdout != text:
            return None, "it is not in the canonical layout"
        compiled = run(xdpfc, "--check", "-", input=text)
        if compiled.returncode != 0:
            return None, "it does not compile: " + compiled.stderr.decode()
    return text + b"--- status %d\n" % done.returncode + done.stderr, None


def main():
    xdpfc = os.path.abspath(sys.argv[1])
    passed = failed = 0
    for name, kind, options, golden in cases():
        path = os.path.join(EXPECTED, golden)
        text, complaint = check(xdpfc, name, kind, options)
        if UPDATE and text is not None:
            with open(path, "wb") as f:
                f.write(text)
        if not complaint:
            with open(path, "rb") as f:
                want = f.read()
            if want != text:
                complaint = "".join(difflib.unified_diff(want.decode("utf-8", "replace").splitlines(True),
                                                         text.decode("utf-8", "replace").splitlines(True), "expected", "printed"))
        if complaint:
            print("FAILED %s: %s" % (golden, complaint))
        passed, failed = passed + (not complaint), failed + bool(complaint)
    print("%d passed, %d failed, 0 skipped" % (passed, failed))
    return 1 if failed else 0


sys.exit(main())
