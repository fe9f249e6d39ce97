#!/bin/bash
# Interfaces that get other names, vanish and return, and go to other network namespaces, while a filter runs; and MTUs that change. 15 s.
. "$(dirname "$0")/lib.sh" "$@"
network
C=$NAME-c
in_c() { nsenter --net="/run/netns/$C" "$@"; }
trap 'in_c "$XDPF" remove --quiet xe0 2>/dev/null; ip netns del "$C" 2>/dev/null; finish' EXIT
cat >"$WORK/named.xdpf" <<'END'
default pass;
here:  if iface == xe0 and icmp { }
lan:   drop if iface == lan0 and icmp;
out:   redirect lan7 else pass if udp.dport == 7;
END
printf 'default pass;\nplain: if icmp { }\n' >"$WORK/plain.xdpf"
compile "$WORK/named.xdpf"
compile "$WORK/plain.xdpf"
a() { in_a "$XDPF" "$@"; }

# ---- names ----
status "apply" 0 a apply "$WORK/named.o" xe0
says "no such name" "no interface is called lan0 now"
is "status has no complaint of names that nobody has" "$(a status --json xe0 | json 'j[0]["names"]')" "[]"
ok "ping" ping_a 10.99.0.1
is "by its name" "$(stats '(rule("here"), rule("lan"))')" "(1, 0)"
id=$(program_id)
ip -n "$NAME-a" link set xe0 down
ip -n "$NAME-a" link set xe0 name lan0
ip -n "$NAME-a" link set lan0 up
ok "renamed: until it follows, the new name matches nothing" ping_a 10.99.0.1
OUT=$(a status lan0)
says "status says so" "names +.iface lan0. is interface [0-9]+ now, and the filter knows none"
says "and of the old name" "names +.iface xe0.: no interface is called so now"
is "and as JSON" "$(a status --json lan0 | json 'sorted((n["name"], n["use"], n["is"] != 0) for n in j[0]["names"])')" \
	"[('lan0', 'iface', True), ('xe0', 'iface', False)]"
status "follow" 0 a follow
says "what changed" "lan0: .iface lan0. is interface [0-9]+ now"
not "now it matches" ping_a 10.99.0.1
is "the same program" "$(program_id lan0)" "$id"
is "and counts" "$(stats '(rule("here"), rule("lan"))' lan0)" "(2, 1)"
status "nothing more to follow" 0 a follow
is "silence" "$OUT" ""
# Another command's turn: here one about another interface.
ip -n "$NAME-a" link set lan0 down
ip -n "$NAME-a" link set lan0 name xe0
ip -n "$NAME-a" link set xe0 up
status "any change follows" 0 a apply --quiet --mode generic "$WORK/plain.o" lo
status "its end, too" 0 a remove --quiet lo
ok "the old name again" ping_a 10.99.0.1
# What is redirected to.
ip -n "$NAME-a" link add lan7 type veth peer name lan8
OUT=$(a status xe0)
says "a name that came to be" "names +.redirect lan7. is interface [0-9]+ now"
status "follow that" 0 a follow
is "it is known" "$(a status --json xe0 | json 'j[0]["names"]')" "[]"
ip -n "$NAME-a" link del lan7
is "and gone by itself" "$(a status --json xe0 | json 'j[0]["names"]')" "[]"
status "remove" 0 a remove --quiet xe0

# ---- they vanish and return ----
status "apply, again" 0 a apply --quiet "$WORK/plain.o" xe0
cookie() {	# of a namespace's, as pins are kept by
	nsenter --net="$1" /usr/bin/python3 -c 'import socket, struct; s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
print(struct.unpack("Q", s.getsockopt(1, 71, 8))[0])'
}
pins() { find "/sys/fs/bpf/xdpf/$(cookie "$A")" "/sys/fs/bpf/xdpf/$(cookie "${1:-$A}")" -name link 2>/dev/null | sort -u | wc -l; }
is "one pin" "$(pins)" 1
ip -n "$NAME-a" link del xe0
status "it is gone" 3 a status xe0
status "and cannot be removed from" 3 a remove xe0
is "the next command clears its pin" "$(pins)" 0
ip -n "$NAME-a" link add xe0 type veth peer name xe1 netns "$NAME-b"
ip -n "$NAME-a" addr add 10.99.0.1/24 dev xe0
ip -n "$NAME-b" addr add 10.99.0.2/24 dev xe1
ip -n "$NAME-a" link set xe0 up
ip -n "$NAME-b" link set xe1 up
is "it returned without a filter" "$(program_id)" None
status "apply to what returned" 0 a apply --quiet "$WORK/plain.o" xe0
ok "ping what returned" ping_a 10.99.0.1
is "it filters" "$(stats 'rule("plain")')" 1

# ---- other namespaces ----
ip netns add "$C"
id=$(program_id)
link=$(a status --json xe0 | json 'j[0]["link_id"]')
index=$(a status --json xe0 | json 'j[0]["ifindex"]')
ip -n "$NAME-a" link set xe0 netns "$C"
is "it took its filter along" "$(in_c "$XDPF" status --json xe0 | json '(j[0]["ours"], j[0]["program_id"])')" "(True, $id)"
is "and its counters" "$(in_c "$XDPF" stats --json xe0 | json 'j["files"][0]["rules"][0]["packets"]')" 1
# One of the same index takes its place here, and gets a filter: the one that went keeps its own.
ip -n "$NAME-a" link add xe0 index "$index" type veth peer name xe9
status "in its place" 0 a apply --quiet "$WORK/plain.o" xe0
is "it still has it" "$(in_c "$XDPF" status --json xe0 | json '(j[0]["ours"], j[0]["program_id"])')" "(True, $id)"
status "replaced there" 0 in_c "$XDPF" apply "$WORK/named.o" xe0
says "where from" "xe0: it came from another network namespace, and its filter with it"
is "as ours" "$(in_c "$XDPF" status --json xe0 | json '(j[0]["ours"], j[0]["program"])')" "(True, 'named')"
ip -n "$NAME-a" link del xe0
ip -n "$C" link set xe0 netns "$NAME-a"
status "removed where it came from" 0 a remove xe0
is "nothing runs" "$(program_id)" None
is "nothing is left of them" "$(pins "/run/netns/$C")" 0
is "nor aside" "$(ls "/sys/fs/bpf/xdpf/moved/$link" 2>/dev/null)" ""

# ---- MTUs ----
ip -n "$NAME-a" link set xe0 up
status "apply at 1500" 0 a apply --quiet "$WORK/plain.o" xe0
is "without frags" "$(a status --json xe0 | json 'j[0]["frags"]')" False
if ip -n "$NAME-b" link set xe1 mtu 9000 2>/dev/null; then
	fail "MTU" "the other end's MTU grew beyond what a filter without frags takes"
else
	pass
fi
status "remove, then" 0 a remove --quiet xe0
ok "the MTU grows" ip -n "$NAME-b" link set xe1 mtu 9000
ok "on both sides" ip -n "$NAME-a" link set xe0 mtu 9000
status "apply at 9000" 0 a apply --quiet "$WORK/plain.o" xe0
is "with frags" "$(a status --json xe0 | json 'j[0]["frags"]')" True
ok "and back" ip -n "$NAME-a" link set xe0 mtu 1500
status "tables or not, it keeps running" 0 a apply --quiet "$WORK/plain.o" xe0
status "remove at last" 0 a remove --quiet xe0
report
