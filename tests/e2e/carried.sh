#!/bin/bash
# What goes on of kinds that are kept in more than one way: sets with snapshots, limits of one map, limits without a key, counters that are noted
# first; and of a filter that waits for confirmation: what it begins with, and what is gone with it.
. "$(dirname "$0")/lib.sh" "$@"
network
own_place

version() {	# NAME OPTION...: a version of f.xdpf from standard input, compiled to NAME.o
	local name=$1
	shift
	mkdir -p "$WORK/$name"
	cat >"$WORK/$name/f.xdpf"
	ok "compile $name" "$XDPFC" "$@" "$WORK/$name/f.xdpf" -o "$WORK/$name.o"
}
apply() { in_a "$XDPF" apply --quiet --json "${@:2}" "$WORK/$1.o" xe0; }
lost() { json '[(l["kind"], l["name"]) for l in j["interfaces"][0]["lost"]]'; }
elements() { in_a "$XDPF" set show xe0 "$1" | cut -f1 | sort | md5sum; }
count() { in_a "$XDPF" set show xe0 "$1" | wc -l; }

# ---- sets with snapshots ----
rules='lst: drop if ip.src in list and udp.dport == 1;
nts: drop if ip.src in nets and udp.dport == 2;
prs: drop if (ip.src, udp.dport) in pairs;'
version a <<END
set list : ip live size 2000 timeout 1h;
set nets : net live size 1000;
set pairs : (ip, port) live size 1000;
a: drop if udp.dport == 99;
$rules
END
# Rules add to it now: its elements are laid out in another way.
version b <<END
set pairs : (ip, port) live size 1000;
set nets : net live size 2000;
set list : ip live size 3000 timeout 1h;
b: drop if udp.dport == 98;
ad: add ip.src to list if udp.dport == 97;
$rules
END
version few <<END
set list : ip live size 500 timeout 1h;
lst: drop if ip.src in list;
END
for i in $(seq 0 999); do echo "192.0.$((i / 250)).$((i % 250))"; done >"$WORK/list"
for i in $(seq 0 399); do echo "192.1.$i.0/24"; done | head -256 >"$WORK/nets"
for i in $(seq 0 399); do echo "(192.0.2.7, $((3000 + i)))"; done >"$WORK/pairs"
apply a >/dev/null
for set in list nets pairs; do status "$set" 0 in_a "$XDPF" set replace --quiet xe0 $set "$WORK/$set"; done
status "one that expires" 0 in_a "$XDPF" set add --quiet --timeout 1h xe0 list 10.99.0.2
status "one that does not" 0 in_a "$XDPF" set add --quiet --timeout 0 xe0 list 192.2.0.1
status "a prefix" 0 in_a "$XDPF" set add --quiet xe0 nets 10.99.0.0/25
status "a pair" 0 in_a "$XDPF" set add --quiet xe0 pairs "(10.99.0.2, 3)"
have="$(elements list) $(elements nets) $(elements pairs)"
is "elements" "$(count list) $(count nets) $(count pairs)" "1002 257 401"
for to in "a --reload" b "b --reload" a b; do
	is "$to: nothing is lost" "$(apply $to | lost)" "[]"
	is "$to: elements" "$(elements list) $(elements nets) $(elements pairs)" "$have"
	is "$to: one expires" "$(in_a "$XDPF" set show --json xe0 list | json '[e["element"] for e in j["elements"] if e["left"]]')" "['10.99.0.2']"
	before=$(stats '[rule(r) for r in ("lst", "nts", "prs")]' | tr -d '[],')
	for port in 1 2 3; do udp $port 10 1; done
	is "$to: packets find them" "$(stats '[rule(r) for r in ("lst", "nts", "prs")]')" "$(printf '[%d, %d, %d]' $(for n in $before; do echo $((n + 1)); done))"
done
is "to fewer" "$(apply few | lost)" "[('set', 'pairs'), ('set', 'nets'), ('set', 'list')]"
is "those that stay come first" "$(count list) $(in_a "$XDPF" set show xe0 list | grep -c '^10.99.0.2')" "500 0"

