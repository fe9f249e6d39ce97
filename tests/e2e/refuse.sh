#!/bin/bash
# Refusals: each says what is wrong and what to do, with the right exit status, and nothing crashes.
. "$(dirname "$0")/lib.sh" "$@"
network
cat >"$WORK/good.xdpf" <<'END'
set blocked : net = { 10.99.0.66, fd99::66 };
types: count types per eth.type;
drop if ip.src in blocked;
drop if iface == xe0 and tcp.dport == 23;
END
compile "$WORK/good.xdpf"
size=$(stat -c %s "$WORK/good.o")

# ---- interfaces ----
devices=lo
for type in dummy bridge ifb; do
	ip -n "$NAME-a" link add xe4 type $type 2>/dev/null && devices="lo xe4" && break
done
for dev in $devices; do
	status "$dev: native is impossible" 3 in_a "$XDPF" apply "$WORK/good.o" $dev
	says "$dev: and says so" "$dev: its driver.* cannot run XDP programs natively"
	says "$dev: and names the option" "--mode generic"
	is "$dev: no fallback" "$(in_a "$XDPF" status --json $dev | json 'j[0]["mode"]')" none
done
status "the option works" 0 in_a "$XDPF" apply --mode generic "$WORK/good.o" lo
status "no such interface" 3 in_a "$XDPF" apply "$WORK/good.o" nosuch0
says "and what to do" "nosuch0: no interface has this name; .ip link. lists them"
status "a name too long" 3 in_a "$XDPF" apply "$WORK/good.o" aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
status "status of none such" 3 in_a "$XDPF" status nosuch0
status "stats of none such" 3 in_a "$XDPF" stats nosuch0
status "remove from none such" 3 in_a "$XDPF" remove nosuch0

# ---- objects ----
refused() {	# NAME FILE PATTERN
	for command in "test $2" "run $2 $CAPTURES/ping.pcap" "apply $2 xe0"; do
		# shellcheck disable=SC2086
		status "$1: ${command%% *}" 1 in_a "$XDPF" $command
	done
	says "$1: why" "$3"
}
refused "missing" "$WORK/nosuch.o" "nosuch.o: No such file"
refused "a directory" "$WORK" "a directory"
: >"$WORK/empty.o"
refused "empty" "$WORK/empty.o" "no object file"
head -c 5000 /dev/urandom >"$WORK/random.o"
refused "random bytes" "$WORK/random.o" "no object file"
{ head -c 64 "$WORK/good.o"; head -c 5000 /dev/urandom; } >"$WORK/header.o"
refused "random bytes behind a header" "$WORK/header.o" "header.o: "
refused "another machine's" /bin/sh "no BPF object"
for percent in 1 10 30 50 70 90 99; do
	head -c $((size * percent / 100)) "$WORK/good.o" >"$WORK/cut.o"
	status "cut off at $percent percent" 1 in_a "$XDPF" apply "$WORK/cut.o" xe0
	says "and it says so" "cut off"
done
strip=$(command -v llvm-strip-19 || command -v llvm-strip)
if [ -n "$strip" ]; then
	"$strip" -g -o "$WORK/stripped.o" "$WORK/good.o"
	refused "stripped" "$WORK/stripped.o" "strip"
else
	skip "stripped" "llvm-strip is not installed"
fi

# The metadata says something else than the maps. Of the same length, so that the file's layout stays.
patched() {	# NAME OLD NEW PATTERN
	/usr/bin/python3 - "$WORK/good.o" "$WORK/patched.o" "$2" "$3" <<'END'
import sys
data = open(sys.argv[1], "rb").read()
old, new = (s.encode() for s in sys.argv[3:5])
assert old in data and len(old) == len(new), (old, new)
at = data.rindex(old)
open(sys.argv[2], "wb").write(data[:at] + new + data[at + len(old):])
END
	refused "$1" "$WORK/patched.o" "$4"
}
patched "no JSON" '{"xdpf":1,' '{"xdpf":1;' "no JSON text"
patched "another version" '{"xdpf":1,' '{"xdpf":7,' "another version of xdpfc"
patched "wrong type" '"column":1' '"column":{' "no JSON text"
patched "text for a number" '"file":0,"label"' '"file":"","labl"' "is missing or no number|no JSON"
patched "file out of bounds" '"file":0,"label"' '"file":9,"label"' "out of bounds"
patched "index out of bounds" '"index":3,' '"index":9,' "out of bounds"
patched "index twice" '"index":1,' '"index":0,' "used twice|out of order"
patched "unknown verdict" '"verdict":"drop"' '"verdict":"flop"' "unknown to this version"
patched "unknown kind" '"kind":"num"' '"kind":"nul"' "unknown to this version"
patched "key beyond its size" '"offset":0' '"offset":1' "outside the key"
patched "key size and field" '"size":2}' '"size":4}' "out of bounds|does not fit"
patched "another map" '"map":"types"' '"map":"tyqes"' "does not know|has no map"
patched "one of our maps" '"map":"types"' '"map":"xdpf_"' "no map's name|does not know"
patched "another program" '"program":"good"' '"program":"evil"' "is called good"
patched "control characters" '"label":"types"' $'"label":"ty\x7fes"' "control characters"

