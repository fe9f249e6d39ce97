#!/usr/bin/python3
"""Pictures of the documents, made of what is there: none is drawn by hand.

    pictures.py XDPFC DIRECTORY [--demo TEXT]    writes layers.svg (of the table of layers in tests/style/check), way.svg (of a page of examples/edge.xdpf,
                                                 over a recorded capture) and, with the output of scripts/demo, demo.svg there
"""
import argparse
import html
import importlib.machinery
import importlib.util
import os
import re
import subprocess
import sys

sys.dont_write_bytecode = True
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PAPER = ("svg{background:#fbfbf8}text{font-family:ui-monospace,'DejaVu Sans Mono','Liberation Mono',monospace;fill:#1d2226}",
         "@media(prefers-color-scheme:dark){svg{background:#121517}text{fill:#d8dcdf}%s}")


def svg(width, height, style, dark, body, title):
    return ("<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" width=\"%d\" height=\"%d\" role=\"img\" aria-label=\"%s\">\n"
            "<style>%s%s%s</style>\n%s</svg>\n" % (width, height, width, height, html.escape(title), PAPER[0], style, PAPER[1] % dark, body))


# ---- layers ----

def table_of_layers():
    path = os.path.join(ROOT, "tests", "style", "check")
    spec = importlib.util.spec_from_loader("style", importlib.machinery.SourceFileLoader("style", path))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return {name: (pattern, may - {name}) for name, pattern, may in module.LAYERS}


def layers():
    table = table_of_layers()

    def below(name, seen=()):
        return {d for n in table[name][1] for d in {n} | below(n, seen + (name,))}

    depth = {}

    def depth_of(name):
        if name not in depth:
            depth[name] = 1 + max([depth_of(n) for n in table[name][1]], default=-1)
        return depth[name]

    for name in table:
        depth_of(name)
    # an arrow that others say, too, is not drawn
    arrows = [(name, to) for name in table for to in table[name][1] if not any(to in below(n) for n in table[name][1])]
    rows = [[n for n in table if depth[n] == d] for d in range(max(depth.values()) + 1)]
    wide, high, across, between = 128, 40, 16, 40
    width = max(len(r) for r in rows) * (wide + across) + across
    height = len(rows) * (high + between) + 10
    at, body = {}, []
    for d, row in enumerate(rows):
        for i, name in enumerate(row):
            x = (width - len(row) * (wide + across) + across) / 2 + i * (wide + across)
            at[name] = (x, height - (d + 1) * (high + between) + 20)
    for name, to in sorted(arrows):
        (x, y), (a, b) = at[name], at[to]
        body.append("<path class=\"a\" d=\"M%.0f %.0fC%.0f %.0f %.0f %.0f %.0f %.0f\"/>" % (
            x + wide / 2, y + high, x + wide / 2, y + high + between * .7, a + wide / 2, b - between * .7, a + wide / 2, b))
    for name, (x, y) in sorted(at.items()):
        files = re.sub(r"\[\^/\]\*|\.\*", "*", table[name][0]).replace("\\", "")
        files = files if len(files) <= 21 else files[:20] + "…"
        body.append("<rect x=\"%.0f\" y=\"%.0f\" width=\"%d\" height=\"%d\" rx=\"5\"/><text class=\"n\" x=\"%.0f\" y=\"%.0f\">%s</text>"
                    "<text class=\"f\" x=\"%.0f\" y=\"%.0f\">%s</text>" % (x, y, wide, high, x + 8, y + 17, name, x + 8, y + 32, html.escape(files)))
    return svg(width, height, "rect{fill:#fff;stroke:#5c666e}.a{fill:none;stroke:#9aa4ab}.n{font-size:13px;font-weight:600}.f{font-size:9.5px}",
               "rect{fill:#1a1e21;stroke:#98a2aa}.a{stroke:#59636b}", "\n".join(body) + "\n", "The layers, each above those that it may include")


# ---- the way of a packet ----

