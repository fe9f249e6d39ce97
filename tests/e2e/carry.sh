#!/bin/bash
# What goes on when a program replaces another: counters, sets, limits and tables of the same file and name, under traffic, and across kill -9;
# and what cannot, is said.
. "$(dirname "$0")/lib.sh" "$@"
network
own_place

version() {	# NAME: a version of f.xdpf from standard input, compiled to NAME.o
	mkdir -p "$WORK/$1"
	cat >"$WORK/$1/f.xdpf"
	ok "compile $1" "$XDPFC" "$WORK/$1/f.xdpf" -o "$WORK/$1.o"
}

version a <<'END'
set banned : ip size 100 timeout 10m live;
set few : ip size 4 timeout 10m live;
limit l = 2/h burst 3 per ip.src;
limit big = 2/h burst 3 per ip.src size 70;
limit other = 2/h burst 3 per ip.src;
seen:  count t per udp.dport if udp;
one:   drop if udp.dport == 1;
two:   drop if udp.dport == 2;
three: pass if udp.dport == 3;
lim:   drop if udp.dport == 4 over l;
lbig:  drop if udp.dport == 6 over big;
loth:  drop if udp.dport == 7 over other;
ban:   add ip.src to banned if udp.dport == 5;
log:   log 2/h, drop if udp.dport == 8;
drop if udp.dport == 9;
drop if ip.src in few;
END
version b <<'END'
set banned : ip size 200 timeout 10m live;
set typed : mac live;
set few : ip size 2 timeout 10m live;
limit extra = 2/h per ip.src;
limit other = 2/h burst 3 per (ip.src, udp.dport);
limit l = 2/h burst 3 per ip.src;
limit big = 2/h burst 3 per ip.src size 700;
seen:  count t per udp.dport if udp;
new:   drop if udp.dport == 77;
e:     drop if udp.dport == 78 over extra;
ty:    add eth.src to typed if udp.dport == 79;
log:   log 2/h, drop if udp.dport == 8;
two:   pass if udp.dport == 2;
one:   drop if udp.dport == 1 and ip.ttl > 3;
drop if udp.dport == 9;
ban:   add ip.src to banned if udp.dport == 5;
lim:   drop if udp.dport == 4 over l;
lbig:  drop if udp.dport == 6 over big;
loth:  drop if udp.dport == 7 over other;
drop if ip.src in few;
END
version c <<'END'
set banned : mac size 100 live;
seen:  count t per (ip.src, udp.dport) if udp;
END

dropped() { ip -n "$NAME-b" -s -j link show xe1 | json 'j[0]["stats64"]["tx"]["dropped"]'; }
apply() { in_a "$XDPF" apply --quiet --json "$WORK/$1.o" xe0; }
lost() { json '[(l["kind"], l["name"], l["why"].split(":")[0]) for l in j["interfaces"][0]["lost"]]'; }

apply a >/dev/null
for port in 1 1 2 2 2 3 5 9; do udp "$port" 10 1; done
udp 4 10 5
udp 6 10 5
udp 7 10 5
udp 8 10 5
for i in 1 2 3 4; do in_a "$XDPF" set add --quiet --timeout 0 xe0 few 192.0.2.$i; done
OUT=$(apply b)
is "what is lost" "$(lost <<<"$OUT")" \
	"[('limit', 'other', 'its key or its unit of time is another now'), ('set', 'few', '2 elements find no room')]"
is "counters" "$(stats '[rule(r) for r in ("one", "two", "lim", "lbig", "loth", "ban", "new", "log", "f.xdpf:15")]')" "[2, 3, 2, 2, 2, 1, 0, 5, 1]"
is "the books balance" "$(stats '(j["balanced"], verdict("drop"), j["files"][0]["reached"]["packets"] == verdict("drop") + verdict("pass"))')" \
	"(True, 17, True)"
is "a table" "$(stats '[table("t").get(k) for k in ("tcpmux", "2", "4")]')" "[2, 3, 5]"
is "limits' counters" "$(stats '{l["name"]: (l["admitted"], l["denied"]) for l in j["limits"]}')" \
	"{'extra': (0, 0), 'l': (3, 2), 'big': (3, 2), 'other': (3, 2)}"
is "sets' counters" "$(stats '[s["added"] for s in j["sets"] if s["name"] == "banned"]')" "[1]"
is "a set that is larger now" "$(in_a "$XDPF" set show xe0 banned | cut -f1)" 10.99.0.2
is "one that is smaller" "$(in_a "$XDPF" set show xe0 few | wc -l)" 2
udp 4 10 1
udp 6 10 1
udp 7 10 1
udp 8 10 1
is "no tokens more" "$(stats '[rule(r) for r in ("lim", "lbig", "loth")]')" "[3, 3, 2]"
is "nor records" "$(stats '[(l["limited"], l["lost"]) for l in j["logs"]]')" "[(4, 0)]"
udp 2 10 1
is "a verdict that is another" "$(stats '(rule("two"), verdict("drop"), verdict("pass") - j["files"][0]["default"]["packets"], j["balanced"])')" \
	"(4, 20, 2, True)"

