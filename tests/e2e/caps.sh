#!/bin/bash
# A user with CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON and no more, in a directory of a bpffs that is his: everything works that root does, and others'
# programs are known by their ids alone. 12 s.
. "$(dirname "$0")/lib.sh" "$@"
TOOLS=$3
caps=+bpf,+net_admin,+perfmon
if ! setpriv --inh-caps=-all,$caps true 2>/dev/null; then
	skip caps "setpriv does not know CAP_BPF, or is not installed"
	report
fi
network
BPFFS=$WORK/bpf
mkdir "$BPFFS" "$WORK/run"
if ! mount -t bpf bpf "$BPFFS" 2>"$WORK/err"; then
	skip caps "no bpffs can be mounted: $(tail -1 "$WORK/err")"
	report
fi
trap 'finish; umount "$BPFFS" 2>/dev/null; rm -rf "$WORK"' EXIT
mkdir "$BPFFS/theirs"
chown 65534:65534 "$BPFFS/theirs" "$WORK/run"
chmod 755 "$WORK" "$BPFFS"
cp "$XDPF" "$WORK/xdpf"
# the tree may be where nobody else can look
cp "$CAPTURES/ping.pcap" "$WORK/ping.pcap"
user() {	# as the user, in A
	in_a setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps=-all,$caps --ambient-caps=-all,$caps --bounding-set=-all,$caps \
		env XDPF_BPFFS="${WHERE-$BPFFS/theirs}" XDG_RUNTIME_DIR="$WORK/run" "${TOOL:-$WORK/xdpf}" "$@"
}
cat >"$WORK/live.xdpf" <<'END'
default pass;
set banned : ip live;
banned: drop if ip.src in banned;
seen:   if icmp { log 10/s; count seen per ip.src; }
out:    drop if udp.dport == 9;
END
# Tables, so that they can be exchanged.
mkdir "$WORK/1" "$WORK/2"
for n in 1 2; do
	for i in $(seq 30); do
		echo "t$i: drop if tcp.dport == $i and ip.src in 10.$n.$i.0/24;"
	done >"$WORK/$n/tables.xdpf"
	compile "$WORK/$n/tables.xdpf"
