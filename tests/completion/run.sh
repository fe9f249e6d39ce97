#!/bin/bash
# What bash and zsh make of command lines that are typed into them, with the completion that was built; of sets, labels and files while a filter runs.
#
# usage: run.sh XDPFC XDPF DIRECTORY      where xdpf.bash and _xdpf are; as root
DIRECTORY=$(realpath "$3")
HERE_COMPLETION=$(cd "$(dirname "$0")" && pwd)
. "$HERE_COMPLETION/../e2e/lib.sh" "$1" "$2"
network

cat >"$WORK/one.xdpf" <<'END'
set banned : ip live timeout 10m;
set bonnet : net live;
bad:    drop if ip.src in banned or ip.src in bonnet;
badder: add ip.src to banned if udp.dport == 10;
END
echo 'tail: drop if tcp.dport == 23;' >"$WORK/other.xdpf"
ok "compile" "$XDPFC" "$WORK/one.xdpf" "$WORK/other.xdpf" -o "$WORK/both.o"
ok "run" in_a "$XDPF" apply "$WORK/both.o" xe0
PATH=$(dirname "$(realpath "$XDPFC")"):$(dirname "$(realpath "$XDPF")"):$PATH
cd "$WORK" || exit

# What is typed; with a TAB behind it, or all candidates (*); and what it becomes.
CASES=(
	$'xdpf app\t'				"xdpf apply "
	'xdpf set *'				"xdpf set add flush list remove replace show"
	$'xdpf apply one.xdpf l\t'		"xdpf apply one.xdpf lo "
	$'xdpf apply on\t'			"xdpf apply one.xdpf "
	'xdpf apply --mode *'			"xdpf apply --mode generic native"
	'xdpf log --*'				"xdpf log --count --help --json --pcap --quiet --verbose"
	'xdpf set flush xe0 --*'		"xdpf set flush xe0 --help --json --quiet --verbose"
	'xdpf set show xe0 b*'			"xdpf set show xe0 banned bonnet"
	$'xdpf set add xe0 bo\t'		"xdpf set add xe0 bonnet "
	$'xdpf set replace xe0 bonnet ot\t'	"xdpf set replace xe0 bonnet other.xdpf "
	'xdpf explain xe0 --rule *'		"xdpf explain xe0 --rule bad badder default tail"
	'xdpf apply --drop *'			"xdpf apply --drop one.xdpf other.xdpf"
	$'xdpf apply --replace one.xdpf l\t'	"xdpf apply --replace one.xdpf lo "
	$'xdpf run one.xdpf x --iface l\t'	"xdpf run one.xdpf x --iface lo "
	$'xdpf show xe0 b\t'			"xdpf show xe0 b"
	$'xdpfc --list=hea\t'			"xdpfc --list=headers "
	$'xdpfc --list hea\t'			"xdpfc --list headers "
	$'xdpfc --explain tcp.dp\t'		"xdpfc --explain tcp.dport "
	$'xdpfc --no-s\t'			"xdpfc --no-source "
	'xdpfc --set-engine *'			"xdpfc --set-engine bits bounds dir24 hash pages quotient search trie"
	$'xdpfc --check ot\t'			"xdpfc --check other.xdpf "
)
LINES_TYPED=() WANTED=()
for ((i = 0; i < ${#CASES[@]}; i += 2)); do
	LINES_TYPED+=("${CASES[i]}")
	WANTED+=("${CASES[i + 1]}")
done

for shell in bash zsh; do
	file=$DIRECTORY/$([ $shell = bash ] && echo xdpf.bash || echo _xdpf)
	if ! command -v $shell >/dev/null; then
		skip "completion in $shell" "it is not installed"
		continue
	fi
	mapfile -t became < <(in_a /usr/bin/python3 "$HERE_COMPLETION/type.py" $shell "$file" "${LINES_TYPED[@]}" 2>&1)
	for ((i = 0; i < ${#WANTED[@]}; i++)); do
		# blanks at the end are the shell's habit
		is "$shell: ${LINES_TYPED[i]}" "$(sed 's/ *$//' <<<"${became[i]-}")" "$(sed 's/ *$//' <<<"${WANTED[i]}")"
	done
done
report
