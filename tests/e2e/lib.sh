# What the end-to-end scripts share: counting, two namespaces with a veth pair between them, and their removal.
#
# usage of a script: SCRIPT XDPFC XDPF        as root; everything happens in namespaces of its own
# shellcheck shell=bash

set -u
XDPFC=$1
XDPF=$2
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
CAPTURES=$HERE/../captures
NAME=xdpf-e2e-$$
A=/run/netns/$NAME-a	# the filtered side: xe0, 10.99.0.1, fd99::1
B=/run/netns/$NAME-b	# the other one: xe1, 10.99.0.2, fd99::2
WORK=$(mktemp -d)
JOBS=()
PASSED=0 FAILED=0 SKIPPED=0
PIN=

finish() {
	for job in "${JOBS[@]}"; do
		kill "$job"
	done
	in_a "$XDPF" remove --quiet xe0 xe2 lo
	# Interfaces first: a namespace may outlive its name while something in it ends.
	ip -n "$NAME-a" link del xe0
	ip netns del "$NAME-a"
	ip netns del "$NAME-b"
	[ -n "$PIN" ] && rm -f "$PIN"
	[ -n "${XDPF_BPFFS:-}" ] && rm -rf "$XDPF_BPFFS"
	rm -rf "$WORK"
} 2>/dev/null
trap finish EXIT

# Servers ask for their own name before they listen, and no name server hears that from a namespace of ours.
export RES_OPTIONS="timeout:1 attempts:1"

# Whoever changes a filter clears up behind all others of the same bpffs directory, and tells of it: from here on a directory of our own.
own_place() {
	mountpoint -q /sys/fs/bpf || mount -t bpf -o mode=0700 bpf /sys/fs/bpf
	export XDPF_BPFFS=/sys/fs/bpf/$NAME
	mkdir "$XDPF_BPFFS"
}

report() {
	echo "$PASSED passed, $FAILED failed, $SKIPPED skipped"
	[ "$FAILED" -eq 0 ]
	exit
}

skip() {	# NAME REASON
	SKIPPED=$((SKIPPED + 1))
	echo "skipped: $1: $2"
}

pass() {
	PASSED=$((PASSED + 1))
}

fail() {	# NAME TEXT
	FAILED=$((FAILED + 1))
	echo "FAILED: $1: $2"
}

# The command's exit status is WANT; its output is left in $OUT.
status() {	# NAME WANT COMMAND...
	local name=$1 want=$2 have
	shift 2
	OUT=$("$@" 2>&1)
	have=$?
	if [ "$have" -eq "$want" ] && ! grep -q Sanitizer <<<"$OUT"; then
		pass
	else
		fail "$name" "exit status $have, expected $want: $OUT"
	fi
}

says() {	# NAME PATTERN: in what the last command said
	if grep -Eq -- "$2" <<<"$OUT"; then pass; else fail "$1" "\"$2\" is not in: $OUT"; fi
}

is() {		# NAME HAVE WANT
	if [ "$2" = "$3" ]; then pass; else fail "$1" "it is \"$2\", expected \"$3\""; fi
}

ok() {		# NAME COMMAND...
	local name=$1
	shift
	if "$@" >"$WORK/ok" 2>&1; then pass; else fail "$name" "$* failed: $(tail -3 "$WORK/ok")"; fi
}

not() {		# NAME COMMAND...
	local name=$1
	shift
	if WAIT=0.5 "$@" >/dev/null 2>&1; then fail "$name" "$* succeeded"; else pass; fi
}

in_a() { nsenter --net="$A" "$@"; }
in_b() { nsenter --net="$B" "$@"; }

# An expression of Python over JSON (j) on standard input.
json() {
	/usr/bin/python3 -c 'import json, sys
j = json.load(sys.stdin)
print(eval(sys.argv[1]))' "$1" 2>&1 | tail -1
}

