#!/usr/bin/python3
"""Changes of live sets that are ended by kill -9 at their system calls, one after the other.

usage: setkills.py A XDPF TOOLS DIR STEP

xe0 in the namespace A runs a filter with the sets SETS, of SIZE elements. Behind each kill a set must be all that it was, or all that it was to be (of
a change of some elements, what lies between), and there must be room in it for as many as its size says. Prints what is wrong, and how many checks
there were.
"""
import os
import subprocess
import sys

A, XDPF, TOOLS, DIR, STEP = sys.argv[1:6]
ENV = dict(os.environ, ASAN_OPTIONS="detect_leaks=0")    # which cannot be looked for under ptrace
SIZE, FEW = 400, 250    # so few are put beside a set's tables, not into them
SETS = ("plain", "ruled", "nets")
failed = checks = 0


def net(i):
    return "10.%d.%d.0/24" % (i >> 8, i & 255)


def names(what, first, n):
    return {net(i) if what == "nets" else "10.0.%d.%d" % (i >> 8, i & 255) for i in range(first, first + n)}


def run(*argv, text=""):
    return subprocess.run(["nsenter", "--net=" + A, *argv], input=text, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=ENV, check=False)


def xdpf(verb, name, *rest, text=""):
    r = run(XDPF, "set", verb, "xe0", name, *rest, text=text)
    if "Sanitizer" in r.stderr:
        raise SystemExit(r.stderr)
    return r


def done(r):
    if r.returncode:
        raise SystemExit("setkills: %s: %s" % (r.args, r.stderr))


def lines(elements):
    return "".join(e + "\n" for e in sorted(elements))


def shown(name):
    r = xdpf("show", name)
    done(r)
    return [line.split("\t")[0] for line in r.stdout.splitlines()]


def check(ok, where, text):
    global failed, checks
    checks += 1
    if not ok:
        failed += 1
        print("FAILED: %s: %s" % (where, text))


def begin(name, listed, beside):
    """A set with these in its tables, and these beside them."""
    done(xdpf("replace", name, "-", text=lines(listed)))
    if beside:
        done(xdpf("add", name, "--from", "-", "--timeout", "0", text=lines(beside)))


def changes(name):
    listed, beside = names(name, 0, 280), names(name, 1000, 40)
    was = listed | beside
    other, many = names(name, 2000, 3), names(name, 100, 290)
    yield "replace", listed, beside, ("replace", name), other, {frozenset(was), frozenset(other)}
    yield "flush", set(), beside, ("flush", name), set(), {frozenset(beside), frozenset()}
    yield "add many", names(name, 0, 4), beside, ("add", name, "--timeout", "0"), many, None
    yield "remove many", listed, beside, ("remove", name), was, None


def once(name, change, at):
    what, listed, beside, command, given, wanted = change
    where = "%s: %s, ended at %d" % (name, what, at)
    begin(name, listed, beside)
    path = os.path.join(DIR, "given")
    with open(path, "w", encoding="ascii") as f:
        f.write(lines(given))
    more = () if command[0] == "flush" else (path,) if command[0] == "replace" else ("--from", path)
    r = run(os.path.join(TOOLS, "e2e_killer"), str(at), "-c", XDPF, "set", command[0], "xe0", name, *more, *command[2:])
    have = shown(name)
    was = listed | beside
    new = was | given if command[0] == "add" else was - given
    ok = frozenset(have) in wanted if wanted else was & new <= set(have) <= was | new
    check(ok and len(have) == len(set(have)), where, "it was neither what it had been, nor what it was to be: %d elements" % len(have))
    # what it holds is what is shown: so many more find room, and one more does not
    rest = SIZE - len(have)
    for i in range(0, rest, FEW):
        added = xdpf("add", name, "--from", "-", "--timeout", "0", text=lines(names(name, 5000 + i, min(FEW, rest - i))))
        check(not added.returncode, where, "%d of %d were in it, and there is no room for %d: %s" % (len(have), SIZE, rest, added.stderr))
    check(xdpf("add", name, "--timeout", "0", *names(name, 9000, 1)).returncode == 3, where, "it holds more than its size says")
    begin(name, {next(iter(names(name, 1, 1)))}, set())
    check(shown(name) == sorted(names(name, 1, 1)), where, "it cannot be replaced")
    return r.stdout.rstrip().rpartition("\n")[2].startswith("done")


def main():
    first = 0
    step = 1 if STEP == "all" else int(STEP)
    # the first one is done as the others, but in fewer calls
    for name in SETS if STEP == "all" else SETS[1:]:
        for change in changes(name):
            # not the same calls of each
            first = first % step + 1
            at = first
            while not once(name, change, at):
                at += step
    print("%d of %d" % (checks - failed, checks))


main()
