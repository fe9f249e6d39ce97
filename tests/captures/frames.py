#!/usr/bin/python3
"""Frames that no ordinary program sends, group by group.

    frames.py GROUP IFACE MAC      sends the group on IFACE to the Ethernet address MAC
    frames.py GROUP -w FILE MAC    writes it to a capture instead (what no interface would carry)

The same frames in the same order each time: whatever is random here comes from a fixed seed.
"""
import logging
import random
import sys

logging.getLogger("scapy").setLevel(logging.ERROR)
from scapy.all import (AH, ARP, BOOTP, DHCP, DNS, DNSQR, ESP, GRE, ICMP, IP, NTP, SCTP, TCP, UDP, Dot1AD, Dot1Q, Ether,
                       ICMPv6DestUnreach, ICMPv6EchoRequest, ICMPv6MLQuery, ICMPv6ND_NA, ICMPv6ND_NS, ICMPv6ND_RA,
                       ICMPv6NDOptDstLLAddr, ICMPv6NDOptSrcLLAddr, ICMPv6PacketTooBig, IPOption_Router_Alert,
                       IPOption_Timestamp, IPv6, IPv6ExtHdrDestOpt, IPv6ExtHdrFragment, IPv6ExtHdrHopByHop,
                       IPv6ExtHdrRouting, PadN, Raw, RouterAlert, SCTPChunkInit, conf, fragment, raw, wrpcap)

SRC = "02:00:00:00:00:02"
MAC = "02:00:00:00:00:01"
A4, B4 = "198.51.100.9", "192.0.2.1"            # a stranger, and the host that is protected
A6, B6 = "2001:db8:51::9", "2001:db8::1"
rng = random.Random(20)


def eth(**kw):
    return Ether(src=SRC, dst=MAC, **kw)


def ip4(**kw):
    return eth() / IP(**{"src": A4, "dst": B4, **kw})


def ip6(**kw):
    return eth() / IPv6(**{"src": A6, "dst": B6, **kw})


def noise(n):
    return Raw(bytes(rng.randrange(256) for _ in range(n)))


def patched(frame, *changes):
    """The frame's bytes with some replaced: (offset, value)."""
    data = bytearray(raw(frame))
    for off, value in changes:
        data[off] = value
    return bytes(data)


def vlan():
    web = TCP(sport=40000, dport=80, flags="S")
    dns = UDP(sport=40001, dport=53) / DNS(qd=DNSQR(qname="example.org"))
    for vid, prio in ((1, 0), (10, 5), (100, 0), (4094, 7)):
        yield eth() / Dot1Q(vlan=vid, prio=prio) / IP(src=A4, dst=B4) / web
        yield eth() / Dot1Q(vlan=vid, prio=prio, id=1) / IPv6(src=A6, dst=B6) / dns
    yield eth() / Dot1Q(vlan=0, prio=3) / IP(src=A4, dst=B4) / ICMP()
    yield eth() / Dot1Q(vlan=10) / ARP(psrc=A4, pdst=B4)
    for outer, inner in ((100, 10), (200, 10), (100, 4000)):
        yield eth() / Dot1AD(vlan=outer) / Dot1Q(vlan=inner, prio=1) / IP(src=A4, dst=B4) / web
        yield eth() / Dot1Q(vlan=outer) / Dot1Q(vlan=inner) / IPv6(src=A6, dst=B6) / web
    three = eth() / Dot1AD(vlan=1) / Dot1Q(vlan=2) / Dot1Q(vlan=3) / IP(src=A4, dst=B4) / web
    yield three                                                     # one tag more than is seen through
    yield raw(eth() / Dot1Q(vlan=10) / IP(src=A4, dst=B4) / web)[:16]   # cut in the tag
    yield raw(eth() / Dot1AD(vlan=100) / Dot1Q(vlan=10) / IP(src=A4, dst=B4) / web)[:20]
    yield eth() / Dot1Q(vlan=10, type=0x88cc) / noise(40)           # LLDP in a VLAN
    yield eth() / Dot1Q(vlan=30, type=0x0026) / noise(38)           # a length, not a type


