#!/usr/bin/python3
"""The tables of docs/language.md, made of what the compiler has: what `xdpfc --list=WHAT --json` prints.

    tables.py XDPFC             says which tables of the page are not what they would be now, and ends with status 1 then
    tables.py --write XDPFC     writes them

In the page a table stands between "<!-- table: NAME -->" and "<!-- end of table -->"; NAME is a function below.
"""
import json
import os
import re
import subprocess
import sys
import textwrap

PAGE = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "language.md")
TABLE = re.compile(r"(<!-- table: (\S+)(?: (\S+))? -->\n)(.*?)(<!-- end of table -->)", re.S)
WIDTH = 150


class Language:
    """What the compiler has, asked for once each."""

    def __init__(self, xdpfc):
        self.xdpfc = xdpfc
        self.lists = {}

    def list(self, what):
        if what not in self.lists:
            done = subprocess.run([self.xdpfc, "--list=" + what, "--json"], stdout=subprocess.PIPE, check=True)
            self.lists[what] = json.loads(done.stdout)
        return self.lists[what]

    def names(self, kind):
        """The known values of a type: (value, [names]), in the order of the values."""
        by_value = {}
        for row in self.list("names"):
            if row["type"] == kind:
                by_value.setdefault(row["value"], []).append(row["name"])
        return sorted(by_value.items())

    def fields(self):
        """The fields by what stands before their first dot: (group, what it is, [rows]), in the order of the tables."""
        headers, groups = {row["name"]: row["doc"] for row in self.list("headers")}, {}
        for row in self.list("fields"):
            group = row["name"].split(".")[0] if row["header"] != "-" else ""
            groups.setdefault(group, []).append(row)
        return [(group, headers.get(group, ""), rows) for group, rows in groups.items()]


def code(text):
    return "`%s`" % text.replace("|", "\\|")


def table(head, rows):
    lines = ["| %s |" % " | ".join(head), "| %s |" % " | ".join("---" for _ in head)]
    return "\n".join(lines + ["| %s |" % " | ".join(row) for row in rows]) + "\n"


def forms(language, of):
    wanted = of.replace("-", " ").split("+")
    return table(("form", "meaning"), [(code(row["form"]), row["doc"]) for row in language.list("forms") if row["of"] in wanted])


def actions(language, kind):
    return table((kind, "meaning"), [(code(row["form"]), row["doc"]) for row in language.list("actions") if row["kind"] == kind])


def units(language, of):
    return table(("unit", "means"), [(code(row["name"]), row["doc"]) for row in language.list("units") if row["of"] == of])


def headers(language, _):
    return table(("header", "layer", "is"), [(code(row["name"]), row["layer"], row["doc"]) for row in language.list("headers")])


def types(language, _):
    known = {row["type"] for row in language.list("names")}
    return table(("type", "bits", "is", "known values"), [(code(row["name"]), str(row["bits"]), row["doc"], "yes" if row["name"] in known else "")
                                                          for row in language.list("types")])


def fields(language, _):
    out = []
    for group, doc, rows in language.fields():
        out.append("**%s**%s\n" % (group or "Of the packet and its way", ": " + doc if doc else ""))
        out.append(table(("field", "type", "bits", "rules may write", "is"), [
            (code(row["name"]), row["type"], str(row["bits"]), "yes" if row["access"] == "write" else "", row["doc"].replace("|", "\\|")) for row in rows]))
    return "\n".join(out)


def names(language, kind):
    text = ", ".join("%s %s" % (" ".join(code(name) for name in both), "0x%04x" % value if kind == "ethertype" else value)
                     for value, both in language.names(kind))
    return textwrap.fill(text + ".", WIDTH, break_long_words=False, break_on_hyphens=False) + "\n"


def keywords(language, _):
    return textwrap.fill(" ".join(code(row["name"]) for row in language.list("keywords")), WIDTH, break_on_hyphens=False) + "\n"


MAKERS = {f.__name__: f for f in (forms, actions, units, headers, types, fields, names, keywords)}


def page(text, language):
    """The page with its tables as they are now."""
    return TABLE.sub(lambda m: m[1] + "\n" + MAKERS[m[2]](language, m[3]) + "\n" + m[5], text)


def stale(xdpfc):
    """The names of tables that are not what they would be now; and types with known values that the page has no table of."""
    language = Language(xdpfc)
    with open(PAGE, encoding="utf-8") as f:
        text = f.read()
    there = {m[3] for m in TABLE.finditer(text) if m[2] == "names"}
    lacking = sorted({row["type"] for row in language.list("names")} - there)
    return ([" ".join(filter(None, (old[2], old[3]))) for old, new in zip(TABLE.finditer(text), TABLE.finditer(page(text, language)))
             if old[0] != new[0]] + ["names %s, which the page has not" % kind for kind in lacking])


def main():
    write = sys.argv[1:2] == ["--write"]
    if len(sys.argv) != 2 + write:
        sys.exit(__doc__)
    xdpfc = os.path.abspath(sys.argv[-1])
    if write:
        with open(PAGE, encoding="utf-8") as f:
            text = f.read()
        with open(PAGE, "w", encoding="utf-8") as f:
            f.write(page(text, Language(xdpfc)))
    found = stale(xdpfc)
    for name in found:
        print("language.md: table `%s` is stale: run docs/make/tables.py --write" % name)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
