#!/bin/bash
# Sets that live on live traffic: filled from a file, by rules and by `xdpf set`; time-outs, a full set, both families.
. "$(dirname "$0")/lib.sh" "$@"
network
printf '# listed\n10.99.0.2  3  # the other side\nfd99::/64\n' >"$WORK/bad.txt"
cat >"$WORK/sets.xdpf" <<'END'
set blocked : net live size 100 timeout 1m from "bad.txt";
set banned  : ip live size 2 timeout 1500ms;
set pairs   : (ip, port) live = { (10.99.0.2, 4500) };
listed:  drop if ip.src in blocked;
banned:  drop if ip.src in banned;
pairs:   drop if (ip.src, udp.dport) in pairs;
ban:     add ip.src to banned, drop if udp.dport == 4242;
fill:    add ip.dst to banned if udp.dport == 4300;
END
compile "$WORK/sets.xdpf"
set_of() { in_a "$XDPF" set "$@"; }
rule() { in_a "$XDPF" stats xe0 --json | json "[r['packets'] for f in j['files'] for r in f['rules'] if r['rule'] == '$1'][0]"; }
event() { in_a "$XDPF" stats xe0 --json | json "[s['$2'] for s in j['sets'] if s['name'] == '$1'][0]"; }

status "apply" 0 in_a "$XDPF" apply "$WORK/sets.o" xe0
status "what there is" 0 set_of list xe0
says "the file's elements" "blocked : net  2 of 100  timeout 1m00s"
says "the program's own" "banned : ip  0 of 2  timeout 1.500s"
status "show" 0 set_of show xe0 blocked
says "the address" "^10.99.0.2$"
says "the prefix" "^fd99::/64$"
not "the listed address is dropped" in_b ping -c1 -W1 10.99.0.1
not "the listed prefix, too" in_b ping -6 -c1 -W1 fd99::1
status "remove" 0 set_of remove xe0 blocked 10.99.0.2
ok "it passes" in_b ping -c1 -W1 10.99.0.1
not "the prefix is still there" in_b ping -6 -c1 -W1 fd99::1
status "remove the prefix" 0 set_of remove xe0 blocked fd99::/64
ok "it passes, too" in_b ping -6 -c4 -W2 fd99::1
status "what is not there" 1 set_of remove xe0 blocked 10.99.0.2
says "is said" "10.99.0.2 is not in set blocked"
status "add" 0 set_of add xe0 blocked 10.99.0.0/24 fd99::2 --timeout 0
not "the prefix is dropped" in_b ping -c1 -W1 10.99.0.1
printf '# other\n10.99.0.2/31 9 x\n\nfd99::2, and so on\n198.51.100.0/24;\n10.99.0.2/31\n' >"$WORK/other.txt"
status "replace" 0 set_of replace xe0 blocked "$WORK/other.txt"
says "what it did" "^set blocked: 3 elements, 2 added, 1 taken out"
status "show it" 0 set_of show xe0 blocked
is "these and no others" "$(sort <<<"$OUT" | tr '\n' ' ')" "10.99.0.2/31 198.51.100.0/24 fd99::2 "
not "the new prefix is dropped" in_b ping -c1 -W1 10.99.0.1
status "nothing to change" 0 set_of replace xe0 blocked - <"$WORK/other.txt"
says "and nothing is" "3 elements, 0 added, 0 taken out"
printf '192.0.2.1\n10.99.0.1/24\n' >"$WORK/wrong.txt"
status "a file with a mistake" 1 set_of replace xe0 blocked "$WORK/wrong.txt"
says "and where" "wrong.txt:2 is no element of set blocked"
status "more than there is room for" 3 set_of replace xe0 blocked - < <(seq -f "192.0.2.%g" 0 100)
says "is said" "set blocked holds 100 elements, and these are 101"
status "no file" 1 set_of replace xe0 blocked "$WORK/none.txt"
says "why" "none.txt cannot be read: No such file or directory$"
status "a directory" 1 set_of replace xe0 blocked "$WORK"
says "why not" "cannot be read: Is a directory"
status "what is no text" 1 set_of replace xe0 blocked - < <(printf '192.0.2.0/24\n10.0.0.0/8\0x\n')
says "where" "-:2: there is a zero byte"
status "two files" 2 set_of add xe0 blocked --from "$WORK/other.txt" --from "$WORK/bad.txt"
status "standard input is not followed" 2 set_of replace xe0 blocked --follow -
says "what does it" "xdpf set replace IFACE SET -. for each list"
status "no file named" 2 set_of replace xe0 blocked
status "as many as there is room for" 0 set_of replace xe0 blocked - < <(seq -f "192.0.2.%g" 0 99)
says "all others go" "100 elements, 100 added, 3 taken out"
status "back again" 0 set_of replace xe0 blocked "$WORK/other.txt"
status "pairs" 0 set_of replace xe0 pairs - < <(printf '10.99.0.2 4501\n(10.99.0.2, 4500)\n')
says "one was there" "set pairs: 2 elements, 1 added, 0 taken out"
status "neighbours, which stand in a row" 0 set_of replace xe0 pairs - < <(seq -f "10.99.0.2 %g" 4000 4999)
says "all of them" "set pairs: 1000 elements, 998 added, 0 taken out"
status "back to two" 0 set_of replace xe0 pairs - < <(printf '10.99.0.2 4501\n(10.99.0.2, 4500)\n')
status "flush" 0 set_of flush xe0 blocked
says "how many there were" "^3 elements"
ok "nothing is" in_b ping -c1 -W1 10.99.0.1

