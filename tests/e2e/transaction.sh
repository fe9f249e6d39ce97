#!/bin/bash
# An apply is a transaction: what fails before the exchange leaves what ran, and where somebody else was faster, theirs stays and it is said.
. "$(dirname "$0")/lib.sh" "$@"
TOOLS=$3
network
ip -n "$NAME-a" link add xe2 type veth peer name xe3
ip -n "$NAME-a" link set xe2 up
own_place
PINS=$XDPF_BPFFS/$(in_a /usr/bin/python3 -c 'import socket, struct; s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
print(struct.unpack("Q", s.getsockopt(1, 71, 8))[0])')
export ASAN_OPTIONS=detect_leaks=0	# which cannot be looked for under ptrace

named() {
	in_a "$XDPF" status --json "${1:-xe0}" 2>/dev/null | json '(j[0].get("program"), j[0].get("ours"))'
}
runs() {	# by the kernel
	ip -n "$NAME-a" -d link show "$1" | grep -o ' name thief ' | tr -d ' ' | sed 's/^name//'
}
index() {
	ip -n "$NAME-a" -o link show "$1" | cut -d: -f1
}

# ---- the tests in the rules ----
cat >"$WORK/good.xdpf" <<'END'
telnet: drop if tcp.dport == 23;
test "telnet" { packet { tcp.dport = 23 } expect drop by telnet }
END
sed 's/expect drop by telnet/expect pass/' "$WORK/good.xdpf" >"$WORK/bad.xdpf"
cat >"$WORK/full.xdpf" <<'END'
set few : ip live size 2;
seen: drop if ip.src in few;
test "room" {
	add 10.0.0.1 to few
	add 10.0.0.2 to few
	add 10.0.0.3 to few
	packet { tcp.dport = 23 } expect pass
}
END
status "tests that pass" 0 in_a "$XDPF" apply "$WORK/good.xdpf" xe0
is "it runs" "$(named)" "('good', True)"
compile "$WORK/bad.xdpf"
for f in bad.xdpf bad.o; do
	status "$f: a test that fails" 1 in_a "$XDPF" apply "$WORK/$f" xe0
	says "$f: which" 'bad.xdpf:2: test "telnet": packet 1: expected pass, came drop by telnet'
	says "$f: and how to go on" '1 of 1 test in the rules failed, so nothing was changed; --no-tests'
	is "$f: what ran runs" "$(named)" "('good', True)"
done
status "nothing but JSON on standard output" 0 bash -c "nsenter --net=$A $XDPF apply --json $WORK/bad.o xe0 2>/dev/null | wc -c | grep -qx 0"
status "without tests" 0 in_a "$XDPF" apply --no-tests "$WORK/bad.o" xe0
is "it runs, too" "$(named)" "('bad', True)"
status "a set without room" 1 in_a "$XDPF" apply "$WORK/full.xdpf" xe0
says "which" 'full.xdpf:6: test "room": set few is full'

# ---- the verifier says no ----
cat >"$WORK/rules.xdpf" <<'END'
first: pass if icmp;
telnet: drop if tcp.dport == 2323 and ip.ttl < 5;
drop if
    udp.dport == 99;
END
compile "$WORK/rules.xdpf"
ok "an object that is unsound" /usr/bin/python3 "$HERE/unsound.py" "$WORK/rules.o" "$WORK/unsound.o" 2323
status "it is refused" 3 in_a "$XDPF" apply "$WORK/unsound.o" xe0
says "file, line, rule" "rules.xdpf:2: the kernel's verifier stopped at rule telnet: telnet: drop if tcp.dport == 2323"
says "in the kernel's words" "R11 is invalid"
ok "another" /usr/bin/python3 "$HERE/unsound.py" "$WORK/rules.o" "$WORK/unsound.o" 99
status "it is refused, too" 3 in_a "$XDPF" apply "$WORK/unsound.o" xe0
says "the line that a rule goes on in" "rules.xdpf:4: the kernel's verifier stopped at rule (.*/)?rules.xdpf:3: udp.dport == 99"
is "what ran runs" "$(named)" "('bad', True)"

# ---- what it is to begin with is not seen before ----
CREATE=28 UPDATE=29	# enum bpf_cmd
raced() {	# CALL[:NTH] HOOK ARGUMENTS...
	local call=$1 hook=$2
	shift 2
	in_a "$TOOLS/e2e_killer" 0 -s "$call" "$hook" "$XDPF" "$@"
}
elements() { cut -f1 | sort | tr '\n' ' '; }
for n in 1 2; do
	printf 'set s : ip live = { 192.0.2.%d };\ntake: remove ip.src from s if udp.dport == 70;\nz%d: drop if ip.src in s;\n' $n $n >"$WORK/s.xdpf"
	ok "compile" "$XDPFC" "$WORK/s.xdpf" -o "$WORK/s$n.o"
done
status "a set" 0 in_a "$XDPF" apply --quiet "$WORK/s1.o" xe0
status "another list" 0 raced $UPDATE "$XDPF set show --quiet xe0 s >$WORK/shown" apply --quiet "$WORK/s2.o" xe0
is "the filter that ran until then had the old one" "$(elements <"$WORK/shown")" "192.0.2.1 "
is "the new one has both" "$(in_a "$XDPF" set show xe0 s | elements)" "192.0.2.1 192.0.2.2 "

# ---- a filter that goes while its set is to be changed ----
MAPS=14	# BPF_MAP_GET_FD_BY_ID: its program has been found, and nothing is locked
reload() { echo "$XDPF apply --quiet --reload $1 $WORK/s$2.o xe0"; }
status "elements of standard input" 0 raced $MAPS "$(reload --afresh 1)" set add xe0 s 192.0.2.8 --from - <<<192.0.2.9
is "are in the one that came" "$(in_a "$XDPF" set show xe0 s | elements)" "192.0.2.1 192.0.2.8 192.0.2.9 "
status "taken out" 0 raced $MAPS "$(reload "" 2)" set remove xe0 s 192.0.2.9
is "of the one that came" "$(in_a "$XDPF" set show xe0 s | elements)" "192.0.2.1 192.0.2.2 192.0.2.8 "
status "flushed" 0 raced $MAPS "$(reload "" 1)" set flush --quiet xe0 s
is "the one that came" "$(in_a "$XDPF" set show xe0 s | elements)" ""
printf 'set s : port live;\nz: drop if udp.dport in s;\n' >"$WORK/s.xdpf"
ok "compile" "$XDPFC" "$WORK/s.xdpf" -o "$WORK/s3.o"
status "one whose set is of another type" 1 raced $MAPS "$(reload "" 3)" set replace xe0 s - <<<192.0.2.9
says "is told of" "another filter runs there by now, whose set s is of another type: nothing was changed"
is "and is empty" "$(in_a "$XDPF" set show xe0 s)" ""
status "one that is gone" 3 raced $MAPS "$XDPF remove --quiet xe0" set add xe0 s 7
says "is told of, too" "no XDP program runs there"

# ---- somebody else is faster ----
printf 'mine: drop if udp.dport == 1;\n' >"$WORK/mine.xdpf"
printf 'next: drop if udp.dport == 2;\n' >"$WORK/next.xdpf"
compile "$WORK/mine.xdpf"
compile "$WORK/next.xdpf"
steal() {	# IFACE: the shell command
	echo "$TOOLS/e2e_flood $A $B steal $PINS/$(index "$1")/link;"
}
status "ours" 0 in_a "$XDPF" apply --quiet "$WORK/mine.o" xe0 xe2
status "replaced meanwhile" 3 raced $UPDATE "$(steal xe0)" apply --reload "$WORK/next.o" xe0
says "it is said loudly" "xe0: SOMEBODY ELSE changed its XDP program just now; theirs stays, and this filter does NOT run there"
is "theirs stays" "$(runs xe0)" thief
status "and is what status says" 0 in_a "$XDPF" status xe0
says "whose it is not" "xe0: native, program thief \(id [0-9]+\), not ours, attached by link"
status "off with it" 0 in_a "$XDPF" remove --quiet xe0
status "ours again" 0 in_a "$XDPF" apply --quiet "$WORK/mine.o" xe0
status "to be confirmed, replaced meanwhile" 3 raced $UPDATE "$(steal xe0)" apply --confirm 600s "$WORK/next.o" xe0
says "it is said, too" "xe0: SOMEBODY ELSE"
is "no guard is left" "$(ls "$PINS/$(index xe0)" | tr '\n' ' ')" "link previous "
status "ours once more" 0 in_a "$XDPF" remove --quiet xe0
status "ours once more" 0 in_a "$XDPF" apply --quiet "$WORK/mine.o" xe0
status "the second of two" 3 raced $UPDATE "$(steal xe0)" apply --reload "$WORK/next.o" xe2 xe0
says "none of them" "nothing was changed on any of the 2 interfaces"
is "the first is as before" "$(named xe2)" "('mine', True)"
status "off with it" 0 in_a "$XDPF" remove --quiet xe0
status "ours, both" 0 in_a "$XDPF" apply --quiet "$WORK/mine.o" xe0
status "both are stolen" 3 raced "$UPDATE:2" "$(steal xe2)$(steal xe0)" apply --reload "$WORK/next.o" xe2 xe0
says "what cannot be put back" "xe2: the earlier filter cannot be put back: somebody else changed it meanwhile"
is "theirs stays on both" "$(runs xe0) $(runs xe2)" "thief thief"
status "off with them" 0 in_a "$XDPF" remove --quiet xe0 xe2
is "nothing is left" "$(ls "$PINS" 2>/dev/null)" ""
if in_a ip link set dev xe0 xdp obj "$WORK/mine.o" sec xdp 2>/dev/null; then
	in_a ip link set dev xe0 xdp off
	status "there first" 3 raced $CREATE "ip link set dev xe0 xdp obj $WORK/mine.o sec xdp" apply "$WORK/next.o" xe0
	says "it is said" "xe0: SOMEBODY ELSE"
	is "theirs is not ours" "$(named)" "('mine', False)"
	is "nothing is left of ours" "$(ls "$PINS" 2>/dev/null)" ""
	in_a ip link set dev xe0 xdp off
else
	skip "there first" "ip link cannot attach"
fi
status "waiting" 0 in_a "$XDPF" apply --quiet --confirm 600s "$WORK/mine.o" xe0
status "confirmed, replaced meanwhile" 3 raced $UPDATE "$(steal xe0)" confirm xe0
says "it is said, at last" "xe0: SOMEBODY ELSE"
report
