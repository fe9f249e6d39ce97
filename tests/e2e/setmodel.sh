#!/bin/bash
# Live sets of several kinds against a model of them: setmodel.c.
#
# usage: setmodel.sh XDPFC XDPF TOOLS
. "$(dirname "$0")/lib.sh" "$@"
own_place
objects=()
set_of() {	# NAME TYPE KEY TIMEOUT RULES...
	local name=$1 type=$2 key=$3 timeout=$4
	shift 4
	{
		echo "set s : $type live size 900 $timeout;"
		echo "ask: drop if $key in s and udp.dport == 3;"
		printf '%s\n' "$@"
	} >"$WORK/$name.xdpf"
	compile "$WORK/$name.xdpf"
	objects+=("$WORK/$name.o")
}
add='add: add ip.src to s if udp.dport == 1;' take='take: remove ip.src from s if udp.dport == 2;'
set_of listed ip ip.src "timeout 1h"
set_of ruled ip ip.src "timeout 1h" "$add" "$take"
set_of stays ip ip.src "" "$take"
set_of plain ip ip.src ""
set_of four ip4 ip4.src ""
set_of nets net ip.src "timeout 1h"
set_of wide net ip.src ""
set_of added net ip.src "timeout 1h" "$add" "$take"
set_of six ip6 ip6.src "timeout 1h" "take: remove ip6.src from s if udp.dport == 2;"
OUT=$("$3/e2e_setmodel" "${objects[@]}" 2>&1)
is "as the model" "$?" 0
says "all" '^([0-9]{4,}) of \1$'
report
