#!/usr/bin/python3
"""A filter for tenants of a machine, written by a program: prints rules as JSON. `tenants.py | xdpfc --import=json -o tenants.o -`"""
import json

TENANTS = (  # name, addresses, TCP ports that are open, new connections in a second
    ("alice", ["192.0.2.0/28", "2001:db8:a::/48"], [80, 443], 200),
    ("bob", ["192.0.2.16/28"], [25, 465, "5000-5010"], 50),
)


def drop(label, *conditions, **members):
    return {"kind": "rule", "label": label, "actions": [{"action": "drop"}], "when": {"op": "and", "of": list(conditions)}, **members}


def tenant(line, name, addresses, ports, rate):
    to = {"op": "in", "left": "ip.dst", "right": name}
    syn = ["tcp.syn", {"op": "not", "of": "tcp.ack"}, to]
    written = {"source": {"file": "tenants.py", "line": line}}
    yield {"kind": "set", "name": name, "type": "net", "elements": addresses, "comment": ["", "tenant " + name], **written}
    yield drop(name + "-closed", *syn, {"op": "not in", "left": "tcp.dport", "right": ports}, **written)
    yield drop(name + "-flood", *syn, limits=[{"op": "over", "limit": {"rate": "%d/s" % rate, "per": "ip.src/32/64"}}], **written)


statements = [{"kind": "default", "verdict": {"action": "pass"}}]
for number, row in enumerate(TENANTS, 6):
    statements += tenant(number, *row)
statements.append({"kind": "test", "name": "bob has no web server", "steps": [
    {"step": "packet", "fields": [{"field": "ip4.dst", "value": "192.0.2.17"}, {"field": "tcp.dport", "value": 80}, "tcp.syn"]},
    {"step": "expect", "verdict": "drop", "by": "bob-closed"}]})
print(json.dumps({"xdpf": 1, "file": "tenants.xdpf", "statements": statements}, indent=1))
