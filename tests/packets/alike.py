"""Random rule files of many rules that are code and do the same but for numbers: a few shapes each, used again and again with other numbers, so that
the compiler lets them share their code. What they ask of headers is what frames of the corpus have; what else they ask is often not so, and few
of them decide: several rules of one shape, and of others between them, are there for one packet."""
import os
import random

import rules

CPUS, PORTS = 3, 4


class Alike(rules.Writer):
    def near(self):
        """Conditions that tables know, and that frames of the corpus meet. A file asks for few different things: or it had no tables."""
        rnd = self.rnd
        asked = [self.address_of()] if rnd.random() < 0.7 else [self.number_of()]
        if rnd.random() < 0.1:
            asked = ["(%s or %s)" % (self.address_of(), self.number_of())]
        return asked + ["ip.proto == %d" % rnd.choice((6, 17))] if rnd.random() < 0.3 else asked

    def address_of(self):
        net = self.address("IP4")
        return "%s in %s" % (self.one, net if "/" not in net or int(net.split("/")[1]) > 12 else net.split("/")[0])

    def number_of(self):
        return "%s in %s" % (self.other[0], self.span(self.other[1]) if self.rnd.random() < 0.3 else self.number(self.other[1]))

    def piece(self):
        base, off, size = self.rnd.choice(("payload", "payload", "packet")), self.rnd.choice((0, 1, 4, 14, 23, 34)), self.rnd.choice((1, 1, 2, 3, 4, 8, 9, 20))
        return "%s[%d:%d]" % (base, off, size), size

    def asks(self):
        """What no table knows, as a function that makes it, with other numbers each time."""
        rnd = self.rnd
        piece, size = self.piece()
        if size > 8:
            operator = rnd.choice(("==", "!="))
            return lambda: "%s %s %s" % (piece, operator, ":".join("%02x" % b for b in self.seen(size)))
        bits, n, operator, mask = 8 * size, rnd.choice((1, 1, 2, 6)), rnd.choice(("in", "in", "not in")), rnd.random() < 0.3
        if n == 1 and mask:
            def masked():
                m = self.number(bits) or 1
                return "%s & %d == %d" % (piece, m, self.number(bits) & m)
            return masked
        return rnd.choice((
            lambda: "%s == %d" % (piece, self.number(bits)), lambda: "%s != %d" % (piece, self.number(bits)),
            lambda: "%s %s { %s }" % (piece, operator, ", ".join(self.span(bits) for _ in range(n))),
            lambda: "inner.ip.src == %s" % self.address("IP"), lambda: "random %d%%" % rnd.randrange(1, 100),
            lambda: "random %d%% per flow" % rnd.randrange(1, 100), lambda: "tcp.window & %d == 0" % (1 << rnd.randrange(16)),
            lambda: "iface == eth%d" % rnd.randrange(PORTS), lambda: "socket", lambda: "not (%s == %d or ip.ttl == 3)" % (piece, self.number(bits)),
        ))

    def does(self):
        """Actions, as a function that makes them."""
        rnd, key, table = self.rnd, self.key(), "t%d" % self.rnd.getrandbits(30)
        field = rnd.choice([f for f in self.written if f[1] in ("NUM", "PORT") and f[0].startswith(("ip", "tcp", "udp"))] or self.written)[0]
        verdict = rnd.choice(("drop", "pass", "abort", "tx", "tx swap", "pass", "drop"))
        way = rnd.choice(("cpu %d" % CPUS, "eth%d" % PORTS, "socket"))
        to = lambda: way if way == "socket" else way[:-1] + str(rnd.randrange(int(way[-1])))
        return rnd.choice((
            lambda: verdict, lambda: "count %s per %s" % (table, key), lambda: "log %d/s" % rnd.randrange(1, 30), lambda: "log",
            lambda: "sample 1/%d" % rnd.randrange(1, 9), lambda: "mark %d" % rnd.getrandbits(32), lambda: "redirect %s else pass" % to(),
            lambda: "redirect %s" % to(), lambda: "mark %d, log, %s" % (rnd.getrandbits(32), verdict),
            lambda: "log %d/s, count %s, %s" % (rnd.randrange(1, 30), table, verdict),
            lambda: "%s = %d, %s" % (field, rnd.randrange(1, 200), verdict), lambda: "ip.ttl -= %d, %s" % (rnd.randrange(1, 70), verdict),
            lambda: "ip.dst = %s, %s" % (self.address("IP4").split("/")[0], verdict), lambda: "vlan push %d, pass" % rnd.randrange(4096),
            lambda: "reply rst", lambda: "forward", lambda: "sample 1/%d, redirect cpu %d" % (rnd.randrange(1, 9), rnd.randrange(CPUS)),
        ))

    def shape(self):
        asks, does, more = [self.asks() for _ in range(self.rnd.choice((0, 1, 1, 1, 2)))], self.does(), self.rnd.random() < 0.25
        limited = " " + self.rnd.choice(("over", "within")) + " " + self.rnd.choice(self.limits) if self.rnd.random() < 0.1 else ""
        return lambda: "%s: %s if %s%s;" % (self.label(), does(), " and ".join(
            self.near() + (["ip.tos in %s" % self.span(8)] if more else []) + [one() for one in asks]), limited)

    def file(self, n):
        """Lines: rules of some shapes, mixed; some of no other's shape; some that tables know all of."""
        rnd, made = self.rnd, ["limit l0 = 3/s burst 2 per ip.src;"]
        self.limits = ["l0"]
        self.one = rnd.choice(("ip.src", "ip.dst", "ip4.src"))
        self.other = rnd.choice((("tcp.dport", 16), ("udp.sport", 16), ("ip.ttl", 8)))
        shapes = [self.shape() for _ in range(rnd.choice((1, 2, 3, 5)))]
        for _ in range(n):
            r = rnd.random()
            made.append(rnd.choice(shapes)() if r < 0.85 else self.shape()() if r < 0.9 else "%s: %s if %s;" % (
                self.label(), rnd.choice(("drop", "pass")), " and ".join(self.near() + self.near())))
        return made


def write(folder, n, seed, frames, xdpfc):
    """N programs in FOLDER, as rules.write() makes them; some have two files."""
    paths = []
    for i in range(n):
        files = ["alike-%d-%d.xdpf" % (seed, i)] + ["alike-%d-%d-2.xdpf" % (seed, i)] * (i % 4 == 3)
        for j, name in enumerate(files):
            writer = Alike(random.Random("alike %d/%d/%d" % (seed, i, j)), frames)
            options = writer.rnd.choice(("", " --socket yes", " --no-way", " --iface eth1"))
            head = ["#: option" + options] if j == 0 and options else []
            head += ["#: then " + files[1]] if j + 1 < len(files) else []
            rules.write_one(os.path.join(folder, name), head + ["default pass;"] + writer.file(writer.rnd.choice((40, 80, 160))), xdpfc)
        paths.append(os.path.join(folder, files[0]))
    return paths
