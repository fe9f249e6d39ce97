#!/usr/bin/python3
"""Rules as JSON, both ways, over every rule file that there is.

    run.py XDPFC ROUNDTRIP

For each file that can be parsed: text, JSON, text again is the canonical text to the byte, and the tree that comes of JSON that of the text
(roundtrip.c); what the checker takes, the schema takes. Then, by the language's own lists: every field, header, type, verdict and action is
in the schema, the schema that is shipped is the one that xdpfc makes and refuses what xdpfc refuses, and every row of grammar/json.def and each of
its members stood in some file's JSON. An object made of JSON is that of the text. Besides the files of the tree there are random ones. Not looked at: rule
files of more than 200 kB.
"""
import glob
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tests", "packets"))
import made
import rulefile

RANDOM, REPAIRED = 150, 25      # files with all that the generator writes; and how many of them without what the checker refuses
XDPFC, ROUNDTRIP = map(os.path.abspath, sys.argv[1:3])
MOST = 200_000
passed, failed, skipped = 0, 0, []


def xdpfc(*args):
    return subprocess.run([XDPFC, *args], cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, timeout=60, check=True).stdout


def seen(value, found):
    """Which rows of grammar/json.def occur in a document: (member, word), and with which members."""
    if isinstance(value, list):
        for v in value:
            seen(v, found)
    elif isinstance(value, dict):
        for member in ("kind", "action", "op", "step"):
            if isinstance(value.get(member), str):
                found.add((member, value[member]))
                for other in value:
                    found.add((member, value[member], other))
        for v in value.values():
            seen(v, found)


def report(name, complaint):
    global passed, failed
    if complaint:
        failed += 1
        print("FAILED %s: %s" % (name, complaint))
    else:
        passed += 1


def check_lists(schema, rows, found):
    text = json.dumps(schema)
    for what in ("fields", "headers", "types"):
        for row in json.loads(xdpfc("--list=" + what, "--json")):
            report("schema: " + row["name"], None if json.dumps(row["name"]) in text else "the schema does not have it")
    for row in json.loads(xdpfc("--list=actions", "--json")):
        name = {"FIELD = VALUE": "write", "FIELD -= N": "decrease"}.get(row["name"], row["name"])
        report("action: " + name, None if ("action", name) in found else "no file's JSON has it")
    for member, word, members in rows:
        report("row %s %s" % (member, word), None if (member, word) in found else "no file's JSON has it")
        for other in members:
            report("%s of %s" % (other, word), None if (member, word, other) in found else "no file's JSON has it")


def rows_of(schema):
    """(member, word, other members) of all rows, from the schema that is made of them."""
    for family in ("statement", "action", "compound", "step", "limit"):
        for row in schema["$defs"][family]["anyOf"]:
            members = dict(row["properties"])
            for member in ("kind", "action", "op", "step"):
                if "const" in members.get(member, {}):
                    word = members.pop(member)["const"]
                    yield member, word, [m for m in members if m not in ("comment", "comment_behind", "comments", "source")]


def every_field():
    """A rule for each field and header."""
    for what in ("fields", "headers"):
        for row in json.loads(xdpfc("--list=" + what, "--json")):
            if row["name"] != "time":   # it stands alone in conditions: other files have it
                yield ("pass if not %s;\n" if what == "headers" or row.get("type") == "flag" else "count t per %s;\n") % row["name"]


def random_files(directory):
    """Programs of the generator that the differential runs have, always the same ones."""
    frames, files = list(made.frames(random.Random("json"), 100)), []
    for i in range(RANDOM):
        paths, more = rulefile.make(directory, "random%d" % i, "json/%d" % i, frames)
        if i < REPAIRED:
            rulefile.repair(paths + more, XDPFC)
        files += paths
    return files


