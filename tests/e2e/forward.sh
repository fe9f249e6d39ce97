#!/bin/bash
# `forward` through a namespace that routes, native and generic: IPv4 and IPv6, both directions by the filter alone once the neighbours are known;
# what a router has more to do about goes to the stack and is answered by it. B is xe1-xe0 A xo1-xp1 C.
. "$(dirname "$0")/lib.sh" "$@"
C=/run/netns/$NAME-c
in_c() { nsenter --net="$C" "$@"; }
cleanup() {
	in_a "$XDPF" remove --quiet xo1
	ip -n "$NAME-a" link del xo1
	ip netns del "$NAME-c"
	finish
} 2>/dev/null
trap cleanup EXIT
network
ip netns add "$NAME-c"
ip -n "$NAME-a" link add xo1 type veth peer name xp1 netns "$NAME-c"
for at in a:xo1:1 c:xp1:2; do
	IFS=: read -r ns dev n <<<"$at"
	ip -n "$NAME-$ns" link set "$dev" up
	ip -n "$NAME-$ns" addr add "10.98.0.$n/24" dev "$dev"
	ip -n "$NAME-$ns" addr add "fd98::$n/64" dev "$dev" nodad
done
ip -n "$NAME-b" route add 10.98.0.0/24 via 10.99.0.1
ip -n "$NAME-b" -6 route add fd98::/64 via fd99::1
ip -n "$NAME-c" route add 10.99.0.0/24 via 10.98.0.1
ip -n "$NAME-c" -6 route add fd99::/64 via fd98::1
route() {	# 0|1
	in_a /usr/bin/python3 -c 'import sys
for f in ("ipv4/ip_forward", "ipv6/conf/all/forwarding"):
    open("/proc/sys/net/" + f, "w").write(sys.argv[1])' "$1"
}
route 1
# What one end of a veth pair leaves to be summed up later, nobody sums up behind XDP.
for at in b:xe1 c:xp1; do
	if ! nsenter --net="/run/netns/$NAME-${at%:*}" ethtool -K "${at#*:}" tx off >/dev/null 2>&1; then
		skip forward "ethtool cannot turn checksums off"
		report
	fi
done
echo "hello" >"$WORK/index.html"
nsenter --net="$C" /usr/bin/python3 -m http.server --bind :: 80 --directory "$WORK" >/dev/null 2>&1 &
JOBS+=($!)
for _ in $(seq 50); do
	in_c /usr/bin/python3 -c "import socket; socket.create_connection(('127.0.0.1', 80), 1)" 2>/dev/null && break
	sleep 0.1
done
printf 'default pass;\nroute: forward if ip.dst in { 10.99.0.2, 10.98.0.2, 10.98.0.77, fd99::2, fd98::2 };\n' >"$WORK/router.xdpf"
printf 'default pass;\nroute: forward else drop if ip.dst in { 10.99.0.2, 10.98.0.2, fd99::2, fd98::2 };\n' >"$WORK/strict.xdpf"
printf 'default pass;\n' >"$WORK/pass.xdpf"
compile "$WORK/router.xdpf"
compile "$WORK/strict.xdpf"

across() { in_b ping -q -c 1 -W "${WAIT:-5}" "$@"; }
counts() {	# IFACE: [forwarded, else]
	in_a "$XDPF" stats --json "$1" | json '[j["files"][0]["rules"][0]["packets"] - j["files"][0]["rules"][0]["else"]["packets"], j["files"][0]["rules"][0]["else"]["packets"]]'
}
for mode in native generic; do
	if [ $mode = native ]; then
		status "a program on xe1" 0 in_b "$XDPF" apply --quiet "$WORK/pass.xdpf" xe1
		status "a program on xp1" 0 in_c "$XDPF" apply --quiet "$WORK/pass.xdpf" xp1
	fi
	for ns in a b c; do
		ip -n "$NAME-$ns" neigh flush all
		ip -n "$NAME-$ns" -6 neigh flush all
	done
	status "$mode: apply" 0 in_a "$XDPF" apply --mode $mode "$WORK/router.o" xe0 xo1
	# The first packets find no neighbour, and the stack looks for it.
	ok "$mode: ping, neighbours unknown" across 10.98.0.2
	ok "$mode: ping6, neighbours unknown" across fd98::2
	status "$mode: apply anew" 0 in_a "$XDPF" apply --mode $mode "$WORK/strict.o" xe0 xo1
	# From here on the stack sees none of it.
	ok "$mode: ping" across 10.98.0.2
	ok "$mode: ping6" across fd98::2
	ok "$mode: ping, 1400 bytes" across -s 1400 10.98.0.2
	ok "$mode: curl" fetch http://10.98.0.2/index.html
	ok "$mode: curl over IPv6" fetch "http://[fd98::2]/index.html"
	is "$mode: the filter did it, one way" "$(counts xe0 | json 'j[0] > 10 and j[1] == 0')" True
	is "$mode: and the other" "$(counts xo1 | json 'j[0] > 10 and j[1] == 0')" True
	is "$mode: the books balance" "$(stats 'j["balanced"]')" True
	is "$mode: counted as redirect" "$(stats 'verdict("redirect") == rule("route")')" True
	OUT=$(across -v 10.98.0.2 2>&1; in_b ping -c 1 -W 5 10.98.0.2)
	says "$mode: one hop" "ttl=63"
	OUT=$(in_b ping -c 1 -W 5 fd98::2)
	says "$mode: one hop, IPv6" "ttl=63"

	# A TTL that ends here, a frame too large for the next link: the stack's, which answers.
	status "$mode: apply with else pass" 0 in_a "$XDPF" apply --mode $mode "$WORK/router.o" xe0 xo1
	OUT=$(in_b ping -c 1 -W 5 -t 1 10.98.0.2 2>&1)
	says "$mode: TTL ends" "Time to live exceeded"
	OUT=$(in_b ping -c 1 -W 5 -t 1 fd98::2 2>&1)
	says "$mode: hop limit ends" "Hop limit|Time exceeded"
	is "$mode: the stack had them" "$(counts xe0)" "[0, 2]"
	ip -n "$NAME-a" link set xo1 mtu 1300
	OUT=$(in_b ping -c 1 -W 5 -M do -s 1400 10.98.0.2 2>&1)
	says "$mode: too large" "Frag needed|message too long, mtu|mtu = 1300|mtu=1300"
	is "$mode: the stack had it" "$(counts xe0)" "[0, 3]"
	in_b ip route flush cache
	ip -n "$NAME-a" link set xo1 mtu 1500
	ip -n "$NAME-b" route flush cache
	# No neighbour, and none to be found; no route at all.
	WAIT=0.3 across 10.98.0.77 >/dev/null 2>&1
	is "$mode: no neighbour" "$(counts xe0)" "[0, 4]"
	route 0
	WAIT=0.3 across 10.98.0.2 >/dev/null 2>&1
	is "$mode: routing is off" "$(counts xe0)" "[0, 5]"
	route 1
	status "$mode: remove" 0 in_a "$XDPF" remove xe0
	status "$mode: remove" 0 in_a "$XDPF" remove xo1
	[ $mode = native ] && in_b "$XDPF" remove --quiet xe1 && in_c "$XDPF" remove --quiet xp1
done
report
