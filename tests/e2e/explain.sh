#!/bin/bash
# xdpf explain: packets of a filter that runs. What it says of verdicts and rules is what the filter counted; packets are shown as they came in; what
# is not in them follows from what the filter did; nothing of it stays.
. "$(dirname "$0")/lib.sh" "$@"
network 9000
own_place
cat >"$WORK/why.xdpf" <<'END'
set banned : ip live size 8;
limit slow = 1/h burst 2 per ip.src;
banned:  drop if ip.src in banned;
big:     drop if icmp.type == echo-request and pkt.len > 1000;
slow:    drop if udp.dport == 700 over slow;
dice:    drop if udp.dport == 701 and random 50%;
knocked: add ip.src to banned, drop if udp.dport == 702;
telnet:  drop if tcp.dport == 23;
END
cat >"$WORK/writes.xdpf" <<'END'
include "more/part.xdpf";
lower:   ip.ttl = 7 if udp.dport == 800;
seen:    drop if ip.ttl == 7;
same:    tx swap if udp.dport == 801;
END
printf 'set banned : ip live size 8;\ntelnet: drop if udp.dport == 710 and ip.src in banned;\n' >"$WORK/odd:a=b.xdpf"
mkdir "$WORK/more"
echo 198.51.100.0/24 >"$WORK/more/nets.txt"
printf 'set nets : net from "nets.txt";\nnets: drop if ip.src in nets;\n' >"$WORK/more/part.xdpf"

state() {	# the id of the map that says who asks
	bpftool -j prog show id "$(program_id)" | json 'next(i for i in j["map_ids"] if json.loads(__import__("subprocess").run(
		["bpftool", "-j", "map", "show", "id", str(i)], capture_output=True).stdout)["name"] == ".data.explain")'
}
session() {	# how many ask
	bpftool map dump id "$(state)" | grep -c '"session": [1-9]'
}
explain() {	# NAME OPTIONS...: in the background, its output in $WORK/NAME
	nsenter --net="$A" "$XDPF" explain xe0 "${@:2}" >"$WORK/$1" 2>"$WORK/$1.err" &
	JOBS+=($!)
	EXPLAINING=$!
	for _ in $(seq 100); do
		[ "$(session)" = 1 ] && return
		sleep 0.05
	done
	fail "$1" "it does not start: $(cat "$WORK/$1.err")"
}
ended() {	# NAME STATUS
	wait "$EXPLAINING"
	is "$1 ends" $? "$2"
	JOBS=()
	if grep -q Sanitizer "$WORK/$1.err"; then fail "$1" "$(cat "$WORK/$1.err")"; fi
}
# A Python expression over the objects of $WORK/NAME, which is j.
said() {	# NAME EXPRESSION
	/usr/bin/python3 -c 'import json, sys
j = [json.loads(line) for line in open(sys.argv[1])]
print(eval(sys.argv[2]))' "$WORK/$1" "$2" 2>&1 | tail -1
}
status "no filter" 3 in_a "$XDPF" explain xe0
says "and that is said" "no XDP program runs there"
status "two interfaces" 2 in_a "$XDPF" explain xe0 lo
status "an unknown verdict" 2 in_a "$XDPF" explain xe0 --verdict drop,allow
says "which there are" "pass, drop, tx, redirect and abort"
status "none at all" 2 in_a "$XDPF" explain xe0 --count 0
status "too many" 2 in_a "$XDPF" explain xe0 --rate 1001
status "no time" 2 in_a "$XDPF" explain xe0 --for soon
status "raw, and explained" 2 in_a "$XDPF" explain xe0 --raw --json

# ---- all that come, as the filter counts them ----
status "apply" 0 in_a "$XDPF" apply "$WORK/why.xdpf" xe0
status "no such rule" 1 timeout 20 nsenter --net="$A" "$XDPF" explain xe0 --rule telent
says "where they are" "the filter has no rule telent: .xdpf status --rules xe0. shows its rules"
status "banned" 0 in_a "$XDPF" set add xe0 banned 10.99.0.66
explain all --json --count 1000 --rate 1000 --for 40s --all
status "a second one" 3 in_a "$XDPF" explain xe0
says "is told of the first" "packets of this program are explained by xdpf \(pid $EXPLAINING\) already"
ping_a 10.99.0.1 >/dev/null
WAIT=0.3 ping_a -s 1200 10.99.0.1 >/dev/null
WAIT=0.3 ping_a -I 10.99.0.66 10.99.0.1 >/dev/null
udp 700 20 4
udp 701 20 5
udp 702 20 2
in_b timeout 1 bash -c ': >/dev/tcp/10.99.0.1/23' 2>/dev/null
sleep 0.3
kill -INT "$EXPLAINING"
ended all 0
is "each agrees" "$(said all 'sorted({p["agrees"] for p in j})')" "[True]"
is "the filter's own word" "$(said all 'all((p["verdict"], p["rule"]) == (p["filter"]["verdict"], p["filter"]["rule"]) for p in j)')" True
rules() {
	said all 'sorted((r, sum(p["rule"] == r for p in j)) for r in {p["rule"] for p in j} - {"default"})'
}
is "as many as were counted" "$(rules)" \
	"$(stats 'sorted((r["rule"], r["packets"]) for f in j["files"] for r in f["rules"] if r["packets"])')"
