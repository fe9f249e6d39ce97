#!/bin/bash
# What xdpf prints and writes goes nowhere: a full device, a device that fails, a pipe that nobody reads. It says so once, with exit status 3, and what
# it was to change is changed, or not, as a whole. 15 s.
. "$(dirname "$0")/lib.sh" "$@"
network
own_place
cat >"$WORK/out.xdpf" <<'END'
default pass;
set banned : ip live = { 10.99.0.77 };
banned: drop if ip.src in banned;
seen:   if icmp { log 1000/s; count seen per ip.src; }
test "seen" { packet { icmp } expect pass }
END
compile "$WORK/out.xdpf"
cp "$WORK/out.xdpf" "$WORK/more.xdpf"
sed -i 's/banned\|seen/more_&/g' "$WORK/more.xdpf"
echo 10.99.0.78 >"$WORK/list"
PCAP=$CAPTURES/ping.pcap OBJECT=$WORK/out.o
status "a filter to be seen" 0 in_a "$XDPF" apply --quiet "$OBJECT" xe0
ok "something to count" ping_a 10.99.0.1

commands=("--help" "--version" "apply --help"
	"status" "status --json" "status --source xe0" "status --rules xe0" "status --rules --json xe0"
	"stats xe0" "stats --json xe0" "stats --prometheus xe0" "stats --watch --interval 1 xe0" "stats --watch --json --interval 1 xe0"
	"set list xe0" "set list --json xe0" "set show xe0 banned" "set show --json xe0 banned"
	"run $OBJECT $PCAP" "run --json $OBJECT $PCAP" "test $OBJECT" "test --json $OBJECT" "bench --quiet --rounds 1 $OBJECT $PCAP"
	"doctor xe0 $OBJECT" "doctor --json xe0 $OBJECT" "apply --json $OBJECT xe0")
for arguments in "${commands[@]}"; do
	for to in full closed; do
		case $to in
		full) said='No space left on device' line="\"\$@\" 2>&1 >/dev/full" ;;
		closed) said='Broken pipe' line="trap '' PIPE; exec 3> >(exec true); wait \$!; \"\$@\" 2>&1 >&3 3>&-" ;;
		esac
		# shellcheck disable=SC2086
		status "$arguments, $to" 3 in_a bash -c "$line" sh timeout 20 "$XDPF" $arguments
		is "$arguments, $to: said once" "$(grep -c "the output cannot be written: $said" <<<"$OUT")" 1
	done
done
is "what was applied runs, and its report alone is lost" "$(stats 'rule("seen") > 0')" True
# Without a word, as other tools end there.
in_a bash -c "exec 3> >(exec true); wait \$!; '$XDPF' stats xe0 >&3 2>'$WORK/said'"
is "by the signal" "$? $(cat "$WORK/said")" "141 "

# ---- what goes on ----
pinging() { in_b ping -q -i 0.1 -w 15 10.99.0.1 >/dev/null 2>&1 & JOBS+=($!); }
pinging
for arguments in "log xe0" "log --json xe0" "explain xe0 --raw"; do
	# shellcheck disable=SC2086
	status "$arguments, full" 3 in_a bash -c '"$@" 2>&1 >/dev/full' sh timeout 20 "$XDPF" $arguments
	is "$arguments: said once" "$(grep -c "the output cannot be written: No space" <<<"$OUT")" 1
done
status "log --pcap, full" 3 in_a timeout 20 "$XDPF" log --pcap /dev/full xe0
says "which" "the capture cannot be written: No space left on device"
is "said once" "$(grep -c "No space" <<<"$OUT")" 1
status "log --pcap -, full" 3 in_a bash -c '"$@" 2>&1 >/dev/full' sh timeout 20 "$XDPF" log --pcap - xe0
says "which" "No space left on device"
status "log --pcap, nowhere" 3 in_a "$XDPF" log --pcap "$WORK/none/x.pcap" xe0
says "which" "none/x.pcap: No such file"

# ---- a device that fails ----
if command -v strace >/dev/null && strace -o /dev/null true 2>/dev/null; then
	for arguments in "stats xe0" "status --json" "set show xe0 banned" "run --json $OBJECT $PCAP" "test --json $OBJECT" "doctor --json xe0"; do
		# shellcheck disable=SC2086
		status "$arguments, EIO" 3 in_a bash -c 'ASAN_OPTIONS=detect_leaks=0 "$@" 2>&1 >"$0"' "$WORK/file" \
			strace -f -qq -o /dev/null -P "$WORK/file" -e trace=write -e inject=write:error=EIO "$XDPF" $arguments
		is "$arguments, EIO: said once" "$(grep -c "the output cannot be written: Input/output error" <<<"$OUT")" 1
	done
else
	skip "a device that fails" "processes cannot be traced here"
fi

# ---- what stands behind a change ----
status "a set's change, said to nobody" 0 in_a bash -c '"$@" 2>/dev/full' sh "$XDPF" set replace xe0 banned "$WORK/list"
is "is made" "$(in_a "$XDPF" set show xe0 banned)" 10.99.0.78
status "a change of files, its report lost" 3 in_a bash -c '"$@" 2>&1 >/dev/full' sh "$XDPF" apply --json --add "$WORK/more.xdpf" xe0
is "is made, too" "$(stats '[f["name"] for f in j["files"]]')" "['out.xdpf', 'more.xdpf']"
report
