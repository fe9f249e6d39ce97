#!/usr/bin/python3
"""The bar for who waits, as a terminal has it that is standard error alone.

    terminal.py COMMAND...              all that was said, as Python shows it, and the exit status
    terminal.py --until TEXT COMMAND... until that was said; then the command is ended
"""
import os
import pty
import select
import subprocess
import sys


def main():
    args, until = sys.argv[1:], None
    if args[0] == "--until":
        until, args = args[1], args[2:]
    ours, theirs = pty.openpty()
    child = subprocess.Popen(args, stdout=subprocess.DEVNULL, stderr=theirs, env=dict(os.environ, TERM="xterm"))
    os.close(theirs)
    said = b""
    while until is None or until.encode() not in said:
        try:
            more = os.read(ours, 65536) if select.select([ours], [], [], 60)[0] else b""
        except OSError:
            break
        if not more:
            break
        said += more
    if until is not None:
        child.kill()
    print(repr(said.decode()), child.wait() if until is None else until.encode() in said)


main()
