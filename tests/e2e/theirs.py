#!/usr/bin/python3
"""Reads the Prometheus text format by Prometheus' own library for Python, and compares what it finds with what our strict reader does.

usage: theirs.py FILE

Ours (prometheus.py) knows what a text must not look like; theirs, what it means. Prints "all as ours", or the first difference.
"""
import sys

sys.dont_write_bytecode = True      # not beside the tests

from prometheus_client.parser import text_string_to_metric_families

import prometheus


def main():
    with open(sys.argv[1], encoding="utf-8") as f:
        text = f.read()
    ours = {(name, labels): value for (name, labels), value in prometheus.read(text).items()}
    theirs = {}
    for family in text_string_to_metric_families(text):
        if family.type not in ("counter", "gauge") or not family.documentation:
            raise SystemExit("%s is a %s: %s" % (family.name, family.type, family.documentation))
        for sample in family.samples:
            key = sample.name, tuple(sorted(sample.labels.items()))
            if key in theirs:
                raise SystemExit("twice: %s" % (key,))
            theirs[key] = sample.value
    for key in sorted(ours.keys() | theirs.keys()):
        if key not in ours or key not in theirs or float(ours[key]) != theirs[key]:
            raise SystemExit("%s: ours %s, theirs %s" % (key, ours.get(key), theirs.get(key)))
    if not theirs:
        raise SystemExit("there are no metrics")
    print("all as ours")


if __name__ == "__main__":
    main()