# An expression over the filter's statistics: rule(LABEL), table(NAME), verdict(NAME) are at hand.
stats() {	# EXPRESSION [IFACE]
	in_a "$XDPF" stats --json "${2:-xe0}" | /usr/bin/python3 -c 'import json, sys
j = json.load(sys.stdin)
def rule(name):
    return sum(r["packets"] for f in j["files"] for r in f["rules"] if r["rule"] == name)
def table(name):
    return {",".join(e["key"].values()): e["packets"] for t in j["tables"] if t["name"] == name for e in t["entries"]}
def verdict(name):
    return j["verdicts"][name]["packets"]
print(eval(sys.argv[1]))' "$1" 2>&1 | tail -1
}

program_id() {	# [IFACE]
	in_a "$XDPF" status --json "${1:-xe0}" | json 'j[0].get("program_id")'
}

# Two namespaces, joined. [MTU]
network() {
	local mtu=${1:-1500}
	ip netns add "$NAME-a" && ip netns add "$NAME-b" &&
		ip -n "$NAME-a" link add xe0 mtu "$mtu" type veth peer name xe1 mtu "$mtu" netns "$NAME-b" || exit 1
	ip -n "$NAME-a" link set lo up
	ip -n "$NAME-a" link set xe0 up
	ip -n "$NAME-b" link set xe1 up
	ip -n "$NAME-a" addr add 10.99.0.1/24 dev xe0
	ip -n "$NAME-a" addr add fd99::1/64 dev xe0 nodad
	ip -n "$NAME-b" addr add 10.99.0.2/24 dev xe1
	ip -n "$NAME-b" addr add 10.99.0.66/24 dev xe1
	ip -n "$NAME-b" addr add fd99::2/64 dev xe1 nodad
	# Not taken by itself: only where a command asks for it.
	ip -n "$NAME-b" addr add fd99::66/64 dev xe1 nodad preferred_lft 0
}

# What should be answered may take its time on a busy machine, what should not is not waited for long.
ping_a() {	# OPTIONS...: one packet from B to A
	in_b ping -q -c 1 -W "${WAIT:-5}" "$@"
}

# A web server in A on PORT; waits until it listens.
serve() {	# PORT
	# Not in_a: of a function in the background only the shell around it would be killed.
	nsenter --net="$A" /usr/bin/python3 -m http.server --bind :: "$1" --directory "$WORK" >/dev/null 2>&1 &
	JOBS+=($!)
	for _ in $(seq 50); do
		in_a /usr/bin/python3 -c "import socket; socket.create_connection(('127.0.0.1', $1), 1)" 2>/dev/null && return
		sleep 0.1
	done
	fail serve "the web server on port $1 does not start"
}

fetch() {	# URL [OPTIONS...]: from B
	in_b curl -g -s -o /dev/null -m "${WAIT:-5}" "$@"
}

# N UDP datagrams of SIZE bytes from B to PORT of A. [PORT SIZE N]
udp() {
	in_b /usr/bin/python3 -c 'import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for i in range(int(sys.argv[3])):
    s.sendto(bytes(int(sys.argv[2])), ("10.99.0.1", int(sys.argv[1])))' "$1" "$2" "$3"
}

compile() {	# FILE.xdpf: to FILE.o
	ok "compile $1" "$XDPFC" "$1" -o "${1%.xdpf}.o"
}

# Everything here needs the kernel: where it refuses, the whole script is one skip.
need_kernel() {
	echo 'default pass;' >"$WORK/probe.xdpf"
	if ! [ "$(id -u)" = 0 ]; then
		skip "$(basename "$0" .sh)" "needs root"
		report
	fi
	OUT=$("$XDPF" test --quiet "$WORK/probe.xdpf" 2>&1)
	if [ $? -eq 3 ]; then
		skip "$(basename "$0" .sh)" "the kernel refuses BPF: $(tail -1 <<<"$OUT")"
		report
	fi
}
need_kernel
