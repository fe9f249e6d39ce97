#!/bin/bash
# What `xdpf doctor` says of an interface and a filter comes true when the filter is applied; `xdpf status` names all programs in their order. 10 s.
. "$(dirname "$0")/lib.sh" "$@"
network
cat >"$WORK/card.xdpf" <<'END'
default pass;
let shut = { 23, 2323 };
telnet:  drop if tcp.dport in shut and ip.src in 10.99.0.0/24;
six:     drop if ip6.src == fd99::66;
either:  drop if udp.sport == 1900;
tagged:  drop if vlan.id == 7;
payload: drop if udp.dport == 53 and payload[0:2] == 0x1234;
limited: drop if icmp over 100/s;
behind:  drop if udp.dport == 19;
END
printf 'plain: pass if icmp;\n' >"$WORK/plain.xdpf"
compile "$WORK/card.xdpf"
compile "$WORK/plain.xdpf"
doctor() { in_a "$XDPF" doctor --json "$@" 2>"$WORK/err" | tee "$WORK/doctor.json" >/dev/null; }
said() { json "$1" <"$WORK/doctor.json"; }
found() { said "[f['level'] for f in j['findings'] if f['what'] == '$1'][:1]"; }

status "an interface" 0 in_a "$XDPF" doctor xe0
says "its driver" "xe0: MTU 1500, driver veth, 1 receive queue"
says "what would be done" "apply would +attach in native mode"
if command -v setpriv >/dev/null; then
	status "without privileges it cannot be told" 3 in_a setpriv --bounding-set=-all --inh-caps=-all -- "$XDPF" doctor xe0
	says "which are lacking" "obstacle: no XDP program can be loaded"
else
	skip "without privileges" "setpriv is not installed"
fi
status "not there" 3 in_a "$XDPF" doctor xe9
status "no interface" 2 in_a "$XDPF" doctor
status "an object that is none" 1 in_a "$XDPF" doctor xe0 "$HERE/lib.sh"

doctor xe0 "$WORK/card.o"
if [ "$(said 'j["features"]')" = None ]; then
	skip "features" "this kernel does not say what drivers can do"
else
	is "features" "$(said '(j["native"], j["takes_frags"], "basic" in j["features"])')" "(True, True, True)"
fi
is "it would" "$(said '(j["would_apply"], j["frags"], j["outcome"])')" "(True, False, 'attach in native mode')"
is "nothing was attached" "$(program_id)" None
is "needs" "$(said '(all(n["has"] for n in j["needs"]), "bpf_map_lookup_elem" in [n["name"] for n in j["needs"]])')" "(True, True)"
is "filters of cards" "$(said '[(f["rule"], f["filter"]) for f in j["card_filters"]]' | tr -d "'")" \
"[(telnet, flow-type tcp4 src-ip 10.99.0.0 m 0.0.0.255 dst-port 23 action -1), \
(telnet, flow-type tcp4 src-ip 10.99.0.0 m 0.0.0.255 dst-port 2323 action -1), (six, flow-type ip6 src-ip fd99::66 action -1), \
(either, flow-type udp4 src-port 1900 action -1), (either, flow-type udp6 src-port 1900 action -1)]"
is "tags" "$(found tags)" "['warning']"
status "apply warns of tags, too" 0 in_a "$XDPF" apply "$WORK/card.o" xe0
says "which rule" "warning: xe0: 1 rule looks at tags \(tagged, line 6\)"
# It is true: a tag that the other end leaves beside the frame is seen by no rule, and one in the frame is.
if ! command -v clang-19 >/dev/null; then
	skip "tags beside the frame" "clang-19 is not installed"
