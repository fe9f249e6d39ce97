#!/bin/bash
# Edits of rules that stand in tables: the tables are exchanged, no program is loaded, no packet meets anything but the one or the other version,
# and counters go on.
. "$(dirname "$0")/lib.sh" "$@"
for ns in a b; do
	ip netns add "$NAME-$ns"
	nsenter --net="/run/netns/$NAME-$ns" sysctl -q -w net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
done
ip -n "$NAME-a" link add xe0 type veth peer name xe1 netns "$NAME-b"
ip -n "$NAME-a" link add xe2 type veth peer name xe3
for l in xe0 xe2 xe3; do
	ip -n "$NAME-a" link set "$l" up
done
ip -n "$NAME-b" link set xe1 up

swap_py() { /usr/bin/python3 "$HERE/swap.py" "$@"; }
swap_py gen "$WORK"
for f in shape log-a log-b; do
	compile "$WORK/$f/swap.xdpf"
done
# These note packets before they count them, as larger files do.
for f in a b; do
	ok "compile $f" "$XDPFC" --counting=deferred "$WORK/$f/swap.xdpf" -o "$WORK/$f/swap.o"
done
a=$WORK/a/swap.o b=$WORK/b/swap.o

# What `apply --json` says of an interface: "tables", or "program: why".
loaded() {	# OBJECT [IFACE]
	in_a "$XDPF" apply --quiet --json "$1" "${2:-xe0}" | json 'j["interfaces"][0]["loaded"] + (": " + j["interfaces"][0]["why"] if j["interfaces"][0]["why"] else "")'
}

is "the first" "$(loaded "$a")" "program: no filter ran there"
id=$(program_id)
is "an edit" "$(loaded "$b")" tables
is "and back" "$(loaded "$a")" tables
is "the same again" "$(loaded "$a")" tables
status "what it says" 0 in_a "$XDPF" apply "$b" xe0
says "what it says" "xe0: swap: tables exchanged, no program loaded; 1001 rules: 2 new, 1 gone"
is "how many rules there are" "$(in_a "$XDPF" status --json xe0 | json 'j[0]["rules"]')" 1001
is "what the kernel says of them" "$(stats '[r["text"] for r in j["files"][0]["rules"] if r["line"] == 302]')" \
	"$(/usr/bin/python3 -c 'import sys; print([open(sys.argv[1]).read().split("\n")[301].split(": ")[1].rstrip(";")])' "$WORK/b/swap.xdpf")"
is "which version runs" "$(swap_py one "$A" "$B")" b
is "a new rule began at zero" "$(stats 'rule("new")')" 1
is "back" "$(loaded "$a")" tables
is "which version runs now" "$(swap_py one "$A" "$B")" a
is "b again" "$(loaded "$b")" tables
is "the rule that was gone begins anew" "$(stats 'rule("new")')" 0
is "but the verdicts' sums still have what it had" "$(stats '(j["balanced"], j["files"][0]["reached"]["packets"])')" "(True, 4)"

# Under traffic.
start=$(stats '{r["label"] or r["text"]: r["packets"] for r in j["files"][0]["rules"]} | {"default": j["files"][0]["default"]["packets"]}')
reached=$(stats 'j["files"][0]["reached"]["packets"]')
swap_py send "$A" "$B" "$WORK/stop" >"$WORK/sent" &
sender=$!
JOBS+=($sender)
while [ ! -e "$WORK/stop" ]; do
	in_a "$XDPF" stats --json xe0
	sleep 0.1
done >"$WORK/series" &
reader=$!
JOBS+=($reader)
swaps=0
for i in $(seq 25); do
	in_a "$XDPF" apply --quiet "$a" xe0 && in_a "$XDPF" apply --quiet "$b" xe0 && swaps=$((swaps + 2))
done
touch "$WORK/stop"
wait $sender $reader
is "exchanges" "$swaps" 50
is "one program all the time" "$(program_id)" "$id"
sent=$(cat "$WORK/sent")
is "no packet met anything else" "$(json 'j["wrong"]' <<<"$sent")" "[]"
is "packets met both" "$(json 'min(j["differ"].values()) > 0 and j["groups"] > 80' <<<"$sent")" True
is "all were counted" "$(stats 'j["files"][0]["reached"]["packets"]')" $((reached + $(json 'j["total"]' <<<"$sent")))
is "the books balance" "$(stats 'j["balanced"]')" True
in_a "$XDPF" stats --json xe0 >"$WORK/stats"
is "rules that stay counted each packet" "$(/usr/bin/python3 -c 'import json, sys
sent = json.load(open(sys.argv[1]))["sent"]
start = eval(sys.argv[3])
f = json.load(open(sys.argv[2]))["files"][0]
now = {r["label"] or r["text"]: r["packets"] for r in f["rules"]} | {"default": f["default"]["packets"]}
print(len(sent) > 100, {k: (now.get(k, 0) - start.get(k, 0), v) for k, v in sent.items() if now.get(k, 0) - start.get(k, 0) != v})' \
	"$WORK/sent" "$WORK/stats" "$start")" "True {}"

