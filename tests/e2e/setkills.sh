#!/bin/bash
# Changes of live sets that are ended by kill -9: the set is whole, what it was or what it was to be, and has all its room.
#
# usage: setkills.sh XDPFC XDPF TOOLS [STEP|all]     at every STEP-th system call that changes something
. "$(dirname "$0")/lib.sh" "$@"
TOOLS=$3 STEP=${4:-37}
own_place
network
if ! "$TOOLS/e2e_killer" 0 true | grep -q '^done [1-9]'; then
	skip setkills "processes cannot be traced here"
	report
fi
cat >"$WORK/sets.xdpf" <<'END'
set plain : ip live size 400 timeout 1h;
set ruled : ip live size 400 timeout 1h;
set nets  : net live size 400 timeout 1h;
drop if ip.src in plain or ip.src in ruled or ip.src in nets;
add ip.src to ruled if udp.dport == 4242;
remove ip.src from nets if udp.dport == 4243;
END
compile "$WORK/sets.xdpf"
status "apply" 0 in_a "$XDPF" apply --quiet "$WORK/sets.o" xe0
/usr/bin/python3 "$HERE/setkills.py" "$A" "$XDPF" "$TOOLS" "$WORK" "$STEP" >"$WORK/said" 2>&1
grep FAILED "$WORK/said" | head -20
[ $# -gt 3 ] && tail -1 "$WORK/said"
is "kill -9 anywhere" "$(tail -1 "$WORK/said" | grep -Ec '^([0-9]+) of \1$')" 1
grep -Eq '^([0-9]+) of \1$' "$WORK/said" || tail -3 "$WORK/said"
report
