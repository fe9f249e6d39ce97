#!/bin/bash
# What a test run has from its inputs and a filter from the kernel: the time of day and the weekday, chance for each packet and for each flow, which is
# another one with each load. Native and generic.
. "$(dirname "$0")/lib.sh" "$@"
network
cat >"$WORK/send.py" <<'END2'
import socket
for port in range(20000, 20064):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind(("", port))
    for _ in range(32):
        s.sendto(b"", ("10.99.0.1", 4000))
END2
rules() {	# for the minutes around now; midnight is among them, or is not
	local now
	now=$(date -u +%s)
	cat <<END2
default pass;
if udp.dport == 4000 {
	day:    if weekday in { $(date -u -d "@$((now - 120))" +%u), $(date -u -d "@$((now + 600))" +%u) } { }
	other:  if weekday == $(date -u -d "@$((now + 3 * 86400))" +%u) { }
	now:    if time $(date -u -d "@$((now - 120))" +%H:%M)-$(date -u -d "@$((now + 600))" +%H:%M) { }
	later:  if time $(date -u -d "@$((now + 1800))" +%H:%M)-$(date -u -d "@$((now + 3600))" +%H:%M) { }
	half:   if random 50% { }
	both:   if random 50% and random 50% { }
	all:    if random 100% { }
	flows:  count flows per udp.sport if random 50% per flow;
	drop;
}
END2
}
for mode in native generic; do
	chosen=
	for load in first second; do
		rules >"$WORK/chance.xdpf"
		status "$mode, $load: apply" 0 in_a "$XDPF" apply --quiet --mode $mode "$WORK/chance.xdpf" xe0
		in_b /usr/bin/python3 "$WORK/send.py"
		is "$mode, $load: the clock" "$(stats '[rule(r) for r in ("day", "other", "now", "later", "all")]')" "[2048, 0, 2048, 0, 2048]"
		# Five standard deviations of 2048 packets, and of 64 flows.
		is "$mode, $load: half of the packets" "$(stats '911 <= rule("half") <= 1137 or rule("half")')" True
		is "$mode, $load: half of the half" "$(stats '414 <= rule("both") <= 610 or rule("both")')" True
		is "$mode, $load: whole flows" "$(stats 'set(table("flows").values())')" "{32}"
		is "$mode, $load: half of the flows" "$(stats '12 <= len(table("flows")) <= 52 or len(table("flows"))')" True
		before=$chosen
		chosen=$(stats 'sorted(table("flows"))')
		not "$mode, $load: the same flows" [ "$chosen" = "$before" ]
		status "$mode, $load: remove" 0 in_a "$XDPF" remove --quiet xe0
	done
done
report
