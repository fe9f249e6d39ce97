#!/bin/bash
# Frames larger than a page, in fragments of memory: seen whole, and counted whole.
. "$(dirname "$0")/lib.sh" "$@"
network 9000
cat >"$WORK/jumbo.xdpf" <<'END'
large:   if icmp and pkt.len > 4096 { large-in: drop if pkt.len > 8500; }
port:    drop if udp.dport == 7777 and udp.len == 8008;
END
compile "$WORK/jumbo.xdpf"
ok "jumbo ping without a filter" ping_a -M do -s 8000 10.99.0.1
OUT=$(in_a "$XDPF" apply "$WORK/jumbo.o" xe0 2>&1)
if [ $? -ne 0 ]; then
	skip jumbo "native XDP at this MTU is refused: $(tail -1 <<<"$OUT")"
	report
fi
says "what it says" "native mode with frags"
is "status" "$(in_a "$XDPF" status --json xe0 | json 'j[0]["frags"]')" True
ok "jumbo ping" ping_a -M do -s 8000 10.99.0.1
not "larger ping" ping_a -M do -s 8500 10.99.0.1
udp 7777 8000 3
udp 7777 7999 2
is "packets" "$(stats '(rule("large"), rule("large-in"), rule("port"))')" "(2, 1, 3)"
is "bytes are the whole frames'" "$(stats '[r["bytes"] for r in j["files"][0]["rules"]]')" "[$((8042 + 8542)), 8542, $((3 * 8042))]"
is "the books balance" "$(stats 'j["balanced"]')" True
status "replace under a smaller MTU" 0 in_a "$XDPF" apply "$WORK/jumbo.o" xe0
status "remove" 0 in_a "$XDPF" remove xe0

ip -n "$NAME-a" link set xe0 mtu 1500
ip -n "$NAME-b" link set xe1 mtu 1500
status "apply at 1500" 0 in_a "$XDPF" apply "$WORK/jumbo.o" xe0
is "without frags" "$(in_a "$XDPF" status --json xe0 | json 'j[0]["frags"]')" False
ok "ping" ping_a 10.99.0.1
status "remove again" 0 in_a "$XDPF" remove xe0

ip -n "$NAME-b" link set xe1 mtu 9000
status "apply where only the peer's MTU is large" 0 in_a "$XDPF" apply "$WORK/jumbo.o" xe0
is "with frags then" "$(in_a "$XDPF" status --json xe0 | json 'j[0]["frags"]')" True
ok "ping there" ping_a 10.99.0.1
status "replace there" 0 in_a "$XDPF" apply "$WORK/jumbo.o" xe0
status "remove there" 0 in_a "$XDPF" remove xe0

ip -n "$NAME-a" link set xe0 mtu 9000
ip -n "$NAME-b" link set xe1 mtu 9000
status "generic mode" 0 in_a "$XDPF" apply --mode generic "$WORK/jumbo.o" xe0
ok "generic: jumbo ping" ping_a -M do -s 8000 10.99.0.1
not "generic: larger ping" ping_a -M do -s 8500 10.99.0.1
is "generic: bytes" "$(stats '[r["bytes"] for r in j["files"][0]["rules"]][1]')" 8542
report
