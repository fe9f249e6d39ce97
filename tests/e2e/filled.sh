#!/bin/bash
# What goes into sets: files as editors leave them, more than there is room for, and several tools at work on one set.
. "$(dirname "$0")/lib.sh" "$@"
network
mark=$'\xef\xbb\xbf'
printf '%s10.1.0.1\r\n10.1.0.2 # two\r\n\r\n' "$mark" >"$WORK/list.txt"
printf '%s# nothing but a mark and a remark\r\n' "$mark" >"$WORK/empty.txt"
# Of each kind: with tables beside the map, of rules' own; taken from by rules; of both prefixes and pairs; constant.
cat >"$WORK/filled.xdpf" <<'END2'
set tables : ip live size 600 timeout 1h from "list.txt";
set plain  : ip live size 600 timeout 1h from "list.txt";
set pairs  : (ip, port) live size 10 = { (10.1.0.1, 80) };
set nets   : net live size 10 from "list.txt";
set lists  : net live size 600 timeout 1h;
set fixed  : ip from "list.txt";
set none   : ip from "empty.txt";
a: drop if ip.src in tables or ip.src in plain or (ip.src, udp.dport) in pairs or ip.src in nets or ip.src in lists or ip.src in fixed or ip.src in none;
b: remove ip.src from plain if udp.dport == 4242;
c: add ip.src to plain if udp.dport == 4243;
d: remove ip.src from lists if udp.dport == 4242;
END2
compile "$WORK/filled.xdpf"
status "apply" 0 in_a "$XDPF" apply "$WORK/filled.o" xe0
set_of() { in_a "$XDPF" set "$@"; }
elements() { set_of show xe0 "$1" | cut -f1 | sort -V | tr '\n' ' '; }
count() { set_of list xe0 --json | json "next(s['elements'] for s in j['sets'] if s['name'] == '$1')"; }

# ---- files: a byte order mark, lines that end as Windows ends them ----
for set in tables plain nets; do
	is "$set: the declaration's file" "$(elements $set)" "10.1.0.1 10.1.0.2 "
done
printf 'set s : ip from "list.txt";\ntest "both" { packet { ip.src = 10.1.0.1, udp } expect drop packet { ip.src = 10.1.0.2, udp } expect drop\n' >"$WORK/fixed.xdpf"
printf 'packet { ip.src = 10.1.0.3, udp } expect pass }\na: drop if ip.src in s;\n' >>"$WORK/fixed.xdpf"
ok "a constant set has these and no others" "$XDPFC" --test "$WORK/fixed.xdpf"
printf '%s10.1.0.3\r\n' "$mark" >"$WORK/more.txt"
for set in tables plain nets; do
	status "$set: add" 0 set_of add xe0 $set --from "$WORK/more.txt"
	is "$set: all three" "$(elements $set)" "10.1.0.1 10.1.0.2 10.1.0.3 "
	status "$set: replace" 0 set_of replace xe0 $set - <"$WORK/list.txt"
	is "$set: these two" "$(elements $set)" "10.1.0.1 10.1.0.2 "
	status "$set: by nothing" 0 set_of replace xe0 $set "$WORK/empty.txt"
	is "$set: nothing" "$(elements $set)" ""
done
status "a mark in the middle" 1 set_of add xe0 tables --from - < <(cat "$WORK/more.txt" "$WORK/more.txt")
says "is no mark" "^xdpf: -:2 is no element of set tables: .* is not an address"

# ---- more than there is room for: all or none ----
for set in tables plain; do
	status "$set: some" 0 set_of replace xe0 $set - < <(seq -f '10.2.0.%g' 0 249; seq -f '10.2.1.%g' 0 249; seq -f '10.2.2.%g' 0 89)
	status "$set: ten more, some twice" 0 set_of add xe0 $set $(seq -f '10.3.0.%g' 10) $(seq -f '10.3.0.%g' 10) 10.2.0.1
	is "$set: full" "$(count $set)" 600
	before=$(elements $set)
	for n in 1 2 300; do
		status "$set: $n that are there, and one that is not" 3 set_of add xe0 $set --from - < <(seq -f '10.2.0.%g' 0 $((n > 200 ? 200 : n)); echo 10.4.0.1
			[ "$n" -gt 2 ] && seq -f '10.2.1.%g' 0 99)
		says "$set: it says so" "set $set is full: it holds 600 elements, as .size. in its declaration says; none was added"
	done
	is "$set: is as it was" "$(elements $set)" "$before"
	status "$set: what is there" 0 set_of add xe0 $set 10.2.0.1 10.2.0.2
	status "$set: takes out ten" 0 set_of remove xe0 $set $(seq -f '10.3.0.%g' 10)
	status "$set: eleven for ten" 3 set_of add xe0 $set --timeout 5m 10.2.0.7 $(seq -f '10.4.0.%g' 11)
	is "$set: none of them" "$(elements $set | tr ' ' '\n' | grep -c '^10.4')" 0
	is "$set: nor another time" "$(set_of show xe0 $set | grep -P '^10.2.0.7(\t|$)')" 10.2.0.7
	status "$set: ten for ten" 0 set_of add xe0 $set $(seq -f '10.4.0.%g' 10)
	status "$set: replaced by more" 3 set_of replace xe0 $set - < <(seq -f '10.5.0.%g' 0 250; seq -f '10.5.1.%g' 0 250; seq -f '10.5.2.%g' 0 98)
	is "$set: is what it was" "$(elements $set | tr ' ' '\n' | grep -c '^10.5') $(count $set)" "0 600"
