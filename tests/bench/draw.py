"""Curves as SVG: two axes that count in powers of ten, a line for each who is measured. Readable on light and on dark; nothing but text comes out."""
import math
import os
from xml.sax.saxutils import escape

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 760, 420, 62, 170, 64, 48
# Colours that stand out from white and from black, and from each other; lines are also told apart by their dashes, and by their names at the end.
COLOURS = ("#1b7fd4", "#d9622b", "#2c9a5b", "#a05cc4", "#c43d62", "#8a7a1f", "#5f7f8f", "#b0559a")
DASHES = ("", "6 3", "2 3", "8 3 2 3")
UP = ("ns per packet, net of a program that is `return XDP_DROP`", "by run-time statistics; nftables and iptables by the receiver's time on the CPU")
STYLE = """\
text { font: 12px sans-serif; fill: #24292f } .title { font-size: 14px; font-weight: bold } .grid { stroke: #8888; stroke-width: 0.5 }
path { fill: none; stroke-width: 2 }
@media (prefers-color-scheme: dark) { text { fill: #d8dee6 } }
"""


def number(value):
    return "%gM" % (value / 1e6) if value >= 1e6 else "%gk" % (value / 1e3) if value >= 1e3 else "%g" % value


class Plot:
    def __init__(self, lines):
        xs = [x for _, points, _ in lines for x, _ in points]
        ys = [y for _, points, _ in lines for _, y in points]
        self.x = (math.floor(math.log10(min(xs))), math.ceil(math.log10(max(max(xs), 2 * min(xs))) - 0.05))
        self.y = (math.floor(math.log10(min(ys))), math.ceil(math.log10(max(max(ys), 2 * min(ys)))))

    def at(self, x, y):
        across = (math.log10(x) - self.x[0]) / max(self.x[1] - self.x[0], 1)
        up = (math.log10(y) - self.y[0]) / max(self.y[1] - self.y[0], 1)
        return LEFT + across * (WIDTH - LEFT - RIGHT), HEIGHT - BOTTOM - up * (HEIGHT - TOP - BOTTOM)

    def grid(self):
        for power in range(self.x[0], self.x[1] + 1):
            x, y = self.at(10 ** power, 10 ** self.y[0])
            yield '<path class="grid" d="M%.1f %.1f V%d"/>' % (x, y, TOP)
            yield '<text x="%.1f" y="%.1f" text-anchor="middle">%s</text>' % (x, y + 17, number(10 ** power))
        for power in range(self.y[0], self.y[1] + 1):
            x, y = self.at(10 ** self.x[0], 10 ** power)
            yield '<path class="grid" d="M%.1f %.1f H%d"/>' % (x, y, WIDTH - RIGHT)
            yield '<text x="%.1f" y="%.1f" text-anchor="end">%s</text>' % (x - 6, y + 4, number(10 ** power))

    def line(self, i, name, points, ours):
        colour, dash = COLOURS[i % len(COLOURS)], "" if ours else DASHES[1 + i % 3]
        places = [self.at(*p) for p in points]
        style = 'stroke="%s"%s%s' % (colour, ' stroke-width="3"' if ours else "", ' stroke-dasharray="%s"' % dash if dash else "")
        yield '<path %s d="M%s"/>' % (style, " L".join("%.1f %.1f" % p for p in places))
        yield "".join('<circle cx="%.1f" cy="%.1f" r="2.5" fill="%s"/>' % (*p, colour) for p in places)


def labels(plot, lines):
    """The lines' names at the right, at the height of their ends, or below each other where those are close."""
    ends = sorted((plot.at(*points[-1])[1], i) for i, (_, points, _) in enumerate(lines))
    below = TOP - 10
    for y, i in ends:
        below = max(y, below + 15)
        yield '<text x="%d" y="%.1f" style="fill:%s">%s</text>' % (WIDTH - RIGHT + 10, below + 4, COLOURS[i % len(COLOURS)], escape(lines[i][0]))


def svg(title, across, up, lines):
    """@up: what the height says, in lines. @lines: (name, [(x, y)], whether it is ours)."""
    plot = Plot(lines)
    out = ['<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" role="img">' % (WIDTH, HEIGHT, WIDTH, HEIGHT),
           "<title>%s</title><style>%s</style>" % (escape(title), STYLE), '<text class="title" x="%d" y="22">%s</text>' % (LEFT, escape(title)),
           *('<text x="%d" y="%d">%s</text>' % (LEFT, 39 + 15 * i, escape(line)) for i, line in enumerate(up)),
           '<text x="%.1f" y="%d" text-anchor="middle">%s</text>' % ((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 10, escape(across)), *plot.grid()]
    for i, (name, points, ours) in enumerate(lines):
        out += plot.line(i, name, points, ours)
    return "\n".join([*out, *labels(plot, lines), "</svg>"]) + "\n"


def points(rows, x, *keys):
    """Of the rows that have it: (row[x], row[key][key]…), what is below a nanosecond as one."""
    found = []
    for row in rows:
        value = row
        for key in keys:
            value = value.get(key) if isinstance(value, dict) else None
        if value is not None:
            found.append((row[x], max(value, 1)))
    return sorted(found)


def curves(results, folder):
    """Draws what was measured; what was not, is left as it is."""
    rules, sets, peers = (results.get(name) or {} for name in ("rules", "sets", "peers"))
    lines = [("xdpf, " + family, points(rows, "rules", "ours", "run"), True) for family, rows in rules.items()]
    lines += [("by hand in C", points(rules.get("acl1", ()), "rules", "c", "run"), False)]
    for key, name in (("nft", "nftables"), ("iptables", "iptables")):
        lines.append((name, points(peers.get("rules", ()), "rules", "varied", key, "net_cpu"), False))
    draw(folder, "bench-rules.svg", "A packet's cost by the number of rules", "rules, ClassBench", lines)
    names = (("addresses", "addresses", "HASH"), ("prefixes", "prefixes", "LPM_TRIE"), ("prefixes6", "IPv6 prefixes", "LPM_TRIE, IPv6"))
    lines = [("xdpf, " + what, points(sets.get(kind, ()), "size", "ours_curve", "run"), True) for kind, what, _ in names]
    lines += [(theirs, points(sets.get(kind, ()), "size", "theirs_curve", "run"), False) for kind, _, theirs in names]
    for kind, rows in peers.get("sets", {}).items():
        lines.append(("nftables, " + kind, points(rows, "size", "varied", "nft", "net_cpu"), False))
    draw(folder, "bench-sets.svg", "A packet's cost by the size of a set", "elements", lines)


def draw(folder, name, title, across, lines):
    lines = [line for line in lines if len(line[1]) > 1]
    if lines:
        with open(os.path.join(folder, name), "w") as f:
            f.write(svg(title, across, UP, lines))
