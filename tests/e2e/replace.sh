#!/bin/bash
# Replacing a filter: no packet slips through meanwhile, what cannot be done leaves what ran running, several interfaces go together.
. "$(dirname "$0")/lib.sh" "$@"
network
ip -n "$NAME-a" link add xe2 type veth peer name xe3

printf 'first: drop if icmp;\n' >"$WORK/first.xdpf"
printf 'other: count all;\nsecond: drop if icmp;\n' >"$WORK/second.xdpf"
printf 'nothing: pass if icmp;\n' >"$WORK/open.xdpf"
for f in first second open; do
	compile "$WORK/$f.xdpf"
done

status "apply" 0 in_a "$XDPF" apply "$WORK/first.o" xe0
link=$(in_a "$XDPF" status --json xe0 | json 'j[0]["link_id"]')
id=$(program_id)
in_b ping -q -i 0.01 -c 450 -W 1 10.99.0.1 >"$WORK/ping" 2>&1 &
ping=$!
for _ in $(seq 40); do
	in_a "$XDPF" stats xe0 >/dev/null 2>&1 || echo failed
	in_a "$XDPF" status xe0 | grep -o "not ours"
done >"$WORK/asked" &
asked=$!
replaced=0
for i in $(seq 10); do
	in_a "$XDPF" apply --quiet "$WORK/second.o" xe0 && in_a "$XDPF" apply --quiet "$WORK/first.o" xe0 && replaced=$((replaced + 2))
done
status "replace with another" 0 in_a "$XDPF" apply "$WORK/second.o" xe0
says "what it says" "xe0: replaced by second, native mode"
wait $ping
wait $asked
is "whoever asks meanwhile is answered" "$(sort "$WORK/asked" | uniq -c)" ""
is "replacements" $replaced 20
is "no ping was answered meanwhile" "$(grep -o '[0-9]* received' "$WORK/ping")" "0 received"
is "the link is the same" "$(in_a "$XDPF" status --json xe0 | json 'j[0]["link_id"]')" "$link"
is "the program is another" "$([ "$(program_id)" = "$id" ] || echo other)" other
is "its counters begin anew" "$(stats 'rule("second") < 450')" True
is "one program is loaded for it" "$(in_a "$XDPF" status --json | json 'len(j)')" 1

# Refusals leave it as it is.
id=$(program_id)
status "another mode" 3 in_a "$XDPF" apply --mode generic "$WORK/open.o" xe0
says "and the remedy" "xdpf remove xe0"
head -c 2000 "$WORK/open.o" >"$WORK/cut.o"
status "a broken object" 1 in_a "$XDPF" apply "$WORK/cut.o" xe0
printf 'drop if tcp.dprot == 1;\n' >"$WORK/wrong.xdpf"
status "a wrong rule file" 1 in_a "$XDPF" apply "$WORK/wrong.xdpf" xe0
says "xdpfc's own words" "wrong.xdpf:1:9: error"
status "an interface that is not there" 3 in_a "$XDPF" apply "$WORK/open.o" xe0 nosuch
says "and which" "nosuch: no interface"
status "the same interface twice" 2 in_a "$XDPF" apply "$WORK/open.o" xe0 xe0
status "one that cannot do native" 3 in_a "$XDPF" apply "$WORK/open.o" xe2 xe0 lo
says "which it is, and the option" "lo: its driver.* cannot .*--mode generic"
is "what ran runs" "$(program_id)" "$id"
not "and drops" ping_a 10.99.0.1
is "nothing new on the first" "$(in_a "$XDPF" status --json xe2 | json 'j[0]["mode"]')" none

# Several at once.
status "two interfaces" 0 in_a "$XDPF" apply "$WORK/first.o" xe0 xe2
is "both run it" "$(in_a "$XDPF" status --json | json 'sorted((i["interface"], i["program"]) for i in j)')" "[('xe0', 'first'), ('xe2', 'first')]"
not "each counts by itself: ping" ping_a 10.99.0.1
is "each counts by itself: xe0" "$(stats 'rule("first")')" 1
is "each counts by itself: xe2" "$(stats 'rule("first")' xe2)" 0

# Two at the same time: one after the other, in whatever order.
in_a "$XDPF" apply --quiet "$WORK/first.o" xe0 &
one=$!
in_a "$XDPF" apply --quiet "$WORK/second.o" xe0 &
two=$!
ok "one of two at once" wait $one
ok "the other of two at once" wait $two
not "it drops" ping_a 10.99.0.1
status "from a rule file" 0 in_a "$XDPF" apply "$WORK/open.xdpf" xe0
ok "it passes" ping_a 10.99.0.1

# An interface that goes takes its filter along; the pin is cleared away with the next change.
ip -n "$NAME-a" link del xe2
status "after an interface went" 0 in_a "$XDPF" remove xe0
says "what it says" "removed program open"
cookie=$(in_a /usr/bin/python3 -c 'import socket, struct; s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
print(struct.unpack("Q", s.getsockopt(1, 71, 8))[0])')
is "no pin is left" "$(ls -d "/sys/fs/bpf/xdpf/$cookie" 2>/dev/null)" ""
status "remove again" 3 in_a "$XDPF" remove xe0
report
