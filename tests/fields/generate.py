"""Frames of the protocols that captures at hand seldom have, with random values from a fixed seed: for the comparison with tshark, which
stays the judge of what they mean. Each function yields frames; all() yields all of them."""

import random
import struct

from scapy.all import ARP, Dot1AD, Dot1Q, Ether, IP, IPOption_NOP, IPOption_RR, IPv6, Raw, UDP, raw

rnd = random.Random(20)


def num(bits):
    return rnd.getrandbits(bits)


def blob(n):
    return bytes(rnd.getrandbits(8) for _ in range(n))


def ip4_address():
    return "%d.%d.%d.%d" % (rnd.randrange(1, 223), num(8), num(8), rnd.randrange(1, 255))


def ip6_address():
    return "2001:db8:%x:%x::%x" % (num(16), num(16), num(16) | 1)


def ether(**kw):
    mac = lambda: "02:%02x:%02x:%02x:%02x:%02x" % tuple(blob(5))
    return Ether(src=mac(), dst=mac(), **kw)


def ip4(proto, body, **kw):
    kw.setdefault("id", num(16))
    return ether() / IP(src=ip4_address(), dst=ip4_address(), proto=proto, ttl=num(8), tos=num(8), **kw) / Raw(body)


def ip6(proto, body, **kw):
    return ether() / IPv6(src=ip6_address(), dst=ip6_address(), nh=proto, hlim=num(8), tc=num(8), fl=num(20)) / Raw(body)


def either(proto, body):
    yield ip4(proto, body)
    yield ip6(proto, body)


def udp(n=20):
    return struct.pack("!HHHH", 40000 + num(12), 50000 + num(12), 8 + n, num(16)) + blob(n)


def ethernet():
    for tags in range(3):
        for ad in (False, True):
            p = ether()
            for i in range(tags):
                p = p / (Dot1AD if ad and i == 0 else Dot1Q)(vlan=num(12), prio=num(3), id=num(1))
            yield p / IP(src=ip4_address(), dst=ip4_address()) / UDP(raw(udp()))
            yield p / IPv6(src=ip6_address(), dst=ip6_address(), nh=17) / Raw(udp())
    yield ether() / ARP(op=num(2) + 1, hwsrc="02:00:00:00:00:%02x" % num(8), psrc=ip4_address(), pdst=ip4_address())
    yield ether() / Dot1Q(vlan=num(12)) / ARP(op=2, hwdst="02:00:00:00:00:%02x" % num(8), psrc=ip4_address(), pdst=ip4_address())
    yield ether(type=0x0806) / Raw(struct.pack("!HHBBH", 7, 0x0800, 3, 4, 1) + blob(14))
    yield ether(type=0x88b5) / Raw(blob(30))


def internet4():
    yield ip4(17, udp(), options=[IPOption_NOP(), IPOption_RR(routers=["192.0.2.1"])])
    yield ip4(17, udp(), options=[IPOption_NOP()] * 40)
    yield ip4(17, udp(), flags="evil")
    yield ip4(17, udp(), flags="DF", id=0)
    yield ip4(17, udp(16), flags="MF")
    yield ip4(17, blob(24), flags="MF", frag=3)
    yield ip4(17, blob(11), frag=8000)
    for n in range(4):
        yield Ether(raw(ip4(17, udp(n))) + bytes(18 - n))       # padded to 60 bytes


def exthdr(nxt, units, start=b""):
    """An extension header of 8 * (units + 1) bytes, filled up with one PadN."""
    room = 8 * (units + 1) - 2 - len(start)
    pad = start + (bytes([1, room - 2]) + bytes(room - 2) if room > 1 else bytes(room))
    return bytes([nxt, units]) + pad