is "who read meanwhile never saw a number fall" "$(swap_py falls "$WORK/sent" "$WORK/series")" "True []"

is "the program is still the same" "$(program_id)" "$id"
is "and takes the next" "$(loaded "$a") $(loaded "$b") $(loaded "$a")" "tables tables tables"

# Several interfaces: one that cannot leaves all as they are.
status "one that cannot" 3 in_a "$XDPF" apply "$b" xe0 lo
is "nothing was exchanged" "$(swap_py one "$A" "$B")" a
is "nor left behind" "$(stats 'any(r["label"] == "new" for r in j["files"][0]["rules"])')" False
is "tables here, a program there" "$(in_a "$XDPF" apply --quiet --json "$b" xe0 xe2 | json '[(i["interface"], i["loaded"]) for i in j["interfaces"]]')" \
	"[('xe0', 'tables'), ('xe2', 'program')]"
is "both" "$(in_a "$XDPF" apply --quiet --json "$a" xe0 xe2 | json '[i["loaded"] for i in j["interfaces"]]')" "['tables', 'tables']"
is "both have it" "$(in_a "$XDPF" status --json xe0 xe2 | json '[i["rules"] for i in j]')" "[1000, 1000]"

# Another name.
mkdir "$WORK/named"
cp "$WORK/b/swap.xdpf" "$WORK/named/other.xdpf"
compile "$WORK/named/other.xdpf"
is "another name" "$(loaded "$WORK/named/other.o")" "program: its files have other names"
is "and back" "$(loaded "$a")" "program: its files have other names"
id=$(program_id)

# Another shape.
is "code" "$(loaded "$WORK/shape/swap.o")" "program: more than what stands in tables is different"
is "another program runs" "$([ "$(program_id)" = "$id" ] || echo other)" other
is "and back with a program" "$(loaded "$a")" "program: more than what stands in tables is different"
id=$(program_id)
swap_py one "$A" "$B" >/dev/null
held=$(stats '(j["balanced"], j["files"][0]["reached"], j["verdicts"])')
is "where it is wanted" "$(in_a "$XDPF" apply --quiet --reload --json "$a" xe0 | json 'j["interfaces"][0]["why"]')" "that was asked for"
is "it is another" "$([ "$(program_id)" = "$id" ] || echo other)" other
is "and its counters go on" "$(stats '(j["balanced"], j["files"][0]["reached"], j["verdicts"])')" "$held"
is "exchanges behind it" "$(loaded "$b") $(loaded "$a") $(loaded "$b") $(loaded "$a")" "tables tables tables tables"
is "and they still do" "$(stats '(j["balanced"], j["files"][0]["reached"], j["verdicts"])')" "$held"

# Two files: what the first one passed goes on to the second, also by rules that are gone.
printf 'late: drop if udp.dport == 1;\n' >"$WORK/late.xdpf"
for f in a b; do
	ok "compile two files" "$XDPFC" "$WORK/$f/swap.xdpf" "$WORK/late.xdpf" -o "$WORK/two-$f.o"
done
status "two files" 0 in_a "$XDPF" apply "$WORK/two-b.o" xe0
for f in a b a; do
	swap_py one "$A" "$B" >/dev/null
	is "an edit of the first" "$(loaded "$WORK/two-$f.o")" tables
	is "the books balance" "$(stats 'j["balanced"]')" True
done
swap_py one "$A" "$B" >/dev/null
is "each reached the first" "$(stats '(j["balanced"], j["files"][0]["reached"]["packets"])')" "(True, 8)"

# Who reads the log meanwhile is told what rules are now.
status "rules that log" 0 in_a "$XDPF" apply "$WORK/log-a/swap.o" xe0
nsenter --net="$A" "$XDPF" log xe0 --json --count 3 >"$WORK/log" 2>"$WORK/log.err" &
reader=$!
JOBS+=($reader)
for _ in $(seq 100); do
	ls -l "/proc/$reader/fd" 2>/dev/null | grep -q /run/xdpf/log- && break
	sleep 0.05
