"""Frames for the bench: a mix of traffic as an edge sees it, some thousand of them, all different, the same in every run."""

import os
import random
import socket
import struct
import sys

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "packets"))
import frames
from frames import Dot1AD, Dot1Q, Ether, IP, IPv6, Raw

N = 4096
FIN, SYN, RST, PSH, ACK, URG = 1, 2, 4, 8, 16, 32
ADMINS4, ADMINS6 = ("192.0.2.9", "198.51.100.200"), ("2001:db8:ad::9", "2001:db8:ad:1::7")


class Traffic:
    def __init__(self, seed):
        self.rnd = random.Random(seed)

    def pick(self, *choices):
        """One of (weight, value or function)."""
        value = self.rnd.choices([v for _, v in choices], [w for w, _ in choices])[0]
        return value() if callable(value) else value

    def public4(self):
        return "%d.%d.%d.%d" % (self.rnd.choice((23, 45, 81, 93, 151, 185, 203)), *(self.rnd.randrange(256) for _ in range(3)))

    def public6(self):
        return socket.inet_ntop(socket.AF_INET6, struct.pack("!H", self.rnd.randrange(0x2400, 0x2c00)) + self.rnd.randbytes(14))

    def source(self, ip6):
        if ip6:
            return self.pick((90, self.public6), (5, lambda: "fd00::%x" % self.rnd.randrange(65536)), (5, lambda: self.rnd.choice(ADMINS6)))
        return self.pick((90, self.public4), (5, lambda: "10.%d.%d.7" % (self.rnd.randrange(256), self.rnd.randrange(256))),
                         (2, lambda: "192.168.1.%d" % self.rnd.randrange(256)), (3, lambda: self.rnd.choice(ADMINS4)))

    def high(self):
        return self.rnd.randrange(1024, 65536)

    def size(self):
        return self.pick((50, lambda: self.rnd.randrange(0, 40)), (35, lambda: self.rnd.randrange(40, 300)),
                         (15, lambda: self.rnd.randrange(600, 1400)))

    def tcp(self):
        port = self.pick((55, 443), (20, 80), (6, 22), (3, 23), (2, 445), (2, 3389), (1, 8443), (11, self.high))
        flags = self.pick((60, ACK), (15, ACK | PSH), (15, SYN), (4, ACK | FIN), (3, RST), (1, 0), (1, SYN | FIN), (1, FIN | PSH | URG))
        return 6, frames.tcp(sport=self.high(), dport=port, flags=flags, n=self.size())

    def udp(self):
        if self.rnd.random() < 0.15:
            return 17, frames.udp(sport=self.rnd.choice((53, 123, 1900, 11211)), dport=self.high(), n=self.size())
        port = self.pick((45, 443), (15, lambda: self.rnd.randrange(27000, 27051)), (10, 53), (4, 5060), (3, 161), (23, self.high))
        return 17, frames.udp(sport=self.high(), dport=port, n=self.size())

    def icmp(self, ip6):
        kind = self.pick((60, 128), (20, 129), (5, 135), (5, 136), (5, 137), (5, 1)) if ip6 else \
            self.pick((60, 8), (20, 0), (10, 3), (5, 5), (5, 13))
        return 58 if ip6 else 1, frames.icmp(kind, n=self.pick((80, 56), (20, 1000)))

    def frame(self):
        ip6 = self.rnd.random() < 0.3
        proto, body = self.pick((64, self.tcp), (28, self.udp), (7, lambda: self.icmp(ip6)), (1, lambda: (50, frames.esp())))
        head, options = Ether(), {}
        tags = self.pick((85, 0), (13, 1), (2, 2))
        if tags:
            head = head / Dot1Q(vlan=self.rnd.randrange(1, 4095)) if tags == 1 else \
                head / Dot1AD(vlan=self.rnd.randrange(1, 4095)) / Dot1Q(vlan=self.rnd.randrange(1, 4095))
        odd = self.pick((95, ""), (2, "fragment"), (2, "options"), (1, "broken"))
        if ip6:
            if odd == "fragment":
                body, proto = frames.frag(proto, offset=self.rnd.choice((0, 100)), more=1) + body, 44
            elif odd == "options":
                body, proto = frames.ext(proto) + body, self.rnd.choice((0, 60))
            packet = head / IPv6(src=self.source(True), nh=proto, hlim=self.rnd.choice((52, 57, 64, 118, 255))) / Raw(body)
        else:
            if odd == "fragment":
                options = {"flags": 1, "frag": self.rnd.choice((0, 100))}
            elif odd == "options":
                options = {"options": frames.IPOption_RR(length=7, routers=["192.0.2.1"])}
            packet = head / IP(src=self.source(False), proto=proto, ttl=self.rnd.choice((52, 57, 64, 118)), **options) / Raw(body)
        data = bytes(packet)
        return data[:self.rnd.randrange(14, len(data))] if odd == "broken" else data


def varied(seed=1, n=N):
    """@n different frames."""
    t, seen = Traffic(seed), {}
    while len(seen) < n:
        seen.setdefault(t.frame())
    return list(seen)