status "from a file" 0 set_of add xe0 blocked 203.0.113.9 --from "$WORK/other.txt"
is "both" "$(set_of show xe0 blocked | cut -f1 | sort | tr '\n' ' ')" "10.99.0.2/31 198.51.100.0/24 203.0.113.9 fd99::2 "
status "out again, from standard input" 0 set_of remove xe0 blocked --from - <"$WORK/other.txt"
status "what was given" 0 set_of remove xe0 blocked 203.0.113.9
status "again" 1 set_of remove xe0 blocked 203.0.113.9 --from "$WORK/other.txt"
says "what is not there" "203.0.113.9 is not in set blocked"
status "nothing given" 2 set_of add xe0 blocked
status "a file for what takes none" 2 set_of show xe0 blocked --from "$WORK/other.txt"
status "two files" 2 set_of replace xe0 blocked "$WORK/other.txt" --follow "$WORK/other.txt"
seq -f "10.%g.0.0/16" 0 90 >"$WORK/feed.txt"
status "many, from a file" 0 set_of add xe0 blocked --from "$WORK/feed.txt" --timeout 0
status "more than there is room for" 3 set_of add xe0 blocked --from - --timeout 0 < <(seq -f "11.%g.0.0/16" 0 9)
says "is said" "set blocked is full: it holds 100 elements, as .size. in its declaration says; none was added"
is "and none was" "$(set_of show xe0 blocked | grep -c '^11')" 0

# A feed: written anew, replaced, broken, replaced again; and another filter.
cp "$WORK/other.txt" "$WORK/feed.txt"
nsenter --net="$A" "$XDPF" set replace xe0 blocked --follow "$WORK/feed.txt" 2>"$WORK/followed" &
follower=$!
JOBS+=($follower)
holds() { for _ in $(seq 100); do [ "$(set_of show xe0 blocked | sort | tr '\n' ' ')" = "$1" ] && return 0; sleep 0.1; done; return 1; }
ok "the feed" holds "10.99.0.2/31 198.51.100.0/24 fd99::2 "
echo 192.0.2.0/24 >"$WORK/feed.txt"
ok "written anew" holds "192.0.2.0/24 "
echo 192.0.2.0/23 >"$WORK/feed.new" && mv "$WORK/feed.new" "$WORK/feed.txt"
ok "another one in its place" holds "192.0.2.0/23 "
echo 192.0.2.0/2 >"$WORK/feed.txt"
sleep 0.5
ok "a mistake changes nothing" holds "192.0.2.0/23 "
echo fd99::/64 >"$WORK/feed.txt"
ok "and is not the end" holds "fd99::/64 "
ok "it is told of" grep -q "feed.txt:1 is no element of set blocked" "$WORK/followed"
kill -INT $follower
wait $follower
is "it ends when it is told to" "$?" 0
status "back to before" 0 set_of replace --quiet xe0 blocked "$WORK/other.txt"
status "flush" 0 set_of flush xe0 blocked

