#!/usr/bin/python3
"""Objects that are broken in one place each, by just so much: sections, symbols and relocations that end one byte behind what they are in. Each must be
refused, with the reason.

usage: broken.py OBJECT DIRECTORY COMMAND...      COMMAND OBJECT is run for each; prints what went wrong, and "N passed, N failed"
"""
import os
import struct
import subprocess
import sys

HEAD, SHDR, SYM, REL = 64, 64, 24, 16
SYMTAB, STRTAB, RELOCATIONS, NOTHING = 2, 3, 9, 8


def sections(data):
    at, = struct.unpack_from("<Q", data, 40)
    n, = struct.unpack_from("<H", data, 60)
    return [(at + i * SHDR, *struct.unpack_from("<IIQQQQIIQQ", data, at + i * SHDR)) for i in range(n)]


def breaks(data):
    """(what, reason, bytes)"""
    found = sections(data)

    def with_number(what, reason, at, fmt, value):
        out = bytearray(data)
        struct.pack_into(fmt, out, at, value)
        return what, reason, bytes(out)

    for i, (at, name, kind, flags, addr, off, size, link, info, align, entry) in enumerate(found):
        if kind not in (0, NOTHING):
            yield with_number("section %d ends behind the file" % i, "cut off", at + 32, "<Q", len(data) - off + 1)
        if kind == STRTAB:
            yield with_number("names of section %d do not end" % i, "broken", off + size - 1, "<B", 97)
        if kind == SYMTAB:
            inside = [k for k in range(size // SYM) if 0 < struct.unpack_from("<H", data, off + k * SYM + 6)[0] < len(found) and
                      0 < struct.unpack_from("<Q", data, off + k * SYM + 8)[0] < found[struct.unpack_from("<H", data, off + k * SYM + 6)[0]][6]]
            for k in inside[:3]:
                section, value = struct.unpack_from("<HQ", data, off + k * SYM + 6)
                yield with_number("symbol %d ends behind its section" % k, "outside its section", off + k * SYM + 16, "<Q", found[section][6] - value + 1)
        if kind == RELOCATIONS:
            symbols = found[link][6] // SYM
            kind_of, = struct.unpack_from("<I", data, off + 8)
            yield with_number("a relocation of section %d names the symbol behind the last" % i, "relocations are broken", off + 8, "<Q",
                              symbols << 32 | kind_of)
            yield with_number("a relocation of section %d lies behind what it is of" % i, "relocations are broken", off, "<Q", found[info][6])


def main():
    passed, failed = 0, 0
    with open(sys.argv[1], "rb") as f:
        data = f.read()
    path, kinds = os.path.join(sys.argv[2], "broken.o"), set()
    for what, reason, out in breaks(data):
        with open(path, "wb") as f:
            f.write(out)
        done = subprocess.run([*sys.argv[3:], path], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60)
        good = done.returncode == 1 and reason in done.stdout and "Sanitizer" not in done.stdout
        passed, failed = passed + good, failed + (not good)
        kinds.add(reason)
        if not good:
            print("%s: status %d: %s" % (what, done.returncode, done.stdout[:300]))
    if len(kinds) < 4:
        failed += 1
        print("only these were broken: %s" % kinds)
    print("%d passed, %d failed" % (passed, failed))
    return 1 if failed else 0


sys.exit(main())
