# Inside tunnels: what the kernel's own tunnel devices send between two namespaces is counted, limited, rewritten and dropped by what is in it. The
# stacks of both ends verify every checksum, inside and outside. Sourced by init.sh, in whose network namespaces va and vb lie.
peer() { nsenter --net=/run/netns/peer "$@"; }
modules() {	# those of /tunnel/LIST, in its order; what another one has loaded is there
	while read -r module; do
		insmod "/tunnel/$module" 2>/tmp/err || grep -q "File exists" /tmp/err || return 1
	done <"/tunnel/$1"
}
get() {	# ADDRESS PORT
	printf 'GET /page HTTP/1.0\r\n\r\n' | peer nc -w 3 "$1" "$2" >/tmp/got
	grep -q '^inside' /tmp/got
}
counted() { xdpf stats va --json | tr -d ' \n' | grep -qF "$1"; }
device() {	# KIND: t0 at both ends
	case $1 in
	vxlan)	more="id 7 dstport 4789 udpcsum" ;;
	geneve)	more="id 7 udpcsum" ;;
	gretap)	more=csum ;;
	*)	more= ;;
	esac
	here="local 10.9.8.1 remote 10.9.8.2" there="local 10.9.8.2 remote 10.9.8.1"
	[ "$1" != geneve ] || here="remote 10.9.8.2" there="remote 10.9.8.1"	# it has no address of its own
	# shellcheck disable=SC2086
	$ip link add t0 type "$1" $here $more && peer $ip link add t0 type "$1" $there $more || return 1
	for at in "" peer; do
		host=${at:+2}
		$at ethtool -K t0 tx off tso off gso off >/dev/null 2>&1
		[ "$1" = sit ] || $at $ip addr add "10.77.0.${host:-1}/24" dev t0
		[ "$1" = ipip ] || $at $ip addr add "fd77::${host:-1}/64" dev t0 nodad
		$at $ip link set t0 up mtu 1400	# what is split outside of the tunnel is no whole packet inside
	done
	mac=$($ip -o link show t0 | sed -n 's/.*link.ether \([0-9a-f:]*\).*/\1/p')
	[ -n "$mac" ] || return 0
	peer $ip neigh replace 10.77.0.9 lladdr "$mac" dev t0
	peer $ip neigh replace fd77::9 lladdr "$mac" dev t0
}
through() {	# NAME PROTOCOL-OUTSIDE TARGET MOVED-TARGET PING
	check "$1: there" xdpf apply --quiet --afresh /objects/tunnel-there.o va
	check "$1: back" peer xdpf apply --quiet --afresh /objects/tunnel-back.o vb
	check "$1: a page from another port" get "$3" 80
	check "$1: a ping to an address that is not there" peer ping -c 1 -W 3 "$4"
	check "$1: counted, TCP inside" counted "\"ip.version\":\"4\",\"ip.proto\":\"$2\",\"inner.ip.proto\":\"tcp\""
	check "$1: counted, pings inside" counted "\"ip.version\":\"4\",\"ip.proto\":\"$2\",\"inner.ip.proto\":\"$5\""
	check "$1: the second ping" peer ping -c 1 -W 3 "$4"
	check "$1: the third is beyond the limit" fails peer ping -c 1 -W 1 "$4"
	check "$1: a port that is closed inside" fails get "$3" 81
	peer timeout 1 tftp -g -r x -l /tmp/x "$3" 9 >/dev/null 2>&1
	check "$1: who asked for that is banned" fails get "$3" 80
	for rule in nat closed banned ban pings; do
		check "$1: rule $rule" sh -c "xdpf stats va | grep -E '^ *$rule .* [1-9]'"
	done
}
xdpf remove va >/dev/null 2>&1
echo inside >/tmp/page
httpd -p '[::]:8080' -h /tmp
ethtool -K va tx off >/dev/null
peer ethtool -K vb tx off >/dev/null
for kind in vxlan geneve gretap ipip sit; do
	case $kind in
	vxlan | geneve)	proto=udp ;;
	gretap)		proto=gre ;;
	ipip)		proto=ipip ;;
	sit)		proto=ipv6 ;;
	esac
	if [ ! -e /tunnel/$kind ]; then
		echo "@@ skipped tunnel $kind: this kernel has no module for it"
		continue
	fi
	check "tunnel $kind: modules" modules $kind
	check "tunnel $kind: devices" device $kind
	[ $kind = sit ] || through "tunnel $kind, IPv4 inside" $proto 10.77.0.1 10.77.0.9 icmp
	[ $kind = ipip ] || through "tunnel $kind, IPv6 inside" $proto fd77::1 fd77::9 icmp6
	$ip link del t0
	peer $ip link del t0
done
xdpf remove --quiet va
peer xdpf remove --quiet vb