before=$(rule pairs)
udp 4500 20 2
is "a pair" "$(($(rule pairs) - before))" 2
status "remove a pair" 0 set_of remove xe0 pairs "(10.99.0.2, 4500)"
udp 4500 20 2
is "the pair is gone" "$(($(rule pairs) - before))" 2

udp 4242 20 1
not "a rule has banned it" in_b ping -c1 -W1 10.99.0.1
sleep 1.7
ok "for as long as was said" in_b ping -c1 -W1 10.99.0.1
status "expired, not shown" 0 set_of show xe0 banned
is "nothing is" "$OUT" ""
is "one was added" "$(event banned added)" 1
status "a time as rule files say it" 0 set_of add xe0 banned 198.51.100.7 --timeout 10min
status "no time" 2 set_of add xe0 banned 198.51.100.7 --timeout 10minutes
says "is told how" "write 500ms, 30s, 10m"
status "what is left of it" 0 set_of show xe0 banned
says "minutes" "198.51.100.7.*9m5"
status "flush it" 0 set_of flush xe0 banned

status "two of two" 0 set_of add xe0 banned 192.0.2.1 192.0.2.2 --timeout 2s
status "a third" 3 set_of add xe0 banned 192.0.2.3
says "finds no room" "set banned is full: it holds 2 elements"
udp 4300 20 1
is "a rule's, too" "$(event banned full)" 1
sleep 2.2
udp 4300 20 1
is "an expired one makes room" "$(event banned added) $(event banned expired)" "2 1"
status "JSON" 0 set_of show xe0 banned --json
is "with the time that is left" "$(json "[(e['element'], 0 < e['left'] <= 1.5) for e in j['elements']]" <<<"$OUT")" "[('10.99.0.1', True)]"

status "no such set" 1 set_of show xe0 bannned
says "the nearest" "did you mean banned"
status "no element" 1 set_of add xe0 blocked 10.99.0.300
says "what it is not" "\"10.99.0.300\" is not an address prefix"
status "host bits" 1 set_of add xe0 blocked 10.99.0.1/24
says "must be zero" "host bits set: write "
for verb in "add xe0 pairs (10.99.0.2,1)" "add xe0 pairs --from $WORK/none.txt" "replace xe0 pairs $WORK/none.txt" \
	"replace xe0 pairs --follow $WORK/none.txt"; do
	status "no time-out: $verb" 2 set_of $verb --timeout 5s
	says "for what stays" "^xdpf: --timeout is for sets whose elements expire, and those of pairs do not"
done
status "what stays stays" 0 set_of add xe0 pairs "(10.99.0.2, 1)" --timeout 0
status "and goes" 0 set_of remove xe0 pairs "(10.99.0.2, 1)"
status "too few components" 1 set_of add xe0 pairs 10.99.0.2
status "no verb" 2 set_of shwo xe0

# To 100 ms, in both modes, the set's own time and two others.
cat >"$WORK/exact.xdpf" <<'END2'
set own   : ip live timeout 800ms;
set other : net live timeout 1h;
exact: drop if udp.dport == 5000 and (ip.src in own or ip.src in other);
own:   add ip.src to own if udp.dport == 4243;
short: add ip.src/24/64 to other for 300ms if udp.dport == 4244;
END2
compile "$WORK/exact.xdpf"
for mode in generic native; do
	in_a "$XDPF" remove --quiet xe0
	status "$mode: exact" 0 in_a "$XDPF" apply --mode $mode "$WORK/exact.o" xe0
	is "$mode: the set's own time" "$("$HERE/expiry.py" "$B" "$A" 10.99.0.1 5000 0.8 4243 2>&1)" exact
	is "$mode: a prefix, with a rule's time" "$("$HERE/expiry.py" "$B" "$A" 10.99.0.1 5000 0.3 4244 2>&1)" exact
	is "$mode: a command's time" "$("$HERE/expiry.py" "$B" "$A" 10.99.0.1 5000 0.5 -- \
		nsenter --net="$A" "$XDPF" set add xe0 other 10.99.0.2 --timeout 500ms 2>&1)" exact