# Bytes changed anywhere: refused, or as good as before, never a crash.
/usr/bin/python3 - "$WORK/good.o" "$WORK" <<'END'
import random, sys
data = open(sys.argv[1], "rb").read()
for i in range(40):
    r = random.Random(i)
    b = bytearray(data)
    for _ in range(1 + i % 6):
        b[r.randrange(len(b))] = r.randrange(256)
    open("%s/mutant%d.o" % (sys.argv[2], i), "wb").write(b)
END
crashed=0
for i in $(seq 0 39); do
	OUT=$("$XDPF" test --quiet "$WORK/mutant$i.o" 2>&1)
	have=$?
	if [ $have -gt 3 ] || { [ $have -ne 0 ] && [ -z "$OUT" ]; } || grep -q Sanitizer <<<"$OUT"; then
		crashed=$((crashed + 1))
		echo "mutant $i: exit status $have: $OUT"
	fi
done
is "mutants that crash or are refused in silence" $crashed 0

# Maps that are not what the metadata says: fewer or more elements, other kinds.
cat >"$WORK/lied.xdpf" <<'END'
default pass;
set banned : ip live timeout 10m;
set nets : net live;
banned: drop if ip.src in banned or ip.dst in nets;
seen: if icmp { log 10/s; count seen per ip.src; add ip.src to banned; }
plain: count all;
slow: drop if udp.dport == 9 over 10/s per ip.src;
out: redirect eth9 else pass if udp.dport == 7;
END
compile "$WORK/lied.xdpf"
status "lies about maps" 0 /usr/bin/python3 "$HERE/lies.py" "$WORK/lied.o" "$WORK" "$XDPF" test --quiet
says "all of them refused" "^[1-9][0-9]+ passed, 0 failed"
status "what ends one byte too far" 0 /usr/bin/python3 "$HERE/broken.py" "$WORK/lied.o" "$WORK" "$XDPF" test --quiet
says "all of it refused" "^[1-9][0-9]+ passed, 0 failed"

# ---- captures ----
status "no capture" 1 "$XDPF" run "$WORK/good.o" "$WORK/nosuch.pcap"
is "its path is said once" "$(grep -o nosuch.pcap <<<"$OUT" | wc -l)" 1
status "a capture that is none" 1 "$XDPF" run "$WORK/good.o" "$WORK/good.o"
head -c 1000 "$CAPTURES/web.pcap" >"$WORK/cut.pcap"
status "a capture cut off" 1 "$XDPF" run "$WORK/good.o" "$WORK/cut.pcap"
says "where" "broken behind packet [0-9]+"