else
	ok "a program of tc" clang-19 -O2 -g -target bpf -I "/usr/include/$(uname -m)-linux-gnu" -c "$HERE/tag.bpf.c" -o "$WORK/tag.o"
	ok "who is there" ping_a 10.99.0.1
	in_b tc qdisc add dev xe1 clsact
	ok "what tags" in_b tc filter add dev xe1 egress bpf direct-action object-file "$WORK/tag.o" section tc
	udp 5300 8 3
	is "tags beside the frame" "$(stats 'rule("tagged")')" 0
	in_b ethtool -K xe1 txvlan off >/dev/null 2>&1
	udp 5300 8 3
	is "tags in the frame" "$(stats 'rule("tagged") > 0')" True
	in_b tc qdisc del dev xe1 clsact
fi

doctor xe0 "$WORK/plain.o"
is "it would replace" "$(said '"replace card" in j["outcome"]')" True
is "no word of tags" "$(found tags)" "[]"
doctor --mode generic xe0 "$WORK/plain.o"
is "the other mode" "$(said 'j["would_apply"]') $(found neighbours)" "False ['obstacle']"
status "and so it is" 3 in_a "$XDPF" apply --mode generic "$WORK/plain.o" xe0
status "remove" 0 in_a "$XDPF" remove --quiet xe0

# No native mode.
status "lo" 4 in_a "$XDPF" doctor lo
says "why" "obstacle: its driver does not run XDP programs"
status "and so it is" 3 in_a "$XDPF" apply "$WORK/plain.o" lo
status "lo, generic" 0 in_a "$XDPF" doctor --mode generic lo
if ip -n "$NAME-a" tuntap add xt0 mode tun 2>/dev/null; then
	status "frames without Ethernet" 4 in_a "$XDPF" doctor --mode generic xt0
	says "what they have not" "obstacle: its frames have no Ethernet header"
	status "so apply refuses" 3 in_a "$XDPF" apply --mode generic "$WORK/plain.o" xt0
	ip -n "$NAME-a" link del xt0
else
	skip "frames without Ethernet" "no tun devices can be made"
fi

# What drivers do not say (rx.hash of lo), and frames that are larger than a page.
printf 'default pass;\nhashed: if rx.hash > 0 { }\n' >"$WORK/rx.xdpf"
compile "$WORK/rx.xdpf"
doctor --mode generic xe0 "$WORK/rx.o"
is "rx.hash, generic" "$(said 'j["would_apply"]') $(found driver)" "False ['obstacle']"
ip -n "$NAME-a" link set xe0 mtu 9000
doctor xe0 "$WORK/plain.o"
is "jumbo frames" "$(said '(j["mtu"], j["frags"], j["outcome"])')" "(9000, True, 'attach in native mode, with frags')"
ip -n "$NAME-a" link set xe0 mtu 1500

# Others, in order. Traffic control comes behind.
if ! in_a ip link set dev xe0 xdp obj "$WORK/plain.o" sec xdp 2>"$WORK/err"; then
	skip neighbours "ip link cannot attach: $(tail -1 "$WORK/err")"
	report
fi
doctor xe0 "$WORK/plain.o"
is "a foreign program" "$(said 'j["would_apply"]') $(found neighbours)" "False ['obstacle']"
status "and so it is" 3 in_a "$XDPF" apply "$WORK/plain.o" xe0
in_a ip link set dev xe0 xdp off
status "ours" 0 in_a "$XDPF" apply --quiet "$WORK/plain.o" xe0
if ! command -v clang-19 >/dev/null; then
	skip "traffic control" "clang-19 is not installed"
else
	in_a tc qdisc add dev xe0 clsact
	ok "tc filter" in_a tc filter add dev xe0 ingress bpf direct-action object-file "$WORK/tag.o" section tc
	is "their order" "$(in_a "$XDPF" status --json xe0 | json '[(p["hook"], p["ours"]) for p in j[0]["programs"]]')" "[('native', True), ('tc', False)]"
	OUT=$(in_a "$XDPF" status xe0)
	says "and as text" "in order +1. native: plain, id [0-9]+, ours"
	says "and the other" "2. tc: .*id [0-9]+"
	doctor xe0 "$WORK/plain.o"
	is "noted" "$(found neighbours)" "['note']"
fi
status "remove, beside it" 0 in_a "$XDPF" remove --quiet xe0
report
