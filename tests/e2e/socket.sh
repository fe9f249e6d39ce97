#!/bin/bash
# `socket` on live traffic, native and generic: what a socket of the filtered machine takes comes through, listening or connected, TCP and UDP, IPv4
# and IPv6; what none takes is dropped, and its socket gone, so is the packet's way.
. "$(dirname "$0")/lib.sh" "$@"
network
cat >"$WORK/bound.xdpf" <<'RULES'
default drop;
link:  pass if arp or icmp6 or icmp;
taken: pass if socket;
tcp:   drop if tcp;
udp:   drop if udp;
RULES
compile "$WORK/bound.xdpf"
serve 80
# Answers each datagram; bound to one address of each family.
cat >"$WORK/echo.py" <<'PY'
import select, socket
s = []
for family, address in (socket.AF_INET, "10.99.0.1"), (socket.AF_INET6, "fd99::1"):
    s.append(socket.socket(family, socket.SOCK_DGRAM))
    s[-1].bind((address, 5300))
print("ready", flush=True)
while True:
    for r in select.select(s, [], [])[0]:
        data, who = r.recvfrom(100)
        r.sendto(data, who)
PY
cat >"$WORK/ask.py" <<'PY'
import socket, sys
s = socket.socket(socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET, socket.SOCK_DGRAM)
s.settimeout(float(sys.argv[3]))
s.sendto(b"hello", (sys.argv[1], int(sys.argv[2])))
sys.exit(s.recv(100) != b"hello")
PY
nsenter --net="$A" /usr/bin/python3 "$WORK/echo.py" >"$WORK/ready" 2>&1 &
ECHO=$!
JOBS+=($ECHO)
for _ in $(seq 50); do
	grep -q ready "$WORK/ready" && break
	sleep 0.1
done
ask() { in_b /usr/bin/python3 "$WORK/ask.py" "$1" "$2" "${WAIT:-5}"; }
# A machine that connects out: its answers have a socket too, though nothing listens.
out() {
	in_a /usr/bin/python3 -c 'import socket, sys
socket.create_connection((sys.argv[1], 81), 5).close()' "$1"
}
nsenter --net="$B" /usr/bin/python3 -m http.server --bind :: 81 --directory "$WORK" >/dev/null 2>&1 &
JOBS+=($!)
for _ in $(seq 50); do
	out 10.99.0.2 2>/dev/null && break
	sleep 0.1
done
for mode in native generic; do
	status "apply, $mode" 0 in_a "$XDPF" apply --quiet --mode "$mode" "$WORK/bound.o" xe0
	ok "$mode: TCP, a socket that listens on both families, IPv4" fetch http://10.99.0.1/
	ok "$mode: the same, IPv6" fetch "http://[fd99::1]/"
	ok "$mode: a connection from here, IPv4" out 10.99.0.2
	ok "$mode: a connection from here, IPv6" out fd99::2
	ok "$mode: UDP, IPv4" ask 10.99.0.1 5300
	ok "$mode: UDP, IPv6" ask fd99::1 5300
	is "$mode: nothing was dropped so far" "$(stats 'rule("tcp") + rule("udp")')" 0
	not "$mode: TCP to a port that nobody listens on" fetch http://10.99.0.1:82/
	not "$mode: the same, IPv6" fetch "http://[fd99::1]:82/"
	is "$mode: dropped by its rule" "$(stats 'rule("tcp") >= 2')" True
	not "$mode: UDP to a port that nobody has" ask 10.99.0.1 5301
	not "$mode: the same, IPv6" ask fd99::1 5301
	is "$mode: each dropped by its rule" "$(stats 'rule("udp")')" 2
	status "remove, $mode" 0 in_a "$XDPF" remove --quiet xe0
done
# The socket is what decides: the same port, without it.
status "apply again" 0 in_a "$XDPF" apply --quiet "$WORK/bound.o" xe0
ok "before" ask 10.99.0.1 5300
kill "$ECHO"
wait "$ECHO" 2>/dev/null
not "behind its end" ask 10.99.0.1 5300
is "dropped" "$(stats 'rule("udp")')" 1
# Sockets that are looked up are given back: 20,000 look-ups later this one can be closed and its port had again.
nsenter --net="$A" /usr/bin/python3 "$WORK/echo.py" >"$WORK/ready2" 2>&1 &
ECHO=$!
for _ in $(seq 50); do
	grep -q ready "$WORK/ready2" && break
	sleep 0.1
done
udp 5300 8 20000
kill "$ECHO"
wait "$ECHO" 2>/dev/null
is "no socket is left" "$(in_a awk '$1 == "UDP:" { print $3 }' /proc/net/sockstat)" 0
report
