#!/usr/bin/python3
"""Documents that nobody would write: too deep, too large, too many values. Each is refused, or taken, within seconds, with the error named here.

    hostile.py XDPFC
"""
import os
import subprocess
import sys
import tempfile

SECONDS = 60        # also under sanitizers, on a slow machine


def document(*statements):
    return b'{"xdpf":1,"statements":[' + b",".join(statements) + b"]}"


def rule(when):
    return b'{"kind":"rule","actions":[{"action":"drop"}],"when":' + when + b"}"


def let(value):
    return b'{"kind":"let","name":"x","value":' + value + b"}"


def nested(before, middle, behind, n):
    return before * n + middle + behind * n


BLOCK = b'{"kind":"if","branches":[{"when":"tcp","then":['
DEEP = "nested more than 100 deep"
# name, document, exit status, what the errors must say, how many errors at most
CASES = (
    ("100,000 arrays", b"[" * 100000, 1, "maximum parsing depth reached", 1),
    ("100,000 objects", b'{"a":' * 100000, 1, "maximum parsing depth reached", 1),
    ("2,000 values in values", document(let(nested(b"[", b"1", b"]", 2000))), 1, "nested more than 1000 deep", 1),
    ("200 values in values", document(let(nested(b"[", b"1", b"]", 200))), 1, DEEP, 1),
    ("100 values in values", document(let(nested(b"[", b"1", b"]", 99)), rule(b'{"op":"==","left":"tcp.dport","right":"x"}')), 0, "", 0),
    ("1,900 nots", document(rule(nested(b'{"op":"not","of":', b'"tcp"', b"}", 1900))), 1, "nested more than 1000 deep", 1),
    ("200 nots", document(rule(nested(b'{"op":"not","of":', b'"tcp"', b"}", 200))), 1, DEEP, 1),
    ("100 nots", document(rule(nested(b'{"op":"not","of":', b'"tcp"', b"}", 100))), 0, "", 0),
    ("900 conjunctions", document(rule(nested(b'{"op":"and","of":["udp",', b'"udp.dport"', b"]}", 900))), 1, DEEP, 2),
    ("300 blocks", document(nested(BLOCK, rule(b'"tcp"'), b"]}]}", 300)), 1, DEEP, 2),
    ("100 blocks", document(nested(BLOCK, rule(b'"tcp.syn"'), b"]}]}", 100)), 0, "", 0),
    ("100 redirects", document(b'{"kind":"default","verdict":' + nested(b'{"action":"redirect","to":"eth0","else":', b'{"action":"pass"}', b"}", 100) + b"}"), 1,
     "else", 20),
    ("too many objects", b'{"xdpf":1,"statements":[' + b"{}," * (1 << 20) + b"{}]}", 1, "", 20),
    ("objects for more than 2 GiB", b'{"xdpf":1,"statements":[' + b"{}," * (6 << 20) + b"{}]}", 1, "too many values", 1),
    ("a long string", document(let(b'"' + b"a" * (10 << 20) + b'"')), 1, "is not a value", 1),
    ("a long name of a member", b'{"xdpf":1,"' + b"a" * (10 << 20) + b'":1,"statements":[]}', 1, "there is no member `aaaa", 1),
    ("a long comment", document(b'{"kind":"default","verdict":{"action":"pass"},"comment":"' + b"a" * (10 << 20) + b'"}'), 0, "", 0),
    ("a million errors", document(*[b"1"] * 200000), 1, "and at least 980 more errors", 20),
    ("quotes", b'"' * (10 << 20), 1, "this is no JSON", 1),
    ("backslashes", b'{"' + b"\\" * (10 << 20), 1, "this is no JSON", 1),
    ("surrogates", document(let(b'"\\ud800"')), 1, "this is no JSON", 1),
    ("a pair of surrogates", document(let(b'"\\ud83d\\ude00"')), 1, "is not a value", 1),
    ("direction of text", document(b'{"kind":"default","verdict":{"action":"pass"},"comment":"\\u202edrop"}'), 1, "a control character in a comment", 1),
    ("an escape sequence", document(let(b'"\\u001b]0;x\\u0007"')), 1, "is not a value", 1),
    ("2^63", document(let(b"9223372036854775808")), 1, "written as strings", 1),
    ("2^64 - 1 as a string", document(let(b'"18446744073709551615"'), rule(b'{"op":"!=","left":"rx.timestamp","right":"x"}')), 0, "", 0),
    ("an exponent", document(let(b"1e3")), 1, "a fraction is no number here", 1),
    ("a set of 100,000", document(b'{"kind":"set","name":"s","type":"ip","elements":[' +
                                  b",".join(b'"10.%d.%d.%d"' % (i >> 16, i >> 8 & 255, i & 255) for i in range(100000)) + b"]}",
                                  rule(b'{"op":"in","left":"ip.src","right":"s"}')), 0, "", 0),
    ("a chain of 1,000 branches", document(b'{"kind":"if","branches":[' + b",".join(
        b'{"when":{"op":"==","left":"tcp.dport","right":%d},"then":[]}' % i for i in range(1000)) + b"]}"), 0, "", 0),
)


def run(xdpfc, name, data, status, says, most):
    with tempfile.NamedTemporaryFile(suffix=".json") as f:
        f.write(data)
        f.flush()
        try:
            done = subprocess.run([xdpfc, "--import=json", "--check", "--quiet", f.name], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE, timeout=SECONDS)
        except subprocess.TimeoutExpired:
            return "it took more than %d s" % SECONDS
    err = done.stderr.decode(errors="replace")
    if done.returncode != status:
        return "exit status %d, not %d: %s" % (done.returncode, status, err[-2000:])
    if says not in err:
        return "it does not say %r: %s" % (says, err[:2000])
    if err.count(": error: ") > most:
        return "%d errors, at most %d: %s" % (err.count(": error: "), most, err[:2000])
    if len(err) > 50000:
        return "%d bytes of messages" % len(err)
    return None


def main():
    xdpfc, failed = os.path.abspath(sys.argv[1]), 0
    for case in CASES:
        complaint = run(xdpfc, *case)
        if complaint:
            failed += 1
            print("FAILED %s: %s" % (case[0], complaint))
    print("%d passed, %d failed, 0 skipped" % (len(CASES) - failed, failed))
    sys.exit(1 if failed else 0)


main()
