#!/usr/bin/python3
"""The manual pages xdpfc(1), xdpf(8) and xdpf(5), made of what the tools say of themselves and of docs/language.md.

    manual.py XDPFC XDPF DIRECTORY      writes them there
"""
import os
import re
import subprocess
import sys
import time

sys.dont_write_bytecode = True
from roff import example, inline, markdown, plain, quoted, tagged       # noqa: E402
from tables import PAGE, Language                                       # noqa: E402

GROUPS = (
    ("mode", "What to do", "One of these; --import may stand beside it."),
    ("compile", "Compiling", None),
    ("budget", "What it may cost", "Of --budget."),
    ("packets", "What is not in a frame", "Of --run and --explain."),
    ("explain", "Explaining", "Of --explain."),
    ("import", "Rules of other filters", None),
    ("analyse", "Analyses", None),
    ("page", "Pages", "Of --emit=html."),
    ("all", "Everywhere", None),
)
STATUS = (("0", "done"), ("1", "the input is wrong, or a test failed"), ("2", "usage"),
          ("3", "the system refused: permission, kernel, interface, file"), ("4", "the answer to what was asked is no"))
EXAMPLES = {
    "xdpfc": "xdpfc rules.xdpf -o rules.o\nxdpfc --check -Werror rules.xdpf\nxdpfc --test rules.xdpf\nxdpfc --run seen.pcap rules.xdpf\n"
             "xdpfc --explain 'tcp.dport = 22, tcp.syn' rules.xdpf\nxdpfc --emit=html rules.xdpf >rules.html\niptables-save | xdpfc --import=iptables -",
    "xdpf": "xdpf doctor eth0 rules.xdpf\nxdpf apply rules.xdpf eth0 --confirm 60s\nxdpf confirm eth0\nxdpf stats eth0 --watch\n"
            "xdpf set add eth0 blocked 192.0.2.0/24\nxdpf remove eth0",
}
COMMON = ("--quiet", "--verbose", "--help")


def says(tool, *args):
    return subprocess.run([tool, *args], stdout=subprocess.PIPE, check=True, text=True).stdout


class Usage:
    """What a tool's --help says, taken apart: .forms, the lines of its usage; .text, paragraphs; .options, (names, value, what it does)."""

    def __init__(self, text):
        lines = text.rstrip("\n").split("\n")
        self.forms, self.text, self.options, i = [], [], [], 0
        while i < len(lines) and lines[i].strip():
            line = lines[i].replace("usage: ", "", 1).strip() if i == 0 else lines[i].strip()
            if i == 0 or line.startswith(("xdpf ", "xdpfc ")):
                self.forms.append(line)
            else:
                self.forms[-1] += " " + line
            i += 1
        paragraph = []
        for line in lines[i:] + [""]:
            option = re.match(r"  (-[\w-]+)((?: |=)\S(?:\S| (?! ))*)?\s{2,}(\S.*)", line)
            if option:
                self.options.append([option[1], (option[2] or "").strip(" ="), option[3]])
            elif self.options and re.match(r"\s{8,}\S", line):
                self.options[-1][2] += " " + line.strip()
            elif line.strip():
                paragraph.append(line.strip())
            elif paragraph:
                self.text.append(" ".join(paragraph))
                paragraph = []


def commands(xdpf):
    """(name, summary) of xdpf's commands, in its order."""
    return re.findall(r"^  (\w+) +(\S.*)$", says(xdpf, "--help"), re.M)


def head(name, section, title, version):
    # packages say when: the same sources make the same pages then
    when = time.gmtime(int(os.environ.get("SOURCE_DATE_EPOCH", time.time())))
    return ".TH %s %s %s %s %s\n" % (name.upper(), section, time.strftime("%Y-%m-%d", when), quoted("xdpf " + version), quoted(title))


def option(names, value):
    joined = ", ".join("\\fB%s\\fR" % plain(name) for name in names)
    words = "|\\:".join(("\\fB%s\\fR" if "|" in value else "\\fI%s\\fR") % plain(word) for word in value.split("|")) if value else ""
    return joined + ((" " if len(names[0]) == 2 else "=") + words if value else "")


def examples(text):
    return ".SH EXAMPLES\n" + example(text).replace(".PP\n", "", 1)


def statuses():
    return ".SH \"EXIT STATUS\"\n" + "".join(tagged("\\fB%s\\fR" % number, inline(text)) for number, text in STATUS)


