#!/usr/bin/python3
"""Translations beside their originals: --prove over the files in rules/ that name options for it, over expressions, and over rule sets that the tools
themselves made in a namespace and printed. And that a proof finds what is wrong: a translation of one file is judged by the rules of another.

    prove.py XDPFC XDPF
"""
import os
import re
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
RULES = os.path.join(HERE, "rules")
PACKETS = 1500
EXPRESSIONS = (
    "tcp port 80", "host 192.0.2.1 or host 2001:db8::1", "udp and not port 53", "tcp[tcpflags] & (tcp-syn|tcp-fin) != 0", "ip and port 53",
    "vlan 5 and icmp", "vlan and vlan 7 and udp port 9", "net 10.0.0.0/8 and tcp portrange 1-1023", "less 100 or arp",
    "ip6 net 2001:db8::/40 or udp[8:2] = 5", "ether host 02:00:00:00:00:01", "tcp[((tcp[12:1] & 0xf0) >> 2):4] = 0x47455420 or port 22",
    "icmp[icmptype] == icmp-echo", "ip[2:2] > 500 and ip[6:2] & 0x1fff != 0",
    "not (src net 192.168.0.0/16 and (dst port 1 or dst port 2)) and not ether broadcast", "sctp or ip6 multicast or arp host 10.0.0.1",
    "tcp[13] = 2 or tcp[13] = 18 and ip[8] < 5", "ether[60] = 1 or ip", "udp[20:4] != 7 and not tcp", "tcp[2:2] & 0xff00 > 0x1000",
    "icmp6[0] = 135 or ip6[6] = 58", "tcp and udp", "ether[10000] = 1 or ip", "ip or ether[10000] != 1", "ether proto 0x88cc", "ip[0] & 0xf > 5 and ip proto 47", "len > 64 and len <= 80", "",
)
NOTHING = ("tcp and udp", "ether[10000] = 1 or ip")      # matches no packet
REFUSED = ("ip6 protochain 6", "(tcp[0:2] + 1) = 80", "mpls or pppoes", "port", "ip[ip[0]] = 5", "inbound", "not outbound and ip", "ifindex 1", "tcp[9100] = 1")


class Tally:
    def __init__(self, xdpfc, xdpf):
        self.xdpfc, self.xdpf, self.passed, self.failed, self.skipped = xdpfc, xdpf, 0, 0, 0

    def say(self, name, complaint):
        if complaint:
            print("FAILED %s: %s" % (name, complaint))
        self.passed, self.failed = self.passed + (not complaint), self.failed + bool(complaint)

    def skip(self, name, why):
        print("skipped: %s: %s" % (name, why))
        self.skipped += 1

    def prove(self, name, kind, path, *options, packets=PACKETS, passes=True, deciding=0.5):
        done = subprocess.run([self.xdpfc, "--import=" + kind, "--prove", str(packets)] + list(options) + [path], cwd=RULES, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, timeout=120)
        said = done.stderr.decode()
        if done.returncode != 0:
            self.say(name, "exit status %d: %s" % (done.returncode, said[-2000:]))
            return
        m = re.search(r"(\d+) packets compared, (\d+) of them passed by the original; 0 treated otherwise; (\d+) of (\d+) rules", said)
        if not m:
            self.say(name, "no summary: " + said)
            return
        compared, passed, decided, rules = map(int, m.groups())
        # A proof that compares next to nothing, or sees one verdict only, shows nothing.
        if compared < packets / 4:
            self.say(name, "only %d packets of %d were compared" % (compared, packets))
        elif passes and not 0 < passed < compared:
            self.say(name, "the original treats all packets alike")
        elif decided < rules * deciding:
            self.say(name, "only %d of %d rules decided a packet" % (decided, rules))
        else:
            self.say(name, None)


def expressions(t, scratch):
    path = os.path.join(scratch, "e")
    for e in EXPRESSIONS:
        with open(path, "w") as f:
            f.write(e + "\n")
        t.prove("pcap-filter `%s`" % e, "pcap-filter", path, passes=e not in NOTHING and e != "", deciding=0.5 if e not in NOTHING else 0)
    for e in REFUSED:
        with open(path, "w") as f:
            f.write(e + "\n")
        done = subprocess.run([t.xdpfc, "--import=pcap-filter", path], stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=30)
        t.say("pcap-filter `%s`" % e, None if done.returncode == 1 and not done.stdout and b"e:1: not translated: " in done.stderr else
              "it is not refused: %d %r %r" % (done.returncode, done.stdout, done.stderr))