done
status "for a time, though rules take out of it" 0 set_of replace xe0 plain --timeout 5m - < <(seq -f '10.6.0.%g' 5)
is "all of them" "$(set_of show xe0 plain --json | json '[(e["element"], 290 < e["left"] <= 300) for e in sorted(j["elements"], key=str)]')" \
	"[('10.6.0.1', True), ('10.6.0.2', True), ('10.6.0.3', True), ('10.6.0.4', True), ('10.6.0.5', True)]"
status "for longer" 0 set_of replace xe0 plain --timeout 1h - < <(seq -f '10.6.0.%g' 2)
is "these two" "$(set_of show xe0 plain --json | json 'sorted((e["element"], 3590 < e["left"] <= 3600) for e in j["elements"])')" \
	"[('10.6.0.1', True), ('10.6.0.2', True)]"

# ---- lists for different times ----
asked() { /usr/bin/python3 "$HERE/generations.py" ask "$(program_id)" "$@"; }
for set in tables plain lists; do
	status "$set: empty" 0 set_of flush xe0 $set
	status "$set: what stays" 0 set_of replace xe0 $set - < <(seq -f '10.20.0.%g' 0 255)
	status "$set: for four seconds" 0 set_of add xe0 $set --timeout 4s --from - < <(seq -f '10.21.0.%g' 0 255)
	status "$set: for an hour, some that stay, some that go" 0 set_of add xe0 $set --timeout 1h --from - < <(
		seq -f '10.20.0.%g' 0 99; seq -f '10.21.0.%g' 0 99; seq -f '10.22.0.%g' 0 55)
	is "$set: each has its time" "$(set_of show xe0 $set --json | json '[sum(1 for e in j["elements"] if (e["left"] or 0) in t) for t in
		[type("T", (), {"__contains__": lambda s, x, a=a, b=b: a <= x <= b})() for a, b in ((0, 0), (0.0001, 4), (3000, 3600))]]')" "[256, 156, 156]"
	is "$set: packets find them" "$(asked 10.20.0.1 10.20.0.200 10.21.0.1 10.21.0.200 10.22.0.1 10.22.0.200)" "1 1 1 1 1 0"
	sleep 4
	is "$set: packets find those that are left" "$(asked 10.20.0.1 10.20.0.200 10.21.0.1 10.21.0.200 10.22.0.1)" "1 1 1 0 1"
	is "$set: and the tool" "$(count $set)" 412
	status "$set: some go" 0 set_of remove xe0 $set 10.20.0.1 10.21.0.1
	is "$set: they are gone" "$(asked 10.20.0.1 10.20.0.2 10.21.0.1 10.21.0.2) $(count $set)" "0 1 0 1 410"
	status "$set: there is room for what expired" 0 set_of add xe0 $set --timeout 2h --from - < <(seq -f '10.23.0.%g' 0 189)
	is "$set: full" "$(count $set)" 600
	status "$set: and not for more" 3 set_of add xe0 $set 10.24.0.1
done
shown=$(for set in tables plain lists; do elements $set; done)
status "the filter again" 0 in_a "$XDPF" apply "$WORK/filled.o" xe0
is "has the same" "$(for set in tables plain lists; do elements $set; done)" "$shown"
is "for its packets, too" "$(asked 10.20.0.1 10.20.0.2 10.21.0.1 10.21.0.2)" "0 1 0 1"

