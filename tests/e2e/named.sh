#!/bin/bash
# A filter of several files that use the same names: each set, limit and rule can be told from the others, and the rules that run are the files' own.
. "$(dirname "$0")/lib.sh" "$@"
network
for file in one two; do
	cat >"$WORK/$file.xdpf" <<-'END'
		set banned : ip live size 100 timeout 1h;
		set alone : ip live;
		set only : ip live = { 192.0.2.9 };
		limit l = 2/h burst 3 per ip.src;
		banned: drop if ip.src in banned;
		lim:    drop if udp.dport == 4 over l;
		seen:   count t per udp.dport if udp;
		only:   drop if ip.src in only;
		more:   add ip.src to banned if udp.dport == 5;
	END
done
sed -i '/alone\|only/d' "$WORK/two.xdpf"
ok "compile" "$XDPFC" "$WORK/one.xdpf" "$WORK/two.xdpf" -o "$WORK/both.o"
status "apply" 0 in_a "$XDPF" apply "$WORK/both.o" xe0
set_of() { in_a "$XDPF" set "$@"; }
elements() { set_of show xe0 "$1" | cut -f1 | sort | tr '\n' ' '; }

# ---- sets ----
status "list" 0 set_of list xe0
says "the one" "^one.xdpf:banned : ip  0 of 100"
says "which no rule asks" "^one.xdpf:alone : ip  0 of [0-9]+  \(no rule asks it\)$"
says "the other" "^two.xdpf:banned : ip  0 of 100"
for verb in "show" "add" "remove" "replace" "flush"; do
	operand=10.99.0.2
	[ "$verb" = replace ] && operand=/dev/null
	[ "$verb" = show ] || [ "$verb" = flush ] && operand=
	status "$verb: which one?" 1 set_of $verb xe0 banned $operand
	says "$verb: what to say" "2 files of the filter have a live set banned: say one.xdpf:banned or two.xdpf:banned"
done
status "add to the one" 0 set_of add xe0 one.xdpf:banned 10.99.0.2 192.0.2.1
status "to the other" 0 set_of add xe0 two.xdpf:banned 192.0.2.2
is "in the one" "$(elements one.xdpf:banned)" "10.99.0.2 192.0.2.1 "
is "in the other" "$(elements two.xdpf:banned)" "192.0.2.2 "
is "whose it is" "$(set_of show xe0 two.xdpf:banned --json | json '(j["set"], j["file"], [e["element"] for e in j["elements"]])')" \
	"('banned', 'two.xdpf', ['192.0.2.2'])"
not "the one drops" ping_a 10.99.0.1
status "remove" 0 set_of remove xe0 one.xdpf:banned 10.99.0.2
ok "and passes" ping_a 10.99.0.1
status "replace" 0 set_of replace xe0 two.xdpf:banned - < <(seq -f '198.51.100.%g' 3)
is "the other alone" "$(elements one.xdpf:banned)/ $(elements two.xdpf:banned)" "192.0.2.1 / 198.51.100.1 198.51.100.2 198.51.100.3 "
status "flush" 0 set_of flush xe0 one.xdpf:banned
is "the one alone" "$(elements one.xdpf:banned)/ $(elements two.xdpf:banned)" "/ 198.51.100.1 198.51.100.2 198.51.100.3 "
status "which is not kept" 3 set_of add xe0 alone 192.0.2.9
says "and why" "no rule asks set alone"
is "a name that nobody else has" "$(elements only)$(elements one.xdpf:only)" "192.0.2.9 192.0.2.9 "
status "a file without it" 1 set_of show xe0 two.xdpf:alone
says "whose it is" "no live set two.xdpf:alone; did you mean one.xdpf:alone\?"
status "no such file" 1 set_of show xe0 three.xdpf:baned
says "the nearest" "did you mean one.xdpf:banned\?"
seq -f '203.0.113.%g' 4 >"$WORK/feed.txt"
nsenter --net="$A" "$XDPF" set replace xe0 two.xdpf:banned --follow "$WORK/feed.txt" 2>/dev/null &
follower=$!
JOBS+=($follower)
for _ in $(seq 100); do [ "$(elements two.xdpf:banned)" = "203.0.113.1 203.0.113.2 203.0.113.3 203.0.113.4 " ] && break; sleep 0.1; done
is "a feed for the other" "$(elements one.xdpf:banned)/ $(elements two.xdpf:banned)" "/ 203.0.113.1 203.0.113.2 203.0.113.3 203.0.113.4 "
kill -INT $follower
wait $follower

