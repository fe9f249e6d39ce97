#!/usr/bin/python3
"""The driver of mutants, on a tree of a few lines: what it says of each kind of fault, and how it ends."""
import json
import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
TREE = {
    "CMakePresets.json": '{"version": 6, "configurePresets": [{"name": "dev", "binaryDir": "${sourceDir}/build/dev"}]}\n',
    "CMakeLists.txt": """cmake_minimum_required(VERSION 3.25)
project(small LANGUAGES C)
include(CTest)
add_executable(small small.c)
add_test(NAME least COMMAND small least)
add_test(NAME most COMMAND small most)
add_test(NAME skipped COMMAND small skipped)
set_tests_properties(skipped PROPERTIES SKIP_RETURN_CODE 77)
""",
    "small.c": """#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int within(int n)
{
	return n >= 10 && n <= 20;
}

int main(int argc, char **argv)
{
	int bad = 0;

	if (!strcmp(argv[1], "least"))
		bad = within(9) || !within(10);
	if (!strcmp(argv[1], "most"))
		bad = within(21) || !within(argc > 2 ? 20 : 19);
	if (!strcmp(argv[1], "skipped"))
		return 77;
	if (bad)
		printf("FAILED: %s\\n", argv[1]);
	return bad;
}
""",
}
MUTANTS = """
[[mutant]]
name = "void"
fault = "it does not compile"
file = "small.c"
old = "int bad = 0;"
new = "int bad = ;"
tests = ["most"]

[[mutant]]
name = "found"
fault = "nine is within"
file = "small.c"
old = "n >= 10"
new = "n >= 9"
tests = ["most", "least"]

[[mutant]]
name = "crash"
fault = "it ends at once"
file = "small.c"
old = "int bad = 0;"
new = "int bad = 0; abort();"
tests = ["least"]

[[mutant]]
name = "by-argument"
fault = "twenty is not within"
file = "small.c"
old = "n <= 20"
new = "n < 20"
tests = ["most again"]

[[mutant]]
name = "by-another"
fault = "twenty-one is within"
file = "small.c"
old = "n <= 20"
new = "n <= 21"
tests = ["least"]

[[mutant]]
name = "survives"
fault = "twenty is not within, and nobody asks"
file = "small.c"
old = "n <= 20"
new = "n < 20"
tests = ["most"]

[[mutant]]
name = "stale"
fault = "it is twice in the file"
file = "small.c"
old = "within"
new = "inside"
tests = ["most"]
"""
WANT = {"found": ("found", "least", "FAILED: least", True), "crash": ("found", "least", "SIGABRT", True),
        "by-argument": ("found", "most again", "FAILED: most", True), "by-another": ("found", "most", "FAILED: most", False),
        "survives": ("survived", "", "all tests pass", False), "stale": ("stale", "", "its text stands 5 times in small.c", True),
        "void": ("void", "", "error", True)}


class Checker:
    def __init__(self):
        self.passed = self.failed = 0

    def check(self, good, text):
        self.passed += bool(good)
        self.failed += not good
        if not good:
            print("FAILED: " + text)


def run(tmp, *options):
    return subprocess.run([sys.executable, os.path.join(HERE, "run"), "--root", os.path.join(tmp, "tree"), "--table", os.path.join(tmp, "table"),
                           *options], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=300)


def write(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)


def main():
    c = Checker()
    with tempfile.TemporaryDirectory() as tmp:
        for name, text in TREE.items():
            write(os.path.join(tmp, "tree", name), text)
        write(os.path.join(tmp, "table", "small.toml"), MUTANTS)
        out = os.path.join(tmp, "out.json")
        done = run(tmp, "--jobs", "2", "--json", out)
        c.check(done.returncode == 1, "it ends with %d where some were not found: %s" % (done.returncode, done.stdout))
        if os.path.exists(out):
            with open(out, encoding="utf-8") as f:
                said = json.load(f)
            c.check((said["found"], said["total"]) == (4, 7), "%d of %d found" % (said["found"], said["total"]))
            for m in said["mutants"]:
                verdict, test, line, named = WANT[m["name"]]
                c.check((m["verdict"], m["test"], m["named"]) == (verdict, test, named) and line in m["line"], "%s: %s" % (m["name"], m))
            also = os.path.join(tmp, "also.json")
            write(also, json.dumps({"mutants": [{"name": name, "verdict": verdict, "test": "x", "fault": ""} for name, verdict in
                                                (("found", "survived"), ("survives", "found"))]}))
            done = run(tmp, "--merge", out, also)
            c.check(done.returncode == 1 and "5 passed, 2 failed" in done.stdout and len(done.stdout.splitlines()) == 9, "--merge: %s" % done.stdout)
        else:
            c.check(False, "there is no report: " + done.stdout)
        with open(os.path.join(tmp, "tree", "small.c"), encoding="utf-8") as f:
            c.check(f.read() == TREE["small.c"], "the tree itself was changed")
        c.check(os.listdir(os.path.join(tmp, "tree")).count("build") == 0, "the tree itself was built in")
        done = run(tmp, "--only", "found", "--suite-seconds", "0")
        c.check(done.returncode == 0 and "1 passed, 0 failed" in done.stdout, "one that is found: %s" % done.stdout)
        done = run(tmp, "--only", "void", "--only", "survives", "--suite-seconds", "0")
        c.check("survives" in done.stdout and "0 passed, 2 failed" in done.stdout and "survived: the tests that are named" in done.stdout,
                "behind one that does not compile, one that survives does: %s" % done.stdout)
        done = run(tmp, "--check")
        c.check(done.returncode == 1 and "mutant stale" in done.stdout and "6 passed, 1 failed" in done.stdout, "--check: %s" % done.stdout)
        write(os.path.join(tmp, "table", "small.toml"), MUTANTS.split("\n\n")[1].replace('["most", "least"]', '["skipped", "least"]'))
        done = run(tmp, "--suite-seconds", "0")
        c.check(done.returncode == 1 and "skipped does not pass on the tree as it is (skip)" in done.stdout, "a test that is skipped: %s" % done.stdout)
    print("%d passed, %d failed, 0 skipped" % (c.passed, c.failed))
    return 1 if c.failed else 0


if __name__ == "__main__":
    sys.exit(main())
