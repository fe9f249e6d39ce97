"""A page of a filter, taken apart: complains of what a page may not have, and says in lines what is on it.

What it may have is listed here: these tags, these attributes, links to places on the page. A tag that is not closed, or closed elsewhere, an attribute
without quotes, a character that should be escaped are complaints too.
"""
import re
from html.parser import HTMLParser

VOID = {"meta", "link"}
TAGS = {"html", "head", "title", "style", "body", "header", "h1", "h2", "h3", "p", "nav", "a", "dl", "div", "dt", "dd", "section", "b", "i", "em", "code", "span",
        "table", "thead", "tbody", "tr", "th", "td", "svg", "path", "rect", "text"} | VOID
SVG = {"viewbox", "width", "height", "role", "aria-label", "d", "x", "y", "rx", "stroke-width"}
ATTRIBUTES = {"class", "id", "href", "lang", "charset", "http-equiv", "content", "name", "rel", "title"} | SVG
FIXED = {"default-src 'none'; style-src 'unsafe-inline'; img-src data:", "width=device-width,initial-scale=1"}


class Page(HTMLParser):
    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.wrong, self.open, self.ids, self.links, self.lines, self.text, self.policy = [], [], set(), [], [], [], False
        self.section = None
        self.rows = 0
        self.feed(text)
        self.close()
        if self.open:
            self.wrong.append("not closed: %s" % self.open)
        self.wrong += ["a link leads nowhere: %s" % to for to in self.links if to not in self.ids]
        if not self.policy:
            self.wrong.append("no policy that forbids everything from outside")
        style = re.search(r"<style>(.*?)</style>", text, re.S)[1]
        if re.search(r"url\(|@import|expression|<", style):
            self.wrong.append("the style asks for something")
        # no text holds a character that is a browser's
        for raw in re.findall(r">([^<]*)<", text.replace(style, "")):
            for stray in re.findall(r"&(?!(?:amp|lt|gt|quot|#39|#160);)|[\"'](?![^\"']*=)", raw):
                self.wrong.append("not escaped: %r in %r" % (stray, raw[:80]))

    def handle_starttag(self, tag, attrs):
        raw = self.get_starttag_text()
        if tag not in TAGS:
            self.wrong.append("a tag that no page has: %s" % raw)
        if re.search(r"=(?!\")", re.sub(r"\"[^\"]*\"", '""', raw)):
            self.wrong.append("an attribute without quotes: %s" % raw)
        for name, value in attrs:
            if name not in ATTRIBUTES or value is None:
                self.wrong.append("an attribute that no page has: %s" % raw)
            elif name == "id":
                if value in self.ids:
                    self.wrong.append("two are called %s" % value)
                self.ids.add(value)
            elif name == "href" and value.startswith("#"):
                self.links.append(value[1:])
            elif name == "href" and not (tag == "link" and value == "data:,"):
                self.wrong.append("a link to outside: %s" % raw)
            elif name == "content" and value not in FIXED:
                self.wrong.append("what says this? %s" % raw)
            elif name == "content" and value.startswith("default-src 'none'"):
                self.policy = True
        # what only colours words leaves the line whole
        if not self.colours(tag, dict(attrs)):
            self.flush()
        if tag not in VOID and not raw.endswith("/>"):
            self.open.append((tag, dict(attrs)))
        if tag == "section":
            self.section = dict(attrs)["id"]
            self.lines.append("== %s" % self.section)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)

    @staticmethod
    def colours(tag, attrs):
        return tag == "span" and attrs.get("class", "").startswith(("c-", "v-"))

    def handle_endtag(self, tag):
        if not self.open or not self.colours(*self.open[-1]):
            self.flush()
        if not self.open or self.open[-1][0] != tag:
            self.wrong.append("</%s> closes %s" % (tag, self.open[-1:]))
        else:
            self.open.pop()

    def handle_data(self, data):
        self.text.append(data)

    def handle_comment(self, data):
        self.wrong.append("a comment: %s" % data[:60])

    def flush(self):
        """What the text so far is, in a line: where it stands, and itself. Of the budget only what its columns are called: its numbers are another test's."""
        text, self.text = re.sub(r"\s+", " ", "".join(self.text)).strip(), []
        if not text or not self.open:
            return
        tag, attrs = self.open[-1]
        if tag == "style" or (self.section == "budget" and tag not in ("h2", "h3", "th", "dt")) or (not self.section and tag == "dd"):
            return
        within = [a.get("id") for t, a in self.open if t == "div" and a.get("id")]
        kind = " ".join(filter(None, [tag, attrs.get("class")]))
        self.lines.append("%s%s: %s" % (within[-1] + " " if within else "", kind, text))
