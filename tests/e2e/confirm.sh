#!/bin/bash
# A filter that waits for confirmation: it comes, and unless somebody confirms it the old one is back by itself, with nobody there to do it.
. "$(dirname "$0")/lib.sh" "$@"
network
ip -n "$NAME-a" link add xe2 type veth peer name xe3

printf 'old: drop if icmp.type == 8 and pkt.len > 500;\ndefault pass;\n' >"$WORK/old.xdpf"
printf 'new: drop if icmp.type == 8 and pkt.len < 200;\ndefault pass;\n' >"$WORK/new.xdpf"
printf 'third: drop if icmp.type == 8;\n' >"$WORK/third.xdpf"
for f in old new third; do
	mkdir "$WORK/$f"
	mv "$WORK/$f.xdpf" "$WORK/$f/$f$$.xdpf"
	compile "$WORK/$f/$f$$.xdpf"
	mv "$WORK/$f/$f$$.o" "$WORK/$f.o"
done
own_place
PINS=$XDPF_BPFFS/$(in_a /usr/bin/python3 -c 'import socket, struct; s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
print(struct.unpack("Q", s.getsockopt(1, 71, 8))[0])')

# What packets meet, no tool asked: "old", "new", "none", "both".
meets() {
	local small large
	WAIT=0.4 ping_a -s 1000 10.99.0.1 >/dev/null &
	WAIT=0.4 ping_a -s 100 10.99.0.1 >/dev/null && small=1 || small=0
	wait $! && large=1 || large=0
	case $small$large in
	10) echo old ;;
	01) echo new ;;
	11) echo none ;;
	00) echo third ;;
	esac
}
pins() {	# of the first interface that has any
	ls "$PINS/$(ls "$PINS" 2>/dev/null | head -1)" 2>/dev/null | grep -v watch | tr '\n' ' '
}
named() {
	in_a "$XDPF" status --json "${1:-xe0}" 2>/dev/null | json 'j[0].get("program")' | sed "s/$$\$//"
}
waits() {
	in_a "$XDPF" status --json "${1:-xe0}" 2>/dev/null | json 'j[0].get("pending") is not None'
}
loaded() {	# our programs of this name in the kernel
	/usr/bin/python3 "$HERE/loaded.py" "$1$$"
}

# Nobody confirms it: behind its time.
expire() {	# NAME OBJECT
	status "$1" 0 in_a "$XDPF" apply --confirm 1s "$WORK/$2.o" xe0
	sleep 1.05
}

# ---- confirmed ----
status "the old one" 0 in_a "$XDPF" apply "$WORK/old.o" xe0
is "it runs" "$(meets)" old
status "a new one, to be confirmed" 0 in_a "$XDPF" apply --confirm 600s "$WORK/new.o" xe0
says "what it says" "xe0: unless .xdpf confirm xe0. comes within 600 s, the filter from before is back"
says "why a program" "the one from before is kept as it is until"
is "it runs at once" "$(meets)" new
is "status names it" "$(named) $(waits)" "new True"
status "status in words" 0 in_a "$XDPF" status xe0
says "how long" "waits +for .xdpf confirm xe0.: in [0-9]+ s the filter from before, old[0-9]+ \(id [0-9]+\), is back"
is "the new one's counters" "$(stats 'rule("new")')" 1
status "another meanwhile" 3 in_a "$XDPF" apply "$WORK/third.o" xe0
says "is refused" "xe0: a filter waits for confirmation there, for [0-9]+ s more: .xdpf confirm xe0. or .xdpf rollback xe0. first"
status "doctor knows" 4 in_a "$XDPF" doctor xe0 "$WORK/third.o"
says "the guard" "native: xdpf_guard, id [0-9]+, ours"
says "what is in the way" "obstacle: .*waits for confirmation there: .xdpf confirm xe0. or .xdpf rollback xe0. first"
status "confirm" 0 in_a "$XDPF" confirm xe0
says "what confirm says" "xe0: confirmed; program new[0-9]* \(id [0-9]+\) runs for good"
is "it still runs" "$(meets) $(named) $(waits)" "new new False"
is "its counters went on" "$(stats 'rule("new")')" 2
is "what is pinned" "$(pins)" "link previous "
status "confirm again" 3 in_a "$XDPF" confirm xe0
says "there is nothing" "xe0: no filter waits for confirmation there"

