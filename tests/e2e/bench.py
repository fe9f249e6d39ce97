"""What `xdpf bench` ran: each packet of a capture so often as its rounds say, and with each the verdict that `xdpf run` has for it.

usage: bench.py BENCH.json RUN.jsonl ONE      ONE: the number of the one packet
"""
import json
import sys

bench = json.load(open(sys.argv[1]))
run = [json.loads(line) for line in open(sys.argv[2])]
one = int(sys.argv[3])
usable = [o for o in run if o["verdict"] != "skipped"]
hot, varied = bench["hot"], bench["varied"]
TURNS = 6			# five rounds, and one before them that is not timed
wrong = []


def expect(what, have, want):
    if have != want:
        wrong.append(f"{what}: {have}, expected {want}")


expect("packets left out", bench["left_out"], len(run) - len(usable))
expect("frames", (hot["frames"], varied["frames"]), (1, len(usable)))
rules = {}
verdicts = {}
for o, n in [(run[one - 1], hot["packets"])] + [
        (o, varied["packets"] // TURNS // len(usable) * TURNS + (TURNS if i < varied["packets"] // TURNS % len(usable) else 0))
        for i, o in enumerate(usable)]:
    verdicts[o["verdict"]] = verdicts.get(o["verdict"], 0) + n
    rules[o["rule"]] = rules.get(o["rule"], 0) + n
c = bench["counters"]
expect("verdicts", {k: v["packets"] for k, v in c["verdicts"].items() if v["packets"]}, verdicts)
f = c["files"][0]
counted = {r["rule"]: r["packets"] for r in f["rules"] if r["verdict"] and r["packets"]}
if f["default"]["packets"]:
    counted["default"] = f["default"]["packets"]
expect("rules", counted, rules)
for name, v in ("hot", hot), ("varied", varied):
    if not (v["filter_ns"] > 0 and v["floor_ns"] > 0 and v["least_ns"] <= v["cost_ns"] <= v["most_ns"]):
        wrong.append(f"{name}: {v}")
print("\n".join(wrong) or "all")
sys.exit(bool(wrong))
