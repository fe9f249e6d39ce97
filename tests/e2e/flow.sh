#!/bin/bash
# `flow.state` on live traffic, native and generic, IPv4 and IPv6: what begins a connection is new, what belongs to one that was answered is established
# from its first answer on, a connection that another one announced is related. A packet of each is counted by the rule that names its state.
. "$(dirname "$0")/lib.sh" "$@"
if ! command -v nft >/dev/null; then
	skip flow "nft is not installed: nothing here makes the kernel track connections"
	report
fi
network
cat >"$WORK/flow.xdpf" <<'RULES'
default drop;
link:        pass if arp or icmp6 or icmp;
established: pass if flow.state == established;
related:     pass if flow.state == related;
open:        pass if flow.state == new and (tcp.dport in { 80, 82 } or udp.dport in { 5300, 5999 });
new:         drop if flow.state == new;
RULES
compile "$WORK/flow.xdpf"
serve 80
cat >"$WORK/udp.py" <<'PY'
# ROLE ADDRESS PORT [N [SECONDS|SOURCE]]: `echo` answers every datagram on both families of a port; `ask` sends N from one socket, each after the answer to the
# one before; `send` sends N from port
# SOURCE without waiting.
import select, socket, sys
role, address, port = sys.argv[1], sys.argv[2], int(sys.argv[3])
if role == "echo":
    s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    s.bind(("::", port))
    print("ready", flush=True)
    while True:
        data, who = s.recvfrom(100)
        s.sendto(data, who)
s = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
if role == "send":
    s.bind(("", int(sys.argv[5])))
else:
    s.settimeout(float(sys.argv[5]))
for i in range(int(sys.argv[4])):
    s.sendto(b"%d" % i, (address, port))
    if role == "ask" and s.recv(100) != b"%d" % i:
        sys.exit(1)
PY
echo_in() {	# NAMESPACE PORT
	: >"$WORK/ready"
	nsenter --net="$1" /usr/bin/python3 "$WORK/udp.py" echo :: "$2" >"$WORK/ready" 2>&1 &
	JOBS+=($!)
	for _ in $(seq 50); do
		grep -q ready "$WORK/ready" && return
		sleep 0.1
	done
	fail "echo on port $2" "it does not start"
}
ask() { in_b /usr/bin/python3 "$WORK/udp.py" ask "$1" "$2" "${3:-1}" "${WAIT:-5}"; }
send() { in_b /usr/bin/python3 "$WORK/udp.py" send "$1" "$2" "$3" "$4"; }
# The filtered machine is the one that asks.
ask_out() { in_a /usr/bin/python3 "$WORK/udp.py" ask "$1" "$2" "${3:-1}" "${WAIT:-5}"; }
fetch_out() { in_a curl -g -s -o /dev/null -m "${WAIT:-5}" "$1"; }
counts() { stats '(rule("open"), rule("established"), rule("related"), rule("new"))'; }

echo_in "$A" 5300
echo_in "$B" 5301
nsenter --net="$B" /usr/bin/python3 -m http.server --bind :: 81 --directory "$WORK" >/dev/null 2>&1 &
JOBS+=($!)
nsenter --net="$B" /usr/bin/python3 -m http.server --bind :: 84 --directory "$WORK" >/dev/null 2>&1 &
JOBS+=($!)
for _ in $(seq 50); do
	fetch_out http://10.99.0.2:81/ && fetch_out http://10.99.0.2:84/ && break
	sleep 0.1
done

# Where nothing makes the kernel track connections every packet begins one.
status "apply, untracked" 0 in_a "$XDPF" apply --afresh --quiet "$WORK/flow.o" xe0
ok "untracked: two datagrams are answered" ask 10.99.0.1 5300 2
is "untracked: both are new" "$(counts)" "(2, 0, 0, 0)"
not "untracked: an answer is new, too" ask_out 10.99.0.2 5301
is "untracked: it is dropped" "$(stats 'rule("new")')" 1
status "remove, untracked" 0 in_a "$XDPF" remove --quiet xe0