done
compile "$WORK/live.xdpf"
chmod -R a+rX "$WORK/1" "$WORK/2" "$WORK"/*.o

OUT=$(TOOL=/usr/bin/grep user -h Cap /proc/self/status 2>&1)
says "the user has three capabilities" "CapEff:.*000000c000001000"
status "apply" 0 user apply "$WORK/live.o" xe0
status "status" 0 user status
says "it knows its program" "xe0: native, program live"
ok "ping" ping_a 10.99.0.1
status "stats" 0 user stats xe0
says "counted" "seen +- +[1-9]"
status "set add" 0 user set add xe0 banned 10.99.0.66
status "set show" 0 user set show xe0 banned
says "what is in it" "10.99.0.66"
not "a banned one" ping_a -I 10.99.0.66 10.99.0.1
status "set remove" 0 user set remove xe0 banned 10.99.0.66
ok "not banned" ping_a -I 10.99.0.66 10.99.0.1
nsenter --net="$A" timeout 20 setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps=-all,$caps --ambient-caps=-all,$caps --bounding-set=-all,$caps \
	env XDPF_BPFFS="$BPFFS/theirs" XDG_RUNTIME_DIR="$WORK/run" "$WORK/xdpf" log xe0 >"$WORK/log" 2>&1 &
JOBS+=($!)
for _ in $(seq 50); do
	ping_a 10.99.0.1 >/dev/null
	grep -q icmp "$WORK/log" && break
	sleep 0.1
done
is "log" "$(grep -c -m1 "10.99.0.1 icmp" "$WORK/log")" 1
{ sleep 1; ping_a 10.99.0.1; } >/dev/null 2>&1 &
status "explain" 0 user explain xe0 --raw --rule default --count 1 --rate 1000 --for 20s
says "what the filter did" '"rule":"default","verdict":"pass"'
status "doctor" 0 user doctor xe0 "$WORK/live.o"
status "test" 0 user test --quiet "$WORK/live.o"
status "run" 0 user run --quiet "$WORK/live.o" "$WORK/ping.pcap"

# Replaced by a program, by tables, and removed; nothing is left of what was before.
status "replace" 0 user apply "$WORK/1/tables.o" xe0
status "exchange" 0 user apply "$WORK/2/tables.o" xe0
says "tables" "tables exchanged, no program loaded"
status "and again" 0 user apply "$WORK/1/tables.o" xe0
says "tables, again" "tables exchanged, no program loaded"
cp "$XDPFC" "$WORK/xdpfc"
echo 'more: drop if udp.dport == 4;' >"$WORK/more.xdpf"
chmod a+r "$WORK/more.xdpf"
status "one file more" 0 user apply --add "$WORK/more.xdpf" xe0
status "and less" 0 user apply --drop more.xdpf xe0
rm "$WORK/xdpfc"
OUT=$(user stats xe0)
says "the rules of those" "ip.src in 10.1.30.0/24"
status "root may, too" 0 in_a env XDPF_BPFFS="$BPFFS/theirs" "$XDPF" apply "$WORK/live.o" xe0
# What waited and was not confirmed leaves nothing; nor does what was confirmed in its place.
held() { find "$BPFFS/theirs/held" -mindepth 1 2>/dev/null | sort | md5sum; }
status "a filter" 0 user apply "$WORK/live.o" xe0
before=$(held)
status "one that waits" 0 user apply --confirm 600s "$WORK/1/tables.o" xe0
status "rollback" 0 user rollback xe0
is "nothing of it is left" "$(held)" "$before"
status "one that nobody confirms" 0 user apply --confirm 1s "$WORK/1/tables.o" xe0
sleep 1.05
status "whoever only looks" 0 user status xe0
says "is told" "nobody confirmed its new filter in time"
is "nothing of that is left" "$(held)" "$before"
status "one that waits again" 0 user apply --confirm 600s "$WORK/1/tables.o" xe0
waiting=$(held)
status "confirm" 0 user confirm xe0
not "its guard is gone" test "$(held)" = "$waiting"
# Ended by kill -9 on the way: whatever was pinned for what did not come to run is gone behind the next command, also if that only looks.
user() {	# as before, but by way of the killer
	in_a ${KILLER:-} setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps=-all,$caps --ambient-caps=-all,$caps --bounding-set=-all,$caps \
		env ASAN_OPTIONS=detect_leaks=0 XDPF_BPFFS="${WHERE-$BPFFS/theirs}" XDG_RUNTIME_DIR="$WORK/run" "${TOOL:-$WORK/xdpf}" "$@"
}
names() { find "$BPFFS/theirs" -type f -not -path '*/held/*' -not -name 'watch-*' -printf '%f ' | tr ' ' '\n' | sort | tr '\n' ' '; }
user apply --quiet --reload "$WORK/live.o" xe0
user apply --quiet --reload "$WORK/live.o" xe0
pinned="$(names)$(find "$BPFFS/theirs/held" -mindepth 1 | wc -l)"
n=1 kills=0
while :; do
	ended=$(KILLER="$TOOLS/e2e_killer $n -c" user apply --quiet --reload "$WORK/live.o" xe0 2>/dev/null | tail -1)
	status "ended at call $n: the next command" 0 user status xe0
	is "ended at call $n: pins" "$(names)$(find "$BPFFS/theirs/held" -mindepth 1 | wc -l)" "$pinned"
	case $ended in "ended "*) ;; *) break ;; esac
	kills=$((kills + 1)) n=$((n + 12))
done
is "ended in the end" "${ended% *}" "done"
not "there were such" test $kills -lt 3
status "and the user after root" 0 user apply "$WORK/1/tables.o" xe0
status "remove" 0 user remove xe0
is "nothing is left" "$(find "$BPFFS/theirs" -mindepth 1 | wc -l)" 0

# Connection tracking that is built in needs no more; a module's functions only CAP_SYS_ADMIN may name.
printf 'set s : ip live;\na: drop if flow.state == established and ip.src in s;\n' >"$WORK/flow.xdpf"
compile "$WORK/flow.xdpf"
user apply "$WORK/flow.o" xe0 >"$WORK/flow" 2>&1
case $?,$([ -e /sys/module/nf_conntrack/srcversion ] || [ -e /sys/kernel/btf/nf_conntrack ] && echo module) in
0,) pass; status "remove it" 0 user remove xe0 ;;
3,) if grep -q 'has none that a filter can ask' "$WORK/flow"; then pass; else fail "flow.state" "$(cat "$WORK/flow")"; fi ;;
3,module) if grep -q 'needs CAP_SYS_ADMIN' "$WORK/flow"; then pass; else fail "flow.state" "$(cat "$WORK/flow")"; fi ;;
*) fail "flow.state" "$(cat "$WORK/flow")" ;;
esac
status "libxdp's dispatcher" 3 user apply --dispatch "$WORK/live.o" xe0
says "why not" "cannot run here: this kernel refuses|libxdp's dispatcher needs CAP_SYS_ADMIN"

# Others' programs.
status "root's" 0 in_a "$XDPF" apply --quiet "$WORK/live.o" xe0
status "is not the user's to replace" 3 user apply "$WORK/live.o" xe0
says "by its id" "a program \(id [0-9]+\) runs there and is not ours"
status "nor to remove" 3 user remove xe0
OUT=$(user status xe0)
says "with the reason" "a program \(id [0-9]+; its name is for CAP_SYS_ADMIN to see\), not ours"
is "as JSON" "$(user status --json xe0 | json '(j[0]["program"], j[0]["programs"][0]["program"], "CAP_SYS_ADMIN" in j[0]["programs"][0]["hidden"])')" \
	"(None, None, True)"
status "root removes" 0 in_a "$XDPF" remove --quiet xe0

# Directories that are not his, or none.
WHERE=$BPFFS status "root's directory" 3 user apply "$WORK/live.o" xe0
says "what to do" "XDPF_BPFFS"
WHERE=$WORK/run status "no bpffs" 3 user apply "$WORK/live.o" xe0
says "which" "XDPF_BPFFS=.*/run is no directory of a bpffs"
is "nothing runs" "$(program_id)" None
report
