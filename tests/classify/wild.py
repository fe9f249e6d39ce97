"""Rule files that nobody would write, and headers to try them with, from a seed: conditions on all that a classifier may take, and on what it may
not, in blocks and out of them; values that overlap, and headers that have these values or the ones beside them.

Flavours: "mixed"; "ports": every rule has random ranges of ports; "short": every prefix is shorter than /12. The last two are what tables grow
most by.
"""
import math
import random
import re
import struct

ETHER = bytes.fromhex("020000000001020000000002")
FLAGS = ("fin", "syn", "rst", "psh", "ack", "urg")
MUCH = 0.1                                              # of the headers, for one rule
PAYLOAD = bytes(range(1, 33))


class Wild:
    def __init__(self, seed, flavour="mixed"):
        self.rnd, self.flavour = random.Random("%s %d" % (flavour, seed)), flavour
        rnd = self.rnd
        self.nets4 = [(rnd.getrandbits(32), rnd.choice((8, 12, 16, 20, 24, 24, 28, 30, 32, 32))) for _ in range(24)]
        # some inside others
        self.nets4 += [((v & ~0 << 32 - n) | rnd.getrandbits(32 - n) if n < 32 else v, rnd.randint(n, 32)) for v, n in self.nets4]
        if flavour == "short":
            self.nets4 = [(rnd.getrandbits(32), rnd.randint(1, 11)) for _ in range(64)]
        self.nets4 = [(v >> 32 - n << 32 - n, n) for v, n in self.nets4]
        self.nets6 = [(0x20010db8 << 96 | v << 64 | (v & 0xff) << 8 * (n % 3), 32 + n if n < 32 else 128) for v, n in self.nets4]
        self.nets6 = [(v >> 128 - n << 128 - n, n) for v, n in self.nets6]
        self.ports = [rnd.choice((0, 22, 53, 80, 443, 1023, 1024, 65535, rnd.getrandbits(16))) for _ in range(20)]
        self.ids = [rnd.randrange(1, 4095) for _ in range(6)]
        self.counts = 0

    # ---- conditions ----

    def number(self, field, pool, most):
        """A comparison that some values in and beside the pool are true for."""
        rnd, value = self.rnd, self.rnd.choice(pool)
        kind = rnd.random()
        low, high = sorted((value, rnd.choice(pool)))
        if kind < 0.45 or low == high:
            return "%s == %d" % (field, value)
        if kind < 0.75:
            return "%s in %d-%d" % (field, low, high)
        if kind < 0.85:
            return "%s in { %s }" % (field, ", ".join(sorted({str(rnd.choice(pool)) for _ in range(4)})))
        if kind < 0.9:
            return "%s != %d" % (field, value)
        return "%s > %d" % (field, value) if value < most else "%s < %d" % (field, value)

    def port(self, field):
        if self.flavour == "ports":
            low, high = sorted((self.rnd.getrandbits(16), self.rnd.getrandbits(16)))
            return "%s in %d-%d" % (field, low, high) if low < high else "%s == %d" % (field, low)
        return self.number(field, self.ports, 65535)

    def net(self, field, ip6):
        value, length = self.rnd.choice(self.nets6 if ip6 else self.nets4)
        text = address6(value) if ip6 else address4(value)
        if length == (128 if ip6 else 32):
            return "%s == %s" % (field, text)
        if not ip6 and self.flavour == "mixed" and self.rnd.random() < 0.1:
            last = min(value + self.rnd.getrandbits(12) + 1, 0xffffffff)
            return "%s in %s-%s" % (field, text, address4(last)) if last > value else "%s == %s" % (field, text)
        return "%s in %s/%d" % (field, text, length)

    def condition(self, around):
        """Terms of different fields that one packet may have together, also with what the blocks around ask for: {what: its value}; and about which
        share of the headers that get there they are true for."""
        rnd, terms = self.rnd, []
        ip6 = around.get("ip6", rnd.random() < 0.35)
        l4 = around.get("l4") or rnd.choice(("tcp", "tcp", "udp", "l4", "icmp6" if ip6 else "icmp", None))
        for field, often in (("src", 0.5), ("dst", 0.4)):
            if rnd.random() < often and field not in around:
                terms.append(self.net(rnd.choice(("ip", "ip6" if ip6 else "ip4")) + "." + field, ip6))
        if l4 in ("tcp", "udp", "l4"):
            for field, often in (("sport", 0.25), ("dport", 0.6)):
                if rnd.random() < often or self.flavour == "ports":
                    terms.append(self.port("%s.%s" % (l4, field)))
        if l4 == "tcp" and rnd.random() < 0.3:
            a, b = rnd.sample(FLAGS, 2)
            terms.append(rnd.choice(("tcp.%s" % a, "not tcp.%s" % a, "tcp.%s and not tcp.%s" % (a, b), "tcp.flags & (%s|%s) == %s" % (a, b, a))))
        if l4 in ("icmp", "icmp6") and rnd.random() < 0.7:
            terms.append(self.number(l4 + ".type", (0, 3, 8, 11, 128, 129, 135), 255))
            if rnd.random() < 0.3:
                terms.append(self.number(l4 + ".code", (0, 1, 4), 255))
        if rnd.random() < 0.12:
            terms.append(self.number("ip.ttl", (0, 1, 63, 64, 128, 255), 255))
        if rnd.random() < 0.12:
            terms.append(self.number("pkt.len", (54, 60, 64, 74, 100, 120), 1500))
        if rnd.random() < 0.12:
            terms.append(rnd.choice(("not vlan", self.number("vlan.id", self.ids, 4095))))
        if rnd.random() < 0.05 and l4 in ("tcp", "udp"):
            terms.append("payload[%d:1] == %d" % (rnd.randrange(4), rnd.randrange(1, 6)))
        if not terms or rnd.random() < 0.1:
            terms.append("pkt.len > 40" if around else {"l4": "ip.proto in { 6, 17 }", None: "ip"}.get(l4, l4))
        if rnd.random() < 0.06 and not around:
            terms[-1] = "(%s or %s)" % (terms[-1], self.net("ip.src", ip6))
        if rnd.random() < 0.03:
            terms[-1] = "not (%s)" % terms[-1]
        return " and ".join(terms), math.prod(share(term) for term in terms)

    def block(self, around):
        """(what a block asks for, what it tells those in it)."""
        field, ip6 = self.rnd.choice([f for f in ("src", "dst", "l4") if f not in around]), around.get("ip6", self.rnd.random() < 0.35)
        if field == "l4":
            l4 = self.rnd.choice(("tcp", "udp"))
            return l4, {**around, "l4": l4}
        return self.net("ip." + field, ip6), {**around, field: True, "ip6": ip6}

    def rules(self, n, around={}):
        """Lines, one for each rule or brace."""
        rnd, made = self.rnd, 0
        while made < n:
            if len(around) < 3 and rnd.random() < 0.03:
                inside = min(rnd.randint(2, 25), n - made)
                asked, told = self.block(around)
                yield "if %s {" % asked
                yield from self.rules(inside, told)
                yield "}"
                made += inside
                continue
            made += 1
            text, part = self.condition(around)
            action = rnd.choice(("drop", "pass", "drop", "pass", "tx", "abort"))
            # a rule that takes much leaves nothing to those behind it
            if rnd.random() < 0.08 or part > MUCH:
                action = "count c%d" % rnd.randrange(5)
            self.counts += 1
            yield "r%d: %s if %s;" % (self.counts, action, text)

    # ---- frames ----

    def near(self, pool, most):
        return min(max(self.rnd.choice(pool) + self.rnd.choice((0, 0, 0, 0, -1, 1)), 0), most)

    def address(self, ip6):
        value, length = self.rnd.choice(self.nets6 if ip6 else self.nets4)
        bits = 128 if ip6 else 32
        value |= self.rnd.getrandbits(bits - length) if length < bits else 0
        return value ^ (1 << self.rnd.randrange(bits) if self.rnd.random() < 0.1 else 0)

    def frame(self):
        rnd = self.rnd
        ip6 = rnd.random() < 0.35
        proto = rnd.choice((6, 6, 6, 17, 17, 58 if ip6 else 1, 132, 47, 253))
        port = (lambda: rnd.getrandbits(16)) if self.flavour == "ports" else lambda: self.near(self.ports, 65535)
        sport, dport, data = port(), port(), PAYLOAD[rnd.randrange(5):rnd.randrange(5, 33)] if rnd.random() < 0.7 else b""
        if proto == 6:
            data = struct.pack("!HHIIBBHHH", sport, dport, 1, 1, 0x50, rnd.getrandbits(6), 1024, 0, 0) + data
        elif proto == 17:
            data = struct.pack("!HHHH", sport, dport, 8 + len(data), 0) + data
        elif proto in (1, 58):
            data = bytes((self.near((0, 3, 8, 11, 128, 129, 135), 255), self.near((0, 1, 4), 255))) + bytes(6) + data
        elif proto == 132:
            data = struct.pack("!HHII", sport, dport, 1, 0) + data
        else:
            data = bytes(8) + data
        ttl = self.near((0, 1, 63, 64, 128, 255), 255)
        tag = struct.pack("!HH", 0x8100, self.near(self.ids, 4095)) if rnd.random() < 0.15 else b""
        if ip6:
            ip = struct.pack("!HIHBB", 0x86dd, 6 << 28, len(data), proto, ttl) + b"".join(self.address(True).to_bytes(16, "big") for _ in range(2))
        else:
            fragment = 0x2000 if rnd.random() < 0.02 else 100 if rnd.random() < 0.02 else 0
            ip = struct.pack("!HHHHHBBHII", 0x0800, 0x4500, 20 + len(data), 0, fragment, ttl, proto, 0, self.address(False), self.address(False))
        whole = ETHER + tag + ip + data
        return whole[:rnd.randrange(14, len(whole))] if rnd.random() < 0.02 else whole


