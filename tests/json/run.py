#!/usr/bin/python3
"""Rules as JSON, both ways, over every rule file that there is.

    run.py XDPFC

For each file that can be parsed: text, JSON, text again is the canonical text to the byte; what the checker takes, the schema takes; and for
the tree and the metadata, JSON says the same as the text. Then, by the language's own lists: every field, header, type, verdict, action and every row of
grammar/json.def is in the schema, and every row stood in some file. Files that several tests use are read once.
"""
import concurrent.futures
import glob
import json
import os
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
XDPFC = os.path.abspath(sys.argv[1])
MOST = 200_000          # bytes of a file: longer ones say nothing new
passed, failed, skipped, kinds = 0, 0, [], {}


def xdpfc(*args, cwd, data=None):
    return subprocess.run([XDPFC, *args], cwd=cwd, input=data, stdin=None if data is not None else subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=120)


def seen(value, family, found):
    """Which rows of grammar/json.def occur in a document: (member, word)."""
    if isinstance(value, list):
        for v in value:
            seen(v, family, found)
    elif isinstance(value, dict):
        for member in ("kind", "action", "op", "step"):
            if isinstance(value.get(member), str):
                found.add((member, value[member]))
                for other in value:
                    found.add((member, value[member], other))
        for v in value.values():
            seen(v, family, found)


def one(path):
    """(file, what is wrong or None, the document or None, whether the checker takes it)."""
    directory, name = os.path.split(path)
    text = xdpfc("--emit=xdpf", name, cwd=directory)
    if text.returncode:
        return path, None, None, False
    document = xdpfc("--emit=json", name, cwd=directory)
    if document.returncode:
        return path, "--emit=json: " + document.stderr.decode(errors="replace"), None, False
    again = xdpfc("--import=json", "-", cwd=directory, data=document.stdout)
    if again.returncode or again.stdout != text.stdout:
        return path, "not the same again: " + again.stderr.decode(errors="replace")[:2000], None, False
    try:
        return path, None, json.loads(document.stdout), None
    except ValueError as e:
        return path, "no JSON: %s" % e, None, False


def same_program(path):
    """Whether the checker takes a canonical text, and what of tree and diagnostics its JSON says otherwise."""
    directory, name = os.path.split(path)
    check = xdpfc("--emit=ast", name, cwd=directory)
    if check.returncode:
        return path, False, None
    text = xdpfc("--emit=xdpf", name, cwd=directory).stdout
    plain = xdpfc("--emit=ast", "--quiet", "-", cwd=directory, data=text)
    document = xdpfc("--emit=json", "-", cwd=directory, data=text).stdout
    from_json = xdpfc("--import=json", "--emit=ast", "--quiet", "-", cwd=directory, data=document)
    if plain.returncode:        # it says `by "FILE:LINE"`
        return path, False, None
    if from_json.returncode or from_json.stdout != plain.stdout:
        return path, True, "the trees differ: " + from_json.stderr.decode(errors="replace")[:2000]
    return path, True, None


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
        for row in json.loads(xdpfc("--list=" + what, "--json", cwd=ROOT).stdout):
            report("schema: " + row["name"], None if json.dumps(row["name"]) in text else "the schema does not have it")
    for row in json.loads(xdpfc("--list=actions", "--json", cwd=ROOT).stdout):
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


def main():
    with open(os.path.join(ROOT, "docs", "xdpf.schema.json"), "rb") as f:
        shipped = f.read()
    made = xdpfc("--list=json-schema", cwd=ROOT).stdout
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
    found, documents = set(), {}
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for path, complaint, document, _ in pool.map(one, files):
            name = os.path.relpath(path, ROOT)
            if document is None and not complaint:
                continue
            report(name, complaint)
            if document is not None:
                documents[path] = document
                seen(document, None, found)
        sound = [p for p in documents if "golden/diag" not in p]
        for path, good, complaint in pool.map(same_program, sound):
            name = os.path.relpath(path, ROOT)
            if not good:
                continue
            report(name + ": tree", complaint)
            if validator:
                error = next(validator.iter_errors(documents[path]), None)
                report(name + ": schema", error and "%s: %s" % ("/".join(map(str, error.absolute_path)), error.message[:300]))
    check_lists(schema, list(rows_of(schema)), found)
    for line in skipped:
        print("skipped:", line)
    print("%d passed, %d failed, %d skipped" % (passed, failed, len(skipped)))
    sys.exit(1 if failed else 0)


main()
