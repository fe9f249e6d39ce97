"""What the packet expressions of the *.xdpf files can use: scapy's layers with fixed addresses, so that nothing asks the machine for routes or
neighbours, and the headers that scapy lacks or repairs where a test wants them broken."""

import ipaddress
import struct

from scapy import all as scapy
from scapy.all import (ARP, Dot1AD, Dot1Q, GRE, ICMP, IPOption_EOL, IPOption_NOP, IPOption_RR, Raw, TCP, UDP)


def Ether(**kw):
    kw.setdefault("src", "02:00:00:00:00:01")
    kw.setdefault("dst", "02:00:00:00:00:02")
    return scapy.Ether(**kw)


def IP(**kw):
    kw.setdefault("src", "192.0.2.1")
    kw.setdefault("dst", "198.51.100.2")
    return scapy.IP(**kw)


def IPv6(**kw):
    kw.setdefault("src", "2001:db8::1")
    kw.setdefault("dst", "2001:db8::2")
    return scapy.IPv6(**kw)


def raw(digits):
    return bytes.fromhex(digits)


def fill(n):
    """N bytes: 0, 1, 2, …"""
    return bytes(i & 0xff for i in range(n))


def patch(packet, offset, data):
    """The packet's bytes with DATA (bytes, or one byte) written over those at OFFSET."""
    data = bytes([data]) if isinstance(data, int) else data
    b = bytearray(bytes(packet))
    b[offset:offset + len(data)] = data
    return bytes(b)


def v4(proto, *body, **kw):
    return Ether() / IP(proto=proto, **kw) / Raw(b"".join(bytes(b) for b in body))


def v6(nh, *body, **kw):
    return Ether() / IPv6(nh=nh, **kw) / Raw(b"".join(bytes(b) for b in body))


def udp(sport=4000, dport=53, n=0, length=None, checksum=0):
    return struct.pack("!HHHH", sport, dport, 8 + n if length is None else length, checksum) + fill(n)


def tcp(sport=4000, dport=80, n=0, doff=5, flags=2, seq=1, ack=2, window=3, checksum=4, urgent=5, reserved=0):
    return struct.pack("!HHIIBBHHH", sport, dport, seq, ack, doff << 4 | reserved, flags, window, checksum, urgent) \
        + b"\1" * max(0, 4 * (doff - 5)) + fill(n)


def mix64(z):
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9 & 2 ** 64 - 1
    z = (z ^ z >> 27) * 0x94d049bb133111eb & 2 ** 64 - 1
    return z ^ z >> 31


def cookie(src, dst, sport, dport, seq, seed=1):
    """What a test run answers to the SYN with sequence number SEQ (runtime/abi.h, xdpf_test_cookie())."""
    z = seed
    for address in src, dst:
        packed = ipaddress.ip_address(address).packed
        for word in struct.unpack("<QQ", packed) if len(packed) == 16 else struct.unpack("<I", packed) + (0,):
            z = mix64(z + word & 2 ** 64 - 1)
    ports = struct.unpack("<I", struct.pack("!HH", sport, dport))[0]
    return mix64(z + (ports << 32 | seq) & 2 ** 64 - 1) >> 32


def udplite(sport=4000, dport=53, coverage=8, checksum=0x1234, n=0):
    return struct.pack("!HHHH", sport, dport, coverage, checksum) + fill(n)


def sctp(sport=4000, dport=53, vtag=0x01020304, checksum=0x05060708, n=0):
    return struct.pack("!HHII", sport, dport, vtag, checksum) + fill(n)


def dccp(kind=2, x=0, seq=0x010203, doff=None, sport=4000, dport=53, ccval=0, cscov=0, checksum=0x1234, n=0):
    size = 16 if x else 12
    b = struct.pack("!HHBBHB", sport, dport, size // 4 if doff is None else doff, ccval << 4 | cscov, checksum, kind << 1 | x)
    return b + (b"\0" + struct.pack("!Q", seq)[2:] if x else struct.pack("!I", seq)[1:]) + fill(n)


def icmp(kind, code=0, rest=0, checksum=0x1234, n=0):
    return struct.pack("!BBHI", kind, code, checksum, rest) + fill(n)


def igmp(kind=0x16, code=0, checksum=0x1234, group="239.1.2.3"):
    return struct.pack("!BBH", kind, code, checksum) + bytes(int(x) for x in group.split("."))


def esp(spi=0x01020304, seq=5, n=16):
    return struct.pack("!II", spi, seq) + fill(n)


def gre(flags=0, proto=0x0800, words=(), n=0):
    return struct.pack("!HH", flags, proto) + b"".join(struct.pack("!I", w) for w in words) + fill(n)


def ext(nxt, units=0):
    """Hop-by-hop or destination options: 8 * (UNITS + 1) bytes."""
    return bytes([nxt, units, 1, 4 + 8 * units if units < 31 else 255]) + bytes(4 + 8 * units)


def rt(nxt, units=0, kind=4, left=0):
    return bytes([nxt, units, kind, left]) + bytes(4 + 8 * units)


def frag(nxt, offset=0, more=0, ident=7):
    return struct.pack("!BBHI", nxt, 0, offset << 3 | more, ident)


def ah(nxt, length=4, spi=9, seq=10):
    return struct.pack("!BBHII", nxt, length, 0, spi, seq) + bytes(max(0, 4 * (length + 2) - 12))


def mh(nxt=59, units=0, kind=1, checksum=0x1234):
    return struct.pack("!BBBBH", nxt, units, kind, 0, checksum) + bytes(2 + 8 * units)


def chain(n, last=17):
    """N destination options, the last of which leads to LAST."""
    return b"".join(ext(60 if i < n - 1 else last) for i in range(n))


def pad(packet, to):
    b = bytes(packet)
    return b + b"\xee" * (to - len(b))