# ---- privileges and namespaces ----
if command -v setpriv >/dev/null; then
	status "without privileges" 3 setpriv --bounding-set=-all --inh-caps=-all -- "$XDPF" test "$WORK/good.o"
	says "which are lacking" "lacks CAP_NET_ADMIN, CAP_BPF, CAP_PERFMON"
	status "apply without privileges" 3 in_a setpriv --bounding-set=-all --inh-caps=-all -- "$XDPF" apply "$WORK/good.o" xe0
	says "which are lacking for apply" "lacks CAP_"
	# Anybody, who sees no pins: the program must be where they can run it.
	chmod 755 "$WORK"
	cp "$XDPF" "$WORK/xdpf"
	none=(in_a setpriv --reuid=65534 --regid=65534 --clear-groups --bounding-set=-all --inh-caps=-all -- "$WORK/xdpf")
	status "a filter of ours" 0 in_a "$XDPF" apply "$WORK/good.o" xe0
	for command in status stats remove; do
		status "$command without privileges" 3 "${none[@]}" $command xe0
		says "which $command lacks" "this process lacks CAP_"
	done
	OUT=$("${none[@]}" status xe0 2>&1)
	says "it cannot be told" "xe0: native, a program \(id [0-9]+\), ours or not: privileges are lacking to tell"
	is "nor as JSON" "$("${none[@]}" status --json xe0 2>/dev/null | json 'j[0]["ours"]')" None
	status "it is still there" 0 in_a "$XDPF" remove xe0
	bpf=(in_a setpriv --inh-caps=-all --bounding-set=-all,+bpf,+net_admin,+perfmon -- "$XDPF")
	if setpriv --inh-caps=-all --bounding-set=-all,+bpf,+net_admin,+perfmon true 2>/dev/null; then
		status "root's" 0 in_a "$XDPF" apply "$WORK/good.o" xe0
		status "with BPF's privileges alone one does not see what others loaded" 3 "${bpf[@]}" status xe0
		says "but that it is ours" "xe0: native, a program \(id [0-9]+\), ours"
		says "and which one is lacking" "lacks CAP_SYS_ADMIN"
		status "nor takes its place" 3 "${bpf[@]}" apply "$WORK/good.o" xe0
		status "remove with all" 0 in_a "$XDPF" remove xe0
		status "a foreign program" 0 in_a ip link set dev xe0 xdp obj "$WORK/good.o" sec xdp
		status "is refused by its id" 3 "${bpf[@]}" apply "$WORK/good.o" xe0
		says "where its name is hidden" "xe0: a program \(id [0-9]+\) runs there and is not ours"
		in_a ip link set dev xe0 xdp off
	else
		skip "with BPF's privileges alone" "setpriv does not know them"
	fi
else
	skip "without privileges" "setpriv is not installed"
fi
status "ip netns exec" 3 ip netns exec "$NAME-a" "$XDPF" apply "$WORK/good.o" xe0
says "what to use instead" "nsenter --net="

# ---- usage ----
status "usage: no name for --iface" 2 "$XDPF" run --iface "" "$WORK/good.o" "$CAPTURES/ping.pcap"
status "usage: too long a name for --iface" 2 "$XDPF" run --iface abcdefghijklmnop "$WORK/good.o" "$CAPTURES/ping.pcap"
says "and how long it may be" "1 to 15 characters"
for arguments in "" "aply x y" "apply" "apply $WORK/good.o" "remove" "stats" "stats a b" "run $WORK/good.o" "test" "stats --json --prometheus xe0" \
	"apply --mode fast $WORK/good.o xe0" "run --split 3 $WORK/good.o $CAPTURES/ping.pcap" "run --rxqueue x $WORK/good.o $CAPTURES/ping.pcap" \
	"apply --mode" "status --nosuch"; do
	# shellcheck disable=SC2086
	status "usage: $arguments" 2 "$XDPF" $arguments
done
named() {	# PATTERN ARGUMENTS...
	local pattern=$1
	shift
	status "usage: $*" 2 "$XDPF" "$@"
	says "$*: which option" "$pattern"
}
named "unknown option --jsno; did you mean --json\?" status xe0 --jsno
named "unknown option --jsno; did you mean --json\?" status --quiet xe0 lo --jsno=3 xe1
named "unknown option --nosuch$" status xe0 --nosuch --json
named "unknown option -x$" status xe0 -xy --json
named "option --json takes no value" status xe0 --json=yes
named "option --mode needs a value" apply good.o xe0 --mode
named "unknown option --verbos3; did you mean --verbose" status xe0 --verbos3
several='several files: `xdpfc a.xdpf b.xdpf -o prog.o` first'
named "$several" apply a.xdpf b.xdpf eth0
named "$several" run a.xdpf b.xdpf "$CAPTURES/ping.pcap"
named "$several" test a.xdpf b.xdpf
first='the filter stands first: a.xdpf, and eth0 behind it'
named "$first" apply eth0 a.xdpf
named 'standard input can be read only once' run - -
named 'standard input can be read only once' bench - -
named "unknown option --quiet; options stand behind the command" --quiet run
status "a misspelt command" 2 "$XDPF" aply x y
says "and the one that was meant" "did you mean .xdpf apply."
for command in "" apply confirm rollback remove status stats run test; do
	# shellcheck disable=SC2086
	status "help of $command" 0 "$XDPF" $command --help
	is "it fits a screen" "$(wc -l <<<"$OUT" | awk '{ print ($1 <= 24) }')" 1
done
status "version" 0 "$XDPF" --version
report