# ---- limits ----
version l1 <<'END'
limit one = 2/h burst 3 per ip.src;
limit two = 2/h burst 3 per ip.src size 70;
limit all = 2/h burst 3;
l1: drop if udp.dport == 1 over one;
l2: drop if udp.dport == 2 over two;
l3: drop if udp.dport == 3 over all;
END
version l2 <<'END'
limit two = 2/h burst 3 per ip.src size 70;
limit fresh = 2/h burst 3;
limit one = 2/h burst 3 per ip.src;
limit all = 2/h burst 3;
l2: drop if udp.dport == 2 over two;
l0: drop if udp.dport == 4 over fresh;
l1: drop if udp.dport == 1 over one;
l3: drop if udp.dport == 3 over all;
END
apply l1 --afresh >/dev/null
for port in 1 2 3; do udp $port 10 3; done
is "within" "$(stats '[rule(r) for r in ("l1", "l2", "l3")]')" "[0, 0, 0]"
is "in other places" "$(apply l2 | lost)" "[]"
for port in 1 2 3 4; do udp $port 10 1; done
is "no tokens more" "$(stats '[rule(r) for r in ("l1", "l2", "l3", "l0")]')" "[1, 1, 1, 0]"
is "in the same ones" "$(apply l2 --reload | lost)" "[]"
for port in 1 2 3 4; do udp $port 10 1; done
is "nor now" "$(stats '[rule(r) for r in ("l1", "l2", "l3", "l0")]')" "[2, 2, 2, 0]"

# Without a name: by its rule, wherever that is.
version i1 <<'END'
i1: drop if udp.dport == 1 over 2/h burst 3 per ip.src;
drop if udp.dport == 2 over 2/h burst 3 per ip.src;
i3: drop if udp.dport == 3 over 2/h burst 3;
drop if udp.dport == 4 over 2/h burst 3 per ip.dst;
END
version i2 <<'END'
# a line more
i0: drop if udp.dport == 9 over 2/h burst 3;

i3: drop if udp.dport == 3 over 2/h burst 3;
drop if udp.dport == 4 and ip.ttl > 0 over 2/h burst 3 per ip.dst;
drop if udp.dport == 2 over 2/h burst 3 per ip.src;
i1: drop if udp.dport == 1 and ip.ttl > 0 over 2/h burst 3 per ip.src;
END
version i3 <<'END'
one: drop if udp.dport == 1 over 2/h burst 3 per ip.src;
END
apply i1 --afresh >/dev/null
for port in 1 2 3 4; do udp $port 10 3; done
is "within" "$(stats '[(l["admitted"], l["denied"]) for l in j["limits"]]')" "[(3, 0), (3, 0), (3, 0), (3, 0)]"
is "in other lines" "$(apply i2 | lost)" "[]"
for port in 1 2 3 4; do udp $port 10 1; done
is "no tokens more" "$(stats '{l["name"]: (l["admitted"], l["denied"]) for l in j["limits"]}')" \
	"{'f.xdpf:2': (0, 0), 'f.xdpf:4': (3, 1), 'f.xdpf:5': (3, 1), 'f.xdpf:6': (3, 1), 'f.xdpf:7': (3, 1)}"
is "those of rules that are gone" "$(apply i3 | json '[l["why"][:16] for l in j["interfaces"][0]["lost"] if l["kind"] == "limit"]')" \
	"['it has no name, ', 'it has no name, ', 'it has no name, ', 'it has no name, ', 'it has no name, ']"

# Who sends all the time gains at most one burst by each: of another size, in another place, at another rate.
for v in "70 200" "700 200" "700 300" "70 300"; do
	set -- $v
	version "f$1-$2" <<END
$([ $1 = 70 ] && echo 'limit other = 2/h burst 3 per ip.src;')
limit l = $2/s burst 60 per ip.src size $1;
lim: drop if udp.dport == 1 over l;
$([ $1 = 70 ] && echo 'drop if udp.dport == 2 over other;')
END
done
apply f70-200 --afresh >/dev/null
nsenter --net="$B" /usr/bin/python3 -c 'import os, socket, sys, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
begun = time.monotonic()
while not os.path.exists(sys.argv[1]):
    for _ in range(16):
        s.sendto(b"x" * 20, ("10.99.0.1", 1))
    time.sleep(0.001)
print(time.monotonic() - begun)' "$WORK/stop" >"$WORK/took" &
sender=$!
JOBS+=($sender)
for v in f700-200 f70-300 f700-300 f70-200; do
	is "$v: it goes on" "$(apply $v | lost | grep -c "'l'")" 0
done
touch "$WORK/stop"
wait $sender
admitted=$(stats '[l["admitted"] for l in j["limits"] if l["name"] == "l"][0]')
is "at most a burst for each" "$(/usr/bin/python3 -c "print($admitted <= 300 * $(cat "$WORK/took") + 60 * 5, $admitted >= 60)")" "True True"
is "and the rest was over it" "$(stats 'rule("lim") > 0')" True

