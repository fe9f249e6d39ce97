# A filter on a link: native mode, replaced, read, removed; pings pass it, or not, as it says. Sourced by init.sh, in whose network namespaces va and
# vb lie.
check "apply: drops answers to pings" xdpf apply /objects/link-drop.o va
check "no ping" fails ping -c 2 -W 1 10.9.8.2
check "status" sh -c 'xdpf status va | grep -q native'
check "stats count" sh -c 'xdpf stats va | grep -E "echo +drop +[1-9]"'
check "apply: another" xdpf apply /objects/link-pass.o va
check "ping again" ping -c 2 -W 3 10.9.8.2
# One that waits for confirmation, and goes by itself.
check "to be confirmed" xdpf apply --confirm 600s /objects/link-drop.o va
check "no ping by it" fails ping -c 2 -W 1 10.9.8.2
check "it waits" sh -c 'xdpf status va | grep -q "waits.*xdpf confirm va"'
check "rollback" xdpf rollback va
check "ping behind that" ping -c 2 -W 3 10.9.8.2
check "confirmed by nobody" xdpf apply --confirm 1s /objects/link-drop.o va
sleep 2
check "ping by itself" ping -c 2 -W 3 10.9.8.2
check "whoever comes is told" sh -c 'xdpf status va 2>&1 | grep -q "nobody confirmed its new filter in time"'
check "to be confirmed again" xdpf apply --confirm 600s /objects/link-drop.o va
check "confirmed" xdpf confirm va
check "for good" fails ping -c 2 -W 1 10.9.8.2
check "back to the one before" xdpf rollback va
check "ping again, behind that" ping -c 2 -W 3 10.9.8.2
check "the verifier refuses, and says where" sh -c '! xdpf apply /objects/link-unsound.o va 2>/tmp/err &&
	grep -q "link-unsound.xdpf:2: the kernel.s verifier stopped at rule telnet: " /tmp/err'
check "remove" xdpf remove va
check "ping after" ping -c 2 -W 3 10.9.8.2
check "many rules" xdpf apply /objects/many-a.o va
check "many rules: no ping" fails ping -c 2 -W 1 10.9.8.2
check "many rules: stats count" sh -c 'xdpf stats va | grep -E "one +drop +[1-9]"'
check "many rules: exchange" sh -c 'xdpf apply /objects/many-b.o va 2>&1 | grep "tables exchanged"'
check "many rules: a new one's counter" sh -c 'xdpf stats va | grep -E "two +drop +0 "'
check "many rules: ping" ping -c 2 -W 3 10.9.8.2
check "many rules: remove" xdpf remove va
# One version of a file, then another.
check "a version" xdpf apply /objects/carry-a.o va
check "it passes" ping -c 2 -W 3 10.9.8.2
check "another version" sh -c 'xdpf apply /objects/carry-b.o va 2>/tmp/err && ! grep -E "not carried|without being counted" /tmp/err'
check "its counters go on" sh -c 'xdpf stats va | grep -E "echo +drop +2 "'
check "elements of the set" sh -c 'xdpf set show va s | grep 10.9.8.2'
check "none passes" fails ping -c 2 -W 1 10.9.8.2
check "tokens of the limit" sh -c 'xdpf stats va | grep "limit l.*3 packets within, 1 over"'
check "counted behind them" sh -c 'xdpf stats va | grep -E "echo +drop +4 " && xdpf stats va --json | grep "\"balanced\": true"'
check "remove it again" xdpf remove va
check "foreign loader" $ip link set dev va xdp obj /objects/link-drop.o sec xdp
check "no ping by it" fails ping -c 2 -W 1 10.9.8.2
check "foreign removal" $ip link set dev va xdp off
# The kernel's connection tracking: a module here.
check "flow.state without it" sh -c '! xdpf apply /objects/link-flow.o va 2>/tmp/err && grep -q "flow.state.*connection tracking" /tmp/err && grep -q "modprobe nf_conntrack" /tmp/err'
check "nothing was applied" sh -c 'xdpf status va | grep -q "no XDP program"'
for module in /tracking/*.ko; do
	insmod "$module" || echo "@@ link failed insmod $module"
done
check "flow.state with it" xdpf apply /objects/link-flow.o va
$ip netns exec peer nslookup debian.org 10.9.8.1 >/dev/null 2>&1
check "what nobody tracks is new" sh -c 'xdpf stats va | grep -E "new +drop +[1-9]"'
check "remove it" xdpf remove va
# What the driver says: veth has it from Linux 6.3 on, and 6.1 has no way to ask.
case $(uname -r) in
6.1.*)
	check "rx.hash is refused" sh -c '! xdpf apply /objects/link-rx.o va 2>/tmp/err && grep -q "rx.hash.*needs Linux 6.3" /tmp/err'
	;;
*)
	check "rx.hash" xdpf apply /objects/link-rx.o va
	check "rx.hash: ping" ping -c 2 -W 3 10.9.8.2
	check "rx.hash is there" sh -c 'xdpf stats va | grep -E "hash +- +[1-9]"'
	check "rx.hash: replaced by one that does not ask" xdpf apply /objects/link-pass.o va
	check "rx.hash: and back" xdpf apply /objects/link-rx.o va
	check "rx.hash: remove" xdpf remove va
	;;
esac

# SYN cookies, both ways that they take through the kernel: made and checked by this one, and taken by its sockets.
$ip addr add fd98::1/64 dev va nodad
$ip netns exec peer $ip addr add fd98::2/64 dev vb nodad
echo something >/tmp/page
httpd -p '[::]:80' -h /tmp
in_peer() { nsenter --net=/run/netns/peer "$@"; }
fetch() {	# not by wget, which asks for the port by name, and falls over without a file of names
	printf 'GET /page HTTP/1.0\r\n\r\n' | in_peer nc -w 5 "$1" 80 >/tmp/got
	grep -q '^something' /tmp/got
}
echo 1 >/proc/sys/net/ipv4/tcp_syncookies
check "syncookie: refused without its setting" sh -c 'xdpf apply /objects/link-cookie.o va 2>&1 | grep -q tcp_syncookies=2'
echo 2 >/proc/sys/net/ipv4/tcp_syncookies
check "the other end takes frames" in_peer xdpf apply /objects/link-pass.o vb
check "syncookie: apply" xdpf apply /objects/link-cookie.o va
check "syncookie: IPv4" fetch 10.9.8.1
check "syncookie: IPv6" fetch fd98::1
check "syncookie: counted" sh -c 'xdpf stats va | grep -q "2 SYNs answered, 0 not; 2 connections completed, 0 packets refused"'