is "two over the limit, which the packet does not say" \
	"$(said all '[(o["condition"], o["taken-as"]) for p in j if p["rule"] == "slow" for o in p["outside"] if "slow" in o["condition"]]')" \
	"[('over slow', True), ('over slow', True)]"
is "an element that was put in by hand" "$(said all '[b["actual"] for p in j if p["rule"] == "banned" for b in p["because"]][0][:32]')" \
	"it is 10.99.0.66, in set banned "
is "where it is, and why none before it" \
	"$(said all '[(p["file"], p["line"], [(b["rule"], b["state"]) for b in p["before"]]) for p in j if p["rule"] == "big"][0]')" \
	"('why.xdpf', 4, [('banned', 'failed')])"
is "on which interface" "$(said all '{p["interface"] for p in j}')" "{'xe0'}"
is "when" "$(said all 'all(abs(p["ns"] / 1e9 - __import__("time").time()) < 200 for p in j)')" True
is "nobody asks any more" "$(session)" 0
not "no lock is left" test -e "/run/xdpf/explain-$(state)"

# ---- in words; some verdicts, one rule ----
status "nothing banned" 0 in_a "$XDPF" set flush xe0 banned
explain drops --verdict drop --count 2 --for 30s
ping_a 10.99.0.1 >/dev/null
udp 703 20 3
WAIT=0.3 ping_a -s 1200 10.99.0.1 >/dev/null
WAIT=0.3 ping_a -s 1300 10.99.0.1 >/dev/null
ended drops 0
is "drops alone, of many" "$(grep -c '^  drop by big (why.xdpf:4:1): drop if icmp.type == echo-request and pkt.len > 1000$' "$WORK/drops")" 2
is "and nothing else" "$(grep -c '^packet' "$WORK/drops")" 2
explain raw --raw --rule big --count 1 --rate 1000 --for 30s
ping_a 10.99.0.1 >/dev/null
WAIT=0.3 ping_a -s 8000 -p a5 10.99.0.1 >/dev/null
ended raw 0
is "a whole packet, its fragments too" "$(said raw '[(p["rule"], p["length"], len(p["bytes"]), p["bytes"][-1000:] == "a5" * 500) for p in j]')" \
	"[('big', 8042, 16084, True)]"
status "which xdpfc explains" 0 "$XDPFC" --explain "$WORK/raw:1" "$WORK/why.xdpf"
says "with rule files" "drop by big"
sed 's/"big"/"telnet"/' "$WORK/raw" >"$WORK/raw.wrong"
status "had the filter done otherwise" 4 "$XDPFC" --explain "$WORK/raw.wrong:1" "$WORK/why.xdpf"
says "it is said" "THE FILTER DID OTHERWISE: drop by telnet of why.xdpf"

# ---- rewriting: as it came in; includes and elements from the program alone ----
status "one that writes" 0 in_a "$XDPF" apply "$WORK/writes.xdpf" xe0
mv "$WORK/more" "$WORK/moved"
explain writes --json --verdict drop,tx --count 3 --rate 1000 --for 30s
udp 800 20 2
udp 801 20 1
ended writes 0
is "as it came in" "$(said writes 'sorted((p["rule"], "ip4.ttl = 64" in p["fields"]) for p in j)')" "[('same', True), ('seen', True), ('seen', True)]"
is "what was written" "$(said writes '[(a["was"], a["is"]) for p in j for b in p["before"] for a in b.get("actions", []) if b["rule"] == "lower"]')" \
	"[('64', '7'), ('64', '7')]"
is "the include is explained" "$(said writes '{b["file"] for p in j for b in p["before"] if b["rule"] == "nets"}')" "{'part.xdpf'}"

# ---- the filter changes; the tool is killed ----
explain over --verdict drop --rate 1000 --count 2 --for 30s
udp 800 20 1
for _ in $(seq 50); do
	grep -q seen "$WORK/over" && break
	sleep 0.1
done
status "replaced" 0 in_a "$XDPF" apply "$WORK/why.xdpf" xe0
for _ in $(seq 100); do
	grep -q "replaced" "$WORK/over.err" && break
	sleep 0.1
