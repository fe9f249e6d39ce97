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
	check "dispatcher: a part says what it does" sh -c 'xdpf explain va --raw --verdict drop --count 1 --for 20s >/tmp/why &
		sleep 2; ping -c 3 -W 1 10.9.8.2 >/dev/null; wait; grep -q "\"rule\":\"echo\",\"verdict\":\"drop\"" /tmp/why'
	check "dispatcher: theirs joins" xdp-loader load -m native -s xdp va /objects/link-seen.o
	check "dispatcher: ours is still ours" sh -c 'xdpf stats va | grep -E "echo +drop +[1-9]"'
	check "dispatcher: and drops" fails ping -c 2 -W 1 10.9.8.2
	check "dispatcher: tables and sets" sh -c 'xdpf apply --dispatch /objects/link-set.o va && xdpf set add va banned 10.9.8.2'
	check "dispatcher: a set that lives" fails ping -c 2 -W 1 10.9.8.2
	check "dispatcher: and lets go" sh -c 'xdpf set remove va banned 10.9.8.2 && ping -c 2 -W 3 10.9.8.2'
	check "dispatcher: remove" xdpf remove va
	reset
	check "dispatcher: nothing is left" sh -c 'xdpf status va | grep -q "no XDP program" && test -z "$(find /sys/fs/bpf/xdpf -name part)"'

	# Ended by kill -9: behind the next command theirs is there, ours at most once, and as pinned; nothing else is.
	ours() { xdpf status --json va 2>/dev/null | grep -c '"ours": true,* *$'; }
	wrong() {	# what is wrong; $1: how many of ours there may be
		xdpf status va >/tmp/said 2>&1
		order >/tmp/order
		own=$(grep -o 'hook:dispatchedprogram:[a-z_]*ours:true' /tmp/order | wc -l)
		all=$(grep -o 'hook:dispatched' /tmp/order | wc -l)
		pins=$(($(find /sys/fs/bpf/xdpf -type f | wc -l) - elsewhere))
		case " $1 " in *" $own "*) ;; *) echo "$own of ours: $(cat /tmp/order /tmp/said)" ;; esac
		grep -q 'program:link_seenours:false' /tmp/order || echo "theirs is gone: $(cat /tmp/order)"
		[ "$all" = $((own + 1)) ] || echo "$all parts, $own of them ours: $(cat /tmp/order)"
		[ "$pins" = "$own" ] || echo "$own of ours, and $(find /sys/fs/bpf/xdpf -type f)"
		[ "$(ls -d /sys/fs/bpf/xdp/dispatch-* | wc -l)" = 1 ] || echo "dispatchers: $(ls /sys/fs/bpf/xdp)"
	}
	anywhere() {	# READY MAY COMMAND...
		ready=$1 may=$2 n=1 kills=0
		shift 2
		while :; do
			$ready >/tmp/ready 2>&1 || { cat /tmp/ready; return 1; }
			ended=$(/killer $n -c "$@" 2>/tmp/err | tail -n 1)
			bad=$(wrong "$may")
			[ -z "$bad" ] || { echo "call $n: $bad"; return 1; }
			case $ended in ended*) ;; done*) break ;; *) echo "$ended: $(cat /tmp/err)"; return 1 ;; esac
			kills=$((kills + 1)) n=$((n + STEP))
		done
		echo "@@ link ok dispatcher: $kills kills" >/dev/console
		[ $kills -gt 2 ]
	}
	alone() { [ "$(ours)" = 0 ] || xdpf remove va; }
	there() { [ "$(ours)" = 1 ] || xdpf apply --quiet --dispatch /objects/link-pass.o va; }
	STEP=9 elsewhere=$(find /sys/fs/bpf/xdpf -type f | wc -l)
	check "dispatcher: theirs, for kills" xdp-loader load -m native -s xdp va /objects/link-seen.o
	check "dispatcher: joining, ended anywhere" anywhere alone "0 1" xdpf apply --quiet --dispatch /objects/link-drop.o va
	check "dispatcher: replacing, ended anywhere" anywhere there 1 xdpf apply --quiet --dispatch --priority 70 /objects/link-drop.o va
	check "dispatcher: removing, ended anywhere" anywhere there "0 1" xdpf remove --quiet va
	alone
	check "dispatcher: taken out by others" sh -c 'xdpf apply --quiet --dispatch /objects/link-drop.o va && xdp-loader unload -a va &&
		xdpf status va | grep -q "no XDP program" && test -z "$(find /sys/fs/bpf/xdpf -name part)"'
fi
