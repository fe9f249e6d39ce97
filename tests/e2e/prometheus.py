#!/usr/bin/python3
"""Reads the Prometheus text format strictly; prints what an expression says of it.

usage: prometheus.py EXPRESSION [< TEXT]

In the expression v(NAME, LABEL=VALUE...) is the sum of a metric's samples with these labels, and names the metrics. What is not as the format wants
it - a sample without a type, a metric in two places, a series twice, a wrong escape - is an error.
"""
import re
import sys

LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\"n])*)"(,|$)')
SAMPLE = re.compile(r"([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? ([0-9]+)$")
TYPES = "counter", "gauge"


def unescape(text):
    return re.sub(r"\\(.)", lambda m: {"n": "\n"}.get(m.group(1), m.group(1)), text)


def labels_of(text, line):
    out, at = {}, 0
    while at < len(text):
        m = LABEL.match(text, at)
        if not m or m.group(1) in out or (not m.group(3) and m.end() != len(text)):
            raise SystemExit("broken labels: " + line)
        out[m.group(1)] = unescape(m.group(2))
        at = m.end()
    return out


def read(text):
    if not text.endswith("\n"):
        raise SystemExit("the last line does not end")
    types, helps, series, now = {}, set(), {}, None
    for line in text.split("\n")[:-1]:
        if line.startswith("# "):
            kind, name, rest = line[2:].split(" ", 2)
            if kind == "HELP" and name not in helps:
                helps.add(name)
                now = name
            elif kind == "TYPE" and name not in types and name == now and rest in TYPES:
                types[name] = rest
            else:
                raise SystemExit("a comment out of place: " + line)
            continue
        m = SAMPLE.match(line)
        if not m or m.group(1) != now or now not in types:
            raise SystemExit("no sample, or out of place: " + line)
        if (types[now] == "counter") != now.endswith("_total"):
            raise SystemExit("a counter is called _total: " + line)
        labels = labels_of(m.group(2) or "", line)
        key = now, tuple(sorted(labels.items()))
        if key in series:
            raise SystemExit("a series is there twice: " + line)
        series[key] = int(m.group(3))
    return series


def main():
    series = read(sys.stdin.read())

    def v(name, **labels):
        return sum(n for (metric, has), n in series.items() if metric == name and labels.items() <= dict(has).items())
    print(eval(sys.argv[1], {"v": v, "names": {name for name, _ in series}, "series": series}))


if __name__ == "__main__":
    main()
