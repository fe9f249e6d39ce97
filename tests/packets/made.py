"""Random frames, built header by header: tags, IP of every header length and with chains of extension headers, fragments, transports, tunnels. Addresses and
ports are few, so that rules, sets and limits meet the same ones again; what a length or a type says is now and then not so."""

import struct

MACS = [bytes.fromhex(m) for m in ("020000000001", "020000000002", "ffffffffffff", "01005e000001", "3333000000fb", "000000000000")]
IP4 = [bytes(int(x) for x in a.split(".")) for a in ("192.0.2.1", "192.0.2.77", "198.51.100.2", "10.0.0.1", "10.255.255.255", "0.0.0.0",
                                                     "255.255.255.255", "224.0.0.1", "127.0.0.1")]
IP6 = [bytes.fromhex(a) for a in ("20010db8000000000000000000000001", "20010db8000000000000000000000002", "fe80" + "00" * 13 + "01", "00" * 16,
                                  "ff" * 16, "ff02" + "00" * 13 + "01", "20010db8ffffffffffffffffffffffff")]
PORTS = (0, 1, 22, 53, 80, 443, 1023, 1024, 4000, 4789, 6081, 2152, 8080, 65535)
HBH, TCP, UDP, DCCP, IP4IN, IP6IN, RT, FRAG, GRE, ESP, AH, ICMP6, NONE, DSTOPTS, SCTP, MH, UDPLITE, ICMP, IGMP = (
    0, 6, 17, 33, 4, 41, 43, 44, 47, 50, 51, 58, 59, 60, 132, 135, 136, 1, 2)


def checksum(data):
    data += bytes(len(data) % 2)
    s = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    while s >> 16:
        s = (s & 0xffff) + (s >> 16)
    return s ^ 0xffff