def compiler(language, version):
    usage, grouped = Usage(says(language.xdpfc, "--help")), {}
    for row in language.list("options"):
        group = grouped.setdefault(row["group"], [])
        if row["doc"] == "the same":
            group[-1][0].append(row["name"])
        else:
            group.append(([row["name"]], row["value"], row["doc"]))
    unknown = set(grouped) - {group for group, _, _ in GROUPS}
    if unknown:
        sys.exit("manual.py: options of no known group: %s" % ", ".join(sorted(unknown)))
    out = [head("xdpfc", 1, "User commands", version), ".SH NAME\nxdpfc \\- compiler of packet filters for XDP\n.SH SYNOPSIS\n.nf\n"]
    out += ["%s\n" % plain(re.sub(r"   +\S.*$|  +[a-z].*$", "", form)) for form in usage.forms]
    out.append(".fi\n.SH DESCRIPTION\n" + "\n.PP\n".join(inline(text) for text in (
        "Compiles rule files, which xdpf(5) describes, to one XDP program, an ordinary BPF object; and says what there is to say about rule files. It never "
        "touches the kernel and needs no privileges; xdpf(8) runs what it makes.",
        "Several files make one program and run in the order given. `-` is standard input. Messages go to standard error, what was asked for to standard "
        "output. All that is wrong is said at once, with file, line, and what to do.")) + "\n.SH OPTIONS\n")
    for group, title, text in GROUPS:
        out.append(".SS %s\n" % quoted(title) + ("%s\n" % inline(text) if text else ""))
        out += [tagged(option(names, value), inline(doc)) for names, value, doc in grouped[group]]
    out.append(statuses())
    out.append(examples(EXAMPLES["xdpfc"]))
    out.append(".SH \"SEE ALSO\"\n.BR xdpf (5),\n.BR xdpf (8)\n")
    return "".join(out)


def runtime(xdpf, version):
    out = [head("xdpf", 8, "System administration", version), ".SH NAME\nxdpf \\- run packet filters in the kernel, as XDP programs\n.SH SYNOPSIS\n.nf\n"]
    pages = [(name, summary, Usage(says(xdpf, name, "--help"))) for name, summary in commands(xdpf)]
    out += ["xdpf %s \\fIARGUMENTS\\fR\n" % name for name, _, _ in pages]
    out.append(".fi\n.SH DESCRIPTION\n" + "\n.PP\n".join(inline(text) for text in (
        "Puts filters that xdpfc(1) makes of rule files (xdpf(5)) on network interfaces, replaces them without a gap, changes their sets, and shows what each "
        "rule counted. Where it is given a rule file it runs xdpfc; with objects alone it needs no compiler.",
        "It needs root, or the capabilities CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON. Interfaces are given by name, in the network namespace where it is "
        "called. Messages go to standard error, data to standard output.")) + "\n")
    out.append(".SH \"OPTIONS OF EVERY COMMAND\"\n")
    common = [row for row in pages[0][2].options if row[0] in COMMON]
    out += [tagged(option([name], value), inline(doc)) for name, value, doc in common]
    out.append(tagged(option(["--help"], ""), "how the command is used") + ".SH COMMANDS\n")
    for name, summary, usage in pages:
        out.append(".SS %s\n%s\n" % (quoted("xdpf " + name), inline(summary[:1].upper() + summary[1:] + ".")))
        out.append(".PP\n.nf\n" + "".join("%s\n" % plain(form) for form in usage.forms) + ".fi\n")
        out += [".PP\n%s\n" % inline(text) for text in usage.text]
        out += [tagged(option([option_], value), inline(doc)) for option_, value, doc in usage.options if option_ not in COMMON]
    out.append(statuses())
    out.append(".SH FILES\n" + tagged("\\fI/etc/xdpf/IFACE.xdpf\\fR, \\fI/etc/xdpf/IFACE.o\\fR",
                                      inline("the filter that `xdpf restore` applies, and the unit xdpf@IFACE.service at boot"))
               + tagged("\\fI/etc/xdpf/IFACE.env\\fR", inline("options of that unit: `XDPF_OPTIONS=--mode generic`"))
               + tagged("\\fI/sys/fs/bpf/xdpf\\fR", "what filters that run are held by"))
    out.append(examples(EXAMPLES["xdpf"]))
    out.append(".SH \"SEE ALSO\"\n.BR xdpfc (1),\n.BR xdpf (5)\n")
    return "".join(out)


def rules(version):
    with open(PAGE, encoding="utf-8") as f:
        text = f.read()
    first = text.index("\n## ")
    block = re.search(r"^```xdpf\n.*?^```$", text[:first], re.M | re.S)[0]
    return (head("xdpf", 5, "File formats", version) + ".SH NAME\nxdpf \\- rule files of packet filters for XDP\n.SH DESCRIPTION\n"
            + inline("A rule file, called `NAME.xdpf`, is a filter: rules that are tried in order on every packet, and the names they use. xdpfc(1) compiles it, "
                     "xdpf(8) runs it.") + "\n" + markdown(block) + markdown(text[first:]) + ".SH \"SEE ALSO\"\n.BR xdpfc (1),\n.BR xdpf (8)\n")


def main():
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    xdpfc, xdpf, directory = sys.argv[1:]
    version = says(xdpfc, "--version").split()[1]
    pages = {"xdpfc.1": compiler(Language(os.path.abspath(xdpfc)), version), "xdpf.8": runtime(os.path.abspath(xdpf), version), "xdpf.5": rules(version)}
    for name, text in pages.items():
        with open(os.path.join(directory, name), "w", encoding="utf-8") as f:
            f.write(text)


if __name__ == "__main__":
    main()
