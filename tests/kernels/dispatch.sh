# Beside other programs, by libxdp's dispatcher: sourced by init.sh, in whose network namespaces va and vb lie. What joins, in which order it runs,
# and that nothing of anybody else's goes.
if [ ! -x "$(command -v xdp-loader)" ]; then
	echo "@@ skipped dispatcher: xdp-loader is not installed where this was packed"
else
	xdpf remove va >/dev/null 2>&1
	reset() { xdp-loader unload -a va >/dev/null 2>&1; }
	order() { xdpf status --json va | grep -E '"(hook|program|priority|ours)"' | tr -d ' ",\n'; }
	check "dispatcher: it can run" sh -c 'xdpf doctor va --json | grep -q "\"dispatcher\": true"'
	check "dispatcher: our objects under xdp-loader" xdp-loader load -m native -s xdp va /objects/link-drop.o
	check "dispatcher: no ping by it" fails ping -c 2 -W 1 10.9.8.2
	check "dispatcher: apply is refused" sh -c '! xdpf apply /objects/link-pass.o va 2>/tmp/err && grep -q "dispatcher.*stays; .--dispatch" /tmp/err'
	check "dispatcher: remove is refused" sh -c '! xdpf remove va 2>/tmp/err && grep -q "nothing of ours" /tmp/err'
	check "dispatcher: join" xdpf apply --dispatch --priority 10 /objects/link-seen.o va
	check "dispatcher: theirs still drops" fails ping -c 2 -W 1 10.9.8.2
	check "dispatcher: ours counts first" sh -c 'xdpf stats va | grep -E "seen +- +[1-9]"'
	check "dispatcher: status" sh -c 'xdpf status va | grep -q "part  *of libxdp.s dispatcher"'
	order >/tmp/order
	check "dispatcher: ours stands first" grep -q 'dispatchedprogram:link_seenours:truepriority:10.*dispatchedprogram:link_dropours:falsepriority:50' /tmp/order
	check "dispatcher: its program again" xdpf apply --dispatch --priority 60 /objects/link-pass.o va
	order >/tmp/order
	check "dispatcher: stands last now" grep -q 'dispatchedprogram:link_dropours:falsepriority:50hook:dispatchedprogram:link_passours:truepriority:60' /tmp/order
	check "dispatcher: no third" fails grep -q link_seen /tmp/order
	check "dispatcher: remove ours" xdpf remove va
	check "dispatcher: theirs drops alone" fails ping -c 2 -W 1 10.9.8.2
	check "dispatcher: nothing of ours" sh -c '! xdpf stats va'
	reset
	check "dispatcher: all gone, ping" ping -c 2 -W 3 10.9.8.2
	# First, and alone; then somebody joins, and leaves.
	check "dispatcher: ours first" xdpf apply --dispatch /objects/link-drop.o va
	check "dispatcher: it drops" fails ping -c 2 -W 1 10.9.8.2
	check "dispatcher: theirs joins" xdp-loader load -m native -s xdp va /objects/link-seen.o
	check "dispatcher: ours is still ours" sh -c 'xdpf stats va | grep -E "echo +drop +[1-9]"'
	check "dispatcher: and drops" fails ping -c 2 -W 1 10.9.8.2
	check "dispatcher: tables and sets" sh -c 'xdpf apply --dispatch /objects/link-set.o va && xdpf set add va banned 10.9.8.2'
	check "dispatcher: a set that lives" fails ping -c 2 -W 1 10.9.8.2
	check "dispatcher: and lets go" sh -c 'xdpf set remove va banned 10.9.8.2 && ping -c 2 -W 3 10.9.8.2'
	check "dispatcher: remove" xdpf remove va
	reset
	check "dispatcher: nothing is left" sh -c 'xdpf status va | grep -q "no XDP program" && test -z "$(find /sys/fs/bpf/xdpf -name part)"'
fi
