#!/usr/bin/python3
"""Syntax files for editors, made of what the compiler has: vim's, and a TextMate grammar for VS Code and whoever else reads these.

    editors.py XDPFC DIRECTORY      writes vim/syntax/xdpf.vim and vscode/syntaxes/xdpf.tmLanguage.json there, beside what dist/editors has
"""
import json
import os
import re
import shutil
import sys

sys.dont_write_bytecode = True
from tables import Language         # noqa: E402

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
NUMBER = r"\d[0-9A-Fa-fxX.:]*(?:/\d+)*(?:%(units)s)?(?:/(?:%(units)s))?"


class Words:
    """Words of the language by what they are; none is two things, in this order."""

    def __init__(self, language):
        def names(what, keep=lambda row: True):
            return [row["name"] for row in language.list(what) if row["name"] and keep(row)]

        verdicts = names("actions", lambda row: row["kind"] == "verdict")
        actions = names("actions", lambda row: row["kind"] == "action" and row["name"].islower())
        seen, self.groups = set(), {}
        for group, words in (("verdict", verdicts), ("action", actions), ("keyword", names("keywords")), ("field", names("fields")), ("header", names("headers")),
                             ("type", names("types")), ("name", names("names"))):
            # a number is coloured as one
            self.groups[group] = sorted({w for w in words if re.match(r"[A-Za-z]", w)} - seen)
            seen |= set(self.groups[group])
        self.units = sorted(set(names("units")), key=lambda u: (-len(u), u))


def vim(words):
    links = {"verdict": "Statement", "action": "Function", "keyword": "Keyword", "field": "Identifier", "header": "Identifier", "type": "Type", "name": "Constant"}
    lines = ["\" Vim syntax file for rule files of xdpfc, made of the compiler's tables.", "if exists(\"b:current_syntax\")", "\tfinish", "endif", "",
             "syntax iskeyword @,48-57,_,-,."]
    for group, names in words.groups.items():
        line = "syntax keyword xdpf" + group.capitalize()
        for name in names:
            if len(line) + len(name) > 140:
                lines.append(line)
                line = "syntax keyword xdpf" + group.capitalize()
            line += " " + name
        lines.append(line)
    number = NUMBER % {"units": "|".join(words.units)}
    lines += ["syntax match xdpfNumber \"\\v<%s>\"" % re.sub(r"\(\?:", "%(", number).replace("/", "\\/"),
              "syntax match xdpfLabel \"\\v(^|[{};])@<=\\s*[A-Za-z][A-Za-z0-9_-]*\\ze:(\\s|$)\"",
              "syntax region xdpfString start=+\"+ end=+\"+ oneline", "syntax match xdpfComment \"#.*$\" contains=@Spell", ""]
    lines += ["highlight default link xdpf%s %s" % (group.capitalize(), link) for group, link in
              dict(links, number="Number", label="Label", string="String", comment="Comment").items()]
    return "\n".join(lines + ["", "let b:current_syntax = \"xdpf\"", ""])


def textmate(words):
    scopes = {"verdict": "keyword.control.verdict", "action": "support.function.action", "keyword": "keyword.other", "field": "variable.language.field",
              "header": "support.type.header", "type": "storage.type", "name": "constant.language.name"}

    def any_of(names):
        # the longest first: tcp.dport before tcp
        return "(?<![\\w.-])(?:%s)(?![\\w.-])" % "|".join(re.escape(n).replace("\\-", "-") for n in sorted(names, key=lambda n: (-len(n), n)))

    patterns = [{"name": "comment.line.number-sign.xdpf", "match": "#.*$"}, {"name": "string.quoted.double.xdpf", "begin": "\"", "end": "\"|$"},
                {"match": "(?:^|(?<=[{};]))\\s*([A-Za-z][A-Za-z0-9_-]*)(:)(?=\\s|$)", "captures": {"1": {"name": "entity.name.label.xdpf"}}},
                {"name": "constant.numeric.xdpf", "match": "(?<![\\w.-])%s(?![\\w.])" % (NUMBER % {"units": "|".join(words.units)})}]
    patterns += [{"name": scopes[group] + ".xdpf", "match": any_of(names)} for group, names in words.groups.items()]
    return json.dumps({"name": "xdpf", "scopeName": "source.xdpf",
                       "fileTypes": ["xdpf"], "patterns": patterns}, indent=1) + "\n"


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    words = Words(Language(os.path.abspath(sys.argv[1])))
    for editor, path, text in (("vim", "syntax/xdpf.vim", vim(words)), ("vscode", "syntaxes/xdpf.tmLanguage.json", textmate(words))):
        to = os.path.join(sys.argv[2], editor)
        shutil.copytree(os.path.join(ROOT, "dist", "editors", editor), to, dirs_exist_ok=True)
        os.makedirs(os.path.dirname(os.path.join(to, path)), exist_ok=True)
        with open(os.path.join(to, path), "w", encoding="utf-8") as f:
            f.write(text)


if __name__ == "__main__":
    main()
