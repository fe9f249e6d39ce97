#!/bin/bash
# What scripts read: run, status and stats in each of their forms.
. "$(dirname "$0")/lib.sh" "$@"
network
cat >"$WORK/show.xdpf" <<'END'
types:    count types per eth.type;
pairs:    count pairs per (ip.proto, l4.dport);
all:      count all;
here:     drop if iface == xe0 and icmp;
queue:    drop if rxqueue == 3 and tcp;
END
printf 'web:      pass if tcp.dport == 80;\ndrop if udp; drop if sctp;\n' >>"$WORK/show.xdpf"
compile "$WORK/show.xdpf"

# ---- run ----
lines() { "$XDPF" run --quiet "$@" 2>&1 | cut -f2- | sort | uniq -c | awk '{ print $1, $2, $3 }' | tr '\n' ' '; }
plain=$(lines "$WORK/show.o" "$CAPTURES/ping.pcap")
is "run twice" "$(lines "$WORK/show.o" "$CAPTURES/ping.pcap")" "$plain"
is "iface is absent" "$(grep -c here <<<"$plain")" 0
is "iface of that name" "$(lines --iface xe0 "$WORK/show.o" "$CAPTURES/ping.pcap" | grep -c "drop here")" 1
is "iface of another name" "$(lines --iface xe1 "$WORK/show.o" "$CAPTURES/ping.pcap")" "$plain"
printf 'ways: count ways per iface;\n' >"$WORK/ways.xdpf"
is "iface in a key" "$("$XDPF" run --json --iface xe7 "$WORK/ways.xdpf" "$CAPTURES/ping.pcap" | tail -1 |
	json '[list(e["key"].values()) for e in j["summary"]["tables"][0]["entries"]]')" "[['xe7']]"
OUT=$("$XDPF" run --iface xe7 "$WORK/ways.xdpf" "$CAPTURES/ping.pcap" 2>&1 >/dev/null)
says "and as text" "^  xe7 +[0-9]+"
is "rxqueue is absent" "$(lines "$WORK/show.o" "$CAPTURES/web.pcap" | grep -c queue)" 0
is "rxqueue is that" "$(lines --rxqueue 3 "$WORK/show.o" "$CAPTURES/web.pcap" | grep -c "drop queue")" 1
is "rxqueue is another" "$(lines --rxqueue 2 "$WORK/show.o" "$CAPTURES/web.pcap" | grep -c queue)" 0
is "from standard input" "$(lines "$WORK/show.o" - <"$CAPTURES/ping.pcap")" "$plain"
is "short frames" "$(lines "$WORK/show.o" "$CAPTURES/runts.pcap" | grep -c "skipped -")" 1
OUT=$("$XDPF" run --quiet --split 20 "$WORK/show.o" "$CAPTURES/ping.pcap" 2>&1)
if [ $? -eq 3 ]; then
	skip "run --split" "$(head -1 <<<"$OUT")"
else
	for capture in ping web dns protocols vlan frag malformed; do
		whole=$("$XDPF" run --quiet "$WORK/show.o" "$CAPTURES/$capture.pcap" 2>&1)
		for at in 14 33 54; do
			is "$capture, split at $at" "$("$XDPF" run --quiet --split $at "$WORK/show.o" "$CAPTURES/$capture.pcap" 2>&1)" "$whole"
		done
	done
fi
n=$("$XDPF" run --quiet "$WORK/show.o" "$CAPTURES/web.pcap" | wc -l)
is "JSON lines" "$("$XDPF" run --json "$WORK/show.o" "$CAPTURES/web.pcap" | /usr/bin/python3 -c 'import json, sys
lines = [json.loads(l) for l in sys.stdin]
s = lines[-1]["summary"]
print(len(lines) - 1, s["balanced"], s["files"][0]["reached"]["packets"], all(set(l) == {"packet", "verdict", "rule", "file"} for l in lines[:-1]))')" \
	"$n True $n True"