def way(xdpfc):
    run = subprocess.run([xdpfc, "--json", "--run", "tests/captures/edge.pcap", "examples/edge.xdpf"], cwd=ROOT, stdout=subprocess.PIPE, check=True)
    page = subprocess.run([xdpfc, "--quiet", "--emit=html", "--stats", "-", "examples/edge.xdpf"], cwd=ROOT, input=run.stdout.splitlines()[-1],
                          stdout=subprocess.PIPE, check=True).stdout.decode()
    whole, inside = re.search(r"(<svg[^>]*>)(.*?)</svg>", page, re.S).groups()
    style = re.search(r"<style>\n(.*?)</style>", page, re.S)[1]
    # of the page's style what a drawing needs, where there are no links
    needed = re.compile(r"svg|:root|^\s*\.(spine|box|block|few|table|marked|in|way|chip|head)\b")
    rules = [r for r in re.findall(r"[^{}]+\{[^{}]*\}|@media[^{]*\{(?:[^{}]*\{[^{}]*\})*\}", style) if needed.search(r)]
    inside = re.sub(r"<a [^>]*>|</a>", "", inside)
    rules.append("svg{background:var(--paper);font-family:ui-monospace,'DejaVu Sans Mono','Liberation Mono',monospace;min-width:0}")
    return "%s\n<style>%s</style>\n%s</svg>\n" % (whole.replace("<svg ", "<svg xmlns=\"http://www.w3.org/2000/svg\" ", 1),
                                                 "\n".join(r.strip() for r in rules), inside)


# ---- a terminal ----

COLUMNS = 112


def live(text):
    """Of what the demo prints the half in front of a live server."""
    return [line[4:] if line.startswith("    ") else line for line in text[text.index("== live traffic, before"):].rstrip("\n").split("\n")]


def steady(lines):
    """The same each time: without programs' ids, and without counts, which depend on how often somebody knocked."""
    return [re.sub(r"\(id \d+\)", "(id)", re.sub(r"\s+\d+ +\d+(?=\s|$)|(?<=reached by ).*", " …", line)).rstrip() for line in lines]


def terminal(lines):
    body = ["<rect class=\"w\" x=\"0\" y=\"0\" width=\"100%\" height=\"100%\" rx=\"8\"/>"]
    for i, line in enumerate(lines):
        line = line if len(line) <= COLUMNS else line[:COLUMNS - 1] + "…"
        typed = re.match(r"((?:server|client)\$ .*?)(   +)?(no answer|answered)?$", line)
        if line.startswith("=="):
            text = "<tspan class=\"t\">%s</tspan>" % html.escape(line)
        elif typed:
            text = "<tspan class=\"c\">%s</tspan>%s" % (html.escape(typed[1]), typed[2] or "")
            text += "<tspan class=\"%s\">%s</tspan>" % ("k" if typed[3] == "answered" else "r", typed[3]) if typed[3] else ""
        else:
            text = html.escape(line)
        body.append("<text x=\"16\" y=\"%d\" xml:space=\"preserve\">%s</text>" % (28 + 17 * i, text))
    return svg(900, 28 + 17 * len(lines), "text{font-size:12.5px;fill:#d8dcdf}.w{fill:#16191c}.t{fill:#7db4f0;font-weight:600}.c{fill:#fff;font-weight:600}"
               ".k{fill:#63c48c}.r{fill:#f28b82}", "", "\n".join(body) + "\n", "The demo in front of a live server")


def shown(picture):
    """The lines on such a picture."""
    return [html.unescape(re.sub(r"<[^>]*>", "", line)) for line in re.findall(r"<text [^>]*>(.*)</text>", picture)]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("xdpfc")
    parser.add_argument("directory")
    parser.add_argument("--demo")
    args = parser.parse_args()
    made = {"layers": layers(), "way": way(os.path.abspath(args.xdpfc))}
    if args.demo:
        with open(args.demo, encoding="utf-8") as f:
            made["demo"] = terminal(live(f.read()))
    for name, text in made.items():
        with open(os.path.join(args.directory, name + ".svg"), "w", encoding="utf-8") as f:
            f.write(text)


if __name__ == "__main__":
    main()