done
swap_py log "$A" "$B"
sleep 1
is "rules before the one that logs" "$(loaded "$WORK/log-b/swap.o")" tables
swap_py log "$A" "$B"
sleep 1
is "and back" "$(loaded "$WORK/log-a/swap.o")" tables
swap_py log "$A" "$B"
ok "the reader ends" wait $reader
is "where the rule was" "$(/usr/bin/python3 -c 'import json, sys
print([(e["rule"], e["line"]) for e in map(json.loads, open(sys.argv[1]))])' "$WORK/log")" "[('port', 11), ('port', 21), ('port', 11)]"
is "its counter went on" "$(stats 'rule("port")')" 3

# An interface that a rule names is looked up again by each change.
for f in a b; do
	sed '$ a here: drop if iface == xe9 and tcp.dport == 9;' "$WORK/$f/swap.xdpf" >"$WORK/iface.xdpf"
	mkdir "$WORK/iface-$f"
	mv "$WORK/iface.xdpf" "$WORK/iface-$f/swap.xdpf"
	compile "$WORK/iface-$f/swap.xdpf"
done
status "a name that nobody has" 0 in_a "$XDPF" apply "$WORK/iface-a/swap.o" xe0
is "as long as nobody has it" "$(loaded "$WORK/iface-b/swap.o")" tables
ip -n "$NAME-a" link set xe3 name xe9
is "when somebody has it" "$(loaded "$WORK/iface-a/swap.o")" tables
is "and from then on" "$(loaded "$WORK/iface-b/swap.o")" tables

# What many limits say is in tables too: buckets and counters go on under another rate.
for f in a b c; do
	mkdir "$WORK/limits-$f"
	{
		echo 'default pass;'
		for i in $(seq 20); do
			burst=3 size=10
			[ $i = 1 ] && [ $f = b ] && burst=5
			[ $i = 1 ] && [ $f = c ] && size=11
			echo "l$i: drop if udp.dport == $i over 1/h burst $burst per ip.src size $size;"
		done
	} >"$WORK/limits-$f/swap.xdpf"
	compile "$WORK/limits-$f/swap.xdpf"
done
udp() {	# HOW MANY
	in_b /usr/bin/python3 -c 'import socket, struct, sys
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
s.bind(("xe1", 0))
ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 46, 0, 0, 64, 17, 0, b"\xc0\0\2\1", b"\xc0\0\2\2")
for _ in range(int(sys.argv[1])):
    s.send(b"\2\0\0\0\0\2\2\0\0\0\0\1\x08\0" + ip + struct.pack("!HHHH", 7, 1, 26, 0) + bytes(18))' "$1"
	sleep 0.1
}
is "many limits" "$(loaded "$WORK/limits-a/swap.o" | cut -d: -f1)" program
udp 4
is "a burst of 3" "$(stats 'rule("l1")')" 1
is "another burst" "$(loaded "$WORK/limits-b/swap.o")" tables
udp 4
is "of 5, of which 3 were taken" "$(stats 'rule("l1"), [(l["admitted"], l["denied"]) for l in j["limits"]][0]')" "(3, (5, 3))"
is "back to 3" "$(loaded "$WORK/limits-a/swap.o")" tables
udp 1
is "of which more were taken than it holds: it begins anew" "$(stats 'rule("l1")')" 3
is "another size" "$(loaded "$WORK/limits-c/swap.o" | cut -d: -f1)" program
udp 4
is "of which one was taken" "$(stats 'rule("l1")')" 5

# Counters are used again: what the program before counted there is nothing of a new rule's, neither packets nor bytes.
for f in 0 1 2 3 4; do
	mkdir "$WORK/used-$f"
	for i in $(seq 20); do
		echo "v$f-$i: drop if udp.dport == $i;"
	done >"$WORK/used-$f/swap.xdpf"
	ok "compile version $f" "$XDPFC" --engine=rfc "$WORK/used-$f/swap.xdpf" -o "$WORK/used-$f/swap.o"
done
counted='{r["label"]: (r["packets"], r["bytes"]) for r in j["files"][0]["rules"] if r["packets"] or r["bytes"]}'
is "rules in tables" "$(loaded "$WORK/used-0/swap.o" | cut -d: -f1)" program
dropped='j["verdicts"].get("drop", {"packets": 0, "bytes": 0})'
before=$(stats "$dropped")
udp 4
status "a program that carries their counters" 0 in_a "$XDPF" apply --quiet --reload "$WORK/used-0/swap.o" xe0
is "they go on" "$(stats "$counted")" "{'v0-1': (4, 240)}"
for f in 1 2 3 4; do
	is "version $f" "$(loaded "$WORK/used-$f/swap.o")" tables
	is "version $f: no rule has counted" "$(stats "$counted")" "{}"
done
is "but the file has" "$(stats "j['balanced'], [$dropped[k] - $before[k] for k in ('packets', 'bytes')]")" "(True, [4, 240])"
status "remove" 0 in_a "$XDPF" remove xe0 xe2
report
