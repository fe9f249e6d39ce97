#!/usr/bin/python3
"""Owners that share a filter.

usage: owners.py lie IN OUT KIND                     an object whose metadata says something else of its sources
       owners.py rounds N NAME OTHER DIR COMMAND...  replaces DIR/NAME.xdpf N times by COMMAND apply ...; prints what went wrong, and how often it was
                                                     done; each time the other's rules must be there, and those of this one as they were written
       owners.py differ SEED N DIR XDPFC COMMAND...  N random changes, by COMMAND, whose compiler leaves each object in DIR/made.o; prints what is not
                                                     the same as all files compiled together       owners.py docs PAGE DIR BIN COMMAND...        writes the page's files to DIR and runs its commands there, by COMMAND; prints what is not as it says
"""
import json
import os
import random
import re
import struct
import subprocess
import sys

META = b".debug_xdpf"


def rewrite(data, change):
    """The object with its metadata changed: the new text stands at the file's end."""
    data = bytearray(data)
    table, = struct.unpack_from("<Q", data, 40)
    size, count, names = struct.unpack_from("<HHH", data, 58)
    strings = struct.unpack_from("<Q", data, table + names * size + 24)[0]
    for i in range(count):
        at = table + i * size
        name = strings + struct.unpack_from("<I", data, at)[0]
        if data[name:data.index(b"\0", name)] == META:
            begin, length = struct.unpack_from("<QQ", data, at + 24)
            meta = json.loads(bytes(data[begin:begin + length]))
            change(meta)
            text = json.dumps(meta, separators=(",", ":")).encode()
            struct.pack_into("<QQ", data, at + 24, len(data), len(text))
            return bytes(data) + text
    raise SystemExit("there is no metadata")


def source(meta, name):
    return next(s for s in meta["sources"] if s["name"] == name)


def text_of(s, text):
    s.update(text=text, size=len(text.encode()))


LIES = {
    # what runs is not what it says
    "text": lambda m: text_of(source(m, "a.xdpf"), source(m, "a.xdpf")["text"].replace("drop", "pass")),
    "sum": lambda m: source(m, "a.xdpf").update(sha256="0" * 64),
    # files that the filter does not hold, and that are there on the disk
    "escape": lambda m: text_of(source(m, "a.xdpf"), 'include "../../../../../../../../../../etc/hostname";\n' + source(m, "a.xdpf")["text"]),
    "absolute": lambda m: text_of(source(m, "a.xdpf"), 'include "/etc/hostname";\n' + source(m, "a.xdpf")["text"]),
    "missing": lambda m: m["sources"].remove(source(m, "ports.xdpf")),
    # ... or that it has more than once, or for nobody
    "twice": lambda m: m["sources"].insert(2, dict(source(m, "ports.xdpf"), text="let ports = 1;  ", size=16)),
    "first": lambda m: m["sources"].reverse(),
    "file": lambda m: source(m, "ports.xdpf").update(file=7),
    "nofile": lambda m: source(m, "ports.xdpf").pop("file"),
    "control": lambda m: source(m, "ports.xdpf").update(path="ports\n.xdpf"),
    "nopath": lambda m: source(m, "ports.xdpf").update(path=""),
    "notext": lambda m: source(m, "ports.xdpf").update(text=None),
    "older": lambda m: [(s.pop("file"), s.pop("path")) for s in m["sources"]],
    "none": lambda m: m.pop("sources"),
    # paths that lead out and are taken for names, which is as good as any other
    "names": lambda m: (source(m, "ports.xdpf").update(path="../../../../../../etc/ports.xdpf"),
                        text_of(source(m, "a.xdpf"), source(m, "a.xdpf")["text"].replace("ports.xdpf", "../../../../../../etc/ports.xdpf"))),
}


def lie(argv):
    with open(argv[0], "rb") as f:
        data = rewrite(f.read(), LIES[argv[2]])
    with open(argv[1], "wb") as f:
        f.write(data)


def run(command, env=None):
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=env)


def rounds(argv):
    n, name, other, directory, command = int(argv[0]), argv[1], argv[2], argv[3], argv[4:]
    path, done, wrong = "%s/%s.xdpf" % (directory, name), 0, []
    for i in range(n):
        with open(path, "w") as f:
            f.write("%s-%d: drop if udp.dport == %d;\n" % (name, i, 1000 + i))
        out = run([*command, "apply", "--replace", path, "xe0"])
        if out.returncode or "Sanitizer" in out.stdout:
            wrong.append("round %d: exit status %d: %s" % (i, out.returncode, out.stdout))
            continue
        done += 1
        now = run([*command, "status", "--rules", "xe0"]).stdout
        if "%s-%d: " % (name, i) not in now or "%s-" % other not in now:
            wrong.append("round %d: what runs behind it: %s" % (i, now))
    for text in wrong:
        print(text)
    print("%d of %d" % (done, n))


