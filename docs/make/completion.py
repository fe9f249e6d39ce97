#!/usr/bin/python3
"""Completion for bash and zsh, made of what the tools say of their options and commands, and of dist/completion.

    completion.py XDPFC XDPF DIRECTORY      writes xdpf.bash, _xdpf and _xdpfc there
"""
import os
import re
import sys

sys.dont_write_bytecode = True
from manual import Usage, commands, says        # noqa: E402
from tables import Language                     # noqa: E402

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
# What stands behind a command, in its order; the last may stand again. Kinds of words are those of engine.sh.
OPERANDS = {
    "apply": "@filter @iface", "confirm": "@iface", "rollback": "@iface", "remove": "@iface", "status": "@iface", "stats": "@iface",
    "metrics": "@iface", "log": "@iface", "explain": "@iface", "run": "@filter @file", "bench": "@filter @file", "doctor": "@iface @filter",
    "follow": "", "restore": "@iface", "test": "@filter",
    "set:list": "@iface", "set:show": "@iface @set", "set:add": "@iface @set @none", "set:remove": "@iface @set @none",
    "set:replace": "@iface @set @file", "set:flush": "@iface @set",
}
# What an option's value is, by what it is called in the help.
VALUES = {"FILE": "@file", "OUT.o": "@file", "CAPTURE": "@file", "PACKETS": "@packets", "LIST.json": "@file", "STATS.json": "@file", "DIR": "@file"}
# And where that does not say enough.
OF_OPTION = {"--iface": "@iface", "--rule": "@rule", "--drop": "@owner", "--before": "@owner", "--after": "@owner",
             "--verdict": "pass|drop|abort|tx|redirect"}


def kind(name, value):
    return OF_OPTION.get(name) or VALUES.get(value) or (value if "|" in value else "")


def compiler(xdpfc):
    rows = Language(xdpfc).list("options")
    return {"xdpfc": (" ".join(row["name"] + ("=" + kind(row["name"], row["value"]) if row["value"] else "") for row in rows), "@filter")}


def options(xdpf, command, words):
    """An option for each that the help names, of `set` those of the subcommand's line; what is in quotes there is of other commands."""
    text = says(xdpf, command.split(":")[0], "--help")
    usage, out = Usage(text), []
    shown, named = {name: value for name, value, _ in usage.options}, re.sub(r"`[^`]*`", "", text)
    if ":" in command:
        named = next(form for form in usage.forms if form.startswith("xdpf " + command.replace(":", " "))) + " --json --quiet --verbose"
    for name in dict.fromkeys(re.findall(r"--[a-z][a-z-]+", named)):
        value = shown.get(name) or next(iter(re.findall(r"%s ([A-Z]+)" % name, text)), "")
        if name == "--mode":
            value = words
        if name == "--rx" or not (value or name in OF_OPTION):
            out.append(name + ("=" if name == "--rx" else ""))
        else:
            out.append("%s=%s" % (name, kind(name, value)))
    return " ".join(out + ["--help"])


def runtime(xdpf):
    # the two rows of apply's --mode say its words
    words = "|".join(re.findall(r"^  --mode (\w+) ", says(xdpf, "apply", "--help"), re.M))
    out = {}
    for command, _ in commands(xdpf):
        names = [key for key in OPERANDS if key.split(":")[0] == command]
        if not names:
            sys.exit("completion.py: what stands behind `xdpf %s` is in no table: OPERANDS" % command)
        for name in names:
            out["xdpf:" + name] = (options(xdpf, name, words), OPERANDS[name])
    subcommands = "|".join(sorted(set(re.findall(r"xdpf set (\w+)", says(xdpf, "set", "--help")))))
    if set(subcommands.split("|")) != {key[4:] for key in OPERANDS if key.startswith("set:")}:
        sys.exit("completion.py: `xdpf set` has %s, and OPERANDS others" % subcommands)
    out["xdpf:set"] = ("--help", subcommands)
    return out


def shell(tables, names):
    lines = ["_xdpf_commands() {", "\tprintf '%%s\\n' %s" % " ".join(names), "}", "", "# Sets options and operands.", "_xdpf_table() {", "\tcase $1 in"]
    for name, (given, operands) in sorted(tables.items()):
        lines += ["\t%s)" % name, "\t\toptions='%s'" % given, "\t\toperands='%s' ;;" % operands]
    lines += ["\t*) return 1 ;;", "\tesac", "}", "", ""]
    return "\n".join(lines)


def main():
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    xdpfc, xdpf, directory = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2]), sys.argv[3]
    part = {}
    for name in ("engine", "bash", "zsh"):
        with open(os.path.join(ROOT, "dist", "completion", name + ".sh"), encoding="utf-8") as f:
            part[name] = f.read()
    made = shell(dict(compiler(xdpfc), **runtime(xdpf)), [name for name, _ in commands(xdpf)])
    for name, text in (("xdpf.bash", "# Completion of xdpf and xdpfc for bash.\n" + made + part["engine"] + part["bash"]),
                       ("_xdpf", "#compdef xdpf\n" + made + part["engine"] + part["zsh"]),
                       ("_xdpfc", "#compdef xdpfc\n" + made + part["engine"] + part["zsh"])):
        with open(os.path.join(directory, name), "w", encoding="utf-8") as f:
            f.write(text)


if __name__ == "__main__":
    main()
