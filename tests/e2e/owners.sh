#!/bin/bash
# Several owners share a filter: each changes a file of its own, the others' rules and what they counted and learned go on, and nobody's change is lost.
#
# usage: owners.sh XDPFC XDPF [ROUNDS]      each of two owners changes its file so often at once (3)
. "$(dirname "$0")/lib.sh" "$@"
ROUNDS=${3:-3}
XDPFC=$(realpath "$XDPFC") XDPF=$(realpath "$XDPF")
own_place
network
owners_py() { /usr/bin/python3 "$HERE/owners.py" "$@"; }
change() { in_a "$XDPF" apply "$@" xe0; }
# A copy of the tool, with a compiler of our own beside it.
mkdir "$WORK/bin" "$WORK/a" "$WORK/b"
cp "$XDPF" "$WORK/bin/xdpf"
compiler() {	# TEXT: what it does before, with the compiler's own arguments
	printf '#!/bin/bash\n%s\nexec %q "$@"\n' "$*" "$XDPFC" >"$WORK/bin/xdpfc"
	chmod +x "$WORK/bin/xdpfc"
}
changed_so() { in_a "$WORK/bin/xdpf" apply "$@" xe0; }
rules() { in_a "$XDPF" status --rules xe0; }

# ---- one file at a time ----

cat >"$WORK/a/a.xdpf" <<'END'
include "ports.xdpf";
set seen : ip live timeout 1h;
limit slow = 1 packets/h burst 2;
note:  add ip.src to seen, count by-port per udp.dport if udp.dport in ports;
over:  drop if udp.dport == 7001 over slow;
one:   drop if udp.dport == 7002;
test "what is not asked for" { packet { ip4.src = 192.0.2.1, udp.dport = 53 } expect pass by default }
END
echo 'let ports = { 7001, 7002 };' >"$WORK/a/ports.xdpf"
echo 'web: drop if tcp.dport == 8080;' >"$WORK/b/b.xdpf"
status "what is not there" 1 change --replace "$WORK/a/a.xdpf"
says "it is said" "no filter runs there that a file called a.xdpf could be in: --add it"
status "the first" 0 change --add "$WORK/a/a.xdpf"
status "the second" 0 change --add "$WORK/b/b.xdpf" --before a.xdpf
is "their order" "$(in_a "$XDPF" status --json xe0 | json 'j[0]["files"]')" "['b.xdpf', 'a.xdpf']"
# from here on the first one's files are nowhere but in the filter
mv "$WORK/a" "$WORK/gone"
udp 7001 10 5
udp 7002 10 3
counted() { stats '(rule("note"), rule("over"), rule("one"), table("by-port"), j["limits"][0]["admitted"], j["limits"][0]["denied"], j["sets"][0]["elements"])'; }
was=$(counted)
is "what it counted" "$was" "(8, 3, 3, {'7001': 5, '7002': 3}, 2, 3, 1)"
printf 'web: drop if tcp.dport in { 8080, 8443 };\nmore: drop if udp.dport == 7003;\n' >"$WORK/b/b.xdpf"
status "the other one's file" 0 change --replace "$WORK/b/b.xdpf"
is "goes on" "$(counted)" "$was"
is "the new rules" "$(rules | grep -c 'more: drop if udp.dport == 7003')" 1
udp 7001 10 1
udp 7003 10 2
is "so does the limit" "$(stats '(rule("over"), rule("more"))')" "(4, 2)"
is "sources" "$(in_a "$XDPF" status --json xe0 | json '[(s["name"], s["file"], s["path"]) for s in j[0]["sources"]]')" \
	"[('b.xdpf', 'b.xdpf', 'b.xdpf'), ('a.xdpf', 'a.xdpf', 'a.xdpf'), ('ports.xdpf', 'a.xdpf', 'ports.xdpf')]"
is "apart" "$(in_a "$XDPF" status xe0 | sed -n '/^    \(files\|rules\|file\|source\) /{s/, [0-9]* bytes.*//;p}')" "    files     b.xdpf, a.xdpf
    rules     5
    file      b.xdpf: 2 rules, default pass
    source    b.xdpf
    file      a.xdpf: 3 rules, 1 live set, 1 limit, 1 table, default pass
    source    a.xdpf
    source    ports.xdpf"