def share(term):
    """Roughly."""
    if term.startswith(("(", "not")):
        return 1
    prefix = re.search(r"/(\d+)$", term)
    if prefix:
        return max(0.5 ** (int(prefix[1]) - 32 * (":" in term)), 0.03)
    return 0.05 if "==" in term else 0.4


def address4(value):
    return "%d.%d.%d.%d" % (value >> 24, value >> 16 & 255, value >> 8 & 255, value & 255)


def address6(value):
    return ":".join("%x" % (value >> shift & 65535) for shift in range(112, -16, -16))


def save(path, lines):
    with open(path, "w") as f:
        f.write("\n".join(lines) + "\n")


def write(path, seed, flavour, n, errors):
    """Writes a rule file of about @n rules; returns the Wild that makes frames for it, or None. @errors(): the numbers of the lines that the
    compiler refuses as what cannot be meant, of which it shows some at a time: a rule of those becomes one that only counts, a block's condition
    one of length."""
    wild = Wild(seed, flavour)
    lines = ["default pass;", *wild.rules(n)]
    for _ in range(n):
        save(path, lines)
        wrong = errors()
        if not wrong:
            return wild
        for number in wrong:
            line = lines[number - 1]
            lines[number - 1] = "if pkt.len > 20 {" if line.startswith("if ") else line.split(":")[0] + ": count c0 if pkt.len > 30;"
    return None