# Back; and what is gone.
OUT=$(apply a)
is "back" "$(stats '[rule(r) for r in ("one", "two", "three", "lim", "lbig", "loth", "f.xdpf:15")]')" "[2, 4, 0, 3, 3, 2, 1]"
is "the books balance" "$(stats '(j["balanced"], verdict("drop"))')" "(True, 20)"
is "what is gone" "$(lost <<<"$OUT")" "[('limit', 'other', 'its key or its unit of time is another now'), ('limit', 'extra', 'there is none of this name any more'), ('set', 'typed', 'there is none of this name any more')]"
is "the limit that went there and back" "$(udp 4 10 1; stats 'rule("lim")')" 4
OUT=$(in_a "$XDPF" apply "$WORK/c.o" xe0 2>&1)
says "a set of other elements" "not carried over: set banned \(f.xdpf\): its elements are of another type now"
says "a table with another key" "not carried over: table t \(f.xdpf\): its key is another now"
in_a "$XDPF" apply --quiet --afresh "$WORK/a.o" xe0
is "afresh" "$(stats '(rule("one"), verdict("drop"), table("t"), j["balanced"])')" "(0, 0, {}, True)"

# What a set begins with: another list comes in, the same one is not put back.
for n in 1 2; do
	mkdir "$WORK/d$n"
	printf 'set s : ip size 50 live = { 192.0.2.1, 192.0.2.%d };\nz%d: drop if ip.src in s;\n' $((n + 1)) $n >"$WORK/d$n/f.xdpf"
	ok "compile" "$XDPFC" "$WORK/d$n/f.xdpf" -o "$WORK/d$n.o"
done
apply d1 >/dev/null
in_a "$XDPF" set remove --quiet xe0 s 192.0.2.1
in_a "$XDPF" apply --quiet --reload "$WORK/d1.o" xe0
is "what was taken out stays out" "$(in_a "$XDPF" set show xe0 s | cut -f1)" 192.0.2.2
apply d2 >/dev/null
is "another list" "$(in_a "$XDPF" set show xe0 s | cut -f1 | sort | tr '\n' ' ')" "192.0.2.1 192.0.2.2 192.0.2.3 "

# Other files: counters go on, the sums begin anew, and agree.
printf 'late: drop if udp.dport == 3;\n' >"$WORK/g.xdpf"
in_a "$XDPF" apply --quiet --afresh "$WORK/a.o" xe0
udp 1 10 4
ok "compile two" "$XDPFC" "$WORK/a/f.xdpf" "$WORK/g.xdpf" -o "$WORK/two.o"
is "two files" "$(apply two | lost)" "[('counters', 'of verdicts', 'the program is made of other files now')]"
udp 1 10 1
is "its rules go on" "$(stats '(rule("one"), verdict("drop"), j["balanced"])')" "(5, 1, True)"

# Under traffic: all that was sent is counted, once. The link says what it lost.
in_a "$XDPF" apply --quiet --afresh "$WORK/a.o" xe0
before=$(dropped)
nsenter --net="$B" /usr/bin/python3 -c 'import os, socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
n = 0
while not os.path.exists(sys.argv[1]):
    for _ in range(64):
        s.sendto(b"x" * 20, ("10.99.0.1", 1))
        n += 1
print(n)' "$WORK/stop" >"$WORK/sent" &
sender=$!
JOBS+=($sender)
applied=0
for _ in $(seq 4); do
	apply b >/dev/null && apply a >/dev/null && applied=$((applied + 2))
done
is "applied" $applied 8
# Whoever is killed leaves all that is needed to go on.
never=0 last=0
for i in $(seq 10); do
	if [ $((i % 2)) = 0 ]; then f=a; else f=b; fi
	nsenter --net="$A" "$XDPF" apply --quiet "$WORK/$f.o" xe0 &
	job=$!
	sleep "0.$((RANDOM % 6))$((RANDOM % 10))"
	kill -9 $job
	wait $job
	now=$(stats 'rule("one")')
	[ "$now" -ge "$last" ] || never=$((never + 1))
	last=$now
done 2>/dev/null
touch "$WORK/stop"
wait $sender
is "counters never go back" $never 0
sent=$(($(cat "$WORK/sent") - $(dropped) + before))
is "all were counted" "$(stats 'rule("one")')" $sent
is "in the table, too" "$(stats 'table("t")["tcpmux"]')" $sent
is "the books balance" "$(stats '(j["balanced"], verdict("drop"))')" "(True, $sent)"
status "the next command" 0 in_a "$XDPF" apply --quiet "$WORK/b.o" xe0
is "still" "$(stats '(rule("one"), j["balanced"])')" "($sent, True)"
is "nothing is left" "$(find "$XDPF_BPFFS" -name before | wc -l)" 0
report