# Tracking; and a connection from here to port 84 announces one from there to UDP port 5999, as FTP's do.
cat >"$WORK/track.nft" <<'NFT'
table inet track {
	ct expectation announce4 { protocol udp; dport 5999; timeout 30s; size 8; l3proto ip; }
	ct expectation announce6 { protocol udp; dport 5999; timeout 30s; size 8; l3proto ip6; }
	chain in {
		type filter hook prerouting priority 0;
		ct state new accept
	}
	chain out {
		type filter hook output priority 0;
		ct state new tcp dport 84 meta nfproto ipv4 ct expectation set "announce4"
		ct state new tcp dport 84 meta nfproto ipv6 ct expectation set "announce6"
	}
}
NFT
OUT=$(in_a nft -f "$WORK/track.nft" 2>&1)
if [ $? -ne 0 ]; then
	skip "tracked connections" "the kernel refuses what tracks them: $(head -1 <<<"$OUT")"
	report
fi

for mode in native generic; do
	source=6000
	[ $mode = generic ] && source=6001
	for family in 4 6; do
		here=10.99.0.1 there=10.99.0.2 url_here=http://10.99.0.1 url_there=http://10.99.0.2
		[ $family = 6 ] && here=fd99::1 there=fd99::2 url_here='http://[fd99::1]' url_there='http://[fd99::2]'
		case="$mode, IPv$family"
		status "apply, $case" 0 in_a "$XDPF" apply --afresh --quiet --mode $mode "$WORK/flow.o" xe0
		ok "$case: TCP to here" fetch "$url_here/"
		is "$case: one packet began it, nothing was dropped" "$(stats '(rule("open"), rule("new"), rule("related"))')" "(1, 0, 0)"
		is "$case: the others are of an established one" "$(stats 'rule("established") > 2')" True
		status "apply, $case" 0 in_a "$XDPF" apply --afresh --quiet --mode $mode "$WORK/flow.o" xe0
		ok "$case: TCP from here" fetch_out "$url_there:81/"
		is "$case: all that came back is established, the first answer too" "$(stats '(rule("open"), rule("new"), rule("established") > 2)')" \
			"(0, 0, True)"
		status "apply, $case" 0 in_a "$XDPF" apply --afresh --quiet --mode $mode "$WORK/flow.o" xe0
		ok "$case: three datagrams to here" ask $here 5300 3
		is "$case: the first is new, the others are not" "$(counts)" "(1, 2, 0, 0)"
		ok "$case: three datagrams from here" ask_out $there 5301 3
		is "$case: their answers are established" "$(counts)" "(1, 5, 0, 0)"
		not "$case: TCP to a port that is not open" fetch "$url_here:83/"
		not "$case: UDP to one" ask $here 5302
		is "$case: these were new" "$(stats 'rule("new") >= 2')" True
		# The announced one: its entry is there once its first packet was seen, and unanswered until somebody answers.
		status "apply, $case" 0 in_a "$XDPF" apply --afresh --quiet --mode $mode "$WORK/flow.o" xe0
		ok "$case: a connection that announces another" fetch_out "$url_there:84/"
		is "$case: it is established" "$(stats '(rule("open"), rule("new"), rule("related"))')" "(0, 0, 0)"
		send $here 5999 1 $source
		is "$case: the first packet of what was announced has no entry yet" "$(stats '(rule("open"), rule("related"))')" "(1, 0)"
		send $here 5999 2 $source
		is "$case: those behind it are related" "$(stats '(rule("open"), rule("new"), rule("related"))')" "(1, 0, 2)"
		before=$(stats 'rule("established")')
		in_a /usr/bin/python3 "$WORK/udp.py" send $there $source 1 5999
		send $here 5999 1 $source
		is "$case: answered, it is established" "$(stats "(rule('related'), rule('established') - $before)")" "(2, 1)"
		status "remove, $case" 0 in_a "$XDPF" remove --quiet xe0
	done
done

# Nobody answers, and nothing announced it: new, every time; each look-up gives its entry back, or the namespace could not end.
status "apply" 0 in_a "$XDPF" apply --afresh --quiet "$WORK/flow.o" xe0
udp 82 8 1
udp 5998 8 5000
is "5000 packets that nobody answers" "$(stats 'rule("new")')" 5001

# Under other loaders nobody says where this kernel keeps the status: it is absent.
status "remove" 0 in_a "$XDPF" remove --quiet xe0
printf 'default pass;\nany: drop if flow.state in { new, established, related };\n' >"$WORK/any.xdpf"
compile "$WORK/any.xdpf"
status "ip link" 0 in_a ip link set dev xe0 xdp obj "$WORK/any.o" sec xdp
ok "ip link: it is absent" fetch http://10.99.0.1/
in_a ip link set dev xe0 xdp off
report
