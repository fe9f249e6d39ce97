#!/bin/bash
# A filter that no packet comes to takes no CPU: nobody of ours is there but the program, no timer is set, and it does not run; nor does the guard before
# one that waits for confirmation, whose time goes by all the same. 6 s.
. "$(dirname "$0")/lib.sh" "$@"
network
own_place
for ns in a b; do
	nsenter --net="/run/netns/$NAME-$ns" sysctl -q -w net.ipv6.conf.all.disable_ipv6=1
done
ip -n "$NAME-a" link set xe0 arp off
ip -n "$NAME-b" link set xe1 arp off
cat >"$WORK/rules.xdpf" <<'END'
set banned : ip live size 1000 timeout 1s;
limit each = 2/s burst 3 per ip.src;
seen: if udp { log 10/s; count ports per udp.dport; }
ban:  add ip.src to banned if udp.dport == 5;
lim:  drop if udp over each;
out:  drop if ip.src in banned or random 10%;
END
cp "$WORK/rules.xdpf" "$WORK/next.xdpf"
compile "$WORK/rules.xdpf"
not "no timers" grep -aq bpf_timer "$WORK/rules.o"
idle() { /usr/bin/python3 "$HERE/idle.py" "$@"; }
left() { in_a env PATH="$(dirname "$XDPFC"):$PATH" /usr/bin/python3 "$HERE/idle.py" left "$XDPF" "$@"; }
SEND="nsenter --net=$B /usr/bin/python3 $WORK/send.py"
cat >"$WORK/send.py" <<'END'
import socket
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
s.bind(("xe1", 0))
for i in range(7):
    s.send(b"\xff" * 6 + b"\2\0\0\0\0\1" + b"\x08\0" + bytes.fromhex("450000200000000040110000") + socket.inet_aton("10.99.0.2") +
           socket.inet_aton("10.99.0.1") + bytes.fromhex("00090005000c0000") + bytes(22))
import time
time.sleep(0.1)
END

is "apply leaves nobody" "$(left apply --quiet "$WORK/rules.xdpf" xe0)" "0 0"
is "nor does a change of its sets" "$(left set add --quiet xe0 banned 192.0.2.1)" "0 0"
pin() { echo "$XDPF_BPFFS"/*/*/"$1"; }
OUT=$(idle runs 0.1 "$(pin link)" 2>&1)
if [ $? != 0 ]; then
	skip "runs" "$OUT"
	report
fi
is "packets are runs" "$(idle runs-of "$SEND" -- "$(pin link)")" 7
# elements expire, and tokens come.
is "no packets are none" "$(idle runs 1.2 "$(pin link)")" 0
is "while its elements went" "$(in_a "$XDPF" set show xe0 banned)" ""
is "one that waits leaves nobody" "$(left apply --quiet --confirm 1s "$WORK/next.xdpf" xe0)" "0 0"
is "before the time it is the guard that runs" "$(idle runs-of "$SEND" -- "$(pin guard)")" 7
is "and only for packets" "$(idle runs 1.2 "$(pin guard)" "$(pin kept)" "$(pin new)")" "0 0 0"
OUT=$(in_a "$XDPF" status xe0 2>&1)
says "behind it the old one is back, by whoever looks" "nobody confirmed its new filter in time: the one from before runs"
report
