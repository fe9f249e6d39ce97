#!/bin/bash
# What goes back out of the interface, on a real one, native and generic: `tx swap` with the Ethernet addresses exchanged, `tx` as it came,
# nothing of `abort` and `drop`; what passes comes in as it was sent. Byte for byte, and counted.
. "$(dirname "$0")/lib.sh" "$@"
network
# An end of a veth pair takes what XDP sends back from the other only where a program runs on itself.
MODES=(native generic)
printf 'default pass;\n' >"$WORK/peer.xdpf"
compile "$WORK/peer.xdpf"
if ! in_b ip link set dev xe1 xdp obj "$WORK/peer.o" sec xdp 2>"$WORK/err"; then
	skip "send native" "ip link cannot attach on the other end: $(tail -1 "$WORK/err")"
	MODES=(generic)
fi

cat >"$WORK/send.xdpf" <<'END'
default pass;
swap:  tx swap if udp.dport == 1;
tx:    tx if udp.dport == 2;
abort: abort if udp.dport == 3;
drop:  drop if udp.dport == 4;
bare:  tx swap if eth.type == 0x88b5;
other: tx swap if eth.type == 0x88b6 and vlan;
stay:  pass if udp.dport == 5;
END
compile "$WORK/send.xdpf"
cat >"$WORK/first.xdpf" <<'END'
default pass;
seen:  count seen per eth.type, count ports per udp.dport;
early: pass if udp.dport == 1;
gone:  drop if udp.dport == 4;
END
cat >"$WORK/second.xdpf" <<'END'
default pass;
swap:  tx swap if udp.dport == 1;
tx:    tx if udp.dport == 2;
abort: abort if udp.dport == 3;
never: tx if udp.dport == 4;
END
ok "compile two files" "$XDPFC" "$WORK/first.xdpf" "$WORK/second.xdpf" -o "$WORK/both.o"
printf 'default tx swap;\nkeep: pass if eth.type != 0x88b5 and not udp.dport == 6;\n' >"$WORK/all.xdpf"
compile "$WORK/all.xdpf"

# Frames: Ethernet addresses, then what is behind them. Those of a rule differ in addresses, family, tag and length.
X=02aabbccdd01 Y=02aabbccdd02 ALL=ffffffffffff
fill() {	# BYTES
	[ "$1" -eq 0 ] || printf "5a%.0s" $(seq "$1")
}
udp4() {	# PORT ID BYTES-OF-PAYLOAD
	printf '08004500%04x%04x00004011000000000000000000000fa0%04x%04x0000' $((28 + $3)) "$2" "$1" $((8 + $3))
	fill "$3"
}
udp6() {	# PORT BYTES-OF-PAYLOAD
	printf '86dd60000000%04x114020010db800000000000000000000000120010db80000000000000000000000020fa0%04x%04x1234' \
		$((8 + $2)) "$1" $((8 + $2))
	fill "$2"
}
declare -A HEAD=([short]=$X$Y [long]=$X$Y [six]=$X$Y [all]=$ALL$Y [tagged]=$X$Y [tx]=$X$Y [tx6]=$Y$X [abort]=$X$Y [drop]=$X$Y [bare]=$X$Y
	[plain]=$X$Y [other]=$X$Y [stay]=$X$Y [last]=$X$Y)
declare -A TAIL=([short]=$(udp4 1 1 0) [long]=$(udp4 1 2 1472) [six]=$(udp6 1 60) [all]=$(udp4 1 3 18) [tagged]=8100a064$(udp4 1 4 18)
	[tx]=$(udp4 2 5 18) [tx6]=$(udp6 2 33) [abort]=$(udp4 3 6 18) [drop]=$(udp4 4 7 18) [bare]=88b501 [plain]=88b602
	[other]=8100200788b60304 [stay]=$(udp4 5 8 1200) [last]=$(udp4 6 9 18))
ORDER=(short long six all tagged tx tx6 abort drop bare plain other stay last)

