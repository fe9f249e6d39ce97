#!/bin/bash
# What needs no privileges works as nobody; what does says so in a sentence, with what to do, and changes nothing. And what comes by pipes.
. "$(dirname "$0")/lib.sh" "$@"
XDPFC=$(realpath "$XDPFC") XDPF=$(realpath "$XDPF")
own_place
network
chmod 755 "$WORK"
mkdir "$WORK/bin"
cp "$XDPF" "$XDPFC" "$WORK/bin"
cd "$WORK" || exit
printf 'set banned : ip live;\nbad:  drop if ip.src in banned;\nseen: log if tcp;\ntest "it passes" { packet { tcp } expect pass by default }\n' >rules.xdpf
cp "$CAPTURES/edge.pcap" .
chown -R 65534:65534 .
nobody() { in_a setpriv --reuid 65534 --regid 65534 --clear-groups "$@"; }

# ---- the compiler, and every help ----
for mode in --check --test --analyse --budget --emit=html --emit=ir "--run edge.pcap" "-o nobody.o"; do
	# shellcheck disable=SC2086
	ok "xdpfc $mode" nobody bin/xdpfc $mode rules.xdpf
done
ok "xdpfc --list" nobody bin/xdpfc --list=fields
for command in $(bin/xdpf --help | sed -n 's/^  \([a-z]*\) .*/\1/p'); do
	ok "xdpf $command --help" nobody bin/xdpf "$command" --help
done
status "no filter: status" 0 nobody bin/xdpf status

# ---- what needs them ----
ok "a filter" in_a bin/xdpf apply rules.xdpf xe0
was=$(program_id)
echo 192.0.2.7 >list
for command in "status xe0" "stats xe0" "apply rules.xdpf xe0" "remove xe0" "confirm xe0" "rollback xe0" "set list xe0" "set show xe0 banned" \
	       "set add xe0 banned 192.0.2.1" "set replace xe0 banned list" "set flush xe0 banned" "log xe0" "explain xe0" "run rules.xdpf edge.pcap" \
	       "test rules.xdpf" "bench rules.xdpf" "doctor xe0" "follow"; do
	# shellcheck disable=SC2086
	status "nobody: $command" 3 nobody timeout 60 bin/xdpf $command
	says "nobody: $command says why, and what to do" "this process lacks CAP_.*: run as root|CAP_BPF|privileges"
done
is "nobody changed nothing" "$(program_id)" "$was"

# ---- pipes ----
piped() { in_a bash -c "$1"; }
status "an object by a pipe" 0 piped "bin/xdpfc rules.xdpf -o - | bin/xdpf apply - xe0"
status "rules by a pipe" 0 piped "bin/xdpf apply - xe0 <rules.xdpf"
says "and they run" "_stdin_|replaced"
status "rules that are wrong" 1 piped "echo 'drop if tpc;' | bin/xdpf apply - xe0"
says "are told of" "<stdin>:1:9: error"
status "an object that is cut off" 1 piped "bin/xdpfc rules.xdpf -o - | head -c 700 | bin/xdpf apply - xe0"
status "nothing" 0 piped "bin/xdpf test - </dev/null"
for line in "bin/xdpf test - <rules.xdpf" "bin/xdpf run - edge.pcap <rules.xdpf" "bin/xdpf run rules.xdpf - <edge.pcap" "bin/xdpf doctor xe0 - <rules.xdpf" \
	    "bin/xdpf set add xe0 banned --from - <list" "bin/xdpf set replace xe0 banned - <list" "bin/xdpf set remove xe0 banned --from - <list" \
	    "bin/xdpfc --run - rules.xdpf <edge.pcap" "bin/xdpfc --run edge.pcap - <rules.xdpf" "bin/xdpfc --diff - rules.xdpf <rules.xdpf" \
	    "bin/xdpfc --explain -:1 rules.xdpf <edge.pcap" "bin/xdpfc --explain tcp --set banned=- rules.xdpf <list" "bin/xdpfc --format - <rules.xdpf" \
	    "bin/xdpfc --import=list - <list" "bin/xdpf stats xe0 --json | bin/xdpfc --emit=html --stats - rules.xdpf"; do
	case $line in
	*set*|*stats*) ok "rules.xdpf again" in_a bin/xdpf apply --quiet rules.xdpf xe0 ;;
	esac
	status "$line" 0 piped "set -o pipefail; $line"
done

# ---- a bar for who waits: on a terminal, and gone behind it ----
printf 'set banned : ip live size 400k;\nbad: drop if ip.src in banned;\n' >many.xdpf
ok "room for many" in_a bin/xdpf apply --quiet many.xdpf xe0
/usr/bin/python3 -c 'for i in range(200000): print("10.%d.%d.%d" % (i >> 16, i >> 8 & 255, i & 255))' >many
mkfifo slow
bar() {		# ENVIRONMENT: what comes on a terminal
	{ cat many; sleep 1.3; cat many; } >slow &
	in_a env "$@" /usr/bin/python3 -c 'import pty; pty.spawn(["bin/xdpf", "set", "replace", "xe0", "banned", "slow"])' </dev/null | cat -v
}
OUT=$(bar TERM=xterm NO_COLOR=1)
says "a bar, and gone" "\\^Mreading elements, [1-9] s.*\\^M\^\[\[K"
is "without colours" "$(grep -c '\[[0-9;]*m' <<<"$OUT")" 0
OUT=$(bar TERM=dumb)
is "none on a dumb terminal" "$(grep -c 'reading' <<<"$OUT")" 0
status "none in a pipe" 0 piped "bin/xdpf set replace xe0 banned many"
is "but what was done" "$OUT" "set banned: 200000 elements, 0 added, 0 taken out"
report
