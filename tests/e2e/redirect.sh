#!/bin/bash
# Redirecting on real interfaces, native and generic: to one, to several, to a CPU and to a socket that is not there; and what becomes of
# packets when an interface is taken away, and under a loader that fills no maps. xe0 gets the frames; xp1, xp2 and xp3 are the other ends of
# xo1, xo2 and xo3 beside it.
. "$(dirname "$0")/lib.sh" "$@"
C=/run/netns/$NAME-c
in_c() { nsenter --net="$C" "$@"; }
cleanup() {
	for i in 1 2 3; do
		ip -n "$NAME-a" link del "xo$i"
	done 2>/dev/null
	ip netns del "$NAME-c" 2>/dev/null
	finish
}
trap cleanup EXIT
network
ip netns add "$NAME-c"

# Frames of one rule each, by port.
frame() {	# PORT
	printf '02aabbccdd0102aabbccdd0208004500002e%04x000040110000%s%s0fa0%04x001a0000%s' "$1" 0a630002 0a630001 "$1" \
		"$(printf '5a%.0s' $(seq 18))"
}
send() {	# PORT...: sends them, and says where they came in
	local frames=() places=("$B:xe1" "$A:xe0") port i
	for port; do
		frames+=("$port=$(frame "$port")")
	done
	for i in 1 2 3; do
		ip -n "$NAME-c" link show "xp$i" >/dev/null 2>&1 && places+=("$C:xp$i")
	done
	OUT=$("$HERE/where.py" "${places[@]}" -- "${frames[@]}" 2>&1)
}
cookie() {
	in_a /usr/bin/python3 -c 'import socket, struct
print(struct.unpack("Q", socket.socket(socket.AF_UNIX).getsockopt(socket.SOL_SOCKET, 71, 8))[0])'
}
came() {	# NAME PORT PLACES
	is "$1: port $2" "$(grep "^$2 " <<<"$OUT" || echo "$OUT")" "$2 $3"
}

cat >"$WORK/ways.xdpf" <<'END'
default pass;
one:    redirect xo1 if udp.dport == 1;
gone:   redirect xo3 if udp.dport == 2;
passed: redirect xo3 else pass if udp.dport == 3;
many:   redirect { xo1, xo2, xo3, xe0 } if udp.dport == 4;
cpu:    redirect cpu 0 else drop if udp.dport == 5;
socket: redirect socket if udp.dport == 6;
closed: redirect socket else drop if udp.dport == 7;
late:   redirect { xo3, xe0 } else pass if udp.dport == 8;
END
compile "$WORK/ways.xdpf"
echo 'default pass;' >"$WORK/pass.xdpf"
for mode in native generic; do
	for i in 1 2 3; do
		ip -n "$NAME-a" link add "xo$i" type veth peer name "xp$i" netns "$NAME-c"
		ip -n "$NAME-a" link set "xo$i" up
		ip -n "$NAME-c" link set "xp$i" up
		# An end of a veth pair takes frames that XDP sends to the other only where a program runs on itself.
		[ $mode = native ] && status "a program on xp$i" 0 in_c "$XDPF" apply --quiet "$WORK/pass.xdpf" "xp$i"
	done
	status "$mode: apply" 0 in_a "$XDPF" apply --afresh --mode $mode "$WORK/ways.o" xe0
	send 1 2 3 4 5 6 7 8 9
	came $mode 1 xp1
	came $mode 2 xp3
	came $mode 3 xp3
	came $mode 4 xp1,xp2,xp3
	came $mode 5 xe0
	came $mode 6 xe0
	came $mode 7 -
	came $mode 8 xp3
	came $mode 9 xe0
	is "$mode: rules" "$(stats '[rule(r) for r in ("one", "gone", "passed", "many", "cpu", "socket", "closed", "late")]')" "[1, 1, 1, 1, 1, 1, 1, 1]"
	is "$mode: others" "$(stats '[(r["rule"], r["else"]["packets"]) for r in j["files"][0]["rules"] if r["else"]["packets"]]')" \
		"[('socket', 1), ('closed', 1)]"
	# The kernels talk, too: what they say passes.
	is "$mode: verdicts" "$(stats '[verdict("redirect"), 2 <= verdict("pass") < 20, verdict("drop")]')" "[6, True, 1]"
	is "$mode: the books balance" "$(stats 'j["balanced"]')" True

	# What the kernel finds out behind the program is counted by its errno.
	is "$mode: nothing lost" "$(stats 'j["lost"]')" "[]"
	ip -n "$NAME-a" link set xo1 down
	send 1 9
	came "$mode, xo1 down" 1 -
	is "$mode, xo1 down: lost" "$(stats '[(e["errno"], e["packets"]) for e in j["lost"]]')" "[(100, 1)]"
	OUT=$(in_a "$XDPF" stats xe0)
	says "$mode, xo1 down: as text" "sent and lost: 1 packets: Network is down"
	OUT=$(in_a "$XDPF" stats --prometheus xe0)
	says "$mode, xo1 down: for Prometheus" '^xdpf_lost_packets_total\{interface="xe0",program="ways",errno="100",error="Network is down"\} 1$'
	says "$mode: others for Prometheus" \
		'^xdpf_rule_else_packets_total\{interface="xe0",program="ways",file="ways.xdpf",rule="closed",verdict="drop"\} 1$'
	says "$mode: bytes of others for Prometheus" '^xdpf_rule_else_bytes_total\{.*,rule="closed",verdict="drop"\} [1-9][0-9]*$'
	is "$mode: no series twice" "$(grep -v '^#' <<<"$OUT" | sed 's/} [0-9]*$//' | sort | uniq -d | wc -l)" 0
	ip -n "$NAME-a" link set xo1 up
	status "$mode: apply anew" 0 in_a "$XDPF" apply --afresh --mode $mode "$WORK/ways.o" xe0
	send 7 6
	is "$mode: starts at nothing lost" "$(stats 'j["lost"]')" "[]"
	is "$mode: tracing programs for it, and for the program before" "$(find /sys/fs/bpf/xdpf/"$(cookie)" -name 'watch-*' | wc -l)" 6

	# The kernel takes an interface that is removed out of the maps.
	ip -n "$NAME-a" link del xo3
	send 1 2 3 4 8 9
	came "$mode, xo3 gone" 1 xp1
	came "$mode, xo3 gone" 2 -
	came "$mode, xo3 gone" 3 xe0
	came "$mode, xo3 gone" 4 xp1,xp2
	came "$mode, xo3 gone" 8 xe0
	is "$mode, xo3 gone: others" "$(stats '[(r["rule"], r["else"]["packets"], r["else"]["verdict"]) for r in j["files"][0]["rules"] if r["else"]["packets"]]')" \
		"[('gone', 1, 'drop'), ('passed', 1, 'pass'), ('socket', 1, 'pass'), ('closed', 1, 'drop'), ('late', 1, 'pass')]"
	is "$mode, xo3 gone: the books balance" "$(stats 'j["balanced"]')" True
	status "$mode: apply without xo3" 0 in_a "$XDPF" apply --afresh --mode $mode "$WORK/ways.o" xe0
	says "$mode: told that xo3 is not there" "no interface is called xo3 now: what is redirected to it takes the rule's .else."
	is "$mode: none for the one before that" "$(find /sys/fs/bpf/xdpf/"$(cookie)" -name 'watch-*' | wc -l)" 6
	status "$mode: remove" 0 in_a "$XDPF" remove xe0
	is "$mode: nothing is left of it" "$(ls /sys/fs/bpf/xdpf/"$(cookie)" 2>/dev/null)" ""
	for i in 1 2; do
		ip -n "$NAME-a" link del "xo$i"
	done