printf 'same: drop if icmp; pairs: count p per l4.dport;\n' >"$WORK/first.xdpf"
printf 'same: drop if tcp; default drop;\n' >"$WORK/second.xdpf"
ok "two files" "$XDPFC" "$WORK/first.xdpf" "$WORK/second.xdpf" -o "$WORK/two.o"
decided() { "$XDPF" run --json "$WORK/two.o" "$CAPTURES/$1.pcap" | /usr/bin/python3 -c 'import json, sys
lines = [json.loads(l) for l in sys.stdin]
print(sorted({(l["rule"], l["file"]) for l in lines[:-1] if l["verdict"] == "drop"}), [(m["rule"], m["file"]) for m in lines[-1]["summary"]["misses"]])'; }
is "whose rule it is" "$(decided ping)" "[('default', 'second.xdpf'), ('same', 'first.xdpf')] [('pairs', 'first.xdpf')]"
is "whose rule of that name" "$(decided web)" "[('default', 'second.xdpf'), ('same', 'second.xdpf')] [('pairs', 'first.xdpf')]"
is "nobody's" "$("$XDPF" run --json "$WORK/two.o" "$CAPTURES/runts.pcap" | grep skipped | head -1 | json 'j["rule"], j["file"]')" "('-', None)"
is "none where they are not wanted" "$("$XDPF" run --json --quiet "$WORK/show.o" "$CAPTURES/web.pcap" | grep -c '"verdict"')" "$n"
is "and nothing else" "$("$XDPF" run --json --quiet "$WORK/show.o" "$CAPTURES/web.pcap" 2>&1 | wc -l)" "$n"
is "the summary goes to standard error" "$("$XDPF" run "$WORK/show.o" "$CAPTURES/web.pcap" 2>/dev/null | wc -l)" "$n"
OUT=$("$XDPF" run "$WORK/show.o" "$CAPTURES/web.pcap" 2>&1 >/dev/null)
says "rules in the summary" "web +pass +[0-9]+ +[0-9]+  pass if tcp.dport == 80"
says "a pair's names" "tcp, (http|80) "

# ---- without counters ----
printf 'option counters off;\nt: count t; drop if udp;\n' >"$WORK/off.xdpf"
OUT=$("$XDPF" run "$WORK/off.xdpf" "$CAPTURES/dns.pcap" 2>&1 >/dev/null)
says "it says so" "^off.xdpf: its counters are off"
is "and shows no zeros" "$(grep -c verdicts <<<"$OUT")" 0
is "nor as JSON" "$("$XDPF" run --json "$WORK/off.xdpf" "$CAPTURES/dns.pcap" | tail -1 | json 'j["summary"]["verdicts"]')" None

# ---- on an interface ----
status "nothing runs" 0 in_a "$XDPF" status
says "and it says so" "no XDP program runs on any interface"
status "apply" 0 in_a "$XDPF" apply "$WORK/show.xdpf" xe0
says "rules without a label" "2 of 8 rules have no label$"
is "nothing started before" "$(grep -c 'start at zero' <<<"$OUT")" 0
printf 'a: drop if tcp;\nb: if udp { c: count c; }\n' >"$WORK/labels.xdpf"
status "apply with labels" 0 in_a "$XDPF" apply "$WORK/labels.xdpf" xe0
says "of another file nothing goes on" "xe0: not carried over: table types \(show.xdpf\): there is none of this name any more"
is "but the sums"  "$(grep -c 'not carried over: counters of verdicts: the program is made of other files now' <<<"$OUT")" 1
status "apply afresh" 0 in_a "$XDPF" apply --afresh "$WORK/labels.xdpf" xe0
says "what it says" "xe0: replaced by labels, .*; counters and tables start at zero"
is "all have one" "$(grep -c 'no label' <<<"$OUT")" 0
is "as JSON" "$(in_a "$XDPF" apply --json --quiet "$WORK/show.xdpf" xe0 |
	json 'j["program"], j["files"], j["rules"], j["unlabelled"], [(i["interface"], i["mode"]) for i in j["interfaces"]]')" \
	"('show', ['show.xdpf'], 8, 2, [('xe0', 'native')])"
udp 53 10 4
status "status" 0 in_a "$XDPF" status xe0 lo
says "of ours" "xe0: native, program show \(id [0-9]+\), since 20"
says "of none" "lo: no XDP program"
is "keys of the status" "$(in_a "$XDPF" status --json xe0 | json '" ".join(sorted(j[0]))')" \
	"by_file compiler files frags ifindex interface link_id mode names ours pending program program_id programs rules since sources"
is "since when" "$(in_a "$XDPF" status --json xe0 | json 'abs(j[0]["since"] - __import__("time").time()) < 60')" True
is "keys of the statistics" "$(in_a "$XDPF" stats --json xe0 | json '" ".join(sorted(j))')" \
	"balanced exceptions files ifindex interface limits logs lost misses mode program program_id sets tables verdicts"
is "a tuple's entry" "$(stats '[(k.split(",")[0], n) for k, n in table("pairs").items()]')" "[('udp', 4)]"
is "a table without a key" "$(stats 'list(table("all").values())[0] == rule("all")')" True
status "as text" 0 in_a "$XDPF" stats xe0
says "its rules" "show.xdpf:7 +drop +4 "
says "its tables" "table pairs \(show.xdpf\) per ip.proto, l4.dport: 1 entry"
status "for Prometheus" 0 in_a "$XDPF" stats --prometheus xe0
says "its rules" '^xdpf_rule_packets_total\{interface="xe0",program="show",file="show.xdpf",rule="show.xdpf:7",index="[0-9]+",verdict="drop"\} 4$'
is "every line of it" "$(/usr/bin/python3 "$HERE/prometheus.py" 'v("xdpf_info")' <<<"$OUT" 2>&1)" 1
OUT=$(in_a timeout --foreground 2.5 "$XDPF" stats --watch xe0)
is "again each second" "$(grep -c "^verdicts" <<<"$OUT")" 2

# An interface may be called by any bytes: what is shown is text all the same.
odd=$'o\e[31m\xff"'
ip -n "$NAME-a" link add "$odd" type veth peer name odd
ip -n "$NAME-a" link set "$odd" up
status "apply to it" 0 in_a "$XDPF" apply "$WORK/labels.xdpf" "$odd"
says "its name" '^xdpf: o.\[31m.": runs labels'
for command in status "status --json" stats "stats --json" "stats --prometheus" doctor "doctor --json" "apply --json"; do
	rules=()
	[ "$command" != "apply --json" ] || rules=("$WORK/labels.xdpf")
	# shellcheck disable=SC2086 # a command and its option
	status "$command" 0 in_a "$XDPF" $command "${rules[@]}" "$odd"
	[ "$command" = stats ] || says "$command: its name" '(^|")o[?]\[31m[?][\\]?"'
	is "$command: no control characters" "$(grep -cP '[\x00-\x08\x0b-\x1f]' <<<"$OUT")" 0
	is "$command: UTF-8" "$(iconv -f UTF-8 -t UTF-8 <<<"$OUT" | cmp - <(echo "$OUT") 2>&1)" ""
done
ok "it goes" in_a "$XDPF" remove "$odd"
report