done

# What is taken out of a set's tables hides nothing that stands beside them.
printf 'set nets : net live;\nnets: drop if ip.src in nets;\npardon: remove ip.src from nets if udp.dport == 5;\n' >"$WORK/nets.xdpf"
compile "$WORK/nets.xdpf"
status "prefixes that rules take out" 0 in_a "$XDPF" apply --quiet "$WORK/nets.o" xe0
status "two of them" 0 set_of replace xe0 nets - < <(printf '10.99.0.0/24\n192.0.2.0/24\n')
not "one is asked" in_b ping -c1 -W1 10.99.0.1
status "it goes" 0 set_of remove xe0 nets 10.99.0.0/24
ok "it is gone" in_b ping -c1 -W1 10.99.0.1
status "an address of it comes" 0 set_of add xe0 nets 10.99.0.2
not "it is found" in_b ping -c1 -W1 10.99.0.1

# Tables whose time is over hold no room, and what is both in them and beside them counts once.
printf 'set row : ip live size 300 timeout 1h;\nrow: drop if ip.src in row;\n' >"$WORK/row.xdpf"
compile "$WORK/row.xdpf"
mkdir "$WORK/larger"
sed 's/size 300/size 301/' "$WORK/row.xdpf" >"$WORK/larger/row.xdpf"
compile "$WORK/larger/row.xdpf"
status "a row of addresses" 0 in_a "$XDPF" apply "$WORK/row.o" xe0
status "full, for a time" 0 set_of replace xe0 row --timeout 1500ms - < <(seq -f "10.1.0.%g" 0 255; seq -f "10.1.1.%g" 0 43)
status "one of them for longer" 0 set_of add xe0 row 10.1.0.7
status "and another" 0 set_of add xe0 row 10.1.0.8
status "there is no room for more" 3 set_of add xe0 row 10.2.0.1
status "how long they stay" 0 set_of show xe0 row
says "as long as it was last said" $'^10.1.0.7\t59m5[0-9]s$'
is "each once" "$(cut -f1 <<<"$OUT" | sort -u | wc -l) $(wc -l <<<"$OUT")" "300 300"
status "in a larger set" 0 in_a "$XDPF" apply --quiet "$WORK/larger/row.o" xe0
is "the time goes on" "$(set_of show xe0 row | grep -Ec $'^10.1.0.[78]\t59m5[0-9]s$')" 2
status "back in the other" 0 in_a "$XDPF" apply --quiet "$WORK/row.o" xe0
sleep 1.6
status "now there is" 0 set_of add xe0 row 10.2.0.1
status "what is in it" 0 set_of show xe0 row
is "the three" "$(cut -f1 <<<"$OUT" | sort | tr '\n' ' ')" "10.1.0.7 10.1.0.8 10.2.0.1 "
status "many that stay" 0 set_of add xe0 row --timeout 0 --from - < <(seq -f "10.3.0.%g" 0 255)
status "all" 0 set_of list xe0
says "how many" "row : ip  259 of 300"

LISTS=$HERE/../../../shared/data/blocklists
if [ -r "$LISTS/ipsum-1.txt" ]; then
	n=$(grep -c '^[0-9]' "$LISTS/ipsum-1.txt")
	first=$(grep -m1 '^[0-9]' "$LISTS/ipsum-1.txt" | cut -f1)
	for set in "net live size 200k" "ip live size 200k" net; do
		printf 'set big : %s from "%s";\nlisted: drop if ip.dst in big;\n' "$set" "$LISTS/ipsum-1.txt" >"$WORK/big.xdpf"
		compile "$WORK/big.xdpf"
		status "apply $set of $n" 0 in_a "$XDPF" apply "$WORK/big.o" xe0
		[ "$set" = net ] && continue
		status "list $set" 0 set_of list xe0
		says "all of them" " $n of 200000"
		status "one of them" 0 set_of remove xe0 big "$first"
	done
else
	skip "a list of 120,000" "no $LISTS"
fi
report