done

# What a device does not take: the other end of a veth pair takes frames natively only where a program runs on it, or it uses NAPI.
ip -n "$NAME-a" link add xo4 type veth peer name xp4
ip -n "$NAME-a" link set xo4 up
ip -n "$NAME-a" link set xp4 up
echo 'over: redirect xo4 if udp.dport == 1; back: tx if udp.dport == 2;' >"$WORK/taken.xdpf"
status "to a device that takes nothing" 0 in_a "$XDPF" apply --quiet "$WORK/taken.xdpf" xe0
udp 1 10 3
is "is lost by errno" "$(stats 'sum(e["packets"] for e in j["lost"] if e["errno"])')" 3
udp 2 10 2
is "what is sent back, too" "$(stats 'sum(e["packets"] for e in j["lost"] if e["errno"])')" 5
status "again" 0 in_a "$XDPF" apply --quiet --reload "$WORK/taken.xdpf" xe0
udp 1 10 1
is "goes on, once" "$(stats 'sum(e["packets"] for e in j["lost"] if e["errno"])')" 6
in_a "$XDPF" remove --quiet xe0

# A CPU that is not there is refused before anything changes.
echo 'c: redirect cpu 4000 if udp;' >"$WORK/cpu.xdpf"
status "no such CPU" 3 in_a "$XDPF" apply "$WORK/cpu.xdpf" xe0
says "no such CPU" "redirect cpu 4000.: this machine has no such CPU, or it is off"
# Under another loader the maps are empty: the other verdicts.
if in_a ip link set dev xe0 xdp obj "$WORK/ways.o" sec xdp 2>"$WORK/err"; then
	send 1 3 4 5 6 8 9
	came "another loader" 1 -
	came "another loader" 3 xe0
	came "another loader" 4 -
	came "another loader" 5 -
	came "another loader" 6 xe0
	came "another loader" 8 xe0
	in_a ip link set dev xe0 xdp off
else
	skip "another loader" "ip link cannot attach: $(tail -1 "$WORK/err")"
fi
report
