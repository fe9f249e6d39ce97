#!/bin/bash
# Inside tunnels, native and generic: what the kernel's own tunnel devices send between two namespaces is counted, limited and dropped by what is in
# it, and rewritten so that the stacks of both ends, which compute and verify every checksum, inside and outside, take it for what was sent.
. "$(dirname "$0")/lib.sh" "$@"
network
ok "checksums are computed" in_a ethtool -K xe0 tx off
ok "checksums are computed, too" in_b ethtool -K xe1 tx off
cat >"$WORK/there.xdpf" <<'EOF'
set banned : ip live timeout 1m;
default pass;
kinds:  count kinds per (ip.version, ip.proto, inner.ip.proto);
nat:    inner.tcp.dport = 8080, inner.ip.dscp = af21 if inner.tcp.dport == 80;
moved:  inner.ip.dst = fd77::1 if inner.ip.dst == fd77::9;
moved4: inner.ip.dst = 10.77.0.1 if inner.ip.dst == 10.77.0.9;
closed: drop if inner.tcp.dport == 81;
banned: drop if inner.ip.src in banned;
ban:    add inner.ip.src to banned, drop if inner.udp.dport == 9;
pings:  drop if (inner.icmp.type == echo-request or inner.icmp6.type == echo-request) over 1/h burst 2 per (ip.src, inner.ip.src/24/64);
EOF
cat >"$WORK/back.xdpf" <<'EOF'
default pass;
nat:    inner.tcp.sport = 80 if inner.tcp.sport == 8080;
moved:  inner.ip.src = fd77::9 if inner.icmp6.type == echo-reply;
moved4: inner.ip.src = 10.77.0.9 if inner.icmp.type == echo-reply;
EOF
LACKING=
compile "$WORK/there.xdpf"
compile "$WORK/back.xdpf"
serve 8080

# The device t0 at both ends, with addresses of both families where it takes them. KIND LOCAL REMOTE
tunnel() {
	local kind=$1 a=$2 b=$3 here there
	case $kind in
	vxlan)	here="vxlan id 7 dstport 4789 local $a remote $b udpcsum" there="vxlan id 7 dstport 4789 local $b remote $a udpcsum" ;;
	geneve)	here="geneve id 7 remote $b udpcsum" there="geneve id 7 remote $a udpcsum" ;;
	gretap)	here="gretap local $a remote $b csum" there="gretap local $b remote $a csum" ;;
	*)	here="$kind local $a remote $b" there="$kind local $b remote $a" ;;
	esac
	# shellcheck disable=SC2086
	ip -n "$NAME-a" link add t0 type $here 2>"$WORK/why" && ip -n "$NAME-b" link add t0 type $there 2>"$WORK/why" || return 1
	local end host
	for end in a:1 b:2; do
		host=${end#*:}
		in_"${end%:*}" ethtool -K t0 tx off tso off gso off >/dev/null 2>&1
		[ "$kind" = sit ] || ip -n "$NAME-${end%:*}" addr add 10.77.0."$host"/24 dev t0
		[ "$kind" = ipip ] || ip -n "$NAME-${end%:*}" addr add fd77::"$host"/64 dev t0 nodad
		# What is split outside of the tunnel is no whole packet inside.
		ip -n "$NAME-${end%:*}" link set t0 up mtu 1400
	done
	MAC_T=$(ip -n "$NAME-a" -j link show t0 | json 'j[0]["address"]')
	[ "${#MAC_T}" -eq 17 ] || return 0
	[ "$kind" = sit ] || ip -n "$NAME-b" neigh replace 10.77.0.9 lladdr "$MAC_T" dev t0
	ip -n "$NAME-b" neigh replace fd77::9 lladdr "$MAC_T" dev t0
}

no_tunnel() {
	ip -n "$NAME-a" link del t0
	ip -n "$NAME-b" link del t0
} 2>/dev/null

# What goes through it: to the addresses of the other end. NAME VERSION-OUTSIDE PROTOCOL-OUTSIDE TARGET MOVED-TARGET PING-KEY
through() {
	local name=$1 outer=$2 proto=$3 to=$4 moved=$5 icmp=$6 url
	url=$to
	[[ $to = *:* ]] && url="[$to]"
	status "$name: there" 0 in_a "$XDPF" apply --quiet --afresh --mode "$mode" "$WORK/there.o" xe0
	status "$name: back" 0 in_b "$XDPF" apply --quiet --afresh --mode "$mode" "$WORK/back.o" xe1
	ok "$name: a page from another port" fetch "http://$url/there.o"
	ok "$name: a ping to an address that is not there" ping_a "$moved"
	is "$name: it is counted by what is inside" "$(stats "{'$outer,$proto,$icmp', '$outer,$proto,tcp'} <= set(table('kinds'))")" True
	ok "$name: the second ping" ping_a "$moved"
	not "$name: the third is beyond the limit" ping_a "$moved"
	not "$name: a port that is closed inside" fetch "http://$url:81/"
	in_b /usr/bin/python3 -c 'import socket, sys
s = socket.socket(socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET, socket.SOCK_DGRAM)
s.sendto(b"x", (sys.argv[1], 9))' "$to"
	not "$name: who asked for that is banned" fetch "http://$url/"
	is "$name: rules" "$(stats '[rule(r) > 0 for r in ("nat", "closed", "banned", "ban")] + [rule("pings")]')" "[True, True, True, True, 1]"
}

mode=native
for kind in vxlan geneve gretap ipip sit; do
	case $kind in
	vxlan | geneve)	proto=udp ;;
	gretap)		proto=gre ;;
	ipip)		proto=ipip ;;
	sit)		proto=ipv6 ;;
	esac
	if tunnel $kind 10.99.0.1 10.99.0.2; then
		[ $kind = sit ] || through "$mode, $kind, IPv4 inside" 4 $proto 10.77.0.1 10.77.0.9 icmp
		[ $kind = ipip ] || through "$mode, $kind, IPv6 inside" 4 $proto fd77::1 fd77::9 icmp6
	elif [ $kind = vxlan ]; then
		fail "$kind" "no device: $(tail -1 "$WORK/why")"
	else
		LACKING+=" $kind"
	fi
	no_tunnel
done
# Over IPv6 the checksum outside is never left out.
tunnel vxlan fd99::1 fd99::2 || fail "VXLAN over IPv6" "$(tail -1 "$WORK/why")"
through "$mode, VXLAN over IPv6" 6 udp 10.77.0.1 10.77.0.9 icmp
in_a "$XDPF" remove --quiet xe0
in_b "$XDPF" remove --quiet xe1
mode=generic
through "$mode, VXLAN over IPv6" 6 udp fd77::1 fd77::9 icmp6
no_tunnel
in_b "$XDPF" remove --quiet xe1
[ -z "$LACKING" ] || skip "tunnels of other kinds" "this kernel has no devices for$LACKING"
report
