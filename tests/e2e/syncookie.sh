#!/bin/bash
# `syncookie` on live traffic, native and generic: while SYNs come from all over the address space, a client connects and fetches over IPv4 and IPv6,
# and the server's stack hears of none but the client. Without the filter, the same flood does leave its traces.
. "$(dirname "$0")/lib.sh" "$@"
cleanup() {
	exec 9>&-
	kill $FLOOD
	ip -n "$NAME-a" link del xe2
	ip netns del "$NAME-c"
	finish
} 2>/dev/null
FLOOD=
trap cleanup EXIT
network
cat >"$WORK/guard.xdpf" <<'END'
default pass;
guard: syncookie if tcp.dport in { 80, 81 };
acks:  count acks if tcp.ack and tcp.dport in { 80, 81 };
END
compile "$WORK/guard.xdpf"
echo 'default pass;' >"$WORK/pass.xdpf"
head -c 4000000 /dev/urandom >"$WORK/big"
serve 80
# So that an answer to anybody has a way: the control needs it.
ip -n "$NAME-a" route add default via 10.99.0.2
ip -n "$NAME-a" route add default via fd99::2

# SYNs from B to port 80 of A, from random sources of both families, N of them or until it is ended; or one frame of FLAGS with random numbers.
cat >"$WORK/flood.py" <<'PY'
import os, random, socket, struct, subprocess, sys

count, flags, namespace = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
mac = {}
for name, where in (("xe0", ["-n", namespace]), ("xe1", [])):
    shown = subprocess.run(["ip", *where, "-o", "link", "show", name], stdout=subprocess.PIPE, text=True, check=True).stdout.split()
    mac[name] = bytes.fromhex(shown[shown.index("link/ether") + 1].replace(":", ""))
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
s.bind(("xe1", 0))
r = random.Random(os.urandom(8))

