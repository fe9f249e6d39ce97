#!/usr/bin/python3
"""Sends frames from one interface and says at which others each of them came in.

usage: where.py FROM:IFACE AT:IFACE… -- NAME=FRAME…

FROM and AT are files of network namespaces; FRAME is in hexadecimal; all differ behind the addresses, and the last one comes in
somewhere. A line per frame: its name, and the interfaces where it came in, once for each time, or "-".
"""

import sys
import time

sys.dont_write_bytecode = True
import exchange


def main():
    cut = sys.argv.index("--")
    places = sys.argv[1:cut]
    sockets = [exchange.attach(place) for place in places]
    names = [place.rsplit(":", 1)[1] for place in places]
    frames = [(name, bytes.fromhex(text)) for name, text in (arg.split("=", 1) for arg in sys.argv[cut + 1:])]
    seen = {name: [] for name, _ in frames}
    for _, frame in frames:
        sockets[0].send(frame)
    end, late = time.monotonic() + exchange.PATIENCE, False
    while time.monotonic() < end:
        for s, place in zip(sockets, names):
            got = exchange.receive(s)
            for name, frame in frames if got else ():
                # Behind the addresses; a short frame may have been padded.
                if got[12:len(frame)] == frame[12:]:
                    seen[name].append(place)
        if not late and seen[frames[-1][0]]:
            end, late = time.monotonic() + exchange.SILENCE, True
        time.sleep(0.001)
    for name, _ in frames:
        print(name, ",".join(sorted(seen[name])) or "-")


if __name__ == "__main__":
    main()
