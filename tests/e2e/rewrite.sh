#!/bin/bash
# Rewriting on a real link, native and generic: a client on one side talks through another address and port to a server that has never heard of
# them, with checksums that the stacks of both sides compute and verify; tags pushed and popped, as they are on the wire; and a mark that a program
# of tc finds.
. "$(dirname "$0")/lib.sh" "$@"
network
# Without this the ends of the pair take each other's word for checksums.
ok "checksums are computed" in_a ethtool -K xe0 tx off
ok "checksums are computed, too" in_b ethtool -K xe1 tx off
MAC_A=$(in_a cat /sys/class/net/xe0/address 2>/dev/null || ip -n "$NAME-a" -j link show xe0 | json 'j[0]["address"]')
ip -n "$NAME-b" neigh add 10.99.0.77 lladdr "$MAC_A" dev xe1
ip -n "$NAME-b" neigh add fd99::77 lladdr "$MAC_A" dev xe1

cat >"$WORK/there.xdpf" <<'END'
default pass;
four:  ip4.dst = 10.99.0.1, ip.ttl -= 1, l4.dport = 8080 if ip4.dst == 10.99.0.77 and l4.dport in { 80, 81 };
six:   ip6.dst = fd99::1, l4.dport = 8080, ip.dscp = af21 if ip6.dst == fd99::77 and l4.dport in { 80, 81 };
ping:  ip.dst = 10.99.0.1, icmp.seq = 7 if ip.dst == 10.99.0.77 and icmp;
ping6: ip.dst = fd99::1 if ip.dst == fd99::77 and icmp6.type == echo-request;
seen:  count seen per (ip.dst, l4.dport) if l4.dport == 8080;
END
cat >"$WORK/back.xdpf" <<'END'
default pass;
tcp4:  ip.src = 10.99.0.77, tcp.sport = 80 if ip.src == 10.99.0.1 and tcp.sport == 8080;
tcp6:  ip.src = fd99::77, tcp.sport = 80 if ip.src == fd99::1 and tcp.sport == 8080;
udp:   udp.sport = 81 if udp.sport == 8080;
four:  ip.src = 10.99.0.77 if ip.src == 10.99.0.1 and (icmp or udp);
six:   ip.src = fd99::77 if ip.src == fd99::1 and (icmp6.type == echo-reply or udp);
END
cat >"$WORK/wrong.xdpf" <<'END'
default pass;
wrong: tcp.checksum = 0x1234 if tcp;
END
cat >"$WORK/tags.xdpf" <<'END'
default drop;
push: vlan push 42, tx swap if udp.dport == 1;
two:  vlan push 9, vlan.pcp = 5, tx swap if udp.dport == 2;
pop:  vlan pop, pass if udp.dport in { 3, 5 };
set:  vlan.id = 100, vlan.inner.id = 101, tx swap if udp.dport == 4;
last: pass if udp.dport == 6;
END
for f in there back wrong tags; do
	compile "$WORK/$f.xdpf"
done
serve 8080
nsenter --net="$A" /usr/bin/python3 -c '
import socket
s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
s.bind(("::", 8080))
while True:
    data, who = s.recvfrom(9000)
    s.sendto(data[::-1], who)' &
JOBS+=($!)
cat >"$WORK/ask.py" <<'END'
import socket, sys
for host in sys.argv[1:]:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for size in (1, 2, 1001):
        s = socket.socket(family, socket.SOCK_DGRAM)
        s.settimeout(3)
        s.connect((host, 81))
        data = bytes(range(1, 250)) * 5
        s.send(data[:size])
        assert s.recv(9000) == data[:size][::-1], (host, size)
