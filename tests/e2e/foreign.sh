#!/bin/bash
# Somebody else's program on the interface: refused by name, and it stays.
. "$(dirname "$0")/lib.sh" "$@"
network
printf 'ours: drop if icmp;\n' >"$WORK/ours.xdpf"
printf 'foreign: pass if icmp;\n' >"$WORK/foreign.xdpf"
compile "$WORK/ours.xdpf"
compile "$WORK/foreign.xdpf"

for how in xdp xdpgeneric; do
	if ! in_a ip link set dev xe0 $how obj "$WORK/foreign.o" sec xdp 2>"$WORK/err"; then
		skip "foreign $how" "ip link cannot attach: $(tail -1 "$WORK/err")"
		continue
	fi
	id=$(program_id)
	status "$how: apply" 3 in_a "$XDPF" apply "$WORK/ours.o" xe0
	says "$how: it names the program" "xe0: program foreign \(id $id\) runs there and is not ours"
	says "$how: and what to do" "ip link set dev xe0 $how off"
	status "$how: apply in generic mode" 3 in_a "$XDPF" apply --mode generic "$WORK/ours.o" xe0
	status "$how: remove" 3 in_a "$XDPF" remove xe0
	says "$how: it names what stays" "program foreign \(id $id\) runs there and stays"
	status "$how: statistics" 3 in_a "$XDPF" stats xe0
	status "$how: status" 0 in_a "$XDPF" status
	says "$how: status names it" "xe0: .*program foreign \(id $id\), not ours"
	is "$how: status as JSON" "$(in_a "$XDPF" status --json xe0 | json '(j[0]["ours"], j[0]["program"])')" "(False, 'foreign')"
	is "$how: it still runs" "$(program_id)" "$id"
	ok "$how: and passes" ping_a 10.99.0.1
	in_a ip link set dev xe0 $how off
done

# libxdp's dispatcher would let others live beside ours: where the kernel does not let it run, that is said, and nothing is changed.
OUT=$(in_a "$XDPF" apply --dispatch "$WORK/ours.o" xe0 2>&1)
if [ $? -eq 0 ]; then
	is "dispatched" "$(in_a "$XDPF" status --json xe0 | json '[(p["hook"], p["ours"]) for p in j[0]["programs"]]')" "[('native', False), ('dispatched', True)]"
	not "dispatched: it drops" ping_a 10.99.0.1
	status "dispatched: remove" 0 in_a "$XDPF" remove xe0
else
	says "no dispatcher here" "libxdp's dispatcher cannot run here: this kernel refuses the programs that it is made of"
	skip "dispatcher" "this kernel refuses EXT programs (tests/kernels/run shows it elsewhere)"
fi
is "nothing runs" "$(program_id)" None
status "several interfaces" 2 in_a "$XDPF" apply --dispatch "$WORK/ours.o" xe0 lo
status "a priority that is none" 2 in_a "$XDPF" apply --dispatch --priority x "$WORK/ours.o" xe0
status "a priority where there is no dispatcher" 2 in_a "$XDPF" apply --priority 5 "$WORK/ours.o" xe0
status "what cannot go back by itself" 2 in_a "$XDPF" apply --dispatch --confirm 60s "$WORK/ours.o" xe0
says "is said" "--confirm does not go with --dispatch"
is "nothing runs yet" "$(program_id)" None

# Attached by a link that is not the one we pinned: the pin is taken elsewhere.
status "a link of somebody else's" 0 in_a "$XDPF" apply "$WORK/foreign.o" xe0
link=$(in_a "$XDPF" status --json xe0 | json 'j[0]["link_id"]')
id=$(program_id)
PIN=/sys/fs/bpf/$NAME
cookie=$(in_a /usr/bin/python3 -c 'import socket, struct; s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
print(struct.unpack("Q", s.getsockopt(1, 71, 8))[0])')
mv "/sys/fs/bpf/xdpf/$cookie/$(in_a cat /sys/class/net/xe0/ifindex 2>/dev/null || ip -n "$NAME-a" -o link show xe0 | cut -d: -f1)/link" "$PIN" ||
	mv "/sys/fs/bpf/xdpf/$cookie"/*/link "$PIN"
status "link: apply" 3 in_a "$XDPF" apply "$WORK/ours.o" xe0
says "link: it names program and link" "program foreign \(id $id\) runs there and is not ours \(attached by link $link\)"
status "link: remove" 3 in_a "$XDPF" remove xe0
is "link: it still runs" "$(program_id)" "$id"
rm -f "$PIN"
is "link: gone with its pin" "$(program_id)" None
status "then ours runs" 0 in_a "$XDPF" apply "$WORK/ours.o" xe0
not "and drops" ping_a 10.99.0.1
in_a ip link set dev xe0 xdp off 2>/dev/null
is "ours is not taken off by ip link" "$(in_a "$XDPF" status --json xe0 | json 'j[0]["ours"]')" True
report