# ---- what is counted ----
udp 4 10 7
udp 5 10 1
status "statistics" 0 in_a "$XDPF" stats xe0
says "limit of the one" "^limit l \(one.xdpf\) .*: 3 packets within, 4 over"
says "limit of the other" "^limit l \(two.xdpf\) .*: 3 packets within, 0 over"
says "set of the one" "^set one.xdpf:banned: 1 added"
says "set of the other" "^set two.xdpf:banned: 1 added"
says "tables" "^table t \(two.xdpf\)"
prom() { in_a "$XDPF" stats --prometheus xe0 | /usr/bin/python3 "$HERE/prometheus.py" "$1" 2>&1; }
is "for Prometheus" "$(prom '[v("xdpf_limit_packets_total", file=f, limit="l", result="denied") for f in ("one.xdpf", "two.xdpf")]')" "[4, 0]"
OUT=$(in_a timeout --foreground 2.5 "$XDPF" stats --watch xe0)
for file in one two; do
	says "$file: rule" "^$file.xdpf:banned +drop "
	says "$file: limit" "^limit $file.xdpf:l "
	says "$file: set" "^set +$file.xdpf:banned +[0-9]+ of 100"
done

# ---- the rules that run, to the letter: lines that end as Windows ends them, tabs, includes, several files ----
printf '\xef\xbb\xbf# a mark before it\r\ninclude "part.xdpf";\r\n\r\nset s : ip from "list.txt";\r\na:\tdrop\tif ip.src in s\r\n\tand\tudp;\r\nb: if tcp {\r\n\tc:\tdrop if tcp.dport == 1; # why\r\n}\r\ndefault drop;\r\n' \
	>"$WORK/first.xdpf"
printf 'p:\tcount\tt if\tudp;\n' >"$WORK/part.xdpf"
printf '\xef\xbb\xbf10.1.0.1\r\n10.1.0.2\t# two\r\n\r\n' >"$WORK/list.txt"
printf 'drop if udp.dport == 7;   pass if icmp   ;\n' >"$WORK/second.xdpf"
if "$XDPFC" "$WORK/first.xdpf" "$WORK/second.xdpf" -o "$WORK/exact.o" 2>"$WORK/err"; then pass; else fail "compile" "$(cat "$WORK/err")"; fi
in_a "$XDPF" apply --quiet "$WORK/exact.o" xe0
is "the rules" "$(in_a "$XDPF" status --rules xe0 | tr '\t\n' ' |')" "$(printf '%s|' 'part.xdpf:1 p: count t if udp;' 'first.xdpf:5 a: drop if ip.src in s and udp;' \
	'first.xdpf:7 b: if tcp {' 'first.xdpf:8     c: drop if tcp.dport == 1;' 'first.xdpf }' 'first.xdpf default drop;' 'second.xdpf:1 drop if udp.dport == 7;' \
	'second.xdpf:1 pass if icmp;' 'second.xdpf default pass;')"
in_a "$XDPF" status --source --json xe0 >"$WORK/status.json"
for file in first.xdpf part.xdpf list.txt second.xdpf; do
	json "next(s['text'] for s in j[0]['sources'] if s['name'] == '$file').encode().hex()" <"$WORK/status.json" >"$WORK/hex"
	is "$file, byte for byte" "$(cat "$WORK/hex")" "$(/usr/bin/python3 -c 'import sys; print(open(sys.argv[1], "rb").read().hex())' "$WORK/$file")"
done
is "and as text" "$(in_a "$XDPF" status --source xe0 | grep -v '^# .*sha256')" "$(cat "$WORK"/{first.xdpf,part.xdpf,list.txt,second.xdpf} | tr -d '\r')"
# Blocks in blocks, behind else and else if, and what stands behind them all.
cat >"$WORK/blocks.xdpf" <<'END'
b: if tcp {
	c: drop if tcp.dport == 1;
	d: if tcp.dport == 3 { e: drop if ip.src == 192.0.2.4; } else { f: count x; g: pass; }
} else if udp { h: drop if udp.dport == 4; }
else { i: pass if icmp; if icmp6 { j: pass; } }
z: drop;
END
status "blocks" 0 in_a "$XDPF" apply --quiet "$WORK/blocks.xdpf" xe0
in_a "$XDPF" status --rules xe0 | cut -f2- >"$WORK/again.xdpf"
is "as they stand" "$(cat "$WORK/again.xdpf")" "b: if tcp {
    c: drop if tcp.dport == 1;
    d: if tcp.dport == 3 {
        e: drop if ip.src == 192.0.2.4;
    } else {
        f: count x;
        g: pass;
    }
} else if udp {
    h: drop if udp.dport == 4;
} else {
    i: pass if icmp;
    if icmp6 {
        j: pass;
    }
}
z: drop;
default pass;"
says_of() { for c in web dns ping protocols; do "$XDPFC" --quiet --run "$CAPTURES/$c.pcap" "$1"; done | sha256sum; }
is "and mean the same" "$(says_of "$WORK/again.xdpf")" "$(says_of "$WORK/blocks.xdpf")"
is "as JSON" "$(in_a "$XDPF" status --rules --json xe0 | json '[(r["label"], r["depth"], r["branch"]) for r in j[0]["rule_texts"] if r["line"] in (3, 4)]')" \
	"[('d', 1, None), ('e', 2, None), ('f', 2, 'else'), ('g', 2, 'else'), (None, 0, 'else if'), ('h', 1, None)]"
report
