#!/usr/bin/python3
"""Makes an object that the kernel refuses: where a number is compared, the comparison names a register that there is not.

usage: unsound.py IN OUT NUMBER
"""
import struct
import sys

data = bytearray(open(sys.argv[1], "rb").read())
number = int(sys.argv[3])
names_at = struct.unpack_from("<H", data, 62)[0]
table, size, count = struct.unpack_from("<Q", data, 40)[0], *struct.unpack_from("<HH", data, 58)
sections = [struct.unpack_from("<IIQQQQIIQQ", data, table + i * size) for i in range(count)]
names = sections[names_at][4]
code = next(s for s in sections if data[names + s[0]:].split(b"\0")[0] == b"xdp")
insns = range(code[4], code[4] + code[5], 8)
swapped = struct.unpack("<H", struct.pack(">H", number))[0]
at = next(i for i in insns if data[i] & 7 in (5, 6) and struct.unpack_from("<i", data, i + 4)[0] in (number, swapped))
data[at + 1] = data[at + 1] & 0xf0 | 11
open(sys.argv[2], "wb").write(data)