# one owner's part, and nothing of the others'
of_b() { in_a "$XDPF" "$1" --file b.xdpf "${@:2}" xe0; }
is "one's own" "$(of_b status | sed -n '/^    \(file\|source\) /{s/, [0-9]* bytes.*//;p}' | grep -c a.xdpf)" 0
is "its file" "$(of_b status --json | json '[f["name"] for f in j[0]["by_file"]], {s["file"] for s in j[0]["sources"]}')" "(['b.xdpf'], {'b.xdpf'})"
is "its rules" "$(of_b status --rules | cut -f1 | sed 's/:.*//' | sort -u)" b.xdpf
is "its text" "$(of_b status --source | grep '^# .*sha256' | grep -c a.xdpf)" 0
is "its counters" "$(of_b stats --json | json 'sorted(j), [f["name"] for f in j["files"]], {x["file"] for k in ("tables", "limits", "sets", "logs", "misses") for x in j[k]} <= {"b.xdpf"}')" \
	"(['files', 'ifindex', 'interface', 'limits', 'logs', 'misses', 'mode', 'program', 'program_id', 'sets', 'tables'], ['b.xdpf'], True)"
is "as text" "$(of_b stats | grep -c 'a.xdpf\|^verdicts')" 0
status "no such file" 1 in_a "$XDPF" status --file nobody.xdpf xe0
says "it is said" "xe0: the filter has no file called nobody.xdpf"
status "nor of counters" 1 in_a "$XDPF" stats --file nobody.xdpf xe0
is "its rates" "$(in_a timeout --foreground 2.5 "$XDPF" stats --file b.xdpf --watch --json xe0 | head -1 | json 'sorted(j), {x["file"] for k in ("rules", "limits", "sets") for x in j[k]}')" \
	"(['interface', 'limits', 'program', 'program_id', 'rules', 'seconds', 'sets'], {'b.xdpf'})"
OUT=$(in_a timeout --foreground 2.5 "$XDPF" stats --file b.xdpf --watch xe0)
says "whose they are" "^xe0: .*: b.xdpf of it"
is "nothing of all" "$(grep -c 'a.xdpf\|^verdicts' <<<"$OUT")" 0
status "no such file to watch" 1 in_a "$XDPF" stats --file nobody.xdpf --watch xe0
status "Prometheus has labels" 2 in_a "$XDPF" stats --file b.xdpf --prometheus xe0
is "in JSON" "$(in_a "$XDPF" status --json xe0 | json '[tuple(f.values()) for f in j[0]["by_file"]]')" \
	"[('b.xdpf', 2, 0, 0, 0, 0, 'pass', True), ('a.xdpf', 3, 0, 1, 1, 1, 'pass', True)]"
echo 'x: drop if udp.dport == 7004;' | tee "$WORK/c.xdpf" >"$WORK/"$'c\e[31m.xdpf'
status "two changes at once" 0 change --add "$WORK/c.xdpf" --after b.xdpf --drop b.xdpf
is "the files then" "$(in_a "$XDPF" status --json xe0 | json 'j[0]["files"]')" "['c.xdpf', 'a.xdpf']"
status "back" 0 change --drop c.xdpf --add "$WORK/b/b.xdpf"

# ---- what is refused, and leaves what runs ----