def malformed():
    tcp = TCP(sport=40000, dport=80, flags="S")
    udp = UDP(sport=40000, dport=53)
    whole = ip4() / tcp / noise(6)
    for ihl in (0, 1, 4, 6, 10, 15):                                # the header's length: too small, into TCP, past the end
        yield patched(whole, (14, 0x40 | ihl))
    for version in (0, 5, 6, 15):
        yield patched(whole, (14, version << 4 | 5))
    for version in (0, 4, 5, 15):
        yield patched(ip6() / tcp, (14, version << 4))
    for doff in (0, 1, 4, 6, 15):                                   # TCP's data offset
        yield patched(whole, (46, doff << 4))
        yield patched(ip6() / tcp / noise(6), (66, doff << 4))
    for n in (0, 7, 8, 9, 200):                                     # UDP's length, beside 12 bytes of payload
        yield ip4() / UDP(sport=40000, dport=53, len=n) / noise(12)
        yield ip6() / UDP(sport=40000, dport=53, len=n) / noise(12)
    for n in (0, 19, 20, 27, 28, 200, 65535):                       # IPv4's total length
        yield eth() / IP(src=A4, dst=B4, len=n) / udp / noise(12)
    for n in (0, 7, 8, 200, 65535):                                 # IPv6's payload length
        yield eth() / IPv6(src=A6, dst=B6, plen=n) / udp / noise(12)
    padded = raw(ip4() / tcp)
    yield padded + bytes(60 - len(padded))                          # Ethernet's padding, as it should be
    yield padded + b"\xff" * 40
    short = raw(ip4() / udp / b"hello")
    yield short + b"\xff\xff\xff\xff\x54" * 4                        # a payload behind the datagram's end
    yield ip4(options=[IPOption_Router_Alert()]) / udp
    yield ip4(options=[IPOption_Timestamp()]) / tcp
    yield ip4(proto=255) / noise(20)                                # protocols that nobody assigned
    yield ip4(proto=0) / noise(20)
    yield ip6(nh=59)                                                # no next header
    yield ip6(nh=253) / noise(20)
    hop = IPv6ExtHdrHopByHop(options=[PadN(optdata=bytes(4))])
    opt = IPv6ExtHdrDestOpt(options=[PadN(optdata=bytes(4))])
    for count in (1, 7, 8, 9):                                      # chains: up to 8 are walked
        p = ip6()
        for _ in range(count):
            p = p / opt.copy()
        yield p / udp / noise(4)
    yield ip6() / hop / opt / IPv6ExtHdrRouting(addresses=[B6]) / tcp
    yield ip6() / IPv6ExtHdrHopByHop(len=200, options=[PadN(optdata=bytes(4))]) / udp    # longer than the frame
    yield raw(ip6() / opt / udp)[:14 + 40 + 4]                      # cut in the extension header
    for kind in (ICMP(), TCP(), UDP(), SCTP(), GRE()):              # cut in the transport header
        yield raw(ip4() / kind)[:14 + 20 + 3]
    yield raw(eth() / ARP())[:14 + 5]
    yield raw(eth() / ARP())[:14 + 20]                              # the fixed part is there, the addresses are not
    yield ip4(src=B4) / tcp                                         # land: from itself to itself
    yield ip4(src="127.0.0.1") / tcp
    yield ip4(src="0.0.0.0") / udp
    yield ip4(src="255.255.255.255") / udp
    yield ip4(src="224.0.0.5") / udp
    yield ip6(src="::1") / udp
    yield ip6(src="ff02::1") / udp
    yield ip4() / TCP(sport=0, dport=0, flags="S")