# ---- back, for good ----
status "rollback" 0 in_a "$XDPF" rollback xe0
is "the old one is back" "$(meets) $(named)" "old old"
is "with its counters" "$(stats 'rule("old") >= 2')" True
status "rollback of that" 0 in_a "$XDPF" rollback xe0
is "the new one again" "$(meets) $(named)" "new new"
is "what is pinned now" "$(pins)" "link previous "
status "and back" 0 in_a "$XDPF" rollback --quiet xe0

# ---- back at once ----
status "another, to be confirmed" 0 in_a "$XDPF" apply --quiet --confirm 600s "$WORK/third.o" xe0
is "it runs" "$(meets) $(named)" "third third"
status "rollback before the time" 0 in_a "$XDPF" rollback xe0
says "what it says" "xe0: the filter from before runs"
is "the old one" "$(meets) $(named) $(waits)" "old old False"
is "the one before it is still there to go back to" "$(pins)" "link previous "
is "nothing of the other is left" "$(loaded third)" "0"

# ---- pins that somebody takes away by hand ----
for pin in guard until kept; do
	status "$pin: one that waits" 0 in_a "$XDPF" apply --quiet --confirm 600s "$WORK/third.o" xe0
	rm "$PINS"/*/$pin
	is "$pin: it still waits" "$(waits) $(named)" "True third"
	status "$pin: rollback" 0 in_a "$XDPF" rollback --quiet xe0
	is "$pin: the old one" "$(named) $(waits) $(pins)" "old False link previous "
done

# ---- nobody comes ----
expire "one that nobody confirms" third
is "by itself the old one" "$(meets)" old
is "and the guard is still there" "$(pins)" "before guard kept link new previous programs until "
status "whoever only looks" 0 in_a "$XDPF" status xe0
says "is told" "xe0: nobody confirmed its new filter in time: the one from before runs"
is "the guard is gone" "$(pins)" "link previous "
is "the old one without it" "$(meets) $(named) $(waits)" "old old False"
is "nothing is left of it" "$(loaded third)" "0"
status "too late" 3 in_a "$XDPF" confirm xe0
expire "one more that nobody confirms" third
status "whoever asks for counters" 0 in_a "$XDPF" stats xe0
says "is told" "xe0: nobody confirmed its new filter in time"
is "and the guard is gone" "$(named) $(pins)" "old link previous "
expire "one that is confirmed too late" third
status "is not there to be confirmed" 3 in_a "$XDPF" confirm xe0
says "and that is said" "xe0: nobody confirmed its new filter in time"
is "the old one" "$(meets) $(named)" "old old"
expire "one more" third
status "an apply behind its time" 0 in_a "$XDPF" apply "$WORK/new.o" xe0
says "finds the old one" "xe0: nobody confirmed its new filter in time"
is "and goes on from it" "$(meets) $(named) $(pins)" "new new link previous "
status "what it goes back to" 0 in_a "$XDPF" rollback xe0
is "is the old one" "$(meets)" old

# ---- tables: the same shape, so that without --confirm they would be exchanged ----
for f in a b; do
	{ for i in $(seq 60); do echo "r$i: drop if ip.src == 10.$i.0.$i and udp.dport == $i;"; done
	  if [ $f = a ]; then echo 'last: drop if ip.src == 10.99.0.2 and udp.dport == 77;'; else echo 'last: drop if ip.src == 10.99.0.66 and udp.dport == 77;'; fi
	} >"$WORK/tables.xdpf"
	ok "compile tables $f" "$XDPFC" "$WORK/tables.xdpf" -o "$WORK/tables-$f.o"
done
status "tables" 0 in_a "$XDPF" apply --quiet "$WORK/tables-a.o" xe0
is "would be exchanged" "$(in_a "$XDPF" apply --quiet --json "$WORK/tables-b.o" xe0 | json 'j["interfaces"][0]["loaded"]')" tables
status "and then there is nothing to go back to" 3 in_a "$XDPF" rollback xe0
says "which is said" "only one that was replaced by loading a program is kept"
status "back to the first tables" 0 in_a "$XDPF" apply --quiet "$WORK/tables-a.o" xe0
hits() {	# how many of two datagrams does the rule drop
	local before
	before=$(stats 'rule("last")')
	udp 77 10 2
	echo $(($(stats 'rule("last")') - before))
}
is "they drop" "$(hits)" 2
is "to be confirmed, a program is loaded" "$(in_a "$XDPF" apply --quiet --json --confirm 600s "$WORK/tables-b.o" xe0 | json 'j["interfaces"][0]["loaded"]')" program
is "the new tables do not" "$(hits)" 0
status "back" 0 in_a "$XDPF" rollback xe0
is "the old tables are the old ones" "$(hits)" 2

# ---- nothing ran before ----
status "remove" 0 in_a "$XDPF" remove xe0
is "nothing is pinned" "$(ls "$PINS" 2>/dev/null)" ""
is "nothing is loaded" "$(loaded old) $(loaded new) $(loaded third)" "0 0 0"
expire "the first one" third
says "what comes then" "xe0: unless .xdpf confirm xe0. comes within 1 s, nothing filters there again"
is "nothing filters" "$(meets)" none
status "status" 0 in_a "$XDPF" status xe0
says "says so" "xe0: nobody confirmed its filter in time: as before, none runs"
is "nothing is there" "$(named) $(ls "$PINS" 2>/dev/null) $(loaded third)" "None  0"
status "the first one again" 0 in_a "$XDPF" apply --quiet --confirm 600s "$WORK/third.o" xe0
is "it runs" "$(meets) $(waits)" "third True"
status "rollback" 0 in_a "$XDPF" rollback xe0
says "to nothing" "xe0: as before, nothing filters there"
is "none" "$(meets) $(ls "$PINS" 2>/dev/null)" "none "
status "once more" 0 in_a "$XDPF" apply --quiet --confirm 600s "$WORK/third.o" xe0
status "confirm" 0 in_a "$XDPF" confirm xe0
is "for good" "$(meets) $(named) $(waits)" "third third False"
status "there is nothing before it" 3 in_a "$XDPF" rollback xe0
status "remove while one waits" 0 in_a "$XDPF" apply --quiet --confirm 600s "$WORK/new.o" xe0
status "remove it" 0 in_a "$XDPF" remove xe0
# the kernel lets go of programs when all that were on their way are done
for _ in $(seq 50); do
	[ "$(loaded new)" = 0 ] && break
	sleep 0.1
done
is "nothing is left" "$(meets) $(ls "$PINS" 2>/dev/null) $(loaded new) $(loaded third)" "none  0 0"

# ---- frags on one side only ----
frags() {
	in_a "$XDPF" status --json xe0 2>/dev/null | json 'j[0].get("frags")'
}
status "without frags" 0 in_a "$XDPF" apply --quiet "$WORK/old.o" xe0
if ip -n "$NAME-a" link set xe0 mtu 3000 && ip -n "$NAME-b" link set xe1 mtu 3000; then
	status "where frags are wanted now" 0 in_a "$XDPF" apply --confirm 600s "$WORK/third.o" xe0
	says "it is said" "loaded without frags, as the filter from before was"
	is "it runs" "$(meets) $(frags)" "third False"
	status "rollback" 0 in_a "$XDPF" rollback xe0
	expire "where frags are wanted now, not confirmed" third
	is "the old one is back" "$(meets) $(frags)" "old False"
	status "with frags" 0 in_a "$XDPF" apply --quiet --reload "$WORK/old.o" xe0
	is "it has them" "$(frags)" True
	ip -n "$NAME-a" link set xe0 mtu 1500
	ip -n "$NAME-b" link set xe1 mtu 1500
	status "where none are wanted now" 0 in_a "$XDPF" apply --confirm 600s "$WORK/third.o" xe0
	says "it is said, too" "loaded with frags, as the filter from before was"
	is "it runs, too" "$(meets) $(frags)" "third True"
	status "rollback" 0 in_a "$XDPF" rollback xe0
	expire "where none are wanted now, not confirmed" third
	is "the old one is back, too" "$(meets) $(frags)" "old True"
	status "remove" 0 in_a "$XDPF" remove xe0
	ip -n "$NAME-a" link set xe0 mtu 9000
	ip -n "$NAME-b" link set xe1 mtu 9000
	status "the first, with frags" 0 in_a "$XDPF" apply --quiet --confirm 600s "$WORK/third.o" xe0
	is "it runs with frags" "$(meets) $(frags)" "third True"
	status "confirm" 0 in_a "$XDPF" confirm xe0
	is "it has frags for good" "$(meets) $(frags)" "third True"
	status "rules that ask for large frames" 0 in_a "$XDPF" apply --quiet --confirm 600s "$WORK/old.o" xe0
	not "a large frame meets the new one" ping_a -M do -s 8000 10.99.0.1
	ok "a small one, too" ping_a -s 100 10.99.0.1
	status "rollback" 0 in_a "$XDPF" rollback xe0
	expire "and not confirmed" old
	is "and the old one behind the time" "$(meets)" third
	status "remove" 0 in_a "$XDPF" remove xe0
	ip -n "$NAME-a" link set xe0 mtu 1500
	status "frags for the other end's frames" 0 in_a "$XDPF" apply --quiet --confirm 600s "$WORK/third.o" xe0
	is "it runs with them" "$(meets) $(frags)" "third True"
	status "rollback" 0 in_a "$XDPF" rollback --quiet xe0
	is "nothing of two guards is left" "$(meets) $(ls "$PINS" 2>/dev/null) $(loaded third)" "none  0"
	ip -n "$NAME-b" link set xe1 mtu 1500
else
	skip "frags on one side" "veth does not take this MTU"
fi

# ---- several ----
status "the old one on both" 0 in_a "$XDPF" apply --quiet "$WORK/old.o" xe0 xe2
status "one that cannot" 3 in_a "$XDPF" apply --confirm 600s "$WORK/new.o" xe0 xe2 lo
is "nothing waits" "$(waits) $(waits xe2) $(named) $(named xe2)" "False False old old"
status "a new one on both" 0 in_a "$XDPF" apply --quiet --confirm 600s "$WORK/new.o" xe0 xe2
is "both wait" "$(waits) $(waits xe2)" "True True"
status "one is confirmed" 0 in_a "$XDPF" confirm xe2
status "both" 3 in_a "$XDPF" confirm xe0 xe2
says "which not" "xe2: no filter waits"
is "so none is" "$(waits)" True
status "both back" 0 in_a "$XDPF" rollback xe0 xe2
is "they are" "$(named) $(named xe2)" "old old"
status "generic mode" 0 in_a "$XDPF" apply --quiet --mode generic --confirm 1s "$WORK/third.o" lo
sleep 1.05
is "nothing is left there" "$(named lo)" None
status "remove" 0 in_a "$XDPF" remove xe0 xe2

# ---- what cannot wait ----
ip -n "$NAME-a" link set dev xe0 xdp off 2>/dev/null
if ip -n "$NAME-a" link set dev xe0 xdpgeneric obj "$WORK/old.o" sec xdp 2>/dev/null; then
	status "somebody else's program" 3 in_a "$XDPF" apply --mode generic --confirm 600s "$WORK/new.o" xe0
	says "is not ours" "runs there and is not ours"
	status "nor can it be confirmed" 3 in_a "$XDPF" confirm xe0
	status "nor left" 3 in_a "$XDPF" rollback xe0
	ip -n "$NAME-a" link set dev xe0 xdpgeneric off
else
	skip "somebody else's program" "ip link cannot attach"
fi
printf 'h: drop if rx.hash == 1;\n' >"$WORK/hash.xdpf"
compile "$WORK/hash.xdpf"
OUT=$(in_a "$XDPF" apply "$WORK/hash.o" xe0 2>&1)
if [ $? = 0 ]; then
	status "bound to a device, old" 3 in_a "$XDPF" apply --confirm 600s "$WORK/new.o" xe0
	says "why" "a change of the filter that runs there cannot wait .* bound to a device"
	is "it stays" "$(named) $(pins)" "hash link "
	status "remove" 0 in_a "$XDPF" remove xe0
	status "bound to a device, new" 3 in_a "$XDPF" apply --confirm 600s "$WORK/hash.o" xe0
	says "why" "the new filter cannot wait .* bound to a device"
	is "nothing is left" "$(ls "$PINS" 2>/dev/null)" ""
else
	skip "bound to a device" "$(tail -1 <<<"$OUT")"
fi
for t in 0 0s 500ms 25h soon ''; do
	status "usage: --confirm '$t'" 2 in_a "$XDPF" apply --confirm "$t" "$WORK/new.o" xe0
done
status "usage: confirm" 2 "$XDPF" confirm
status "usage: rollback" 2 "$XDPF" rollback
status "nothing to confirm" 3 in_a "$XDPF" confirm xe0
status "nothing to go back to" 3 in_a "$XDPF" rollback xe0
report