id=$(program_id)
status "one that is there" 1 change --add "$WORK/b/b.xdpf"
says "it says so" "the filter has a file called b.xdpf: --replace it"
status "one that is not" 1 change --drop nobody.xdpf
says "and which are" "no file called nobody.xdpf; its files are a.xdpf, b.xdpf"
status "before nobody" 1 change --add "$WORK/c.xdpf" --before nobody.xdpf
status "the same twice" 1 change --replace "$WORK/b/b.xdpf" --replace "$WORK/b/../b/b.xdpf"
status "nothing left" 1 change --drop a.xdpf --drop b.xdpf
says "what to do" "xdpf remove"
status "no rule file" 2 change --replace "$WORK/b/b.o"
status "a filter, too" 2 change --replace "$WORK/b/b.xdpf" "$WORK/b/b.xdpf"
status "a place for nothing" 2 change --replace "$WORK/b/b.xdpf" --before a.xdpf
status "of a dispatcher" 2 change --replace "$WORK/b/b.xdpf" --dispatch
echo 'web: drop if tcp.dport in { 80, 8x };' >"$WORK/b/b.xdpf"
status "a name that none can have" 1 change --add "$WORK/"$'c\e[31m.xdpf'
says "it says so" "no file of a filter can be called c.*: rename it"
status "a mistake" 1 change --replace "$WORK/b/b.xdpf"
says "where" "b/b.xdpf:1:33: error"
echo 'all: drop if udp;' >"$WORK/b/b.xdpf"
echo 'all: drop if udp;' >"$WORK/first.xdpf"
status "another one's test" 1 change --add "$WORK/first.xdpf" --before a.xdpf
says "whose, and by whom" "a.xdpf:7: test \"what is not asked for\": packet 1: expected pass by default, came drop by all of first.xdpf"
says "what to do" "a.xdpf is not changed here, and of its tests 1 fails with what is"
is "it is as it was" "$(program_id)" "$id"
status "and yet" 0 change --no-tests --add "$WORK/first.xdpf" --before a.xdpf
status "it goes again" 0 change --drop first.xdpf
ip -n "$NAME-a" link add xe2 type veth peer name xe3
ip -n "$NAME-a" link set xe2 up
status "another one there" 0 in_a "$XDPF" apply --no-tests "$WORK/first.xdpf" xe2
status "they differ" 1 in_a "$XDPF" apply --drop a.xdpf xe0 xe2
says "it is said" "xe0 and xe2 do not run the same files"
ok "it goes" in_a "$XDPF" remove xe2
status "--no-source" 0 "$XDPFC" --no-source "$WORK/gone/a.xdpf" -o "$WORK/bare.o"
status "it runs" 0 change "$WORK/bare.o"
status "but cannot be kept" 1 change --add "$WORK/c.xdpf"
says "with the remedy" "does not hold the text of a.xdpf: .*"
says "which is" "Compile all files together"
ok "stdin" bash -c "echo 'q: drop if udp.dport == 1;' | '$XDPFC' - -o '$WORK/stdin.o'"
status "it runs" 0 change "$WORK/stdin.o"
status "and is kept" 0 change --add "$WORK/c.xdpf"
is "its name" "$(in_a "$XDPF" status --json xe0 | json 'j[0]["files"]')" "['<stdin>', 'c.xdpf']"

# what was no rule file is kept as the one that was made of it
"$XDPFC" --emit=json "$WORK/c.xdpf" >"$WORK/made.json"
echo 'b-x: drop if udp.dport == 1;' >"$WORK/b.xdpf"
ok "JSON" "$XDPFC" --import=json "$WORK/made.json" "$WORK/b.xdpf" -o "$WORK/json.o"
status "it runs" 0 change "$WORK/json.o"
status "and is kept" 0 change --add "$WORK/first.xdpf"
is "its rules" "$(rules | grep -c 'x: drop if udp.dport == 7004')" 1
status "its owner has a name" 0 change --drop first.xdpf --drop c.xdpf
ok "it goes" in_a "$XDPF" remove xe0
ip -n "$NAME-a" link set dev xe0 xdp obj "$WORK/stdin.o" sec xdp
status "somebody else's" 3 change --add "$WORK/c.xdpf"
says "it stays" "runs there and is not ours; it stays"
ip -n "$NAME-a" link set dev xe0 xdp off

# ---- xdpfc, which may not be there, or not get to its end ----

mkdir "$WORK/alone" "$WORK/tmp"
cp "$XDPF" "$WORK/alone/xdpf"
status "no compiler" 3 in_a env PATH=/usr/bin "$WORK/alone/xdpf" apply --add "$WORK/c.xdpf" xe0
says "the remedy" "xdpfc, which compiles rule files, cannot be started: .*"
says "the remedy" "Install xdpfc, or compile where it is"
compiler "echo 'no room' >&2; exit 3"
status "one that cannot work" 3 changed_so --add "$WORK/c.xdpf"
says "its words" "no room"
compiler "kill -9 \$\$"
status "one that is ended" 3 changed_so --add "$WORK/c.xdpf"
says "by what" "ended by signal 9 .Killed."
compiler "exit 7"
status "one that leaves without a word" 3 changed_so --add "$WORK/c.xdpf"
says "its status" "ended with status 7, and said nothing"
# whoever is ended leaves nothing
for command in "apply --add $WORK/c.xdpf xe0" "test $WORK/c.xdpf"; do
	rm -f "$WORK/begun"
	compiler "touch $WORK/begun; sleep 1"
	# shellcheck disable=SC2086 # words of a command
	TMPDIR=$WORK/tmp in_a bash -c 'exec "$@"' - "$WORK/bin/xdpf" $command &
	JOBS+=($!)
	for _ in $(seq 100); do [ -e "$WORK/begun" ] && break; sleep 0.05; done
	kill -TERM $!
	wait $! 2>/dev/null
	is "$command: ended" $? 143
	is "$command: nothing is left" "$(ls "$WORK/tmp")" ""
done
compiler ""

# ---- several interfaces, and other ways to run ----