exchange() {
	local name frames=()
	for name in "${ORDER[@]}"; do
		frames+=("$name=${HEAD[$name]}${TAIL[$name]}")
	done
	OUT=$("$HERE/exchange.py" "$A:xe0" "$B:xe1" "${frames[@]}" 2>&1)
}

arrives() {	# MODE back|swapped|in|gone FRAME...
	local mode=$1 what=$2 name back in frame
	shift 2
	for name; do
		frame=${HEAD[$name]}${TAIL[$name]}
		case $what in
		swapped) back=${HEAD[$name]:12}${HEAD[$name]:0:12}${TAIL[$name]} in=- ;;
		back) back=$frame in=- ;;
		in) back=- in=$frame ;;
		gone) back=- in=- ;;
		esac
		is "$mode: $name" "$(grep "^$name " <<<"$OUT" || echo "$OUT")" "$name $back $in"
	done
}

books() {	# MODE TX-ABORT-DROP-REDIRECT
	is "$1: the books balance" "$(stats 'j["balanced"]')" True
	is "$1: verdicts" "$(stats '[verdict(v) for v in ("tx", "abort", "drop", "redirect")]')" "$2"
}

bytes_of() {	# FRAME...: all of their bytes
	local sum=0 name
	for name; do
		sum=$((sum + (${#HEAD[$name]} + ${#TAIL[$name]}) / 2))
	done
	echo "$sum"
}

for mode in "${MODES[@]}"; do
	status "$mode: apply" 0 in_a "$XDPF" apply --mode "$mode" "$WORK/send.o" xe0
	exchange
	arrives "$mode" swapped short long six all tagged bare other
	arrives "$mode" back tx tx6
	arrives "$mode" gone abort drop
	arrives "$mode" in plain stay last
	is "$mode: packets" "$(stats '[r["packets"] for r in j["files"][0]["rules"]]')" "[5, 2, 1, 1, 1, 1, 1]"
	is "$mode: bytes" "$(stats '[r["bytes"] for r in j["files"][0]["rules"]]')" \
		"[$(bytes_of short long six all tagged), $(bytes_of tx tx6), $(bytes_of abort), $(bytes_of drop), 15, 20, $(bytes_of stay)]"
	is "$mode: bytes of what was sent back" "$(stats 'j["verdicts"]["tx"]["bytes"]')" "$(bytes_of short long six all tagged tx tx6 bare other)"
	books "$mode" "[9, 1, 1, 0]"
	status "$mode: remove" 0 in_a "$XDPF" remove xe0

	# Two files: what the first one counted and passed, the second sends back.
	status "$mode, two files: apply" 0 in_a "$XDPF" apply --mode "$mode" "$WORK/both.o" xe0
	exchange
	arrives "$mode, two files" swapped short long six all tagged
	arrives "$mode, two files" back tx tx6
	arrives "$mode, two files" gone abort drop
	arrives "$mode, two files" in bare plain other stay last
	is "$mode, two files: packets" "$(stats '[rule(r) for r in ("early", "gone", "swap", "tx", "abort", "never")]')" "[5, 1, 5, 2, 1, 0]"
	is "$mode, two files: the first counts" "$(stats '[table("ports")[p] for p in ("tcpmux", "2", "3", "4", "5", "6")]')" "[5, 2, 1, 1, 1, 1]"
	is "$mode, two files: its types" "$(stats '[table("seen").get(t) for t in ("0x88b5", "0x88b6")]')" "[1, 2]"
	is "$mode, two files: what reaches the second" \
		"$(stats 'j["files"][0]["reached"]["packets"] - j["files"][1]["reached"]["packets"]')" 1
	books "$mode, two files" "[7, 1, 1, 0]"
	status "$mode, two files: remove" 0 in_a "$XDPF" remove xe0

	# What a default says holds for all that no rule takes.
	status "$mode, default: apply" 0 in_a "$XDPF" apply --mode "$mode" "$WORK/all.o" xe0
	exchange
	arrives "$mode, default" swapped bare last
	arrives "$mode, default" in short long six tagged tx abort drop plain other stay
	books "$mode, default" "[2, 0, 0, 0]"
	status "$mode, default: remove" 0 in_a "$XDPF" remove xe0
done
report