def truncated():
    """Representative frames, cut at each length from 14 bytes on."""
    opt = IPv6ExtHdrDestOpt(options=[PadN(optdata=bytes(4))])
    for frame in (ip4(options=[IPOption_Router_Alert()]) / TCP(dport=80, flags="S", options=[("MSS", 1460)]) / b"data",
                  ip6() / opt / IPv6ExtHdrRouting(addresses=[B6]) / UDP(dport=53) / b"data",
                  eth() / Dot1AD(vlan=1) / Dot1Q(vlan=2) / IP(src=A4, dst=B4) / SCTP(dport=5060) / noise(8),
                  eth() / ARP(psrc=A4, pdst=B4)):
        data = raw(frame)
        for n in range(14, len(data)):
            yield data[:n]


def dccp(sport, dport, kind, extended=True):
    """A request with its service code, or an acknowledgement with the short sequence number."""
    head = sport.to_bytes(2, "big") + dport.to_bytes(2, "big") + bytes([5 if extended else 4, 0x10, 0xab, 0xcd])
    if extended:
        return Raw(head + bytes([kind << 1 | 1, 0]) + (0x123456789abc).to_bytes(6, "big") + b"xdpf")
    return Raw(head + bytes([kind << 1]) + (0x123456).to_bytes(3, "big") + bytes([0, 0, 0, 9]))


