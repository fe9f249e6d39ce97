"""Frames as tshark sees them, and the expected value of every field of ours in them.

A frame's outer headers are those that are not inside a tunnel or an ICMP error; of several of a kind the first is meant.
"""

import collections
import copy
import ipaddress
import re
import subprocess

# What frame.protocols calls our headers.
PROTOCOL = {
    "eth": "eth", "arp": "arp", "ip4": "ip", "ip6": "ipv6", "hbh": "ipv6.hopopts", "rt": "ipv6.routing", "frag": "ipv6.fraghdr",
    "dstopts": "ipv6.dstopts", "mh": "mipv6", "ah": "ah", "tcp": "tcp", "udp": "udp", "udplite": "udplite", "sctp": "sctp",
    "dccp": "dccp", "icmp": "icmp", "icmp6": "icmpv6", "igmp": "igmp", "gre": "gre", "esp": "esp",
}
TAGS = {"vlan", "ieee8021ad"}
L2 = {"eth", "ethertype"} | TAGS
L3 = {"ip", "ipv6", "arp"}
EXTENSIONS = {"ipv6.hopopts", "ipv6.routing", "ipv6.fraghdr", "ipv6.dstopts", "mipv6", "ah"}
L4 = {"tcp", "udp", "udplite", "sctp", "dccp", "icmp", "icmpv6", "igmp", "gre", "esp"}
NEXT = {
    "ip": "ip.proto", "ipv6": "ipv6.nxt", "ipv6.hopopts": "ipv6.hopopts.nxt", "ipv6.routing": "ipv6.routing.nxt",
    "ipv6.fraghdr": "ipv6.fraghdr.nxt", "ipv6.dstopts": "ipv6.dstopts.nxt", "mipv6": "mip6.proto", "ah": "ah.next_header",
}
OLD_TAGS = {0x9100, 0x9200, 0x9300}     # types that tshark takes for tags, and no standard does
CHAIN = {0, 43, 44, 51, 60, 135, 6, 17, 33, 47, 50, 58, 132, 136, 2}    # what may stand behind an extension header: more of them, and transports
PORTS = {"vxlan": 4789, "geneve": 6081, "gtp": 2152}
ETHERTYPE = {"vlan": 0x8100, "ieee8021ad": 0x88a8, "ip": 0x0800, "ipv6": 0x86dd, "arp": 0x0806}

UNKNOWN = object()      # tshark does not say; None: the field is absent


def parse(text):
    if text in ("True", "False"):
        return int(text == "True")
    if re.fullmatch("([0-9a-f]{2}:){5}[0-9a-f]{2}", text):
        return int(text.replace(":", ""), 16)
    if ":" in text or "." in text:
        return int(ipaddress.ip_address(text))
    return int(text, 0)