class Differ:
    """Files that exist in a directory, and those of them that run, in their order."""

    def __init__(self, r, directory, xdpfc, command):
        self.r, self.dir, self.xdpfc, self.command = r, directory, xdpfc, command
        self.files, self.n, self.wrong = [], 0, []

    def text(self, name):
        """Rules, with files of elements and includes, some of which several owners have, and absolute ones."""
        r, stem = self.r, name[:-5]
        parts = []
        if r.random() < .5:
            where = r.choice(("common.xdpf", "sub/inner.xdpf", os.path.abspath(self.dir + "/common.xdpf"), "./common.xdpf", "sub/../common.xdpf"))
            parts.append('include "%s";' % where)
        if r.random() < .5:
            parts.append('set s : ip %sfrom "%s";' % (r.choice(("", "live ")), r.choice(("list.txt", "sub/list.txt", self.dir + "/list.txt"))))
            parts.append("in: drop if ip.src in s;")
        if r.random() < .4:
            parts.append("limit slow = %d packets/s per ip.src;\nfast: drop if udp over slow;" % r.randrange(1, 99))
        if r.random() < .4:
            parts.append("ports: count ports per udp.dport;")
        if r.random() < .3:
            parts.append("".join("drop if ip.src == 10.0.%d.%d and udp.dport == %d;\n" % (i, r.randrange(256), r.randrange(65536))
                                 for i in range(r.choice((3, 90)))))
        parts.append("%s-%d: %s if tcp.dport == %d;" % (stem, r.randrange(1000), r.choice(("drop", "pass")), r.randrange(65536)))
        if r.random() < .3:
            parts.append('test "%s é \\t" { packet { ip4.src = 192.0.2.1, udp.dport = 9 } expect pass }' % stem)
        if r.random() < .3:
            parts.append("default %s;" % r.choice(("pass", "drop")))
        return "\n".join(parts) + "\n"

    def write(self, name, text):
        with open("%s/%s" % (self.dir, name), "w") as f:
            f.write(text)

    def change(self):
        """What is asked for, and what the files are then."""
        r, files = self.r, list(self.files)
        kind = r.choice(("add", "add", "replace", "replace", "drop")) if len(files) > 1 else r.choice(("add", "replace"))
        if kind == "drop":
            name = files.pop(r.randrange(len(files)))
            return ["--drop", name], files
        if kind == "replace":
            name = r.choice(files)
            self.write(name, self.text(name))
            return ["--replace", name], files
        self.n += 1
        name = "f%d.xdpf" % self.n
        self.write(name, self.text(name))
        at = r.randrange(len(files) + 1)
        place = ["--after", files[at - 1]] if at and r.random() < .5 else ["--before", files[at]] if at < len(files) else []
        files.insert(at, name)
        return ["--add", name, *place], files

    def once(self):
        asked, files = self.change()
        texts = {name: open("%s/%s" % (self.dir, name)).read() for name in os.listdir(self.dir) if name.endswith((".xdpf", ".txt"))}
        # of what is not changed nothing may be read from the disk
        for name in self.files:
            if name not in asked[1:2]:
                self.write(name, "this is no rule;\n")
        out = run([*self.command, "apply", "--no-tests", *asked, "xe0"])
        for name, text in texts.items():
            self.write(name, text)
        if out.returncode or "Sanitizer" in out.stdout:
            self.wrong.append("%s: exit status %d: %s" % (asked, out.returncode, out.stdout))
            return
        self.files = files
        together = run([self.xdpfc, "-o", "together.o", *files])
        if together.returncode or open("together.o", "rb").read() != open("made.o", "rb").read():
            self.wrong.append("%s of %s is not what xdpfc makes of all: %s" % (asked, files, together.stdout))


def differ(argv):
    seed, n, directory, xdpfc, command = int(argv[0]), int(argv[1]), argv[2], argv[3], argv[4:]
    os.makedirs(directory + "/sub", exist_ok=True)
    os.chdir(directory)
    d = Differ(random.Random(seed), directory, xdpfc, command)
    d.write("common.xdpf", "let common = 7;\nfrom-common: drop if udp.dport == common;\n")
    d.write("sub/inner.xdpf", 'include "deep.xdpf";\n')
    d.write("sub/deep.xdpf", "let deep = 8;\n")
    d.write("list.txt", "192.0.2.1\n192.0.2.2\n")
    d.write("sub/list.txt", "192.0.2.3\n")
    d.write("f0.xdpf", d.text("f0.xdpf"))
    out = run([*command, "apply", "--no-tests", "--add", "f0.xdpf", "xe0"])
    d.files = ["f0.xdpf"]
    if out.returncode:
        d.wrong.append(out.stdout)
    for _ in range(n):
        d.once()
    for text in d.wrong:
        print(text)
    print("%d wrong" % len(d.wrong))


def docs(argv):
    """Runs the blocks of a page: files, and commands with what they print; "..." stands for anything."""
    page, directory, env = argv[0], argv[1], dict(os.environ, PATH=argv[2] + ":" + os.environ["PATH"])
    ran = 0
    for kind, name, block in re.findall(r"^```(text|console) ?(\S*)\n(.*?)^```$", open(page).read(), re.S | re.M):
        if kind == "text":
            os.makedirs(os.path.dirname(os.path.join(directory, name)), exist_ok=True)
            with open(os.path.join(directory, name), "w") as f:
                f.write(block)
            continue
        for command, wanted in re.findall(r"^# (xdpf .*)\n((?:(?!# xdpf ).*\n)*)", block, re.M):
            out = run([*argv[3:], "env", "--chdir=" + directory, *command.split()], env)
            pattern = re.escape(wanted).replace(re.escape("...\n"), "(?s:.*)\n?")
            if not re.fullmatch(pattern, out.stdout):
                print("# %s\nexpected:\n%sprinted:\n%s" % (command, wanted, out.stdout))
            ran += 1
    print("%d commands" % ran)


if __name__ == "__main__":
    {"lie": lie, "rounds": rounds, "differ": differ, "docs": docs}[sys.argv[1]](sys.argv[2:])
