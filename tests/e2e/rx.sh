#!/bin/bash
# rx.hash, rx.vlan and rx.timestamp on live traffic: what the driver of a veth says of frames that the stack sends, and that it says nothing of
# frames that another program sends. A filter that asks is bound to its interface: it is replaced and removed like others, and refused where nobody
# answers.
. "$(dirname "$0")/lib.sh" "$@"
network
cat >"$WORK/hints.xdpf" <<'RULES'
hashed:  count hashes per rx.hash if ip;
none:    if ip and not rx.hash >= 1 { }
tagged:  count tags per (rx.vlan.id, rx.vlan.pcp, rx.vlan.type);
inband:  if vlan { }
timed:   if rx.timestamp > 0 { }
RULES
cat >"$WORK/spread.xdpf" <<'RULES'
default drop;
link: pass if arp or icmp6;
even: pass if icmp and rx.hash & 1 == 0;
odd:  pass if icmp and rx.hash & 1 == 1;
RULES
printf 'default pass;\nplain: if icmp { }\n' >"$WORK/plain.xdpf"
printf 'default pass;\nback: tx swap if icmp;\n' >"$WORK/back.xdpf"
for f in hints spread plain back; do
	compile "$WORK/$f.xdpf"
done

OUT=$(in_a "$XDPF" apply --quiet "$WORK/hints.o" xe0 2>&1)
if [ $? -ne 0 ]; then
	if grep -Eq 'needs Linux|has no `' <<<"$OUT"; then
		skip rx "this kernel's veth says nothing of packets: $(head -1 <<<"$OUT")"
		report
	fi
	fail "apply" "$OUT"
	report
fi
ok "ping" ping_a 10.99.0.1
ok "ping, IPv6" ping_a fd99::1
is "each has a hash" "$(stats '(rule("hashed") >= 2, rule("none"), sum(table("hashes").values()) == rule("hashed"))')" "(True, 0, True)"
is "none has a tag" "$(stats 'table("tags")')" "{}"

# A tag beside the frame is the driver's to tell; the frame itself has none.
if ! command -v clang-19 >/dev/null || ! command -v tc >/dev/null; then
	skip "tags beside the frame" "clang-19 or tc is not installed"
else
	ok "tag.bpf.c" clang-19 -O2 -g -target bpf -I "/usr/include/$(uname -m)-linux-gnu" -c "$HERE/tag.bpf.c" -o "$WORK/tag.o"
	ok "clsact" in_b tc qdisc add dev xe1 clsact
	ok "what tags" in_b tc filter add dev xe1 egress bpf direct-action object-file "$WORK/tag.o" section tc
	status "apply, tags" 0 in_a "$XDPF" apply --quiet "$WORK/hints.o" xe0
	udp 5300 8 3
	in_b tc qdisc del dev xe1 clsact
	is "tags are told" "$(stats '[k for k, n in table("tags").items() if n >= 1]')" "['7,5,vlan']"
	is "the frames have none" "$(stats 'rule("inband")')" 0
fi

# A frame that a program sends has no hash, whoever sent it first: absent, and the rules go on.
status "apply" 0 in_a "$XDPF" apply --quiet "$WORK/hints.o" xe0
status "the other end sends back" 0 in_b "$XDPF" apply --quiet "$WORK/back.o" xe1
in_a ping -q -c 3 -i 0.2 -W 1 10.99.0.2 >/dev/null 2>&1
is "what comes back by a program has no hash" "$(stats 'rule("none") >= 3')" True
status "the other end" 0 in_b "$XDPF" remove --quiet xe1

# Replaced by others that are bound, and by others that are not, and taken off.
status "replaced by one that is bound" 0 in_a "$XDPF" apply --quiet "$WORK/spread.o" xe0
ok "ping, IPv4, by its hash" ping_a 10.99.0.1
is "one of the two rules" "$(stats 'rule("even") + rule("odd")')" 1
before=$(program_id)
status "replaced by one that is not" 0 in_a "$XDPF" apply --quiet "$WORK/plain.o" xe0
ok "ping" ping_a 10.99.0.1
is "it counts" "$(stats 'rule("plain")')" 1
status "and back" 0 in_a "$XDPF" apply --quiet "$WORK/spread.o" xe0
is "another program" "$([ "$(program_id)" != "$before" ] && echo yes)" yes
bound=$(program_id)

# Refused, and what ran runs.
status "generic mode" 3 in_a "$XDPF" apply --mode generic "$WORK/hints.o" lo
says "generic mode: which field" 'lo: `rx.hash` comes from the driver, which generic mode does not ask'
says "generic mode: what to do" '--mode native'
status "an interface without" 3 in_a "$XDPF" apply "$WORK/hints.o" lo
says "an interface without: which field" 'lo: its driver.* has no `rx.hash` for filters'
status "two interfaces, one without" 3 in_a "$XDPF" apply "$WORK/hints.o" xe0 lo
says "two interfaces: which one" 'lo: its driver'
is "two interfaces: what ran runs" "$(program_id)" "$bound"
status "remove" 0 in_a "$XDPF" remove xe0

# Nobody sends frames in pieces here, and a program that takes them may be bound as well.
ip -n "$NAME-a" link set xe0 mtu 9000
ip -n "$NAME-b" link set xe1 mtu 9000
status "larger frames" 0 in_a "$XDPF" apply --quiet "$WORK/hints.o" xe0
ok "larger frames: ping" ping_a -s 6000 10.99.0.1
is "larger frames: hashes" "$(stats '(rule("hashed") >= 1, rule("none"))')" "(True, 0)"
status "remove" 0 in_a "$XDPF" remove --quiet xe0
ip -n "$NAME-a" link set xe0 mtu 1500
ip -n "$NAME-b" link set xe1 mtu 1500

# Under other loaders the same object loads, and the driver is not asked.
status "bpftool" 0 bpftool prog load "$WORK/hints.o" "/sys/fs/bpf/$NAME" type xdp
PIN=/sys/fs/bpf/$NAME
printf 'default pass;\nany: drop if rx.hash >= 1;\n' >"$WORK/any.xdpf"
compile "$WORK/any.xdpf"
status "ip link" 0 in_a ip link set dev xe0 xdp obj "$WORK/any.o" sec xdp
ok "ip link: it is absent" ping_a 10.99.0.1
in_a ip link set dev xe0 xdp off
report
