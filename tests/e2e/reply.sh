#!/bin/bash
# `reply`, native and generic: a client's stack takes the answers for those of a host that listens on nothing. IPv4, IPv6, and what must not be
# answered.
. "$(dirname "$0")/lib.sh" "$@"
network
cat >"$WORK/reply.xdpf" <<'END'
default pass;
closed: reply rst if tcp.dport in { 81, 82 };
port:   reply unreachable if udp.dport in 5000-5010;
not:    reply unreachable if icmp.type == unreachable or udp.dport == 5011;
END
compile "$WORK/reply.xdpf"
serve 80
echo 'default pass;' >"$WORK/pass.xdpf"

# A connection from B: what becomes of it, and is it known at once?
connect() {	# ADDRESS PORT
	in_b /usr/bin/python3 -c 'import errno, socket, sys, time
t = time.monotonic()
try:
    s = socket.create_connection((sys.argv[1], int(sys.argv[2])), 5)
    print("connected", end="")
except OSError as e:
    print(errno.errorcode.get(e.errno, e), end="")
print(" at once" if time.monotonic() - t < 1 else " late")' "$1" "$2"
}
# A UDP socket of B that is connected, sends @SIZE bytes and waits.
datagram() {	# ADDRESS PORT SIZE
	in_b /usr/bin/python3 -c 'import errno, socket, sys
family = socket.getaddrinfo(sys.argv[1], 1, type=socket.SOCK_DGRAM)[0][0]
s = socket.socket(family, socket.SOCK_DGRAM)
s.settimeout(float(sys.argv[4]))
s.connect((sys.argv[1], int(sys.argv[2])))
try:
    s.send(bytes(range(256)) * (int(sys.argv[3]) // 256) + bytes(int(sys.argv[3]) % 256))
    s.recv(1)
except socket.timeout:
    print("silence")
except OSError as e:
    print(errno.errorcode[e.errno])' "$1" "$2" "$3" "${WAIT:-3}"
}
for mode in native generic; do
	[ $mode = native ] && status "a program on xe1" 0 in_b "$XDPF" apply --quiet "$WORK/pass.xdpf" xe1
	status "$mode: apply" 0 in_a "$XDPF" apply --mode $mode "$WORK/reply.o" xe0
	for to in 10.99.0.1 fd99::1; do
		host=$to
		[[ $to = *:* ]] && host="[$to]"
		is "$mode, $to: connection" "$(connect $to 81)" "ECONNREFUSED at once"
		OUT=$(in_b curl -g -s -S -m 5 "http://$host:82/" 2>&1)
		says "$mode, $to: curl" "[Cc]onnection refused|Couldn't connect|Failed to connect"
		is "$mode, $to: curl's status" "$(in_b curl -g -s -m 5 "http://$host:82/" >/dev/null; echo $?)" 7
		ok "$mode, $to: another port is served" fetch "http://$host:80/"
		for size in 0 1 5 18 63 64 65 477 484 485 700 1400; do
			is "$mode, $to: datagram of $size bytes" "$(datagram $to 5000 $size)" ECONNREFUSED
		done
	done
	is "$mode: rules" "$(stats '[(r["packets"], r["else"]["packets"]) for r in j["files"][0]["rules"]]')" "[(6, 0), (24, 0), (0, 0)]"
	is "$mode: counted as tx" "$(stats 'verdict("tx")')" 30
	is "$mode: the books balance" "$(stats 'j["balanced"]')" True

	# A fragment is not answered, and neither are datagrams to all.
	is "$mode: a datagram in fragments" "$(WAIT=0.3 datagram 10.99.0.1 5011 3000)" silence
	in_b /usr/bin/python3 -c 'import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
s.sendto(b"x", ("10.99.0.255", 5011))
s.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"xe1")
s.sendto(b"x", ("224.0.0.251", 5011))'
	is "$mode: not answered" "$(stats '[(r["packets"], r["else"]["packets"], r["else"]["verdict"]) for r in j["files"][0]["rules"]][2]')" "(3, 3, 'drop')"
	is "$mode: dropped" "$(stats 'verdict("drop")')" 3
	status "$mode: remove" 0 in_a "$XDPF" remove xe0
	[ $mode = native ] && in_b "$XDPF" remove --quiet xe1
done
report
