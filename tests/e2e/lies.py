#!/usr/bin/python3
"""Objects whose maps are not what they should be: each map's number of elements and type is changed in the object's type information, one at a time,
and what the tool says of each is checked.

usage: lies.py OBJECT DIRECTORY COMMAND...      COMMAND OBJECT is run for each; prints what went wrong, and "N passed, N failed"
"""
import struct
import subprocess
import sys

# More elements than anything here may have, but no more than a machine has room for, should it be believed. What is refused need not be the map that
# was aimed at: maps share numbers.
LIES = (("max_entries", 1), ("max_entries", 1 << 21), ("max_entries", 0), ("type", 9), ("type", 1 << 30))


def sections(data):
    at, = struct.unpack_from("<Q", data, 40)
    size, n, names = struct.unpack_from("<HHH", data, 58)
    rows = [struct.unpack_from("<IIQQQQIIQQ", data, at + i * size) for i in range(n)]
    strings = rows[names][4]
    return {data[strings + r[0]:data.index(b"\0", strings + r[0])].decode(): (r[4], r[5]) for r in rows}


class Types:
    """Of .BTF: where each type stands in the file, and what it is."""

    def __init__(self, data):
        self.data = data
        at, _ = sections(data)[".BTF"]
        _, _, _, head, types, length, strings, _ = struct.unpack_from("<HBBIIIII", data, at)
        self.strings, self.types = at + head + strings, [None]
        pos, end = at + head + types, at + head + types + length
        while pos < end:
            name, info, value = struct.unpack_from("<III", data, pos)
            kind, n = info >> 24 & 31, info & 0xffff
            self.types.append((pos, name, kind, n, value))
            pos += 12 + {1: 4, 3: 12, 4: 12 * n, 5: 12 * n, 6: 8 * n, 13: 8 * n, 14: 4, 15: 12 * n, 17: 4, 19: 12 * n}.get(kind, 0)

    def name(self, offset):
        at = self.strings + offset
        return self.data[at:self.data.index(b"\0", at)].decode()

    def maps(self):
        """Name of a map: {member: where the number that it stands for is}."""
        for pos, name, kind, n, value in self.types[1:]:
            if kind != 15 or self.name(name) != ".maps":
                continue
            for i in range(n):
                var = self.types[struct.unpack_from("<I", self.data, pos + 12 + 12 * i)[0]]
                yield self.name(var[1]), self.members(self.types[var[4]])

    def members(self, of):
        found = {}
        for i in range(of[3]):
            name, type_id, _ = struct.unpack_from("<III", self.data, of[0] + 12 + 12 * i)
            to = self.types[type_id]
            if to[2] == 2 and self.types[to[4]][2] == 3:        # a pointer to an array: its length is the number
                found[self.name(name)] = self.types[to[4]][0] + 12 + 8
        return found


def main():
    data = open(sys.argv[1], "rb").read()
    passed = failed = 0
    for name, members in Types(data).maps():
        for member, number in LIES:
            if member not in members or struct.unpack_from("<I", data, members[member])[0] == number:
                continue
            lie = bytearray(data)
            struct.pack_into("<I", lie, members[member], number)
            path = "%s/lie.o" % sys.argv[2]
            with open(path, "wb") as f:
                f.write(lie)
            done = subprocess.run([*sys.argv[3:], path], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
            if done.returncode == 1 and "the object" in done.stdout and "Sanitizer" not in done.stdout:
                passed += 1
            else:
                failed += 1
                print("FAILED: map %s with %s %d: exit status %d: %s" % (name, member, number, done.returncode, done.stdout[-300:]))
    print("%d passed, %d failed" % (passed, failed))


if __name__ == "__main__":
    main()
