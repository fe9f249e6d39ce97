#!/usr/bin/python3
"""The inputs that are kept: one file for each fuzzer, an input on each line, in hexadecimal digits.

usage: corpus.py out FILE.hex DIRECTORY        each as a file
       corpus.py in FILE.hex DIRECTORY         the smallest of them, as far as there is room
"""
import hashlib
import os
import sys

ROOM, LARGE = 48 << 10, 2 << 10       # bytes of all, and of one


def main():
    what, path, directory = sys.argv[1:]
    if what == "out":
        if os.path.exists(path):
            with open(path, encoding="ascii") as f:
                for line in f:
                    data = bytes.fromhex(line)
                    with open(os.path.join(directory, hashlib.sha1(data).hexdigest()), "wb") as out:
                        out.write(data)
        return
    inputs, left = [], ROOM
    for name in os.listdir(directory):
        with open(os.path.join(directory, name), "rb") as f:
            inputs.append(f.read())
    kept = []
    for data in sorted(inputs, key=lambda d: (len(d), d)):
        if len(data) <= min(LARGE, left):
            kept.append(data.hex())
            left -= len(data)
    with open(path, "w", encoding="ascii") as f:
        f.write("".join(line + "\n" for line in kept))


if __name__ == "__main__":
    main()