def ah(nxt, icv=12):
    return struct.pack("!BBHII", nxt, (12 + icv) // 4 - 2, 0, num(32), num(32)) + blob(icv)


def mobility(kind, units=0):
    return struct.pack("!BBBBH", 59, units, kind, 0, num(16)) + blob(8 * units + 2)


def extensions():
    for units in (0, 1, 3):
        yield ip6(0, exthdr(17, units) + udp())
        yield ip6(60, exthdr(17, units) + udp())
        yield ip6(0, exthdr(60, units) + exthdr(17, 1 + units) + udp())
    for segments in (1, 2):
        addresses = b"".join(bytes.fromhex("20010db8") + blob(12) for _ in range(segments))
        yield ip6(43, bytes([17, 2 * segments, 0, segments]) + bytes(4) + addresses + udp())
    yield ip6(43, bytes([17, 2, 2, 1]) + bytes(4) + bytes.fromhex("20010db8") + blob(12) + udp())
    yield ip6(44, struct.pack("!BBHI", 17, 0, 1, num(32)) + udp(16))
    yield ip6(44, struct.pack("!BBHI", 17, 0, 24 << 3 | 1, num(32)) + blob(24))
    yield ip6(44, struct.pack("!BBHI", 17, 0, 8000 << 3, num(32)) + blob(9))
    yield ip6(44, struct.pack("!BBHI", 17, 0, 0, num(32)) + udp())
    yield ip6(0, exthdr(44, 0) + struct.pack("!BBHI", 60, 0, 0, num(32)) + exthdr(17, 0) + udp())
    for icv in (12, 16, 20):
        yield ip4(51, ah(17, icv) + udp())
        yield ip6(51, ah(17, icv) + udp())
        yield ip6(51, ah(60, icv) + exthdr(17, 0) + udp())
    yield ip4(51, ah(51) + ah(17, 16) + udp())
    for kind, units in ((0, 0), (1, 1), (2, 1), (3, 2), (4, 2)):
        yield ip6(135, mobility(kind, units))
    yield ip6(59, b"")
    yield ip6(253, blob(12))


def transport():
    for _ in range(12):
        flags = num(12)
        tcp = struct.pack("!HHIIHHHH", 40000 + num(12), 50000 + num(12), num(32), num(32), 5 << 12 | flags, num(16), num(16), num(16))
        yield from either(6, tcp + blob(num(4)))
    for bit in range(12):
        yield ip4(6, struct.pack("!HHIIHHHH", 40001, 50001, num(32), num(32), 5 << 12 | 1 << bit, num(16), num(16), num(16)))
    for words in (1, 3, 10):
        yield from either(6, struct.pack("!HHIIHHHH", 40000, 50000, num(32), num(32), (5 + words) << 12 | 0x10, num(16), num(16), 0)
                          + b"\1" * (4 * words) + blob(7))
    ts = lambda: b"\x08\x0a" + blob(8)
    mss, scale, permitted, nop = lambda: b"\2\4" + blob(2), lambda: b"\3\3" + bytes([num(4)]), lambda: b"\4\2", lambda: b"\1"
    sack = lambda n: b"\5" + bytes([2 + 8 * n]) + blob(8 * n)
    for options in ((mss,), (mss, scale), (mss, permitted, ts, nop, scale), (nop, nop, ts), (nop, nop, lambda: sack(1)), (nop, nop, lambda: sack(3)),
                    (nop, nop, ts, nop, nop, lambda: sack(3)), (nop, scale), (nop, nop, permitted), (scale, lambda: b"\0", mss)):
        body = b"".join(o() for o in options)
        body += bytes(-len(body) % 4)
        yield from either(6, struct.pack("!HHIIHHHH", 40000 + num(8), 50000, num(32), num(32), (5 + len(body) // 4) << 12 | 0x12, num(16), num(16), 0)
                          + body + blob(num(3)))
    for _ in range(4):
        yield from either(17, udp(num(5)))
        yield from either(136, struct.pack("!HHHH", num(15) | 0x4000, num(15) | 0x4000, rnd.choice((0, 8, 12, 20)), num(16)) + blob(12))
        yield from either(132, struct.pack("!HHII", num(16) | 1, num(16) | 1, num(32), num(32)) + struct.pack("!BBH", 11, 0, 4))
        yield from either(50, struct.pack("!II", num(32) | 0x1000, num(32)) + blob(32))
        body = struct.pack("!HHBBHB", num(16) | 1, num(16) | 1, 4, num(8) & 0xf0, num(16), 2 << 1 | 1) + b"\0"
        yield from either(33, body + blob(6) + blob(6))                                # data, 48-bit sequence number
        yield from either(33, struct.pack("!HHBBHB", num(16) | 1, num(16) | 1, 3, num(8) & 0xf0, num(16), 2 << 1) + blob(3) + blob(9))
        yield from either(33, struct.pack("!HHBBHB", num(16) | 1, num(16) | 1, 6, num(8) & 0xf1, num(16), 4 << 1 | 1) + b"\0" + blob(6)
                          + struct.pack("!HHI", 0, 0, 1))                              # data and acknowledgement


def control():
    for kind in (0, 8, 13, 14, 15, 16, 17, 18):
        yield ip4(1, struct.pack("!BBHHH", kind, 0, num(16), num(16), num(16)) + blob(12))
    quoted = raw(IP(src="192.0.2.1", dst="192.0.2.2", proto=17) / Raw(udp(8)))
    for code in (0, 3, 4, 13):
        yield ip4(1, struct.pack("!BBHHH", 3, code, num(16), 0, num(16)) + quoted)
    yield ip4(1, struct.pack("!BBH4s", 5, 1, num(16), bytes([192, 0, 2, num(8)])) + quoted)
    yield ip4(1, struct.pack("!BBHI", 11, 0, num(16), 0) + quoted)
    for kind in (128, 129):
        yield ip6(58, struct.pack("!BBHHH", kind, 0, num(16), num(16), num(16)) + blob(12))
    quoted = raw(IPv6(src="2001:db8::1", dst="2001:db8::2", nh=17) / Raw(udp(8)))
    yield ip6(58, struct.pack("!BBHI", 2, 0, num(16), num(32)) + quoted)
    yield ip6(58, struct.pack("!BBHI", 1, 4, num(16), 0) + quoted)
    for kind in (135, 136):
        yield ip6(58, struct.pack("!BBHI", kind, 0, num(16), 0x60000000) + bytes.fromhex("20010db8") + blob(12))
        yield ip6(58, struct.pack("!BBHI", kind, 0, num(16), 0) + bytes.fromhex("fe80") + blob(14) + bytes([1, 1]) + blob(6))
    for kind, code in ((0x11, 100), (0x12, 0), (0x16, 0), (0x17, 0)):
        yield ip4(2, struct.pack("!BBH4s", kind, code, num(16), bytes([239, num(8), num(8), num(8)])))
    yield ip4(2, struct.pack("!BBH4sBBH", 0x11, 50, num(16), bytes([239, 1, 2, 3]), 2, 125, 0))        # IGMPv3 query


def tunnels():
    for flags, words in ((0, 0), (0x8000, 1), (0x2000, 1), (0x1000, 1), (0xa000, 2), (0xb000, 3), (0x3000, 2), (0x9000, 2)):
        inner = raw(IP(src="192.0.2.1", dst="192.0.2.2", proto=17) / Raw(udp(8)))
        body = struct.pack("!HH", flags, 0x0800)
        for bit in (0x8000, 0x2000, 0x1000):
            if flags & bit:
                body += struct.pack("!HH", num(16), 0) if bit == 0x8000 else struct.pack("!I", num(32))
        yield from either(47, body + inner)
    for ack in (0, 0x80):
        yield ip4(47, struct.pack("!HHHHI", 0x3001 | ack, 0x880b, 4, num(16), num(32)) + (struct.pack("!I", num(32)) if ack else b"")
                  + bytes.fromhex("ff0300210000")[:4])
    carried = [raw(IP(src=ip4_address(), dst=ip4_address(), proto=6, ttl=num(8)) / Raw(tcp)) for tcp in
               [struct.pack("!HHIIHHHH", 40000 + num(12), 50000 + num(12), num(32), num(32), 5 << 12 | num(8), num(16), num(16), 0)]]
    carried += [raw(IPv6(src=ip6_address(), dst=ip6_address(), nh=17) / Raw(udp(9)))]
    for packet, kind in zip(carried, (0x0800, 0x86dd)):
        frame = bytes.fromhex("02000000000b02000000000a") + struct.pack("!H", kind) + packet
        over = lambda port, body: struct.pack("!HHHH", 50000 + num(10), port, 8 + len(body), 0) + body
        yield from either(4 if kind == 0x0800 else 41, packet)
        yield from either(47, struct.pack("!HH", 0, 0x6558) + frame)
        yield from either(47, struct.pack("!HH", 0, kind) + packet)
        yield from either(17, over(4789, struct.pack("!II", 0x08000000, num(24) << 8) + frame))
        yield from either(17, over(6081, struct.pack("!BBHI", 0, 0, 0x6558, num(24) << 8) + frame))
        yield from either(17, over(6081, struct.pack("!BBHI", 2, 0, kind, num(24) << 8) + struct.pack("!HBBI", 0x102, 3, 1, num(32)) + packet))
        yield from either(17, over(2152, struct.pack("!BBHI", 0x30, 255, len(packet), num(32)) + packet))
        yield from either(17, over(2152, struct.pack("!BBHIHBB", 0x32, 255, 4 + len(packet), num(32), num(16), 0, 0) + packet))
        yield from either(17, over(2152, struct.pack("!BBHIHBB", 0x34, 255, 8 + len(packet), num(32), num(16), 0, 0x85) + b"\1\0\5\0" + packet))
    yield ip4(4, raw(IP(src="192.0.2.1", dst="192.0.2.2", proto=17) / Raw(udp(8))))
    yield ip4(41, raw(IPv6(src="2001:db8::1", dst="2001:db8::2", nh=17) / Raw(udp(8))))


def all():
    for part in (ethernet, internet4, extensions, transport, control, tunnels):
        for p in part():
            yield raw(p)