def protocols():
    yield eth() / ARP(op="who-has", hwsrc=SRC, psrc="198.51.100.9", pdst="198.51.100.1")
    yield eth() / ARP(op="is-at", hwsrc=SRC, psrc="198.51.100.9", hwdst=MAC, pdst="198.51.100.1")
    yield Ether(src=SRC, dst="ff:ff:ff:ff:ff:ff") / ARP(op=1, hwsrc=SRC, psrc="192.0.2.2", pdst="192.0.2.2")
    yield eth() / ARP(hwtype=6, op=1, psrc="192.0.2.2", pdst="192.0.2.1")    # not Ethernet's addresses
    for l3 in (ip4, ip6):
        yield l3() / TCP(sport=40000, dport=443, flags="S", options=[("MSS", 1460), ("SAckOK", b""), ("WScale", 7)])
        yield l3() / TCP(sport=40000, dport=443, flags="PA", seq=1, ack=1) / b"GET / HTTP/1.0\r\n\r\n"
        yield l3() / UDP(sport=40000, dport=53) / DNS(qd=DNSQR(qname="example.org"))
        yield l3() / UDP(sport=40000, dport=5060) / b"OPTIONS sip:example.org SIP/2.0\r\n\r\n"
        yield l3() / SCTP(sport=2905, dport=2905, tag=0) / SCTPChunkInit(init_tag=7)
        yield l3() / SCTP(sport=3868, dport=36412, tag=99) / noise(16)
        nh = {"proto": 33} if l3 is ip4 else {"nh": 33}
        yield l3(**nh) / dccp(5001, 5004, 0)
        yield l3(**nh) / dccp(5001, 5004, 4, extended=False)
        nh = {"proto": 136} if l3 is ip4 else {"nh": 136}
        yield l3(**nh) / Raw(bytes.fromhex("13881389000c1234")) / noise(12)     # UDP-Lite, ports 5000 and 5001
        yield l3() / GRE() / IP(src="10.0.0.1", dst="10.0.0.2") / ICMP()
        yield l3() / GRE(key_present=1, key=0x1234, seqnum_present=1, seqence_number=7) / IPv6() / UDP()
        yield l3() / GRE(chksum_present=1) / IP() / UDP()
        yield l3() / ESP(spi=0x1001, seq=5) / noise(32)
        yield l3() / AH(spi=0x2002, seq=6, icv=bytes(12), payloadlen=4, nh=6) / TCP(dport=22, flags="S")
        yield l3() / AH(spi=0x2003, seq=7, icv=bytes(12), payloadlen=4, nh=17) / UDP(sport=9, dport=53) / noise(4)
    yield ip4(dst="224.0.0.1", ttl=1, options=[IPOption_Router_Alert()], proto=2) / Raw(bytes.fromhex("1164ee9b00000000"))
    yield ip4(dst="224.0.0.251", ttl=1, proto=2) / Raw(bytes.fromhex("16000904e00000fb"))
    yield ip4(dst="224.0.0.22", ttl=1, proto=2) / Raw(bytes.fromhex("2200ea03000000010400 0000e00000fb".replace(" ", "")))
    yield ip4() / ICMP(type=8, id=7, seq=1) / noise(32)
    yield ip4() / ICMP(type=3, code=4, nexthopmtu=1280) / IP(src=B4, dst=A4) / TCP(sport=80)
    yield ip4() / ICMP(type=3, code=3) / IP(src=B4, dst=A4) / UDP(sport=53)
    yield ip4() / ICMP(type=5, code=1, gw="192.0.2.254") / IP(src=B4, dst=A4) / UDP()
    yield ip4() / ICMP(type=11) / IP(src=B4, dst=A4) / UDP()
    yield ip4() / ICMP(type=13, id=8, seq=2)
    yield ip6() / ICMPv6EchoRequest(id=7, seq=1, data=b"ping")
    yield ip6() / ICMPv6PacketTooBig(mtu=1280) / IPv6(src=B6, dst=A6) / TCP(sport=80)
    yield ip6() / ICMPv6DestUnreach(code=4) / IPv6(src=B6, dst=A6) / UDP()
    ll = {"src": "fe80::2", "hlim": 255}
    yield ip6(dst="ff02::1:ff00:1", **ll) / ICMPv6ND_NS(tgt=B6) / ICMPv6NDOptSrcLLAddr(lladdr=SRC)
    yield ip6(**ll) / ICMPv6ND_NA(tgt="2001:db8::2", R=0) / ICMPv6NDOptDstLLAddr(lladdr=SRC)
    yield ip6(dst="ff02::1", **ll) / ICMPv6ND_RA()
    yield ip6(src="fe80::2", dst="ff02::1", hlim=1) / IPv6ExtHdrHopByHop(options=[RouterAlert()]) / ICMPv6MLQuery()
    yield ip6(nh=135) / Raw(bytes.fromhex("3b00000012340000"))          # mobility: binding refresh request
    yield eth(type=0x88cc) / Raw(bytes.fromhex("0207040200000000020403020602001e0000"))    # LLDP
    yield eth(type=0x8863) / Raw(bytes.fromhex("110900000004 01010000".replace(" ", "")))  # PPPoE discovery
    yield eth(type=0x8847) / Raw(bytes.fromhex("00064140")) / IP() / UDP()                  # MPLS
    yield Ether(src=SRC, dst="01:80:c2:00:00:00", type=0x26) / Raw(bytes.fromhex("424203")) / noise(35)  # spanning tree
    yield Ether(src=SRC, dst="ff:ff:ff:ff:ff:ff") / IP(src="0.0.0.0", dst="255.255.255.255") / UDP(sport=68, dport=67) / \
        BOOTP(chaddr=bytes.fromhex("020000000002"), xid=1) / DHCP(options=[("message-type", "discover"), "end"])
    for dscp, ecn in ((46, 0), (10, 1), (8, 2), (0, 3)):
        yield ip4(tos=dscp << 2 | ecn) / UDP(dport=4000) / noise(8)
        yield ip6(tc=dscp << 2 | ecn, fl=0x12345) / UDP(dport=4000) / noise(8)
    for ttl in (0, 1, 2, 64, 255):
        yield ip4(ttl=ttl, flags="DF", id=ttl) / UDP(sport=40000, dport=33434 + ttl) / noise(12)
        yield ip6(hlim=ttl) / UDP(sport=40000, dport=33434 + ttl) / noise(12)


def tcpflags():
    for flags in range(256):
        yield (ip4 if flags % 4 else ip6)() / TCP(sport=40000 + flags, dport=80, flags=flags, seq=1, ack=flags & 16 and 1)


