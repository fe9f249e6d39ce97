#!/bin/bash
# Filters that are replaced under a flood that both versions drop: nothing comes through, and every packet that was sent is in the counters of a
# version. The positive control is a change that leaks.
#
# usage: flood.sh XDPFC XDPF TOOLS [N [LEAST]]      N applies, 12 if it is not given; LEAST: packets a second that the sender must keep up
. "$(dirname "$0")/lib.sh" "$@"
TOOLS=$3 N=${4:-12} LEAST=${5:-0}
for ns in a b; do
	ip netns add "$NAME-$ns"
	nsenter --net="/run/netns/$NAME-$ns" sysctl -q -w net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
done
ip -n "$NAME-a" link add xe0 type veth peer name xe1 netns "$NAME-b"
ip -n "$NAME-a" link set xe0 up
ip -n "$NAME-b" link set xe1 up

PATTERN=fl$$
for f in a b; do
	printf 'flood-%s: drop if udp.dport == 7777;\nother: pass if udp.dport == 1;\n' $f >"$WORK/$PATTERN$f.xdpf"
	compile "$WORK/$PATTERN$f.xdpf"
	# the same shape: tables are exchanged
	{
		for i in $(seq 60); do
			echo "t$i: drop if ip.src == 10.$i.0.$([ $f = a ] && echo 1 || echo 2) and udp.dport == $i;"
		done
		echo 'flood: drop if ip.src == 10.99.0.2 and udp.dport == 7777;'
	} >"$WORK/${PATTERN}t.xdpf"
	ok "compile tables $f" "$XDPFC" "$WORK/${PATTERN}t.xdpf" -o "$WORK/$PATTERN-t$f.o"
done
a=$WORK/${PATTERN}a.o b=$WORK/${PATTERN}b.o

flood() {	# N COMMAND...
	local n=$1
	shift
	OUT=$("$TOOLS/e2e_flood" "$A" "$B" apply "$n" "$PATTERN" "$XDPF" "$@" 2>&1)
	if [ $? = 77 ]; then
		skip flood "no live frames"
		report
	fi
	[ "$N" -gt 12 ] && grep 'packets/s' <<<"$OUT"
	LAST=$(tail -1 <<<"$OUT")
}
clean() {	# NAME: all was done, nothing came through, all was counted
	is "$1" "$(json '(j["failed"], j["through"], j["sent"] - j["counted"], j["sent"] > 1000)' <<<"$LAST")" "(0, 0, 0, True)"
	is "$1: the sender kept up" "$(json "j['least'] >= $LEAST" <<<"$LAST")" True
}

status "the first" 0 in_a "$XDPF" apply "$a" xe0
flood "$N" "apply --quiet --reload $b xe0" "apply --quiet --reload $a xe0"
clean "replaced"
is "replaced: programs" "$(json "j['programs'] == $N + 1" <<<"$LAST")" True
flood $((N / 15 * 5 + 5)) "apply --quiet --confirm 600s $b xe0" "confirm --quiet xe0" "apply --quiet --confirm 600s $a xe0" "rollback --quiet xe0" "rollback --quiet xe0"
clean "confirmed and rolled back"
status "tables" 0 in_a "$XDPF" apply "$WORK/$PATTERN-ta.o" xe0
flood $((N / 6 * 2)) "apply --quiet $WORK/$PATTERN-tb.o xe0" "apply --quiet $WORK/$PATTERN-ta.o xe0"
clean "tables exchanged"
is "tables exchanged: one program, and the one from before" "$(json 'j["programs"] <= 2' <<<"$LAST")" True

# One that is not confirmed: the kernel goes back under the flood.
status "again" 0 in_a "$XDPF" apply "$a" xe0
flood 3 "apply --quiet --confirm 1s $b xe0" "status xe0" "stats xe0"
clean "waiting"
sleep 1
flood 3 "status xe0" "apply --quiet --confirm 600s $b xe0" "apply --quiet --reload $a xe0"
is "an apply while one waits is refused, the rest is done" "$(json '(j["failed"], j["through"], j["sent"] - j["counted"])' <<<"$LAST")" "(1, 0, 0)"
flood 2 "rollback --quiet xe0" "apply --quiet --reload $b xe0"
clean "back"

# The control: one that takes the filter off and puts another there.
flood 2 "remove --quiet xe0" "apply --quiet $a xe0"
is "a leak is seen" "$(json '(j["failed"], j["through"] > 0, j["sent"] - j["counted"] > 0)' <<<"$LAST")" "(0, True, True)"
report
