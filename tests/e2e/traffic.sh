#!/bin/bash
# A filter on a real interface, native and generic: what must be dropped is, what must pass does, and every counter is right.
. "$(dirname "$0")/lib.sh" "$@"
network

cat >"$WORK/edge.xdpf" <<'END'
set blocked : net = { 10.99.0.66, fd99::66, 192.0.2.0/24 };
let shut = { 23, 2323 };
seen:     count types per eth.type;
sources:  count sources per ip.src;
blocked:  drop if ip.src in blocked;
here:     drop if iface == xe0 and udp.dport == 7777;
there:    drop if iface == xe9 and udp.dport == 7778;
port:     drop if udp.dport == 7779;
closed:   drop if tcp.dport in shut;
big:      if icmp.type == echo-request {
              huge:  drop if pkt.len > 500;
          }
web:      pass if tcp.dport == 8080;
END
compile "$WORK/edge.xdpf"
serve 8080
serve 2323
ok "web without a filter" fetch http://10.99.0.1:8080/
ok "closed port without a filter" fetch http://10.99.0.1:2323/

for mode in native generic; do
	status "$mode: apply" 0 in_a "$XDPF" apply --mode $mode "$WORK/edge.o" xe0
	says "$mode: unknown interface in a rule" "warning: no interface is called xe9"
	says "$mode: what it says" "xe0: runs edge, $mode mode, 10 rules"
	is "$mode: the mode it gets" "$(in_a "$XDPF" status --json xe0 | json 'j[0]["mode"]')" $mode
	is "$mode: the kernel's word for it" "$(ip -n "$NAME-a" link show xe0 | grep -c " xdp$([ $mode = generic ] && echo generic) ")" 1
	ip -n "$NAME-b" neigh flush dev xe1

	ok "$mode: ping" ping_a 10.99.0.1
	ok "$mode: ping, IPv6" ping_a fd99::1
	not "$mode: large ping" ping_a -s 600 10.99.0.1
	not "$mode: ping from a blocked address" ping_a -I 10.99.0.66 10.99.0.1
	not "$mode: ping from a blocked address, IPv6" ping_a -I fd99::66 fd99::1
	ok "$mode: web" fetch http://10.99.0.1:8080/
	ok "$mode: web, IPv6" fetch "http://[fd99::1]:8080/"
	not "$mode: web from a blocked address" fetch --interface 10.99.0.66 http://10.99.0.1:8080/
	not "$mode: closed port" fetch http://10.99.0.1:2323/
	udp 7777 10 5
	udp 7778 10 4
	udp 7779 10 3

	is "$mode: iface is the interface" "$(stats 'rule("here")')" 5
	is "$mode: iface is another one" "$(stats 'rule("there")')" 0
	is "$mode: port" "$(stats 'rule("port")')" 3
	is "$mode: bytes" "$(stats '[r["bytes"] for r in j["files"][0]["rules"] if r["rule"] == "port"][0]')" 156
	is "$mode: large pings" "$(stats 'rule("huge")')" 1
	is "$mode: pings that were looked at" "$(stats 'rule("big")')" 2
	is "$mode: blocked packets" "$(stats 'rule("blocked") >= 3')" True
	is "$mode: SYNs to closed ports" "$(stats 'rule("closed") >= 1')" True
	is "$mode: web packets" "$(stats 'rule("web") >= 10')" True
	is "$mode: a table's key by its name" "$(stats 'table("types")["arp"] >= 1 and table("types")["ip6"] >= 3')" True
	is "$mode: a table's address" "$(stats 'table("sources")["10.99.0.66"] >= 2 and table("sources")["fd99::2"] >= 3')" True
	is "$mode: table and rule agree" "$(stats 'sum(table("types").values()) == rule("seen")')" True
	is "$mode: absent keys" "$(stats '[m["absent"] for m in j["misses"] if m["table"] == "sources"][0] == table("types")["arp"]')" True
	is "$mode: the books balance" "$(stats 'j["balanced"]')" True
	is "$mode: drops" "$(stats 'verdict("drop") == sum(r["packets"] for r in j["files"][0]["rules"] if r["verdict"] == "drop")')" True

	status "$mode: remove" 0 in_a "$XDPF" remove xe0
	ok "$mode: after it everything passes" fetch http://10.99.0.1:2323/
	is "$mode: no program is left" "$(ip -n "$NAME-a" link show xe0 | grep -c prog/xdp)" 0
	status "$mode: statistics of nothing" 3 in_a "$XDPF" stats xe0
	says "$mode: and why" "no XDP program runs there"
done

# Two files: what the first passes is what reaches the second.
printf 'web: pass if tcp.dport == 8080;\ndrop if udp.dport == 7777;\ndefault pass;\n' >"$WORK/one.xdpf"
printf 'ping: drop if icmp;\ndefault pass;\n' >"$WORK/two.xdpf"
ok "compile two files" "$XDPFC" "$WORK/one.xdpf" "$WORK/two.xdpf" -o "$WORK/both.o"
status "apply two files" 0 in_a "$XDPF" apply "$WORK/both.o" xe0
not "the second file drops" ping_a 10.99.0.1
udp 7777 10 5
ok "both pass" fetch http://10.99.0.1:8080/
is "what reaches the second file" "$(stats 'j["files"][1]["reached"]["packets"] == j["files"][0]["reached"]["packets"] - 5')" True
is "the books of both" "$(stats 'j["balanced"] and verdict("drop") == 6')" True
is "files of the status" "$(in_a "$XDPF" status --json xe0 | json '",".join(j[0]["files"])')" one.xdpf,two.xdpf
report