def usable(*tools):
    """Why these cannot be run here, or None."""
    if os.geteuid() != 0:
        return "needs root"
    missing = [x for x in tools if not shutil.which(x)]
    if missing:
        return "not installed: " + " ".join(missing)
    done = subprocess.run(["unshare", "-n", "true"], stderr=subprocess.PIPE)
    return None if done.returncode == 0 else "no network namespace can be made here"


def iptables(t, scratch):
    why = usable("iptables-restore", "iptables-save", "ip6tables-restore", "ip6tables-save", "ipset", "nft", "ip")
    if why:
        t.skip("iptables", why)
        return
    for name, options in (("input.iptables", ()), ("raw.iptables", ()), ("raw.ip6tables", ()), ("input.ip6tables", ()), ("tracked.iptables", ()),
                          ("sets.iptables", ("--ipset", "sets.ipset"))):
        kind = name.split(".")[1]
        t.prove(name, kind, name, *options)
        # The same, as the tools print it.
        load = "ipset restore < %s/sets.ipset; " % RULES if options else ""
        saved = os.path.join(scratch, name)
        done = subprocess.run(["unshare", "-n", "sh", "-ec", "%s%s-restore < %s/%s; %s-save > %s; ipset save > %s.sets" % (load, kind, RULES, name, kind,
                               saved, saved)], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        if done.returncode != 0:
            t.say(name + ", exported", done.stderr.decode())
        else:
            t.prove(name + ", exported", kind, saved, *(("--ipset", saved + ".sets") if options else ()))
    nft(t, scratch)
    kernel(t, scratch)
    otherwise(t, scratch)
    ended(t, scratch)
    datagrams(t)
    states(t, scratch)
    limits(t, scratch)
    done = subprocess.run(["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", t.xdpfc, "--import=iptables", "--prove", "5", "-"],
                          input=b"*filter\n:INPUT DROP [0:0]\nCOMMIT\n", stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    t.say("a proof without root", None if done.returncode == 3 and b"needs root" in done.stderr and not done.stdout else
          "%d %r" % (done.returncode, done.stderr))


def nft(t, scratch):
    """Rule sets in nft's own language, printed by nft; and what another version printed."""
    made = os.path.join(HERE, "made")
    for name in sorted(os.listdir(made)):
        saved = os.path.join(scratch, name + ".json")
        done = subprocess.run(["unshare", "-n", "sh", "-ec", "ip link add eth7 type veth peer name eth8; nft -f %s/%s; nft -j list ruleset > %s" % (
                              made, name, saved)], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        if done.returncode != 0:
            t.say(name + ", exported", done.stderr.decode())
        else:
            t.prove(name + ", exported", "nft", saved)


def kernel(t, scratch):
    """The translations in the kernel, over packets that were recorded and mutated: as by the evaluator."""
    captures = os.path.join(os.path.dirname(HERE), "captures")
    for name, options in (("input.iptables", ()), ("raw.ip6tables", ()), ("sets.iptables", ("--ipset", "sets.ipset")), ("inet.nft", ()), ("netdev.nft", ()),
                          ("get.pcap-filter", ()), ("exabgp.flowspec", ("--accept=limit,left-out",))):
        args = [t.xdpfc, "--quiet", "--import=" + name.rsplit(".", 1)[1]] + list(options)
        prog = os.path.join(scratch, "prog.o")
        done = subprocess.run(args + ["-o", prog, name], cwd=RULES, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        if done.returncode != 0:
            t.say(name + ", in the kernel", done.stderr.decode())
            continue
        path = os.path.join(captures, "mutated.pcap")
        ours = subprocess.run(args + ["--run", path, name], cwd=RULES, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        theirs = subprocess.run([t.xdpf, "run", "--quiet", prog, path], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        t.say(name + ", in the kernel", None if ours.returncode == 0 and theirs.returncode == 0 and ours.stdout and ours.stdout == theirs.stdout else
              "not alike: %s %s" % (ours.stderr.decode()[-500:], theirs.stderr.decode()[-500:]))


def ended(t, scratch):
    """Where a tool of the original, or the process that runs them, is ended, it is said by what."""
    tools = os.path.join(scratch, "tools")
    os.mkdir(tools)
    for body, why in (("kill -9 $$", "ip failed: it ended by signal 9 (Killed), and said nothing"), ("exit 7", "ip failed: it ended with status 7, and said nothing"),
                      ("kill -11 $PPID", "the process that ran the original ended by signal 11 (Segmentation fault), and said nothing")):
        path = os.path.join(tools, "ip")
        with open(path, "w") as f:
            f.write("#!/bin/sh\n%s\n" % body)
        os.chmod(path, 0o755)
        done = subprocess.run([t.xdpfc, "--import=iptables", "--prove", "5", "input.iptables"], cwd=RULES, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              env=dict(os.environ, PATH=tools + ":" + os.environ["PATH"], ASAN_OPTIONS="handle_segv=0"), timeout=60)
        t.say(body, None if done.returncode == 3 and why in done.stderr.decode() and not done.stdout else "%d %r" % (done.returncode, done.stderr))


def datagrams(t):
    """What is accepted of datagrams in fragments is found, counted apart, and nothing else is treated otherwise."""
    t.prove("tracked.nft", "nft", "tracked.nft", "--accept=fragments")
    for name in ("whole.iptables", "whole.ip6tables"):
        done = subprocess.run([t.xdpfc, "--import=" + name.split(".")[1], "--accept=fragments", "--prove", "1500", "--check", name], cwd=RULES,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=120)
        t.say(name + ", in fragments", None if done.returncode == 0 and re.search(
            rb"\b[1-9]\d* datagrams in fragments treated otherwise, as --accept=fragments has it", done.stderr) else
            "%d %s" % (done.returncode, done.stderr.decode()[-2000:]))


def states(t, scratch):
    """A ping is NEW to connection tracking, and has no flow.state: accepted, and told apart."""
    path = os.path.join(scratch, "states.iptables")
    with open(path, "w") as f:
        f.write("*filter\n:INPUT DROP [0:0]\n-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT\n-A INPUT -p tcp -m tcp --dport 22 -m "
                "conntrack --ctstate NEW -j ACCEPT\n-A INPUT -p icmp -m conntrack --ctstate NEW -j ACCEPT\nCOMMIT\n")
    done = subprocess.run([t.xdpfc, "--import=iptables", "--accept=state", "--prove", "1500", "--check", path], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=120)
    t.say("states", None if done.returncode == 0 and re.search(
        rb"\b[1-9]\d* packets that are neither TCP nor UDP treated otherwise, as --accept=state has it", done.stderr) else
        "%d %s" % (done.returncode, done.stderr.decode()[-2000:]))


def otherwise(t, scratch):
    """Proofs that must fail: rules are left out that decide much."""
    path = os.path.join(scratch, "wrong.iptables")
    with open(path, "w") as f:
        f.write("*filter\n:INPUT DROP [0:0]\n-A INPUT -m addrtype --dst-type LOCAL -m ttl --ttl-gt 9 -j ACCEPT\nCOMMIT\n")
    done = subprocess.run([t.xdpfc, "--import=iptables", "--accept=left-out", "--prove", "500", path], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    said = done.stderr.decode()
    t.say("a proof that fails", None if done.returncode == 4 and not done.stdout and "the original says pass, the translation drop by default" in said and
          re.search(r"[1-9]\d* treated otherwise", said) else "exit status %d: %s" % (done.returncode, said))


LIMITED = """*filter
:INPUT DROP [0:0]
-A INPUT -s 192.0.2.0/24 -p tcp -m tcp --dport 22 -j ACCEPT
%s-A INPUT -p udp -m udp --dport 53 -m limit --limit 10/sec --limit-burst 4 -j ACCEPT
-A INPUT -p tcp -m tcp --dport 80 -m hashlimit --hashlimit-upto 20/sec --hashlimit-burst 6 --hashlimit-mode srcip --hashlimit-name web -j ACCEPT
-A INPUT -p tcp -m tcp --dport 81 -m limit --limit 6/minute -j ACCEPT
-A INPUT -p tcp -m tcp --dport 82 -m limit --limit 1000/sec -j ACCEPT
%s-A INPUT -p tcp -m tcp --dport 83 -m limit --limit 800/sec --limit-burst 60 -j ACCEPT
-A INPUT -p tcp -m tcp --dport 84 -m limit --limit 2/sec --limit-burst 6000 -j ACCEPT
COMMIT
"""
FASTER = "-A INPUT -p tcp -m tcp --dport 83 -m addrtype --dst-type LOCAL -m limit --limit 200/sec -j ACCEPT\n"
MORE = "-A INPUT -p udp -m udp --dport 53 -m addrtype --dst-type LOCAL -m limit --limit 1/hour --limit-burst 2 -j ACCEPT\n"
NFT_LIMITED = """table inet filter {
	chain input {
		type filter hook input priority 0; policy drop;
		tcp dport 22 accept
		udp dport 53 limit rate 10/second burst 4 packets accept
		tcp dport 80 limit rate over 20/second burst 3 packets drop
		tcp dport 80 accept
		udp dport 54 limit rate 4000/second burst 9 packets accept
	}
}
"""


def limits(t, scratch):
    """What limits say is compared at times of its own, and what they do not say as everything else; tokens too many are found."""
    def run(kind, path, accept, seconds):
        # A machine that is too busy to keep times says so; then once more.
        for _ in range(8):
            done = subprocess.run([t.xdpfc, "--import=" + kind, "--accept=" + accept, "--prove", "900", "--check", path], stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE, timeout=seconds)
            said = done.stderr.decode()
            if "too busy" not in said:
                break
        return done.returncode, said, {m.group(1): m.group(2) for m in re.finditer(r"^limit of .*?, (.*?): (.*)$", said, re.M)}

    path = os.path.join(scratch, "limits.iptables")
    with open(path, "w") as f:
        f.write(LIMITED % ("", ""))
    timed = "%d packets one behind the other, 0 treated otherwise, also when tokens had come back"
    want = {"10/s burst 4": timed % 11, "20/s burst 6 per ip4.src": timed % 13,
            "6/m burst 5": "7 packets one behind the other, 0 treated otherwise; no tokens that came back: they come back too slowly to be waited for",
            "1000/s burst 5": "not compared: it is full again within two ticks of the original's clock, which says how many get through"}
    status, said, found = run("iptables", path, "limit", 120)
    t.say("whose limits", None if "limit of limits.iptables.xdpf:15 (limits.iptables:4), 10/s burst 4: " in said else said)
    counted = re.compile(r"of (\d+) packets (\d+) got through, of the original's (\d+): as many, to what their clocks may differ$")
    many = {k: [int(x) for x in m.groups()] for k, m in ((k, counted.match(found.pop(k, ""))) for k in ("3000000/h burst 60", "2/s burst 6000")) if m}
    t.say("many packets", None if len(many) == 2 and many["3000000/h burst 60"][0] == 1726 and 60 < many["3000000/h burst 60"][1] <= 1726 and
          6000 <= many["2/s burst 6000"][1] <= 6004 else "%s %s" % (many, said))
    t.say("limits of iptables", None if status == 0 and found == want and re.search(r"[1-9]\d* packets not compared, since", said) and re.search(
        r"[1-9]\d* packets compared, [1-9]\d* of them passed by the original; 0 treated otherwise", said) else "exit status %d: %s" % (status, said))
    with open(path, "w") as f:
        f.write(LIMITED % (MORE, FASTER))
    status, said, found = run("iptables", path, "limit,left-out", 120)
    t.say("a limit that lets through more", None if status == 4 and ", 2 treated otherwise" in found.get("10/s burst 4", "") and found[
        "20/s burst 6 per ip4.src"] == timed % 13 and "the original says pass, the translation drop" in said and found.get(
        "3000000/h burst 60", "").endswith(": treated otherwise") else "exit status %d: %s" % (status, said))
    saved = os.path.join(scratch, "limits.nft.json")
    done = subprocess.run(["unshare", "-n", "sh", "-ec", "nft -f - && nft -j list ruleset > " + saved], input=NFT_LIMITED.encode(), stderr=subprocess.PIPE)
    status, said, found = run("nft", saved, "limit", 120) if done.returncode == 0 else (1, done.stderr.decode(), {})
    many = counted.match(found.pop("4000/s burst 9", ""))
    t.say("limits of nftables", None if status == 0 and many and 1000 < int(many.group(2)) < 7000 and found == {"10/s burst 4": timed % 11, "20/s burst 3": timed % 10} else
          "exit status %d: %s" % (status, said))


def main():
    t = Tally(os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2]))
    with tempfile.TemporaryDirectory() as scratch:
        expressions(t, scratch)
        iptables(t, scratch)
    print("%d passed, %d failed, %d skipped" % (t.passed, t.failed, t.skipped))
    return 1 if t.failed else 0


sys.exit(main())
