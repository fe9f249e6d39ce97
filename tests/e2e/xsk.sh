#!/bin/bash
# Redirecting to AF_XDP sockets, native and generic: each receive queue's socket gets the packets of its queue, with the mark in front of them; those
# of a queue without a socket take the `else`, and so do all when the sockets are closed. xe2 has two queues; xe3 is its other end.
. "$(dirname "$0")/lib.sh" "$@"
network
ip -n "$NAME-a" link add xe2 numrxqueues 2 numtxqueues 2 type veth peer name xe3 numrxqueues 2 numtxqueues 2 netns "$NAME-b" || exit 1
in_a ethtool -L xe2 rx 2 tx 2 2>/dev/null
in_b ethtool -L xe3 rx 2 tx 2 2>/dev/null
ip -n "$NAME-a" link set xe2 up
ip -n "$NAME-b" link set xe3 up
is "queues" "$(in_a ethtool -l xe2 | tail -4 | awk '$1 == "RX:" { print $2 }')" 2

FRAMES=32	# each a flow of its own, so that the chance that all of them come by one queue is 1 in 2^31
frame() {	# PORT
	printf '02aabbccdd0102aabbccdd0208004500002e%04x000040110000%s%s0fa0%04x001a0000%s' "$1" 0a630002 0a630001 "$1" \
		"$(printf '5a%.0s' $(seq 18))"
}
args=()
FIRST=20001 LAST=$((FIRST + FRAMES - 1))
for port in $(seq $FIRST $LAST); do
	args+=("$port=$(frame "$port")")
done
sockets() {	# the id of the program's map of sockets, as a user finds it
	local id
	for id in $(bpftool --json prog show id "$(program_id xe2)" | json '" ".join(map(str, j["map_ids"]))'); do
		bpftool --json map show id "$id" | json 'j["id"] if j["name"] == "xdpf_sockets" else ""' | grep .
	done
}
# Of the ports, those whose frames came by QUEUE, as the program saw it.
ports_of() {	# QUEUE
	stats "' '.join(str(p) for p in sorted(int(k.split(',')[1]) for k in table('queues') if k.split(',')[0] == '$1'))" xe2
}
got() {		# QUEUE: the ports whose frames its socket got
	awk -v queue="$1" '$2 == queue { print $1 }' <<<"$OUT" | sort -n | paste -sd' '
}

cat >"$WORK/xsk.xdpf" <<END2
default drop;
seen:   count queues per (rxqueue, udp.dport) if udp.dport == $FIRST-$LAST;
marked: mark 7 if udp.dport == $FIRST;
socket: redirect socket if udp.dport == $FIRST-$LAST;
END2
compile "$WORK/xsk.xdpf"
MARK=$(/usr/bin/python3 -c 'import struct; print(struct.pack("II", 0x66706478, 7).hex())')
for mode in native generic; do
	status "$mode: apply" 0 in_a "$XDPF" apply --mode $mode "$WORK/xsk.o" xe2
	status "$mode: two sockets" 0 "$HERE/xsk.py" "$B:xe3" "$A:xe2" "$(sockets)" 0,1 -- "${args[@]}"
	for queue in 0 1; do
		is "$mode: what the socket of queue $queue got" "$(got $queue)" "$(ports_of $queue)"
		# In generic mode the driver of a veth pair does not say by which queue a frame came.
		[ $mode = native ] && is "$mode: there were some" "$([ -n "$(got $queue)" ] && echo some)" some
	done
	is "$mode: the mark is in front of the frame that has one" "$(awk -v mark="$MARK" '$3 == mark { print $1 }' <<<"$OUT")" $FIRST
	is "$mode: redirected" "$(stats '[rule("socket"), verdict("redirect")]' xe2)" "[$FRAMES, $FRAMES]"

	# The kernel takes a socket that is closed out of the map; now only queue 0 has one.
	status "$mode: one socket" 0 "$HERE/xsk.py" "$B:xe3" "$A:xe2" "$(sockets)" 0 -- "${args[@]}"
	is "$mode: the same by queue 0" "$(got 0)" "$(ports_of 0)"
	is "$mode: nothing by queue 1" "$(got 1)" ""
	is "$mode: they took the else" "$(stats '[(r["else"]["packets"], r["else"]["verdict"]) for r in j["files"][0]["rules"] if r["rule"] == "socket"]' xe2)" \
		"[($(ports_of 1 | wc -w), 'pass')]"
	is "$mode: the books balance" "$(stats 'j["balanced"]' xe2)" True
	status "$mode: remove" 0 in_a "$XDPF" remove xe2
done
report