def check_object():
    """A file in the canonical layout, by itself and by its document: the same object."""
    with tempfile.TemporaryDirectory() as directory:
        path = os.path.join(directory, "edge.xdpf")
        for name in ("edge.xdpf", "bogons.xdpf"):
            shutil.copy(os.path.join(ROOT, "examples", name), directory)
        xdpfc("--format", path)
        with open(path + ".json", "wb") as f:
            f.write(xdpfc("--emit=json", path))
        xdpfc(path, "-o", path + ".1")
        xdpfc("--import=json", path + ".json", "-o", path + ".2")
        with open(path + ".1", "rb") as a, open(path + ".2", "rb") as b:
            report("object", None if a.read() == b.read() else "that of JSON is another one")
        # What is called a rule file is one, beside documents too.
        xdpfc("--import=json", "--check", path, os.path.join(ROOT, "tests", "json", "tenants.json"))


def check_refused(validator):
    """What xdpfc refuses for its form, the schema refuses; and messages as data have pointers."""
    for name in ("array", "comments", "document", "kinds", "members", "types", "version", "words"):
        with open(os.path.join(ROOT, "tests", "golden", "json", name + ".json"), "rb") as f:
            report("refused: " + name, "the schema takes it" if validator.is_valid(json.load(f)) else None)
        done = subprocess.run([XDPFC, "--import=json", "--check", "--json", f.name], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, timeout=60)
        messages = json.loads(done.stdout)
        report("messages: " + name, None if done.returncode == 1 and all("pointer" in m for m in messages if "more" not in m) else done.stdout)
    with open(os.path.join(ROOT, "tests", "golden", "json", "later.json"), "rb") as f:
        done = subprocess.run([XDPFC, "--import=json", "--check", "--json", f.name], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, timeout=60)
    found = [m for m in json.loads(done.stdout) if m["pointer"] == "/statements/0/when/of/1/left"]
    report("written by", None if [m["written_by"] for m in found] == [{"file": "tenants.csv", "line": 12}] else done.stdout)


def main():
    with open(os.path.join(ROOT, "docs", "xdpf.schema.json"), "rb") as f:
        shipped = f.read()
    made = xdpfc("--list=json-schema")
    report("docs/xdpf.schema.json", None if made == shipped else "it is not what --list=json-schema prints: xdpfc --list=json-schema >docs/xdpf.schema.json")
    schema = json.loads(made)
    try:
        import jsonschema
        validator = jsonschema.Draft202012Validator(schema)
        jsonschema.Draft202012Validator.check_schema(schema)
    except ImportError:
        validator = None
        skipped.append("json: validation: python3-jsonschema is not there")
    files = [p for p in sorted(set(glob.glob(os.path.join(ROOT, "tests", "**", "*.xdpf"), recursive=True) +
                                   glob.glob(os.path.join(ROOT, "examples", "**", "*.xdpf"), recursive=True)))
             if os.path.getsize(p) <= MOST]
    found = set()
    with tempfile.TemporaryDirectory() as directory:
        every = os.path.join(directory, "every.xdpf")
        with open(every, "w") as f:
            f.write("".join(every_field()))
        files.append(every)
        files += random_files(directory)
        done = subprocess.run([ROUNDTRIP, directory, *files], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, timeout=300)
        lines = done.stdout.decode(errors="replace").splitlines()
        report("roundtrip", None if done.returncode in (0, 1) else "\n".join(lines[-5:] + ["exit status %d" % done.returncode]))
        for line in lines:
            if line.count("\t") != 2:
                print(line)
                continue
            number, what, wrong = line.split("\t")
            name = os.path.relpath(files[int(number)], ROOT)
            report(name, wrong)
            with open(os.path.join(directory, number + ".json"), "rb") as f:
                document = json.loads(f.read())
            seen(document, found)
            if files[int(number)] == every:
                text = json.dumps(document)
                for field in every_field():
                    word = field.split()[-1].rstrip(";")
                    report("field " + word, None if '"%s"' % word in text else "it is not in the document")
            if validator and (what == "sound" or files[int(number)] == every):
                error = next(validator.iter_errors(document), None)
                report(name + ": schema", error and "%s: %s" % ("/".join(map(str, error.absolute_path)), error.message[:300]))
    check_object()
    if validator:
        check_refused(validator)
    check_lists(schema, list(rows_of(schema)), found)
    for line in skipped:
        print("skipped:", line)
    print("%d passed, %d failed, %d skipped" % (passed, failed, len(skipped)))
    sys.exit(1 if failed else 0)


main()