def folded(b):
    n = sum(struct.unpack("!%dH" % (len(b) // 2), b))
    n = (n & 0xffff) + (n >> 16)
    return ~(n + (n >> 16)) & 0xffff

def frame():
    six = r.random() < 0.3
    if six:
        ends = struct.pack("!HHIQ", 0x2001, r.getrandbits(16), r.getrandbits(32), r.getrandbits(64)) + socket.inet_pton(socket.AF_INET6, "fd99::1")
    else:
        ends = struct.pack("!I", r.randrange(1 << 24, 224 << 24)) + bytes([10, 99, 0, 1])
        while ends[0] in (10, 127):
            ends = bytes([r.randrange(11, 127)]) + ends[1:]
    tcp = struct.pack("!HHIIBBHHHBBH", r.randrange(1024, 65536), 80, r.getrandbits(32), 0 if flags == 2 else r.getrandbits(32), 0x60, flags,
                      64240, 0, 0, 2, 4, 1460)
    tcp = tcp[:16] + struct.pack("!H", folded(ends + struct.pack("!HH", 6, len(tcp)) + tcp)) + tcp[18:]
    if six:
        return mac["xe0"] + mac["xe1"] + struct.pack("!HIHBB", 0x86dd, 6 << 28, len(tcp), 6, 64) + ends + tcp
    ip = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(tcp), r.getrandbits(16), 0, 64, 6, 0)
    return mac["xe0"] + mac["xe1"] + b"\x08\x00" + ip[:10] + struct.pack("!H", folded(ip + ends)) + ends + tcp

while count:
    try:
        s.send(frame())
        count -= 1
    except OSError:	# the queue is full
        pass
PY
flood() {	# N [FLAGS]
	in_b /usr/bin/python3 "$WORK/flood.py" "$1" "${2:-2}" "$NAME-a"
}
# A counter of A's stack.
kernel() {	# NAME
	in_a nstat -asz "$1" | awk -v name="$1" '$1 == name { print $2 }'
}
eight() {	# N: eight, or up to twice as many
	[ "$1" -ge 8 ] && [ "$1" -le 16 ] && echo yes
}
half_open() {
	in_a ss -Htn state syn-recv | wc -l
}
guard() {	# EXPRESSION over what became of the guard's packets
	stats "(lambda r: $1)(j['files'][0]['rules'][0])"
}
# A connection of B to port 81 of A that says a word each time it is told to, and expects it back.
cat >"$WORK/echo.py" <<'PY'
import socket, sys, threading
def serve(c):
    c.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    while True:
        data = c.recv(100)
        if not data:
            return
        c.sendall(data)
s = socket.create_server(("::", 81), family=socket.AF_INET6, dualstack_ipv6=True)
print("ready", flush=True)
while True:
    threading.Thread(target=serve, args=(s.accept()[0],), daemon=True).start()
PY
cat >"$WORK/word.py" <<'PY'
import socket, sys
c = socket.create_connection((sys.argv[1], 81), 5)
print("connected", flush=True)
for line in sys.stdin:
    c.sendall(line.encode())
    print(c.recv(100).decode(), end="", flush=True)
PY
nsenter --net="$A" /usr/bin/python3 "$WORK/echo.py" >"$WORK/ready" 2>&1 &
JOBS+=($!)
for _ in $(seq 50); do
	grep -q ready "$WORK/ready" && break
	sleep 0.1
done

# ---- what it needs of the machine ----
in_a sysctl -q -w net.ipv4.tcp_syncookies=1
status "cookies only when a queue is full" 3 in_a "$XDPF" apply --quiet "$WORK/guard.o" xe0
says "what is to be done" "rule guard, .syncookie.*net.ipv4.tcp_syncookies is 1 here"
says "how" "sysctl -w net.ipv4.tcp_syncookies=2"
is "nothing runs" "$(in_a "$XDPF" status --json xe0 | json 'j[0].get("program_id")')" None

# ---- without the filter ----
in_a sysctl -q -w net.ipv4.tcp_syncookies=0
flood 300
# as many as the server's backlog lets in
is "without it, cookies off: connections are half open" "$([ "$(half_open)" -ge 5 ] && echo yes)" yes
in_a sysctl -q -w net.ipv4.tcp_syncookies=2
flood 300
is "without it, cookies on: the stack answers" "$([ "$(kernel TcpExtSyncookiesSent)" -gt 200 ] && echo yes)" yes
ok "it gives the half open ones up" timeout 90 bash -c "while [ \$(nsenter --net=$A ss -Htn state syn-recv | wc -l) != 0 ]; do
	nsenter --net=$A ss -K state syn-recv >/dev/null 2>&1; sleep 0.5; done"

# ---- with it ----
for mode in native generic; do
	[ $mode = native ] && status "a program on xe1" 0 in_b "$XDPF" apply --quiet "$WORK/pass.xdpf" xe1
	rm -f "$WORK/said"
	mkfifo "$WORK/say"
	nsenter --net="$B" /usr/bin/python3 "$WORK/word.py" 10.99.0.1 <"$WORK/say" >"$WORK/said" 2>&1 &
	WORD=$!
	exec 9>"$WORK/say"
	for _ in $(seq 50); do
		grep -qs connected "$WORK/said" && break
		sleep 0.1
	done
	status "$mode: apply" 0 in_a "$XDPF" apply --quiet --mode $mode "$WORK/guard.o" xe0
	sent=$(kernel TcpExtSyncookiesSent) opened=$(kernel TcpPassiveOpens) taken=$(kernel TcpExtSyncookiesRecv)
	nsenter --net="$B" /usr/bin/python3 "$WORK/flood.py" -1 2 "$NAME-a" &
	FLOOD=$!
	for host in 10.99.0.1 "[fd99::1]"; do
		ok "$mode, $host: 4 MB" in_b curl -g -s -S -m 20 -o "$WORK/got" "http://$host/big"
		ok "$mode, $host: as they are" cmp "$WORK/big" "$WORK/got"
		rm -f "$WORK/got"
		for _ in 1 2 3; do
			ok "$mode, $host: once more" fetch "http://$host/"
		done
	done
	echo word >&9
	for _ in $(seq 50); do
		grep -q word "$WORK/said" && break
		sleep 0.1
	done
	is "$mode: a connection from before goes on" "$(tail -1 "$WORK/said")" word
	ok "$mode: a flood of 20000" timeout 60 bash -c "until [ \"\$(nsenter --net=$A $XDPF stats --json xe0 | /usr/bin/python3 -c '
import json, sys
print(json.load(sys.stdin)[\"files\"][0][\"rules\"][0][\"cookies\"][\"answered\"] >= 20000)')\" = True ]; do sleep 0.3; done"
	is "$mode: nothing is half open under it" "$(half_open)" 0
	kill $FLOOD
	wait $FLOOD 2>/dev/null
	FLOOD=
	is "$mode: nothing is half open behind it" "$(half_open)" 0
	is "$mode: the stack answered no SYN" "$(($(kernel TcpExtSyncookiesSent) - sent))" 0
	# Each is one, or seen as two where its acknowledgement and its first words come by two CPUs at once: the stack sees to that.
	is "$mode: it took eight connections" "$(eight $(($(kernel TcpPassiveOpens) - opened)))" yes
	is "$mode: by their cookies" "$(eight $(($(kernel TcpExtSyncookiesRecv) - taken)))" yes
	is "$mode: every SYN was answered" "$(guard 'r["cookies"]["unanswered"]')" 0
	completed=$(guard 'r["cookies"]["completed"]')
	is "$mode: what was completed" "$(eight "$completed")" yes
	is "$mode: what was refused" "$(guard 'r["cookies"]["refused"]')" 0
	is "$mode: tx" "$(stats 'verdict("tx") == rule("guard")')" True
	is "$mode: the books balance" "$(stats 'j["balanced"]')" True

	# Cookies that are none, and what is not the beginning of anything.
	out=$(kernel TcpOutRsts) failed=$(kernel TcpExtSyncookiesFailed)
	flood 50 16
	flood 5 18
	flood 5 4
	is "$mode: refused" "$(guard '(r["cookies"]["refused"], r["cookies"]["completed"])')" "(60, $completed)"
	is "$mode: dropped" "$(stats 'verdict("drop")')" 60
	is "$mode: the stack heard of none" "$(($(kernel TcpOutRsts) - out)) $(($(kernel TcpExtSyncookiesFailed) - failed))" "0 0"
	status "$mode: as text" 0 in_a "$XDPF" stats xe0
	says "$mode: as text" "^ +[0-9]{5,} SYNs answered, 0 not; $completed connections completed, 60 packets refused$"
	status "$mode: for Prometheus" 0 in_a "$XDPF" stats --prometheus xe0
	says "$mode: for Prometheus" "^xdpf_syncookie_packets_total\{.*rule=\"guard\",.*result=\"refused\"\} 60$"
	is "$mode: still balanced" "$(stats 'j["balanced"]')" True

	# A port that the server has in TIME_WAIT: the stack decides, as it does without a filter.
	twice='import socket, sys
for i in range(2):
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind(("10.99.0.2", int(sys.argv[1])))
    s.settimeout(5)
    s.connect(("10.99.0.1", 80))
    s.sendall(b"GET / HTTP/1.0\r\n\r\n")
    while s.recv(65536):
        pass
    s.close()'
	[ $mode = native ] && port=41000 || port=42000
	ok "$mode: the same port twice" in_b /usr/bin/python3 -c "$twice" $port

	# Nobody listens: refused by the stack, at once.
	is "$mode: another port" "$(in_b curl -s -m 5 http://10.99.0.1:82/; echo $?)" 7

	# A tag stays: 802.1Q in the frame's bytes, from port 4000 to 80.
	mac() { ip -n "$NAME-$1" -o link show "$2" | sed 's/.*link.ether \([^ ]*\).*/\1/; s/://g'; }
	syn=45000028000100004006000a0a6300020a630001
	syn+=0fa00050000000010000000050020400beef0000
	came=$(PYTHONPATH=$HERE /usr/bin/python3 -B -c 'import sys, time, exchange
s = exchange.attach(sys.argv[1])
s.send(bytes.fromhex(sys.argv[2]))
until = time.monotonic() + exchange.PATIENCE
while time.monotonic() < until:
    data = exchange.receive(s)
    if data and data[:6] == bytes.fromhex(sys.argv[2])[6:12] and b"\x00\x50\x0f\xa0" in data:
        print(data.hex())
        break' "$B:xe1" "$(mac a xe0)$(mac b xe1)810000050800$syn")
	is "$mode: tagged" "${came:0:44}" "$(mac b xe1)$(mac a xe0)81000005080045000028"
	is "$mode: tagged, SYN and ACK" "${came:76:8} ${came:92:12}" "00500fa0 000000025012"

	# Where the setting is taken back, connections are refused, and that is counted.
	in_a sysctl -q -w net.ipv4.tcp_syncookies=1
	before=$(guard 'r["cookies"]["refused"]')
	not "$mode: setting taken back" fetch http://10.99.0.1/
	is "$mode: it shows" "$([ "$(guard 'r["cookies"]["refused"]')" -gt "$before" ] && echo yes)" yes
	in_a sysctl -q -w net.ipv4.tcp_syncookies=2
	status "$mode: remove" 0 in_a "$XDPF" remove xe0
	exec 9>&-
	wait $WORD
	rm -f "$WORK/say"
	[ $mode = native ] && in_b "$XDPF" remove --quiet xe1
done

# ---- a router: what goes on to another machine is left alone, though something listens on all addresses here ----
ip netns add "$NAME-c"
ip -n "$NAME-a" link add xe2 type veth peer name xe3 netns "$NAME-c"
for at in "a xe2" "c xe3" "c lo"; do
	ip -n "$NAME-${at% *}" link set "${at#* }" up
done
ip -n "$NAME-a" addr add 10.98.0.1/24 dev xe2
ip -n "$NAME-a" addr add fd98::1/64 dev xe2 nodad
ip -n "$NAME-c" addr add 10.98.0.2/24 dev xe3
ip -n "$NAME-c" addr add fd98::2/64 dev xe3 nodad
ip -n "$NAME-c" route add default via 10.98.0.1
ip -n "$NAME-c" route add default via fd98::1
ip -n "$NAME-b" route add 10.98.0.0/24 via 10.99.0.1
ip -n "$NAME-b" route add fd98::/64 via fd99::1
in_a sysctl -q -w net.ipv4.conf.all.forwarding=1 net.ipv6.conf.all.forwarding=1
mkdir "$WORK/other"
head -c 100000 /dev/urandom >"$WORK/other/page"
nsenter --net="/run/netns/$NAME-c" /usr/bin/python3 -m http.server --bind :: 80 --directory "$WORK/other" >/dev/null 2>&1 &
JOBS+=($!)
for _ in $(seq 50); do
	in_b curl -s -o /dev/null -m 1 http://10.98.0.2/ && break
	sleep 0.1
done
status "router: a program on xe1" 0 in_b "$XDPF" apply --quiet "$WORK/pass.xdpf" xe1
status "router: apply" 0 in_a "$XDPF" apply --quiet "$WORK/guard.o" xe0
for host in 10.98.0.2 "[fd98::2]"; do
	ok "router: $host behind it" in_b curl -g -s -S -m 10 -o "$WORK/got" "http://$host/page"
	ok "router: what came" cmp "$WORK/other/page" "$WORK/got"
done
is "router: none of that was the rule's" "$(stats 'rule("guard")')" 0
for host in 10.99.0.1 "[fd99::1]" 10.98.0.1 "[fd98::1]"; do
	ok "router: its own, $host" fetch "http://$host/"
done
is "router: those were" "$(guard '(r["cookies"]["answered"], r["cookies"]["completed"] in range(4, 9), r["cookies"]["refused"])')" "(4, True, 0)"
status "router: remove" 0 in_a "$XDPF" remove xe0
in_b "$XDPF" remove --quiet xe1
in_a sysctl -q -w net.ipv4.conf.all.forwarding=0 net.ipv6.conf.all.forwarding=0
ip -n "$NAME-a" link del xe2
ip netns del "$NAME-c"

# ---- a burst: the acknowledgement and what follows it, in one go, before the stack has seen any of it ----
cat >"$WORK/burst.py" <<'PY'
import os, socket, struct, sys, time

os.sched_setaffinity(0, {0})
mac = bytes.fromhex(sys.argv[1])
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0800))
s.bind(("xe1", 0x0800))
s.settimeout(5)
ends = bytes([10, 99, 0, 77, 10, 99, 0, 1])	# nobody's address: no stack answers for it

def folded(b):
    n = sum(struct.unpack("!%dH" % (len(b) // 2), b))
    n = (n & 0xffff) + (n >> 16)
    return ~(n + (n >> 16)) & 0xffff

def frame(port, seq, ack, flags, data=b""):
    tcp = struct.pack("!HHIIBBHHHBBH", port, 81, seq, ack, 0x60, flags, 64240, 0, 0, 2, 4, 1460) + data
    tcp = tcp[:16] + struct.pack("!H", folded(ends + struct.pack("!HH", 6, len(tcp)) + tcp)) + tcp[18:]
    ip = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(tcp), 1, 0, 64, 6, 0)
    return mac + b"\x08\x00" + ip[:10] + struct.pack("!H", folded(ip + ends)) + ends + tcp

right = 0
for port in range(5000, 5020):
    s.send(frame(port, 1000, 0, 2))
    answer = b""
    while answer[34:38] != struct.pack("!HH", 81, port) or answer[47:48] != b"\x12":
        answer = s.recv(2000)
    ack = struct.unpack("!I", answer[38:42])[0] + 1
    for f in [frame(port, 1001, ack, 16)] + [frame(port, 1001 + 100 * i, ack, 24, b"%d" % i * 100) for i in range(5)]:
        s.send(f)
    # the server's words are ours: until all five are there
    end, have = time.monotonic() + 5, b""
    while len(have) < 500 and time.monotonic() < end:
        answer = s.recv(2000)
        if answer[34:38] == struct.pack("!HH", 81, port):
            at = struct.unpack("!I", answer[38:42])[0] - ack
            have = have[:at] + answer[54:14 + struct.unpack("!H", answer[16:18])[0]]
    right += have == b"0" * 100 + b"1" * 100 + b"2" * 100 + b"3" * 100 + b"4" * 100
print(right)
PY
# The server's neighbour is one for whom it need not ask.
ip -n "$NAME-a" neigh replace 10.99.0.77 lladdr "$(ip -n "$NAME-b" -o link show xe1 | sed 's/.*link.ether \([^ ]*\).*/\1/')" dev xe0
status "a program on xe1" 0 in_b "$XDPF" apply --quiet "$WORK/pass.xdpf" xe1
status "apply" 0 in_a "$XDPF" apply --quiet "$WORK/guard.o" xe0
# So that frames wait for each other: who takes them from the link runs when nobody else does, on the sender's CPU.
mkdir "$WORK/sys"
if nsenter --net="$A" unshare -m sh -c "mount -t sysfs sys $WORK/sys && echo 1 >$WORK/sys/class/net/xe0/threaded" 2>/dev/null; then
	for pid in $(pgrep "^napi/xe0-"); do
		taskset -pc 0 "$pid" >/dev/null && chrt -i -p 0 "$pid"
	done
else
	skip "frames that wait" "no threaded NAPI here"
fi
is "bursts: each was answered in full" "$(in_b timeout 120 /usr/bin/python3 "$WORK/burst.py" "$(mac a xe0)$(mac b xe1)")" 20
is "bursts: what was refused" "$(guard '(r["cookies"]["completed"], r["cookies"]["refused"])')" "(20, 0)"
is "bursts: the books balance" "$(stats 'j["balanced"]')" True
report