done
sleep 0.5
in_b timeout 1 bash -c ': >/dev/tcp/10.99.0.1/23' 2>/dev/null
ended over 0
is "both filters' packets" "$(grep -o 'drop by [a-z]*' "$WORK/over" | tr '\n' ' ')" "drop by seen drop by telnet "
is "it was told" "$(grep -c 'xe0: the filter was replaced: what follows is of the new one' "$WORK/over.err")" 1

# Tables exchanged in the program that runs: indexes of rules are others then.
for n in 1 2; do
	mkdir "$WORK/$n"
	for i in $(seq 30); do
		echo "t$n$i: drop if tcp.dport == $i and ip.src in 10.$n.$i.0/24;"
	done >"$WORK/$n/tables.xdpf"
	echo "all$n: drop if udp.dport == 900;" >>"$WORK/$n/tables.xdpf"
done
status "tables" 0 in_a "$XDPF" apply "$WORK/1/tables.xdpf" xe0
explain tables --verdict drop --rate 1000 --count 2 --for 30s
udp 900 20 1
for _ in $(seq 50); do
	grep -q all1 "$WORK/tables" && break
	sleep 0.1
done
status "others" 0 in_a "$XDPF" apply "$WORK/2/tables.xdpf" xe0
says "are exchanged" "tables exchanged, no program loaded"
for _ in $(seq 100); do
	grep -q "replaced" "$WORK/tables.err" && break
	sleep 0.1
done
sleep 0.3
udp 900 20 1
ended tables 0
is "each by its own tables" "$(grep -Eo 'drop by [a-z0-9]+' "$WORK/tables" | tr '\n' ' ')" "drop by all1 drop by all2 "

# Behind a guard, and killed: no program is left that it loaded, nobody asks, the next one can.
mv "$WORK/moved" "$WORK/more"
status "one to be confirmed" 0 in_a "$XDPF" apply --confirm 600s "$WORK/writes.xdpf" xe0
explain guard --json --count 1000 --rate 1000 --for 60s
udp 800 20 1
for _ in $(seq 50); do
	[ -s "$WORK/guard" ] && break
	sleep 0.1
done
is "behind a guard" "$(said guard '[(p["rule"], "ip4.ttl = 64" in p["fields"]) for p in j if p["rule"] != "default"]')" "[('seen', True)]"
is "one asks" "$(session)" 1
kill -KILL "$EXPLAINING" 2>/dev/null
{ wait "$EXPLAINING"; } 2>/dev/null
JOBS=()
udp 800 20 3
sleep 0.2
is "no events are left, and the filter has seen that" "$(session)" 0
status "confirmed" 0 in_a "$XDPF" confirm xe0
explain again --json --count 1 --rule seen --rate 1000 --for 30s
udp 800 20 1
ended again 0
is "another asks" "$(said again '[p["rule"] for p in j]')" "['seen']"

# A reader that hangs: its tickets are used up, and after many packets the filter stops asking whether there are more; then it goes on anew.
explain hangs --count 1000 --rate 1000 --for 100s
kill -STOP "$EXPLAINING"
head -c 64 /dev/zero >"$WORK/frame"
ok "many packets" bpftool prog run id "$(program_id)" data_in "$WORK/frame" repeat 36000000
is "nobody reads" "$(session)" 0
kill -CONT "$EXPLAINING"
for _ in $(seq 100); do
	[ "$(session)" = 1 ] && break
	sleep 0.05
done
is "asks again" "$(session)" 1
kill -INT "$EXPLAINING"
ended hangs 0

# ---- gone, and what cannot be explained ----
explain gone --for 30s
status "removed" 0 in_a "$XDPF" remove xe0
ended gone 0
is "that is told" "$(grep -c 'xe0: the filter was removed' "$WORK/gone.err")" 1
ok "no texts" "$XDPFC" --no-source "$WORK/why.xdpf" -o "$WORK/bare.o"
status "two files, one with an odd name" 0 "$XDPFC" "$WORK/odd:a=b.xdpf" "$WORK/why.xdpf" -o "$WORK/odd.o"
status "apply" 0 in_a "$XDPF" apply "$WORK/odd.o" xe0
status "a set of the odd one" 0 in_a "$XDPF" set add xe0 "odd:a=b.xdpf:banned" 10.99.0.2
explain odd --json --count 1 --rule odd:a=b.xdpf:telnet
udp 710 20 1
ended odd 0
is "its elements are known" "$(said odd 'j[0]["rule"], j[0]["file"], j[0]["because"][1]["actual"].split(",")[1]')" \
	"('telnet', 'odd:a=b.xdpf', ' in set banned by 10.99.0.2 (1 element now)')"
status "apply" 0 in_a "$XDPF" apply "$WORK/bare.o" xe0
explain bare --count 1 --rate 1000 --for 30s
ping_a 10.99.0.1 >/dev/null
ended bare 3
is "without texts" "$(grep -c 'program why does not have the text of' "$WORK/bare.err")" 1
report