# ---- several at work on one set: nothing is lost, and all come to an end ----
for set in tables plain; do
	status "$set: empty" 0 set_of flush --quiet xe0 $set
	status "$set: what goes" 0 set_of add --quiet xe0 $set $(seq -f '10.8.0.%g' 100)
	jobs=()
	for k in 1 2 3 4; do
		for i in 0 1 2 3 4; do
			in_a timeout 60 "$XDPF" set add xe0 $set $(seq -f "10.7.$k.%g" $((10 * i)) $((10 * i + 9))) || exit
		done &
		jobs+=($!)
	done
	for i in 0 1 2 3 4; do
		in_a timeout 60 "$XDPF" set remove xe0 $set $(seq -f '10.8.0.%g' $((20 * i + 1)) $((20 * i + 20))) || exit
	done &
	jobs+=($!)
	seq -f '10.9.0.%g' 0 255 | in_a timeout 60 "$XDPF" set add xe0 $set --timeout 0 --from - &
	jobs+=($!)
	JOBS+=("${jobs[@]}")
	bad=0
	for job in "${jobs[@]}"; do wait "$job" || bad=$((bad + 1)); done
	is "$set: all of them come through" "$bad" 0
	is "$set: what all of them did" "$(elements $set | tr ' ' '\n' | cut -d. -f2 | sort | uniq -c | tr -s ' \n' ' ')" " 200 7 256 9 "
	for k in 1 2 3; do
		in_a timeout 60 "$XDPF" set replace --quiet xe0 $set - < <(seq -f "10.$((10 + k)).0.%g" 0 255) &
		jobs[k]=$!
	done
	for k in 1 2 3; do wait "${jobs[k]}" || bad=$((bad + 1)); done
	is "$set: replaced by three at once" "$bad $(elements $set | tr ' ' '\n' | grep . | cut -d. -f2 | sort -u | wc -l) $(count $set)" "0 1 256"
done

# ---- for who looks on, and who looks away ----
for _ in $(seq 60); do printf '10.1.0.1\n10.1.0.2\n'; done >"$WORK/long.txt"
for _ in $(seq 8); do cat "$WORK/long.txt" "$WORK/long.txt" >"$WORK/longer.txt" && mv "$WORK/longer.txt" "$WORK/long.txt"; done
slowly() { cat "$WORK/long.txt"; sleep 1.3; cat "$WORK/long.txt"; }
watched() { slowly | in_a /usr/bin/python3 "$HERE/terminal.py" "$XDPF" set replace "$@" xe0 tables -; }
OUT=$(watched)
says "how long it takes, on a terminal" "^'.rreading elements, [1-9] s(.rreading elements, [1-9] s)*.r.x1b.Kset tables: 2 elements.* 0$"
is "nothing when it is to be quiet" "$(watched --quiet)" "'' 0"
is "and nowhere else" "$(slowly | set_of replace xe0 tables - 2>&1 | grep -c reading)" 0
is "a reader that has seen enough" "$(set_of show xe0 tables 2>"$WORK/pipe.err" | head -1 | wc -l)$(cat "$WORK/pipe.err")" 1

# ---- ended in the middle: wholly old or wholly new ----
seq -f '10.20.%g' 0 9 | while read -r p; do seq -f "$p.%g" 0 59; done >"$WORK/old.txt"
sed 's/^10.20/10.21/' "$WORK/old.txt" >"$WORK/new.txt"
sums=" $(sort -V "$WORK/old.txt" | sha256sum) $(sort -V "$WORK/new.txt" | sha256sum) "
for set in tables plain; do
	status "$set: old" 0 set_of replace --quiet xe0 $set "$WORK/old.txt"
	wrong=0 cut=0
	for i in 1 2 3 4 5; do
		file=$([ $((i % 2)) = 1 ] && echo new || echo old)
		in_a timeout --foreground --preserve-status -s TERM "0.0$((i * 9 % 40 + 10))" "$XDPF" set replace --quiet xe0 $set "$WORK/$file.txt" || cut=$((cut + 1))
		case $sums in *" $(set_of show xe0 $set | cut -f1 | sort -V | sha256sum) "*) ;; *) wrong=$((wrong + 1)) ;; esac
	done
	is "$set: never half" "$wrong" 0
done
mkfifo "$WORK/pipe"
nsenter --net="$A" "$XDPF" set replace xe0 tables - <"$WORK/pipe" 2>/dev/null &
job=$!
{ echo 10.22.0.1; sleep 0.3; kill -TERM $job; sleep 0.1; } >"$WORK/pipe" 2>/dev/null
wait $job
is "while it reads: it ends" "$?" 143
is "and changed nothing" "$(set_of show xe0 tables | grep -c '^10.22')" 0
report
