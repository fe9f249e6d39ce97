#!/bin/bash
# A kernel without AF_XDP sockets (lacking.c plays it): who uses them is told before anything is loaded, who does not needs none.
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
report