# ---- counters that are noted first ----
ports() { for i in $(seq 40); do echo "drop if udp.dport == $((9000 + 7 * i));"; done; }
{ echo 'one: drop if udp.dport == 1;'; ports; echo 'two: drop if udp.dport == 2;'; } | version d1 --engine=rfc --counting=deferred
{ echo 'new: drop if tcp.dport == 5 and ip.ttl > 3;'; ports; echo 'two: drop if udp.dport == 2;'; echo 'one: drop if udp.dport == 1;'; } |
	version d2 --engine=rfc --counting=deferred
{ echo 'two: drop if udp.dport == 2;'; echo 'one: drop if udp.dport == 1;'; } | version d3
apply d1 --afresh >/dev/null
udp 1 10 5
udp 2 10 3
n=3
for to in d2 d3 d1 "d1 --reload"; do
	is "$to: nothing is lost" "$(apply $to | lost)" "[]"
	is "$to: counters" "$(stats '(rule("one"), rule("two"), j["balanced"])')" "(5, $n, True)"
	udp 2 10 1
	n=$((n + 1))
	is "$to: and behind it" "$(stats '(rule("one"), rule("two"), j["balanced"])')" "(5, $n, True)"
done

# ---- waiting for confirmation ----
apply l1 --afresh >/dev/null
udp 1 10 4
is "before" "$(stats '(rule("l1"), j["balanced"])')" "(1, True)"
apply l2 --confirm 600s >/dev/null
udp 1 10 1
is "what waits begins with it" "$(stats '(rule("l1"), j["balanced"])')" "(2, True)"
status "rollback" 0 in_a "$XDPF" rollback --quiet xe0
is "what it counted is gone" "$(stats '(rule("l1"), j["balanced"])')" "(1, True)"
apply l2 --confirm 600s >/dev/null
udp 1 10 1
status "confirm" 0 in_a "$XDPF" confirm --quiet xe0
udp 1 10 1
is "what is confirmed has all" "$(stats '(rule("l1"), j["balanced"])')" "(3, True)"
is "and nothing is left" "$(find "$XDPF_BPFFS" -name before | wc -l)" 0
printf 'set s : ip live = { 192.0.2.1 };\ntake: remove ip.src from s if udp.dport == 70;\nz: drop if ip.src in s;\n' | version s1
printf 'set s : ip live = { 10.99.0.2 };\ntake: remove ip.src from s if udp.dport == 70;\ny: drop if ip.src in s;\n' | version s2
apply s1 --afresh >/dev/null
apply s2 --confirm 600s >/dev/null
is "what it declares comes in" "$(in_a "$XDPF" set show xe0 s | cut -f1 | sort | tr '\n' ' ')" "10.99.0.2 192.0.2.1 "
status "rollback of a set" 0 in_a "$XDPF" rollback --quiet xe0
is "and goes with it" "$(in_a "$XDPF" set show xe0 s | cut -f1)" 192.0.2.1

# ---- lists, and what rules and single commands put beside them ----
printf 'set s : ip live size 1000 timeout 1h;\nadd ip.src to s for 2h if udp.dport == 71;\ntake: remove ip.src from s if udp.dport == 70;\nz: drop if ip.src in s;\n' | version t1
printf 'set s : ip live size 700 timeout 1h;\nadd ip.src to s for 2h if udp.dport == 71;\ntake: remove ip.src from s if udp.dport == 70;\ny: drop if ip.src in s;\n' | version t2
printf 'set s : ip live size 400;\ny: drop if ip.src in s;\n' | version t3
apply t1 --afresh >/dev/null
minutes() { in_a "$XDPF" set show xe0 s --json | json 'sorted(int((e["left"] or -60) / 60 + 1) for e in j["elements"])[-1 if "'"${1:-}"'" else 0], len(j["elements"])'; }
{ for i in $(seq 600); do echo "198.18.$((i / 250)).$((i % 250))"; done; echo 10.99.0.2; } >"$WORK/list"
status "a list" 0 in_a "$XDPF" set add --quiet xe0 s --from "$WORK/list" --timeout 10m
is "all of it" "$(minutes)" "(10, 601)"
udp 71 10 1
is "one is there for longer" "$(minutes longest)" "(120, 601)"
is "all go over" "$(apply t2 | lost)" "[]"
is "with their times" "$(minutes) $(minutes longest)" "(10, 601) (120, 601)"
status "one to stay" 0 in_a "$XDPF" set add --quiet xe0 s 198.18.0.1 --timeout 0
is "also that" "$(apply t1 | lost) $(minutes)" "[] (0, 601)"
is "what does not fit is said" "$(apply t3 | lost)" "[('set', 's')]"
is "what stays is left" "$(minutes longest)" "(0, 1)"
apply s1 --afresh >/dev/null
apply s2 --confirm 600s >/dev/null
status "remove what waits" 0 in_a "$XDPF" remove --quiet xe0
report
