"""The tables of mutants: LAYER.toml beside this file, each an array of [[mutant]] with

    name    one word, unique
    fault   what is wrong with it
    file    where, from the root of the tree
    old     text that stands there exactly once
    new     what stands there instead
    tests   tests of ctest that ought to find it, the likeliest (and cheapest) first: a name, and behind it arguments with which it does less
            (files that lie beside it by their names alone)
"""
import glob
import json
import os
import re
import subprocess
import tomllib

KEYS = {"name": str, "fault": str, "file": str, "old": str, "new": str, "tests": list}


class Stale(Exception):
    """A mutant whose text does not stand exactly once in its file."""


class Mutant:
    def __init__(self, layer, row, where):
        if set(row) != set(KEYS) or not all(isinstance(row[key], kind) for key, kind in KEYS.items()):
            raise SystemExit("%s: a mutant has %s, and nothing else: %r" % (where, ", ".join(KEYS), row.get("name", row)))
        self.layer = layer
        self.name, self.fault, self.file, self.old, self.new, self.tests = (row[key] for key in KEYS)
        if not re.fullmatch(r"[a-z0-9][a-z0-9-]*", self.name) or not all(self.tests) or not self.tests or not self.old or self.old == self.new:
            raise SystemExit("%s: %r needs a name of small letters, digits and dashes, a test, and a new text that differs" % (where, self.name))

    def applied(self, text):
        """@text with the fault in it."""
        if text.count(self.old) != 1:
            raise Stale("its text stands %d times in %s" % (text.count(self.old), self.file))
        return text.replace(self.old, self.new)


def load(directory):
    mutants = []
    for path in sorted(glob.glob(os.path.join(directory, "*.toml"))):
        with open(path, "rb") as f:
            try:
                table = tomllib.load(f)
            except tomllib.TOMLDecodeError as e:
                raise SystemExit("%s: %s" % (path, e))
        layer = os.path.splitext(os.path.basename(path))[0]
        mutants += [Mutant(layer, row, path) for row in table.get("mutant", ())]
    names = [m.name for m in mutants]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise SystemExit("%s: more than one mutant of the name %s" % (directory, ", ".join(twice)))
    return mutants


class Test:
    """What ctest knows of one."""
    def __init__(self, said):
        properties = {p["name"]: p["value"] for p in said.get("properties", [])}
        self.command, self.directory, self.skip = said.get("command", []), properties.get("WORKING_DIRECTORY"), 77
        codes = properties.get("SKIP_RETURN_CODE", self.skip)
        self.skip = codes[0] if isinstance(codes, list) else codes
        self.targets = None             # what it needs to be built; None: everything


def name_of(test):
    return test.split()[0]


def tests_of(build):
    """The tests of @build, by name."""
    said = subprocess.run(["ctest", "--test-dir", build, "--show-only=json-v1"], stdout=subprocess.PIPE, check=True).stdout
    return {test["name"]: Test(test) for test in json.loads(said)["tests"]}


def check(root, mutants, build):
    """Are all of them still what they were made for?"""
    failed, known = 0, tests_of(build) if build else None
    for m in mutants:
        wrong = []
        try:
            with open(os.path.join(root, m.file), encoding="utf-8") as f:
                m.applied(f.read())
        except (OSError, Stale) as e:
            wrong.append(str(e))
        if known is not None:
            wrong += ["no such test: " + test for test in map(name_of, m.tests) if test not in known]
        for text in wrong:
            print("FAILED: mutant %s (tests/mutants/%s.toml): %s" % (m.name, m.layer, text))
        failed += bool(wrong)
    print("%d passed, %d failed, 0 skipped" % (len(mutants) - failed, failed))
    return 1 if failed or not mutants else 0