both() { in_a "$XDPF" apply "$@" xe0 xe2; }
status "in generic mode" 0 both --mode generic --add "$WORK/c.xdpf"
status "the mode is what it is" 0 both --add "$WORK/b.xdpf"
is "of both" "$(in_a "$XDPF" status --json xe0 xe2 | json '[(i["mode"], i["files"]) for i in j]')" \
	"[('generic', ['c.xdpf', 'b.xdpf']), ('generic', ['c.xdpf', 'b.xdpf'])]"
compiler "$XDPF" apply --quiet --mode generic "$WORK/stdin.o" xe2
status "one of them is another meanwhile" 1 in_a "$WORK/bin/xdpf" apply --drop b.xdpf xe0 xe2
says "it is seen" "once more"
says "and they differ then" "do not run the same files"
is "the other is as it was" "$(in_a "$XDPF" status --json xe0 | json 'j[0]["files"]')" "['c.xdpf', 'b.xdpf']"
ok "it goes" in_a "$XDPF" remove xe2
status "for a minute" 0 change --drop b.xdpf --confirm 60s
status "nobody else's turn then" 3 change --add "$WORK/first.xdpf"
says "it is said" "waits for confirmation there"
ok "back" in_a "$XDPF" rollback xe0
is "as it was" "$(in_a "$XDPF" status --json xe0 | json 'j[0]["files"]')" "['c.xdpf', 'b.xdpf']"
ok "it goes" in_a "$XDPF" remove xe0

# ---- at once ----

for n in a b; do
	echo "$n-x: drop if udp.dport == 1;" >"$WORK/$n.xdpf"
	ok "compile" "$XDPFC" "$WORK/$n.xdpf" -o "$WORK/$n.o"
done
ok "both" "$XDPFC" "$WORK/a.xdpf" "$WORK/b.xdpf" -o "$WORK/both.o"
status "both run" 0 change "$WORK/both.o"
owners_py rounds "$ROUNDS" b a "$WORK" nsenter --net="$A" "$XDPF" >"$WORK/b.said" &
other=$!
is "one owner's changes" "$(owners_py rounds "$ROUNDS" a b "$WORK" nsenter --net="$A" "$XDPF")" "$ROUNDS of $ROUNDS"
wait "$other"
is "the other's" "$(cat "$WORK/b.said")" "$ROUNDS of $ROUNDS"
is "the last of both" "$(rules | grep -c -e "a-$((ROUNDS - 1)): " -e "b-$((ROUNDS - 1)): ")" 2

is "nobody's turn is left" "$(find "$XDPF_BPFFS" -name turn | wc -l)" 0

# Somebody who knows nothing of taking turns applies another filter while one is made of the old one.
echo 'whole: drop if udp.dport == 4;' >"$WORK/whole.xdpf"
ok "whole" "$XDPFC" "$WORK/a.xdpf" "$WORK/b.xdpf" "$WORK/whole.xdpf" -o "$WORK/whole.o"
compiler "echo x >>$WORK/called; [ \$(wc -l <$WORK/called) -gt 1 ] || $XDPF apply --quiet $WORK/whole.o xe0"
echo 'b-new: drop if udp.dport == 2;' >"$WORK/b.xdpf"
status "a change meanwhile" 0 changed_so --replace "$WORK/b.xdpf"
says "it is done again" "somebody else changed the filter meanwhile: once more"
is "twice" "$(wc -l <"$WORK/called")" 2
is "and both are there" "$(rules | grep -c -e 'whole: ' -e 'b-new: ')" 2
compiler "echo x >>$WORK/called; $XDPF apply --quiet --reload $WORK/both.o xe0"
rm "$WORK/called"
status "and for ever" 3 changed_so --replace "$WORK/b.xdpf"
says "it says so" "xdpf: xe0: somebody else changed the filter there meanwhile; nothing was done"
is "after so many tries" "$(wc -l <"$WORK/called")" 11
is "theirs stays" "$(rules | grep -c 'b-new: ')" 0
# tables alone: the program is the same one
/usr/bin/python3 -c 'for i in range(100): print("r%d: drop if ip.src == 10.1.%d.7 and udp.dport == %d;" % (i, i, 9000 + i))' >"$WORK/big.xdpf"
sed 's/10.1.50.7/10.1.50.8/' "$WORK/big.xdpf" >"$WORK/big2.xdpf"
mkdir "$WORK/2" && cp "$WORK/big2.xdpf" "$WORK/2/big.xdpf"
ok "big" "$XDPFC" "$WORK/big.xdpf" "$WORK/a.xdpf" -o "$WORK/big.o"
ok "big, too" "$XDPFC" "$WORK/2/big.xdpf" "$WORK/a.xdpf" -o "$WORK/big2.o"
status "it runs" 0 change "$WORK/big.o"
id=$(program_id)
compiler "echo x >>$WORK/called; [ \$(wc -l <$WORK/called) -gt 1 ] || $XDPF apply --quiet $WORK/big2.o xe0"
rm "$WORK/called"
sed 's/10.1.60.7/10.1.60.9/' "$WORK/big.xdpf" >"$WORK/2/big.xdpf"
echo 'a-new: drop if udp.dport == 3;' >"$WORK/a.xdpf"
status "tables meanwhile" 0 changed_so --replace "$WORK/a.xdpf"
says "that is seen" "somebody else changed the filter meanwhile"
is "both are there" "$(rules | grep -c -e '10.1.50.8' -e 'a-new: ')" 2
compiler ""
id=$(program_id)
is "an owner's tables" "$(in_a "$XDPF" apply --json --quiet --replace "$WORK/2/big.xdpf" xe0 | json 'j["interfaces"][0]["loaded"]')" tables
is "in the same program" "$(program_id)" "$id"

