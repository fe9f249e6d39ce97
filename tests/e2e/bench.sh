#!/bin/bash
# `xdpf bench`: the filter gets the packets that it says, whatever it did to those before; and what it refuses. No time is asserted.
. "$(dirname "$0")/lib.sh" "$@"

# Frames grow and shrink, have metadata, and other fields: the next one must not see it.
cat >"$WORK/changes.xdpf" <<'END'
seen: count t per ip.proto if ip;
w: vlan push 7 if udp;
p: vlan pop if vlan.id == 100;
t: ip.ttl = 1 if tcp and ip4;
m: mark 5 if tcp;
a: drop if vlan.id == 7;
b: tx if ip.ttl == 1;
c: drop if vlan;
d: reply rst if ip6 and tcp;
END
compare() {	# CAPTURE ONE
	"$XDPF" run --json --quiet "$WORK/changes.o" "$CAPTURES/$1.pcap" >"$WORK/run"
	status "$1" 0 "$XDPF" bench --json --quiet --rounds 5 --packet "$2" "$WORK/changes.o" "$CAPTURES/$1.pcap"
	echo "$OUT" >"$WORK/bench"
	status "$1: what it ran" 0 /usr/bin/python3 "$HERE/bench.py" "$WORK/bench" "$WORK/run" "$2"
}
ok "compile" "$XDPFC" "$WORK/changes.xdpf" -o "$WORK/changes.o"
compare edge 1
compare edge 172
compare vlan 2
compare protocols 3
compare mutated 1
compare runts "$("$XDPF" run "$WORK/changes.o" "$CAPTURES/runts.pcap" 2>&1 | awk '$2 != "skipped" { print $1; exit }')"

printf 'limit l = 10/s per ip.src;\nset s : ip live timeout 1m;\na: add ip.src to s if udp;\nb: drop if tcp over l;\nc: log, drop if icmp;\n' >"$WORK/state.xdpf"
status "from a rule file, and without a capture" 0 "$XDPF" bench --rounds 2 "$WORK/state.xdpf"
says "the head" '^ns per packet +filter +floor +cost$'
says "one packet" '^one packet +[0-9.]+ +[0-9.]+ +-?[0-9.]+   -?[0-9.]+ to -?[0-9.]+$'
says "all" '^[0-9]+ packets +[0-9.]+ '
says "and what became of them" '^state.xdpf: reached by'
is "nothing of it stays" "$("$XDPF" bench --quiet --rounds 1 "$WORK/state.xdpf" 2>&1 | grep -c .)" 3

# ---- who waits is told how far it is, where that takes more than a second ----
is "while it times" "$(/usr/bin/python3 "$HERE/terminal.py" --until "timing [" "$XDPF" bench --rounds 1001 "$WORK/changes.o" | grep -o '[^ ]*$')" True
slowly() { head -c 3000 "$CAPTURES/edge.pcap"; sleep 1.5; tail -c +3001 "$CAPTURES/edge.pcap"; }
OUT=$(slowly | /usr/bin/python3 "$HERE/terminal.py" "$XDPF" run "$WORK/changes.o" -)
says "while it runs packets" "^'.rrunning packets, [1-9] s(.rrunning packets, [1-9] s)*.r.x1b.Kchanges.xdpf: reached by 172 .* 0$"
OUT=$(slowly | /usr/bin/python3 "$HERE/terminal.py" "$XDPF" run --quiet "$WORK/changes.o" -)
is "quiet" "$OUT" "'' 0"

# ---- refused ----
status "a packet that is not there" 1 "$XDPF" bench --packet 173 "$WORK/changes.o" "$CAPTURES/edge.pcap"
says "how many there are" "--packet 173: there are 172 packets"
short=$("$XDPF" run "$WORK/changes.o" "$CAPTURES/runts.pcap" 2>&1 | awk '$2 == "skipped" { print $1; exit }')
status "a packet that no filter is given" 1 "$XDPF" bench --packet "$short" "$WORK/changes.o" "$CAPTURES/runts.pcap"
says "it says so" "--packet $short: that one is left out"
printf 'x' >"$WORK/short"
status "no capture" 1 "$XDPF" bench "$WORK/changes.o" "$WORK/short"
says "its name" "$WORK/short"
head -c 3000 "$CAPTURES/edge.pcap" >"$WORK/cut"
status "a capture that is cut off" 1 "$XDPF" bench "$WORK/changes.o" "$WORK/cut"
says "where" "broken behind packet [0-9]+: "
head -c 24 "$CAPTURES/edge.pcap" >"$WORK/none"
status "a capture without packets" 1 "$XDPF" bench "$WORK/changes.o" "$WORK/none"
says "it says so" "no packet of 14 to 3000 bytes"
printf 'a: drop if rx.hash == 1;\n' >"$WORK/driver.xdpf"
status "a filter that asks a driver" 3 "$XDPF" bench "$WORK/driver.xdpf"
says "why not" "asks an interface's driver"
status "no filter" 2 "$XDPF" bench
status "three operands" 2 "$XDPF" bench a b c
status "no rounds" 2 "$XDPF" bench --rounds 0 "$WORK/changes.o"
status "too many" 2 "$XDPF" bench --rounds 1002 "$WORK/changes.o"
status "packet zero" 2 "$XDPF" bench --packet 0 "$WORK/changes.o"
status "full" 3 bash -c '"$0" bench --rounds 1 --quiet "$1" >/dev/full' "$XDPF" "$WORK/changes.o"
report
