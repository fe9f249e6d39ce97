#!/bin/bash
# What the kernel gives up behind a verdict is counted: `tx` in generic mode to a device that takes nothing more.
. "$(dirname "$0")/lib.sh" "$@"
network
echo 'back: tx swap if udp.dport == 9;' >"$WORK/back.xdpf"
ok "apply" in_a "$XDPF" apply --mode generic "$WORK/back.xdpf" xe0
# The other end keeps 256 frames in a ring, which it empties by a clock of 1.5 s: behind that xe0's queue is stopped.
in_b ethtool -K xe1 gro on
in_a ethtool -K xe0 tso off gso off
ok "a clock" nsenter --net="$B" unshare --mount sh -c 'mount -t sysfs sysfs /sys && cd /sys/class/net/xe1 &&
	echo 100 >napi_defer_hard_irqs && echo 1500000000 >gro_flush_timeout'
ok "a queue" in_a tc qdisc replace dev xe0 root pfifo limit 1000
udp 9 100 1000
is "they are to go back" "$(stats 'rule("back")')" 1000
lost=$(in_a ip -j -s link show xe0 | json 'j[0]["stats64"]["tx"]["dropped"]')
if [ "$lost" -eq 0 ] && [ "$(printf '6.16\n%s\n' "$(uname -r)" | sort -V | head -1)" != 6.16 ]; then
	skip "what is given up" "veth devices of Linux before 6.16 do not stop their queues"
	report
fi
is "some were not taken" "$((lost > 0 && lost < 1000))" 1
is "as many are counted" "$(stats 'j["exceptions"]')" "[{'verdict': 'tx', 'packets': $lost}]"
status "as text" 0 in_a "$XDPF" stats xe0
says "it says so" "^given up by the kernel: $lost packets: tx$"
status "for Prometheus" 0 in_a "$XDPF" stats --prometheus xe0
says "there too" "^xdpf_exception_packets_total\{.*verdict=\"tx\"\} $lost$"
echo 'back: tx swap if udp.dport == 10;' >"$WORK/back.xdpf"
ok "another program" in_a "$XDPF" apply --mode generic --reload "$WORK/back.xdpf" xe0
is "the count goes on" "$(stats 'j["exceptions"][0]["packets"]')" "$lost"
# An `abort` is a verdict, and counted as one: nothing was lost behind it.
echo 'down: abort if udp.dport == 11;' >"$WORK/back.xdpf"
ok "one that aborts" in_a "$XDPF" apply --mode generic --afresh "$WORK/back.xdpf" xe0
udp 11 10 5
is "aborted" "$(stats 'verdict("abort"), rule("down")')" "(5, 5)"
is "is no exception" "$(stats 'j["exceptions"]')" "[]"
report