# ---- what it says of itself may be anything ----

rm -rf "$WORK/a" && mv "$WORK/gone" "$WORK/a"
echo 'web: drop if tcp.dport == 8080;' >"$WORK/b/b.xdpf"
ok "both" "$XDPFC" "$WORK/a/a.xdpf" "$WORK/b/b.xdpf" -o "$WORK/ab.o"
lie() {		# KIND PATTERN
	owners_py lie "$WORK/ab.o" "$WORK/lie.o" "$1"
	status "apply $1" 0 change "$WORK/lie.o"
	status "keep $1" 1 change --replace "$WORK/b/b.xdpf"
	says "keep $1" "$2"
}
lie text "the running filter is broken: what it says of a.xdpf is not what it was made from"
lie sum "the running filter is broken: what it says of a.xdpf is not"
lie escape "the running filter does not hold it"
lie absolute "cannot read /etc/hostname: the running filter does not hold it"
lie missing "ports.xdpf: the running filter does not hold it"
lie twice "no list of files"
lie first "what it says of a.xdpf begins with ports.xdpf"
lie nopath "does not hold the text of ports.xdpf, which belongs to a.xdpf"
lie notext "does not hold the text of ports.xdpf, which belongs to a.xdpf"
lie older "does not hold the text of a.xdpf"
lie none "does not hold the text of a.xdpf"
lie names "the running filter is broken: what it says of a.xdpf is not"
for kind in file nofile control; do
	owners_py lie "$WORK/ab.o" "$WORK/lie.o" $kind
	status "apply $kind" 1 change "$WORK/lie.o"
	says "apply $kind" "the object's metadata is broken"
done
{ cat "$WORK/a/a.xdpf"; /usr/bin/python3 -c 'print("# " + "x" * (4 << 20))'; } >"$WORK/huge.xdpf"
cp "$WORK/a/ports.xdpf" "$WORK"
ok "a long one" "$XDPFC" "$WORK/huge.xdpf" "$WORK/b/b.xdpf" -o "$WORK/huge.o"
status "it runs" 0 change "$WORK/huge.o"
status "and is not kept" 1 change --replace "$WORK/b/b.xdpf"
says "it says so" "does not hold the text of huge.xdpf: .*, or the text is too long"
echo 'short: pass;' >"$WORK/huge.xdpf"
status "its own owner may" 0 change --replace "$WORK/huge.xdpf"

# ---- the page ----

ip -n "$NAME-a" link add eth0 type veth peer name eth1
ip -n "$NAME-a" link set eth0 up
mkdir "$WORK/page"
is "docs/owners.md" "$(owners_py docs "$HERE/../../docs/owners.md" "$WORK/page" "$(dirname "$XDPF")" nsenter --net="$A")" "7 commands"
ok "it goes" in_a "$XDPF" remove eth0

# ---- what comes out is what xdpfc makes of all files together ----

ok "it goes" in_a "$XDPF" remove xe0
mkdir "$WORK/differ"
compiler "\"$XDPFC\" \"\$@\" | tee $WORK/differ/made.o; exit \${PIPESTATUS[0]}"
is "the same objects" "$(owners_py differ 1 "$((ROUNDS * 2))" "$WORK/differ" "$XDPFC" nsenter --net="$A" "$WORK/bin/xdpf")" "0 wrong"
report