def fragments():
    yield from fragment(ip4(id=1) / UDP(sport=40000, dport=53) / noise(120), fragsize=48)
    yield from fragment(ip4(id=2) / TCP(sport=40000, dport=80, flags="S") / noise(60), fragsize=8)   # flags in the second one
    yield ip4(id=3, flags="MF", frag=0) / TCP(sport=40000, dport=80, flags="S")
    yield ip4(id=3, flags=0, frag=1, proto=6) / noise(24)                # overlaps the ports of the first
    yield ip4(id=4, flags=0, frag=8189, proto=17) / noise(64)            # ends behind 65535
    yield ip4(id=5, flags="MF+DF", frag=0) / UDP(dport=53) / noise(16)
    yield ip4(id=6, flags="evil") / UDP(dport=53)
    data = raw(UDP(sport=40000, dport=53, len=128, chksum=0) / noise(120))
    for off in range(0, 128, 48):
        yield ip6(nh=44) / IPv6ExtHdrFragment(nh=17, id=7, offset=off // 8, m=int(off + 48 < 128)) / Raw(data[off:off + 48])
    yield ip6() / IPv6ExtHdrFragment(nh=17, id=8, offset=0, m=0) / UDP(dport=53) / noise(8)       # an atomic fragment
    yield ip6() / IPv6ExtHdrFragment(nh=6, id=9, offset=0, m=1) / noise(8)                        # TCP's header is cut
    yield ip6() / IPv6ExtHdrFragment(nh=60, id=10, offset=5, m=0) / noise(16)
    yield ip6() / IPv6ExtHdrHopByHop(options=[PadN(optdata=bytes(4))]) / IPv6ExtHdrFragment(nh=17, id=11, m=1) / \
        UDP(dport=53, len=64) / noise(24)
    yield raw(ip6() / IPv6ExtHdrFragment(nh=17, id=12, m=1))[:14 + 40 + 6]


def amplification():
    ntp_monlist = Raw(bytes.fromhex("d7000320000000000006004800000000")) / noise(424)
    ssdp = b"HTTP/1.1 200 OK\r\nCACHE-CONTROL: max-age=1800\r\nEXT:\r\nSERVER: device\r\nST: upnp:rootdevice\r\n" + b"X" * 450
    for l3, host in ((ip4, "198.51.100.{}"), (ip6, "2001:db8:51::{}")):
        src = [host.format(n) for n in range(20, 40)]
        yield l3(src=src[0]) / UDP(sport=19, dport=40000) / Raw(bytes(range(32, 127)) * 8)         # chargen
        yield l3(src=src[1]) / UDP(sport=53, dport=40000) / noise(900)                             # DNS, a big answer
        yield l3(src=src[2]) / UDP(sport=123, dport=40000) / ntp_monlist
        yield l3(src=src[2]) / UDP(sport=123, dport=40000) / ntp_monlist
        yield l3(src=src[3]) / UDP(sport=1900, dport=40000) / Raw(ssdp)
        yield l3(src=src[4]) / UDP(sport=11211, dport=40000) / Raw(b"\0\1\0\0\0\1\0\0VALUE a 0 1400\r\n") / noise(1300)
        yield l3(src=src[5]) / UDP(sport=53, dport=40000) / DNS(qr=1, qd=DNSQR(qname="example.org"))   # small: an honest answer
        yield l3(src=src[6]) / UDP(sport=123, dport=123) / NTP(version=4, mode=4)
        yield l3(src=src[7]) / UDP(sport=53, dport=40000) / noise(512 - (42 if l3 is ip4 else 62))     # 512 bytes exactly
        yield l3(src=src[7]) / UDP(sport=53, dport=40000) / noise(513 - (42 if l3 is ip4 else 62))
        yield l3(src=src[8]) / UDP(sport=389, dport=40000) / noise(1200)                                # CLDAP
        yield l3(src=src[9]) / UDP(sport=443, dport=40000) / noise(1200)                                # QUIC: not one of them
        yield l3(src=src[9]) / TCP(sport=53, dport=40000, flags="PA", seq=1, ack=1) / noise(900)
    yield from fragment(ip4(src="198.51.100.40", id=9) / UDP(sport=53, dport=40000) / noise(2800), fragsize=1400)


def game():
    info = b"\xff\xff\xff\xffTSource Engine Query\0"
    for l3 in (ip4, ip6):
        for port in (26999, 27000, 27015, 27050, 27051):
            yield l3() / UDP(sport=50000, dport=port) / Raw(info)
        for n in (0, 1, 3, 4, 8, 60, 120, 1391, 1392, 1393, 1440):        # udp.len is 8 more: 12 and 1400 are the limits
            yield l3() / UDP(sport=50001, dport=27015) / noise(n)
        yield l3() / UDP(sport=50002, dport=27015) / Raw(b"\xff\xff\xff\xffU" + bytes(4))      # players
        yield l3() / UDP(sport=50002, dport=27015) / Raw(b"\xff\xff\xff\xff")                  # cut before the letter
        yield l3() / TCP(sport=50003, dport=27015, flags="S")                                  # the remote console
    for _ in range(20):                                                   # play: a few small datagrams a tick
        yield ip4() / UDP(sport=50004, dport=27015) / noise(rng.randrange(24, 140))


def edge():
    """What arrives at an edge beside honest traffic."""
    for n in range(8):
        yield ip4(src=f"10.{n}.0.1") / TCP(sport=40000 + n, dport=80, flags="S")
        yield ip4(src=f"198.18.{n}.7") / TCP(sport=40000 + n, dport=22, flags="S")
        yield ip4(src=f"198.51.100.{50 + n}") / TCP(sport=41000 + n, dport=23, flags="S")
    yield ip6(src="::1") / UDP(dport=53)
    yield ip6(src="fc00::1") / TCP(dport=80, flags="S")
    yield ip4() / TCP(dport=80, flags="SF")
    yield ip4() / TCP(dport=80, flags=0)
    yield patched(ip4() / TCP(dport=80, flags="S"), (14, 0x43))


def mutated():
    """Sound frames with a few bytes of their headers replaced."""
    seeds = [raw(f) for f in protocols()]
    for _ in range(360):
        data = bytearray(rng.choice(seeds))
        for _ in range(rng.randrange(1, 5)):
            data[rng.randrange(12, min(len(data), 90))] = rng.choice((0, 1, 4, 5, 6, 17, 44, 60, 255, rng.randrange(256)))
        if rng.random() < 0.3:
            data = data[:rng.randrange(14, len(data) + 1)]
        yield bytes(data)


def runts():
    """What no interface delivers, but a capture may hold: less than an Ethernet header, and frames cut in a VLAN tag."""
    data = raw(ip4() / UDP(dport=53))
    for n in range(1, 15):
        yield data[:n]
    for tagged in (eth() / Dot1Q(vlan=10) / IP(src=A4, dst=B4) / UDP(dport=53), eth() / Dot1AD(vlan=9) / Dot1Q(vlan=10) / IPv6() / UDP()):
        for n in range(14, 24):
            yield raw(tagged)[:n]


GROUPS = {f.__name__: f for f in (vlan, malformed, truncated, protocols, tcpflags, fragments, amplification, game, edge, mutated, runts)}


def main():
    global MAC
    if len(sys.argv) < 4 or sys.argv[1] not in GROUPS:
        sys.exit(__doc__)
    MAC = sys.argv[-1]
    frames = [f if isinstance(f, bytes) else raw(f) for f in GROUPS[sys.argv[1]]()]
    if sys.argv[2] == "-w":
        for i, f in enumerate(frames):
            p = Raw(f)
            p.time = 1.0 + i / 1000
            wrpcap(sys.argv[3], p, linktype=1, append=i > 0)
        return
    with conf.L2socket(iface=sys.argv[2]) as s:
        for f in frames:
            s.outs.send(f)


if __name__ == "__main__":
    main()