END
csum_errors() {	# of both sides
	local sum=0 n
	for side in in_a in_b; do
		n=$($side cat /proc/net/snmp /proc/net/snmp6 | /usr/bin/python3 -c 'import sys
lines = [l.split() for l in sys.stdin]
total = sum(int(v) for a, b in zip(lines, lines[1:]) if a[0] == b[0] for k, v in zip(a, b) if k == "InCsumErrors")
print(total + sum(int(l[1]) for l in lines if len(l) == 2 and l[0].endswith("InCsumErrors")))')
		sum=$((sum + n))
	done
	echo $sum
}

frame() {	# TYPES-AND-TAGS PORT
	printf '02aabbccdd0102aabbccdd02%s08004500002e%04x000040110000%s%s0fa0%04x001a0000%s' "$1" "$2" 0a630002 0a630001 "$2" \
		"$(printf '5a%.0s' $(seq 18))"
}
swapped() {	# FRAME
	echo "${1:12:12}${1:0:12}${1:24}"
}

# An end of a veth pair takes what XDP sends back from the other only where a program runs on itself.
printf 'default pass;\n' >"$WORK/peer.xdpf"
compile "$WORK/peer.xdpf"
ok "mark.bpf.c" clang-19 -O2 -g -target bpf -ffreestanding -I "$HERE/../../runtime" -I "/usr/include/$(uname -m)-linux-gnu" -c "$HERE/mark.bpf.c" -o "$WORK/seven.o"
for mode in native generic; do
	before=$(csum_errors)
	status "$mode: there" 0 in_a "$XDPF" apply --mode $mode "$WORK/there.o" xe0
	status "$mode: back" 0 in_b "$XDPF" apply --mode $mode "$WORK/back.o" xe1
	ok "$mode: TCP to an address that is not there" fetch http://10.99.0.77/back.xdpf
	ok "$mode: TCP, IPv6" fetch "http://[fd99::77]/back.xdpf"
	ok "$mode: UDP to addresses that are not there" in_b /usr/bin/python3 "$WORK/ask.py" 10.99.0.77 fd99::77
	# The reply has the sequence number that was written, so it is none of ours: but the checksum was right, or there were no reply at all.
	in_b ping -q -c 1 -W 2 10.99.0.77 >/dev/null 2>&1
	ok "$mode: ping, IPv6" ping_a fd99::77
	is "$mode: checksums that were wrong" "$(csum_errors)" "$before"
	is "$mode: rules saw what was written" "$(stats 'sorted(table("seen")) == ["10.99.0.1,http-alt", "fd99::1,http-alt"] or table("seen")')" True
	is "$mode: echo requests" "$(stats 'rule("ping")')" 1
	is "$mode: echo replies" "$(in_b "$XDPF" stats --json xe1 | json '[r["packets"] for r in j["files"][0]["rules"] if r["rule"] == "four"][0] > 3')" True
	# And that wrong ones would have been seen.
	status "$mode: wrong checksums" 0 in_a "$XDPF" apply --mode $mode "$WORK/wrong.o" xe0
	WAIT=1 not "$mode: TCP with wrong checksums" fetch http://10.99.0.1:8080/back.xdpf
	is "$mode: they are noticed" "$(($(csum_errors) > before))" 1

	# Tags.
	in_b "$XDPF" remove --quiet xe1
	status "$mode: the other end" 0 in_b "$XDPF" apply --mode native "$WORK/peer.o" xe1
	status "$mode: tags" 0 in_a "$XDPF" apply --mode $mode "$WORK/tags.o" xe0
	T=8100
	declare -A F=([push]=$(frame '' 1) [two]=$(frame ${T}2007 2) [pop]=$(frame ${T}0005 3) [pop2]=$(frame ${T}0005${T}0006 5)
		[set]=$(frame ${T}e001${T}2002 4) [last]=$(frame '' 6))
	args=()
	for f in push two pop pop2 set last; do
		args+=("$f=${F[$f]}")
	done
	OUT=$("$HERE/exchange.py" --tail 26 "$A:xe0" "$B:xe1" "${args[@]}" 2>&1)
	arrived() {	# NAME BACK IN
		is "$mode: $1" "$(grep "^$1 " <<<"$OUT" || echo "$OUT")" "$1 $2 $3"
	}
	arrived push "$(swapped "$(frame ${T}002a 1)")" -
	arrived two "$(swapped "$(frame ${T}a009${T}2007 2)")" -
	arrived pop - "$(frame '' 3)"
	arrived pop2 - "$(frame ${T}0006 5)"
	arrived set "$(swapped "$(frame ${T}e064${T}2065 4)")" -
	arrived last - "$(frame '' 6)"

	# A mark.
	for n in 7 8; do
		printf 'default pass;\nfirst: mark 5 if icmp;\nmark: mark %s if icmp;\n' $n >"$WORK/mark.xdpf"
		compile "$WORK/mark.xdpf"
		status "$mode: mark" 0 in_a "$XDPF" apply --mode $mode "$WORK/mark.o" xe0
		if [ $n = 7 ] && ! OUT=$(in_a tc qdisc add dev xe0 clsact 2>&1 && in_a tc filter add dev xe0 ingress bpf da obj "$WORK/seven.o" sec tc 2>&1); then
			skip "$mode: mark" "no program of tc can be attached: $(tail -1 <<<"$OUT")"
			break
		fi
		if [ $n = 7 ]; then
			WAIT=1 not "$mode: ping that is marked 7" ping_a 10.99.0.1
		else
			ok "$mode: ping that is marked 8" ping_a 10.99.0.1
		fi
		is "$mode: marks that found no room" "$(in_a "$XDPF" stats --json xe0 | json 'sum(m["absent"] for m in j["misses"])')" 0
	done
	in_a tc qdisc del dev xe0 clsact 2>/dev/null
	in_a "$XDPF" remove --quiet xe0
	in_b "$XDPF" remove --quiet xe1
done
report