class Builder:
    def __init__(self, rnd):
        self.rnd = rnd

    def some(self, most):
        return self.rnd.randbytes(self.rnd.randrange(most + 1))

    def wrong(self, right, most):
        """A number of a header that is right mostly; else one beside it, a boundary, or any."""
        r = self.rnd.random()
        return right if r < 0.92 else self.rnd.choice((max(right - 1, 0), min(right + 1, most), 0, most, self.rnd.randrange(most + 1)))

    def number(self, bits):
        r = self.rnd.random()
        return self.rnd.getrandbits(bits) if r < 0.4 else self.rnd.choice((0, 1, 2, 5, 64, 255, (1 << bits) - 1)) & (1 << bits) - 1

    def ports(self):
        return struct.pack("!HH", self.rnd.choice(PORTS), self.rnd.choice(PORTS))

    # ---- transports: each takes what is behind it ----

    def tcp_options(self):
        out = b""
        for _ in range(self.rnd.choice((0, 0, 1, 2, 3, 5))):
            out += self.rnd.choice((
                lambda: struct.pack("!BBH", 2, 4, self.number(16)), lambda: struct.pack("!BBB", 3, 3, self.number(8)), lambda: b"\4\2", lambda: b"\1",
                lambda: struct.pack("!BBII", 8, 10, self.number(32), self.number(32)), lambda: b"\0",
                lambda: struct.pack("!BB", 5, 2 + 8 * self.rnd.randrange(1, 4)) + self.rnd.randbytes(8),
                lambda: struct.pack("!BB", self.rnd.randrange(256), self.wrong(2, 40))))()
        return (out + bytes(-len(out) % 4))[:40]

    def tcp(self, body):
        options = self.tcp_options() if self.rnd.random() < 0.6 else self.rnd.randbytes(4 * self.rnd.randrange(11))
        return self.ports() + struct.pack("!IIBBHHH", self.number(32), self.number(32), self.wrong(5 + len(options) // 4, 15) << 4 | self.rnd.randrange(2),
                                          self.rnd.choice((2, 16, 18, 24, 1, 4, self.rnd.randrange(256))), self.number(16), self.number(16),
                                          self.number(16)) + options + body

    def udp(self, body, dport=None):
        ports = self.ports() if dport is None else struct.pack("!HH", self.rnd.choice(PORTS), dport)
        return ports + struct.pack("!HH", self.wrong(8 + len(body), 65535) & 65535, self.rnd.choice((0, self.number(16)))) + body

    def dccp(self, body):
        x = self.rnd.random() < 0.5
        return self.ports() + struct.pack("!BBHB", self.wrong(4 if x else 3, 255), self.rnd.randrange(256), self.number(16), self.rnd.randrange(10) << 1 | x) + \
            self.rnd.randbytes(7 if x else 3) + body

    def icmp(self, body):
        kind, code = self.rnd.choice(((0, 0), (8, 0), (3, 4), (3, 1), (5, 1), (11, 0), (13, 0), (self.rnd.randrange(256), self.rnd.randrange(5))))
        return struct.pack("!BBHI", kind, code, self.number(16), self.number(32)) + body

    def icmp6(self, body):
        kind = self.rnd.choice((1, 2, 128, 129, 133, 135, 135, 136, 136, self.rnd.randrange(256)))
        return struct.pack("!BBHI", kind, self.rnd.randrange(3), self.number(16), self.number(32)) + (self.rnd.choice(IP6) if kind in (135, 136) else b"") + body

    def igmp(self, body):
        return struct.pack("!BBH", self.rnd.choice((0x11, 0x12, 0x16, 0x17, 0x22)), self.number(8), self.number(16)) + self.rnd.choice(IP4) + body

    def gre(self, depth):
        flags = self.rnd.choice((0, 0, 0x2000, 0x8000, 0x1000, 0xb000, self.number(16)))
        kind, inner = self.carried(depth)
        words = sum(bool(flags & f) for f in (0x8000, 0x2000, 0x1000))
        return struct.pack("!HH", flags, kind) + self.rnd.randbytes(4 * words) + inner

    def tunnel(self, depth):
        """UDP that carries something."""
        r = self.rnd.random()
        if r < 0.4:
            return self.udp(self.rnd.choice((b"\x08", b"\x08", b"\x00")) + bytes(3) + self.rnd.randbytes(3) + b"\0" + self.frame(depth + 1), 4789)
        if r < 0.7:
            kind, inner = self.rnd.choice(((0x6558, self.frame(depth + 1)), self.carried(depth)))
            options = self.rnd.choice((0, 0, 1, 2))
            return self.udp(struct.pack("!BBH", self.wrong(options, 63), self.rnd.choice((0, 64, 128)), kind) + self.rnd.randbytes(4 + 4 * options) + inner, 6081)
        inner = self.carried(depth)[1]
        flags = self.rnd.choice((0x30, 0x30, 0x32, 0x34, self.number(8)))
        return self.udp(struct.pack("!BBHI", flags, self.rnd.choice((255, 255, 1)), self.wrong(len(inner), 65535), self.number(32)) +
                        (bytes(4) if flags & 7 else b"") + inner, 2152)

    def carried(self, depth):
        """(Ethernet type, bytes) of what GRE and others carry."""
        r = self.rnd.random()
        if r < 0.15:
            return 0x6558, self.frame(depth + 1)
        return (0x0800, self.ip4(depth + 1)) if r < 0.6 else (0x86dd, self.ip6(depth + 1))

    def transport(self, depth):
        """(protocol, bytes)."""
        body = self.some(self.rnd.choice((0, 4, 30, 30, 60)))
        inside = depth < 2 and self.rnd.random() < 0.25
        if inside:
            return self.rnd.choice((lambda: (IP4IN, self.ip4(depth + 1)), lambda: (IP6IN, self.ip6(depth + 1)), lambda: (GRE, self.gre(depth)),
                                    lambda: (UDP, self.tunnel(depth)), lambda: (UDP, self.tunnel(depth))))()
        return self.rnd.choice((
            lambda: (TCP, self.tcp(body)), lambda: (TCP, self.tcp(body)), lambda: (TCP, self.tcp(body)), lambda: (UDP, self.udp(body)),
            lambda: (UDP, self.udp(body)), lambda: (UDPLITE, self.ports() + struct.pack("!HH", self.number(16), self.number(16)) + body),
            lambda: (SCTP, self.ports() + struct.pack("!II", self.number(32), self.number(32)) + body), lambda: (DCCP, self.dccp(body)),
            lambda: (ICMP, self.icmp(body)), lambda: (ICMP6, self.icmp6(body)), lambda: (IGMP, self.igmp(body)),
            lambda: (ESP, struct.pack("!II", self.number(32), self.number(32)) + body), lambda: (GRE, self.gre(depth) if depth < 2 else body),
            lambda: (NONE, body), lambda: (self.rnd.randrange(256), body)))()

    def extension(self, kind, nxt):
        units = self.rnd.choice((0, 0, 0, 1, 2))
        if kind == FRAG:
            return struct.pack("!BBHI", nxt, 0, self.rnd.choice((0, 1, 1, 8, 1480 // 8 << 3 | 1, self.number(16))), self.number(32))
        if kind == AH:
            n = self.rnd.choice((4, 4, 5, 1))
            return struct.pack("!BBHII", nxt, self.wrong(n, 255), 0, self.number(32), self.number(32)) + bytes(max(0, 4 * (n + 2) - 12))
        head = struct.pack("!BB", nxt, self.wrong(units, 255))
        if kind == RT:
            return head + struct.pack("!BB", self.rnd.choice((0, 2, 3, 4)), self.rnd.choice((0, 0, 1, 255))) + bytes(4 + 8 * units)
        if kind == MH:
            return head + struct.pack("!BBH", self.rnd.randrange(10), 0, self.number(16)) + bytes(2 + 8 * units)
        return head + b"\1" + bytes([4 + 8 * units]) + bytes(4 + 8 * units)

    def chain(self, kinds, proto, body):
        """Extension headers in front of the transport; the first one's number and all bytes."""
        for kind in reversed(kinds):
            body = self.extension(kind, proto) + body
            proto = kind
        return proto, body

    # ---- network ----

    def ip4(self, depth=0):
        proto, body = self.transport(depth)
        if self.rnd.random() < 0.1:
            proto, body = self.chain([AH] * self.rnd.choice((1, 1, 2, 9)), proto, body)
        ihl = self.rnd.choice((5, 5, 5, 5, 5, 5, 6, 7, 10, 15, self.rnd.randrange(5, 16)))
        frag = self.rnd.choice((0, 0, 0, 0, 0, 0x4000, 0x4000, 0x2000, 0x2001, 1, 185, 0x8000, self.number(16)))
        options = self.rnd.choice((b"\1" * 4 * (ihl - 5), self.rnd.randbytes(4 * (ihl - 5))))
        head = struct.pack("!BBHHHBBH", self.rnd.choice((0x40,) * 40 + (0x50, 0x60)) | self.wrong(ihl, 15), self.number(8),
                           self.wrong(4 * ihl + len(body), 65535) & 65535, self.number(16), frag, self.number(8), proto, 0)
        head += self.rnd.choice(IP4) + self.rnd.choice(IP4) + options
        if self.rnd.random() < 0.7:
            head = head[:10] + struct.pack("!H", checksum(head)) + head[12:]
        return head + body

    def ip6(self, depth=0):
        kinds = []
        if self.rnd.random() < 0.5:
            kinds = [self.rnd.choice((HBH, RT, FRAG, DSTOPTS, DSTOPTS, AH, MH)) for _ in range(self.rnd.choice((1, 1, 1, 2, 3, 4, 7, 8, 9)))]
        proto, body = self.chain(kinds, *self.transport(depth))
        return struct.pack("!IHBB", self.rnd.choice((6,) * 40 + (4, 5)) << 28 | self.number(28), self.wrong(len(body), 65535) & 65535, proto,
                           self.number(8)) + self.rnd.choice(IP6) + self.rnd.choice(IP6) + body

    def arp(self):
        return struct.pack("!HHBBH", self.wrong(1, 65535), self.wrong(0x800, 65535), self.wrong(6, 255), self.wrong(4, 255), self.rnd.choice((1, 2, 3))) + \
            self.rnd.choice(MACS) + self.rnd.choice(IP4) + self.rnd.choice(MACS) + self.rnd.choice(IP4)

    def frame(self, depth=0):
        kind, body = self.rnd.choice((
            lambda: (0x0800, self.ip4(depth)), lambda: (0x0800, self.ip4(depth)), lambda: (0x0800, self.ip4(depth)), lambda: (0x86dd, self.ip6(depth)),
            lambda: (0x86dd, self.ip6(depth)), lambda: (0x86dd, self.ip6(depth)), lambda: (0x0806, self.arp()),
            lambda: (self.rnd.choice((0x88b5, 0x88cc, self.number(16))), self.some(40))))()
        tags = b"".join(self.rnd.choice((b"\x81\x00", b"\x81\x00", b"\x88\xa8")) + struct.pack("!H", self.rnd.choice((
            0, 1, 7, 100, 4095, 0x2007, 0xf064, self.number(16)))) for _ in range(self.rnd.choice((0, 0, 0, 0, 0, 0, 1, 1, 1, 2, 2, 3, 4))))
        padding = self.rnd.choice((b"", b"", b"", bytes(46), b"\xee" * 7))
        return self.rnd.choice(MACS) + self.rnd.choice(MACS) + tags + struct.pack("!H", kind) + body + padding


def frames(rnd, n):
    b = Builder(rnd)
    for _ in range(n):
        f = b.frame()
        if rnd.random() < 0.15:
            f = f[:rnd.randrange(14, len(f) + 1)]
        if rnd.random() < 0.02:
            f += rnd.randbytes(rnd.choice((1400, 2500)))
        yield f


def sweep(frame):
    """The frame, cut off behind each of its first bytes."""
    for n in range(14, min(len(frame), 130)):
        yield frame[:n]
