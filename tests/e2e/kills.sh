#!/bin/bash
# Changes that are ended by kill -9 at their system calls: a filter that was there is there, whole, the old or the new one, no packet of a flood
# comes through meanwhile, and the next command leaves nothing of what was left.
#
# usage: kills.sh XDPFC XDPF TOOLS [STEP|all [SCENARIO...]]
. "$(dirname "$0")/lib.sh" "$@"
TOOLS=$3 STEP=${4:-11}
shift $(($# < 4 ? $# : 4))
for ns in a b; do
	ip netns add "$NAME-$ns"
	nsenter --net="/run/netns/$NAME-$ns" sysctl -q -w net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
done
ip -n "$NAME-a" link add xe0 type veth peer name xe1 netns "$NAME-b"
ip -n "$NAME-a" link add xe2 type veth peer name xe3
for l in xe0 xe2; do
	ip -n "$NAME-a" link set $l up
done
ip -n "$NAME-b" link set xe1 up

if ! "$TOOLS/e2e_killer" 0 true | grep -q '^done [1-9]'; then
	skip kills "processes cannot be traced here"
	report
fi
PREFIX=k$$
for f in a b; do
	if [ $f = a ]; then port=1; else port=2; fi
	printf 'flood: drop if udp.dport == 7777;\nport: drop if udp.dport == %d;\n' $port >"$WORK/$PREFIX$f.xdpf"
	compile "$WORK/$PREFIX$f.xdpf"
	{
		for i in $(seq 60); do
			echo "t$i: drop if ip.src == 10.$i.0.1 and udp.dport == $i;"
		done
		echo 'flood: drop if ip.src == 10.99.0.2 and udp.dport == 7777;'
		echo "port: drop if ip.src == 10.99.0.2 and udp.dport == $port;"
	} >"$WORK/${PREFIX}t.xdpf"
	ok "compile tables $f" "$XDPFC" "$WORK/${PREFIX}t.xdpf" -o "$WORK/${PREFIX}t-$f.o"
	printf 'set seen : ip live size %d;\nadd ip.src to seen if udp.dport == 9;\nflood: drop if udp.dport == 7777;\nport: drop if udp.dport == %d;\n' \
		$((1000 * port)) $port >"$WORK/${PREFIX}r.xdpf"
	ok "compile sets $f" "$XDPFC" "$WORK/${PREFIX}r.xdpf" -o "$WORK/${PREFIX}r-$f.o"
done
/usr/bin/python3 "$HERE/kills.py" "$A" "$B" "$XDPF" "$TOOLS" "$WORK" "$PREFIX" "$STEP" "$@" >"$WORK/said" 2>&1
[ $# -gt 0 ] || [ "$STEP" = all ] && cat "$WORK/said"
json 'j["failed"]' >"$WORK/failed" <<<"$(tail -1 "$WORK/said")"
grep FAILED "$WORK/said" | head -20
is "kill -9 anywhere" "$(cat "$WORK/failed")" 0
[ "$(cat "$WORK/failed")" = 0 ] || tail -3 "$WORK/said"
report