class Frame:
    def __init__(self, columns):
        self.columns = columns
        self.malformed = bool(columns["_ws.malformed"])
        self.protocols = columns["frame.protocols"].replace("igmp:igmp", "igmp").split(":")     # one header, two dissectors
        self.outer = self.headers(self.protocols)
        self.before = []        # of an inner frame: the headers of the outer one

    @staticmethod
    def headers(protocols):
        """The first of them that are one frame's."""
        found = []
        for p in protocols:
            ip = not L3.isdisjoint(found)
            if not (p in L2 and not ip or p in L3 and not ip or p in EXTENSIONS | L4 and ip):
                break
            found.append(p)
            if p in L4:
                break
        return found

    def inner(self):
        """The frame that a tunnel carries, with .outer for its headers; None where tshark sees no tunnel that we look into."""
        rest = self.protocols[len(self.outer):]
        last = self.outer[-1] if self.outer and rest else None
        if last == "udp" and rest[0] in PORTS:
            # By the port where it comes from, without its flag, of another version, or with Ethernet in GTP, it is a tunnel for tshark only.
            if self.first("udp.dstport", "udp") != PORTS[rest[0]] or rest[:2] == ["gtp", "eth"] or (
                    rest[0] == "vxlan" and self.columns["vxlan.flag_i"][:4] != "True") or (
                    rest[0] == "geneve" and self.columns["geneve.version"].split(",")[0] != "0"):
                return None
            rest = rest[1:]
        elif last == "gre":
            if self.first("gre.flags.version", "gre") != 0 or self.first("gre.flags.routing", "gre") != 0:
                return None
        elif last not in L3 | EXTENSIONS or rest[0] == "eth":
            return None
        if not rest or rest[0] not in ("eth", "ip", "ipv6"):
            return None
        frame = copy.copy(self)
        frame.before, frame.outer = self.outer, self.headers(rest)
        return frame

    def nth(self, name, protocol, n):
        """The value of field NAME in the outer part's header PROTOCOL number N, counted from 0."""
        if self.outer.count(protocol) <= n:
            return None
        values = self.columns[name].split(",") if self.columns[name] else []
        if self.before:
            if len(values) != self.protocols.count(protocol):
                return UNKNOWN
            return parse(values[n + self.before.count(protocol)])
        if 0 < len(values) < self.protocols.count(protocol) > self.outer.count(protocol):
            return UNKNOWN      # which of the headers, the outer or the inner, has no value, is not said
        return parse(values[n]) if len(values) > n else None

    def first(self, name, protocol):
        return self.nth(name, protocol, 0)

    def any(self, *names):
        """The first of several fields that is there; the protocol is the name's first word."""
        return next((v for v in (self.first(n, n.split(".")[0]) for n in names) if v is not None), None)

    def tag(self, n, part):
        """A field of the tag number N: there are two dissectors for tags, each with its own fields."""
        tags = [i for i, p in enumerate(self.outer) if p in TAGS]
        if self.columns["ieee8021ad.svid"]:
            return UNKNOWN      # two of one kind, which that dissector takes for one
        if n >= len(tags):
            return None
        p = self.outer[tags[n]]
        if p == "ieee8021ad" and part == "etype":       # not shown, but what follows tells it
            behind = [q for q in self.protocols[tags[n] + 1:] if q != "ethertype"]
            return ETHERTYPE.get(behind[0], UNKNOWN) if behind else UNKNOWN
        v = self.nth(p + "." + part, p, self.outer[:tags[n]].count(p))
        return self.first("vlan.len", "vlan") if v is None and part == "etype" else v

    def last_type(self):
        tags = min(2, sum(p in TAGS for p in self.outer))       # we see through two
        return self.tag(tags - 1, "etype") if tags else self.any("eth.type", "eth.len")

    def dccp_seq(self, form):
        # The long form may be shown relative to the first of a connection, and is then also shown raw; the short one is not.
        x = self.first("dccp.x", "dccp")
        return None if x is None or form not in (None, x) else self.first("dccp.seq_raw" if x else "dccp.seq", "dccp")

    def igmp_code(self):
        # A floating-point number is shown, but not its bits; that of version 1, where it has no meaning, is not shown.
        if self.columns["igmp.max_resp.exp"] or self.first("igmp.type", "igmp") == 0x12:
            return UNKNOWN
        return self.first("igmp.max_resp", "igmp")

    def last_next(self):
        chain = [i for i, p in enumerate(self.outer) if p in NEXT]
        if not chain:
            return None
        p = self.outer[chain[-1]]
        return self.nth(NEXT[p], p, self.outer[:chain[-1]].count(p))

    def nexts(self):
        """What each header of the chain says of the next."""
        return [self.nth(NEXT[p], p, self.outer[:i].count(p)) for i, p in enumerate(self.outer) if p in NEXT]

    def stopped(self):
        """Does tshark show nothing of a next header that it names, though it is no later fragment's?"""
        return self.outer[-1:] != [] and self.outer[-1] in EXTENSIONS and self.last_next() in CHAIN and not any(
            self.nth("ipv6.fraghdr.offset", "ipv6.fraghdr", i) for i in range(self.outer.count("ipv6.fraghdr")))

    def fragment(self, first):
        if "ip" in self.outer:
            more, off = self.first("ip.flags.mf", "ip"), self.first("ip.frag_offset", "ip")
        elif "ipv6.fraghdr" in self.outer:
            more, off = self.first("ipv6.fraghdr.more", "ipv6.fraghdr"), self.first("ipv6.fraghdr.offset", "ipv6.fraghdr")
        elif "ipv6" in self.outer:
            more = off = 0
        else:
            return None
        return UNKNOWN if {more, off} & {None, UNKNOWN} else int(bool(more) and not off if first else bool(more or off))

    def transport(self, part):
        v = self.any(*("%s.%s" % (p, part) for p in ("tcp", "udp", "sctp", "dccp")))
        return v if v is not None else self.first("udp." + part, "udplite")

    def payload_len(self):
        v = self.first("tcp.len", "tcp")
        return v if v is not None or L4.isdisjoint(self.outer) else UNKNOWN


