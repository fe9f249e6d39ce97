#!/bin/bash
# A kernel without AF_XDP sockets (lacking.c plays it): who uses them is told before anything is loaded, who does not needs none. And one whose
# translator to machine code gives up on programs: they are loaded in other instructions.
. "$(dirname "$0")/lib.sh" "$@"
TOOLS=$3
network
XSKMAP=17
without() {	# SUBCOMMAND…
	in_a env LACKING_MAP=$XSKMAP LD_PRELOAD="$TOOLS/e2e_lacking.so" ASAN_OPTIONS="${ASAN_OPTIONS:+$ASAN_OPTIONS:}verify_asan_link_order=0" "$XDPF" "$@"
}
cat >"$WORK/sockets.xdpf" <<'EOF2'
socket: redirect socket if udp.dport == 7;
test "to a socket" { packet { udp.dport = 7 } expect redirect by socket }
EOF2
echo 'door: drop if udp.dport == 7;' >"$WORK/none.xdpf"
compile "$WORK/sockets.xdpf"
compile "$WORK/none.xdpf"
for command in "apply $WORK/sockets.o xe0" "test $WORK/sockets.o" "apply --mode generic $WORK/sockets.o xe0"; do
	# shellcheck disable=SC2086
	status "${command%% *}: refused" 3 without $command
	says "${command%% *}: the reason" '`redirect socket` needs AF_XDP sockets, which this kernel was built without'
	says "${command%% *}: the remedy" 'CONFIG_XDP_SOCKETS, or leave the rule out'
done
status "doctor: refused" 4 without doctor xe0 "$WORK/sockets.o"
says "doctor: what is lacking" 'xskmap \(lacking\)'
says "doctor: the reason" 'obstacle: the object needs xskmap maps, which this kernel has not'
status "nothing is there" 0 in_a "$XDPF" status xe0
says "no program" 'no XDP program'
status "who has no use for them" 0 without apply "$WORK/none.o" xe0
status "remove" 0 without remove xe0
status "with them" 0 in_a "$XDPF" apply "$WORK/sockets.o" xe0
status "remove that" 0 in_a "$XDPF" remove xe0

# ---- its translator gives up ----
MANY=m$$	# a name that no other run's program has
gives_up() {	# N SUBCOMMAND…
	local n=$1
	shift
	in_a env LACKING_TRANSLATION="$n" LD_PRELOAD="$TOOLS/e2e_lacking.so" ASAN_OPTIONS="${ASAN_OPTIONS:+$ASAN_OPTIONS:}verify_asan_link_order=0" "$XDPF" "$@"
}
masks() {	# of 32 bits, in what runs
	in_a bpftool prog dump xlated name "$1" | grep -cE '\(54\) w[0-9]+ &= [0-9]+'
}
write() {	# NAME PORT
	cat >"$WORK/$MANY.xdpf" <<EOF2
set known : ip live size 100;
limit few = 10/s burst 10 per ip.src size 100;
shut: drop if ip.src in known;
slow: drop if udp over few;
door: drop if tcp.dport in { $1, 443 } and ip.ttl < 10;
tags: drop if vlan.id == 7;
test "the door" {
	packet { ip4.ttl = 9, tcp.dport = $1 } expect drop by door
	packet { ip4.ttl = 10, tcp.dport = $1 } expect pass
	repeat 10 packet { vlan.id = 7, ip4, udp.dport = 9 } expect drop by tags
	packet { vlan.id = 7, ip4, udp.dport = 9 } expect drop by slow
	add 10.1.2.3 to known
	packet { ip4.src = 10.1.2.3 } expect drop by shut
}
EOF2
	compile "$WORK/$MANY.xdpf"
}
write 80
status "in the instructions that it was compiled to" 0 in_a "$XDPF" apply "$WORK/$MANY.o" xe0
plain=$(masks "$MANY")
status "an element" 0 in_a "$XDPF" set add xe0 known 10.9.8.7
for n in 1 3 16; do
	status "$n times: tests" 0 gives_up "$n" test "$WORK/$MANY.o"
	write $((80 + n))
	status "$n times: applied" 0 gives_up "$n" apply --verbose --reload "$WORK/$MANY.o" xe0
	is "$n times: said as often" "$(grep -c 'other instructions that mean the same' <<<"$OUT")" "$n"
	is "$n times: others of 32 bits" "$([ "$(masks "$MANY")" != "$plain" ] && echo yes)" yes
	status "$n times: the set goes on" 0 in_a "$XDPF" set show xe0 known
	says "$n times: with what was in it" '10.9.8.7'
done
write 99
status "always: refused" 3 gives_up 17 apply --reload "$WORK/$MANY.o" xe0
says "always: the reason" "cannot translate program $MANY to machine code"
status "always: what ran runs" 0 in_a "$XDPF" set show xe0 known
says "always: with what was in it" '10.9.8.7'
status "remove it" 0 in_a "$XDPF" remove xe0
# What rule files say of themselves holds in other instructions, too.
for f in "$HERE"/../../examples/*.xdpf "$HERE"/../infile/{frames,limits,places,sets,steps}.xdpf; do
	grep -q '^test ' "$f" || continue
	ok "compile $f" "$XDPFC" --quiet "$f" -o "$WORK/told.o"
	for n in 1 2; do
		status "${f##*/} in others, $n" 0 gives_up "$n" test "$WORK/told.o"
	done
done
report
