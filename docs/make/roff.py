"""Text and the Markdown of docs/ as roff, in the macros that man(7) describes. What Markdown is not written in docs/ is not known here."""
import re


def plain(text):
    """Text, so that nothing in it is a request or an escape."""
    text = text.replace("\\", "\\e").replace("-", "\\-").replace("^", "\\(ha").replace("~", "\\(ti").replace("`", "\\(ga")
    return "\n".join("\\&" + line if line[:1] in (".", "'") else line for line in text.split("\n"))


def inline(text):
    """A run of Markdown: code and bold in bold, of links what they say."""
    out = []
    text = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", text)
    for part in re.split(r"(`[^`]*`|\*\*[^*]+\*\*)", text):
        if part[:1] == "`" and len(part) > 1:
            out.append("\\fB%s\\fR" % plain(part[1:-1].replace("\\|", "|")))
        elif part[:2] == "**":
            out.append("\\fB%s\\fR" % plain(part[2:-2]))
        else:
            out.append(plain(part))
    line = "".join(out)
    return "\\&" + line if line[:1] in (".", "'") else line


def quoted(text):
    """An argument of a macro."""
    return '"%s"' % text.replace('"', "\\(dq")


def example(text):
    return ".PP\n.RS 4\n.nf\n%s\n.fi\n.RE\n" % plain(text.rstrip("\n").expandtabs(8))


def tagged(tag, text):
    return ".TP\n%s\n%s\n" % (tag, text)


def cells(line):
    return [cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip().strip("|"))]


def table(lines):
    """The first column as tags; of more than two, the others with what their heads say."""
    head, out = cells(lines[0]), []
    for line in lines[2:]:
        row = cells(line)
        says = [row[-1]] + ["%s: %s" % (name, cell) for name, cell in zip(head[1:-1], row[1:-1]) if cell] if len(head) > 2 else row[1:]
        if len(head) > 2 and re.match(r"known", head[-1]):      # the last column says least
            says = [row[-2]] + ["%s: %s" % (name, cell) for name, cell in zip(head[1:-2], row[1:-2])] + (["%s: %s" % (head[-1], row[-1])] if row[-1] else [])
        out.append(tagged(inline(row[0]), inline("; ".join(says)) or "\\&"))
    return "".join(out)


def markdown(text):
    """A page, from its first heading of the second level on."""
    out, lines, i = [], re.sub(r"<!--.*?-->\n?", "", text, flags=re.S).split("\n"), 0

    def run(ends):
        """Lines up to one that begins something else."""
        nonlocal i
        begin = i
        while i < len(lines) and lines[i].strip() and (i == begin or not re.match(ends, lines[i])):
            i += 1
        return " ".join(line.strip() for line in lines[begin:i])

    while i < len(lines):
        line = lines[i]
        if line.startswith("```"):
            begin = i + 1
            i = begin + next(n for n, end in enumerate(lines[begin:]) if end.startswith("```"))
            out.append(example("\n".join(lines[begin:i])))
            i += 1
        elif line.startswith("#"):
            level, heading = line.split(" ", 1)
            out.append((".SH %s\n" % quoted(plain(heading.upper()))) if len(level) == 2 else ".SS %s\n" % quoted(plain(heading)))
            i += 1
        elif line.startswith("|"):
            begin = i
            while i < len(lines) and lines[i].startswith("|"):
                i += 1
            out.append(table(lines[begin:i]))
        elif line.startswith("- "):
            out.append(".IP \\(bu 2\n%s\n" % inline(run(r"- |```|#|\|")[2:]))
        elif line.strip():
            out.append(".PP\n%s\n" % inline(run(r"- |```|#|\|")))
        else:
            i += 1
    # a paragraph right behind a heading begins without being told to
    return re.sub(r"(\.S[HS] [^\n]*\n)\.PP\n", r"\1", "".join(out))