# Our fields whose value follows from tshark's where there is no field of the same meaning, unit or width: what is needed, and how.
DERIVED = {
    "ip4.ihl": (["ip.hdr_len"], lambda t: scaled(t.first("ip.hdr_len", "ip"), 4)),              # theirs: bytes
    "tcp.doff": (["tcp.hdr_len"], lambda t: scaled(t.first("tcp.hdr_len", "tcp"), 4)),          # theirs: bytes
    "tcp.flags": (["tcp.flags"], lambda t: masked(t.first("tcp.flags", "tcp"), 0xff)),          # theirs: 12 bits
    "igmp.code": (["igmp.max_resp", "igmp.max_resp.exp"], lambda t: t.igmp_code()),
    "icmp6.target": (["icmpv6.nd.ns.target_address", "icmpv6.nd.na.target_address"],
                     lambda t: t.any("icmpv6.nd.ns.target_address", "icmpv6.nd.na.target_address")),
    "ip.src": ([], lambda t: t.any("ip.src", "ipv6.src")),
    "ip.dst": ([], lambda t: t.any("ip.dst", "ipv6.dst")),
    "ip.version": ([], lambda t: t.any("ip.version", "ipv6.version")),
    "ip.ttl": ([], lambda t: t.any("ip.ttl", "ipv6.hlim")),
    "ip.dscp": ([], lambda t: t.any("ip.dsfield.dscp", "ipv6.tclass.dscp")),
    "ip.ecn": ([], lambda t: t.any("ip.dsfield.ecn", "ipv6.tclass.ecn")),
    "ip.proto": ([], lambda t: t.last_next()),
    "ip.fragment": ([], lambda t: t.fragment(False)),
    "ip.fragment.first": ([], lambda t: t.fragment(True)),
    "l4.sport": ([], lambda t: t.transport("srcport")),
    "l4.dport": ([], lambda t: t.transport("dstport")),
    "l4.checksum": ([], lambda t: t.transport("checksum")),
    "payload.len": (["tcp.len"], lambda t: t.payload_len()),
    "dccp.seq": (["dccp.seq"], lambda t: t.dccp_seq(None)),
    "dccp.seq24": ([], lambda t: t.dccp_seq(0)),
    "dccp.seq48": ([], lambda t: t.dccp_seq(1)),
    "eth.outertype": (["eth.len"], lambda t: t.any("eth.type", "eth.len")),                     # theirs: two fields for two meanings
    "eth.type": (["vlan.len"], lambda t: t.last_type()),
    "vlan.id": (["ieee8021ad.id", "ieee8021ad.svid"], lambda t: t.tag(0, "id")),
    "vlan.dei": (["ieee8021ad.dei"], lambda t: t.tag(0, "dei")),
    "vlan.pcp": (["ieee8021ad.priority"], lambda t: t.tag(0, "priority")),
    "vlan.type": ([], lambda t: t.tag(0, "etype")),
    "vlan.inner.id": ([], lambda t: t.tag(1, "id")),
    "vlan.inner.dei": ([], lambda t: t.tag(1, "dei")),
    "vlan.inner.pcp": ([], lambda t: t.tag(1, "priority")),
    "vlan.inner.type": ([], lambda t: t.tag(1, "etype")),
}

# Fields that tshark has nothing for.
WITHOUT = {
    "malformed": "a notion of ours; the frames that either side finds broken are counted instead",
    "iface": "not in a frame",
    "rxqueue": "not in a frame",
    "flow.state": "not in a frame",
    "rx.hash": "not in a frame",
    "rx.timestamp": "not in a frame",
    "rx.vlan.id": "not in a frame",
    "rx.vlan.pcp": "not in a frame",
    "rx.vlan.type": "not in a frame",
    "weekday": "not in a frame",
    "time": "not in a frame",
}


def scaled(v, by):
    return v if v in (None, UNKNOWN) else v // by


def masked(v, mask):
    return v if v in (None, UNKNOWN) else v & mask


class Field:
    """A field of ours: its name, and how its value is found in a Frame."""

    def __init__(self, name, tshark, header):
        self.name, self.tshark, self.header = name, tshark.split("#")[0], header
        self.needs = ([self.tshark] if self.tshark else []) + DERIVED.get(name, ([],))[0]
        self.known = bool(self.needs) or name in DERIVED

    def expected(self, frame):
        if self.name in DERIVED:
            return DERIVED[self.name][1](frame)
        if self.header == "-":
            return parse(frame.columns[self.tshark])
        return frame.first(self.tshark, PROTOCOL[self.header])

    def shown(self, ours):
        """Our value as tshark shows it."""
        return int(ours != 0) if self.name == "tcp.reserved" and ours is not None else ours    # theirs: one boolean of three bits


def frames(path, fields):
    """tshark's Frames of a capture, in order, each fragment by itself."""
    names = ["frame.protocols", "_ws.malformed", "vxlan.flag_i", "geneve.version", "gre.flags.version", "gre.flags.routing"] + sorted({n for f in fields for n in f.needs})
    command = ["tshark", "-r", path, "-n", "-o", "ip.defragment:FALSE", "-o", "ipv6.defragment:FALSE", "-o", "tcp.relative_sequence_numbers:FALSE", "-T", "fields",
               "-E", "separator=/t", "-E", "occurrence=a", "-E", "aggregator=,"]
    for name in names:
        command += ["-e", name]
    out = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if out.returncode and not out.stdout:
        raise RuntimeError("tshark: " + out.stderr.strip())
    for line in out.stdout.splitlines():
        yield Frame(collections.OrderedDict(zip(names, line.split("\t"))))
