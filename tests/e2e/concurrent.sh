#!/bin/bash
# Many at once: filters applied, confirmed, rolled back and removed, sets changed and counters read, on one interface and on several in any order. All
# end, each change is whole, and what is pinned is what the last one left. 15 s.
. "$(dirname "$0")/lib.sh" "$@"
network
ip -n "$NAME-a" link add xe2 type veth peer name xe3
ip -n "$NAME-a" link set xe2 up
own_place
P=c$$
for n in 1 2 3; do
	mkdir "$WORK/$n"
	printf 'default pass;\nset banned : ip live size 1000;\nset nets : net live;\nn%d: drop if udp.dport == %d;\nbanned: drop if ip.src in banned or ip.src in nets;\n' $n $n \
		>"$WORK/$n/$P.xdpf"
	compile "$WORK/$n/$P.xdpf"
	mv "$WORK/$n/$P.o" "$WORK/$n.o"
done
rule() {	# IFACE: which of the three runs there
	in_a "$XDPF" stats --json "$1" 2>/dev/null | json '",".join(r["rule"] for f in j["files"] for r in f["rules"] if r["rule"][0] == "n" and r["rule"] != "nets")'
}
pinned() {	# beside each other, and nothing of a change in the middle
	find "$XDPF_BPFFS" -type f -not -path '*/held/*' -printf '%f\n' | sort -u | tr '\n' ' '
}
together() {	# COMMANDS, one on each line, each in the background; what each said is in $WORK/said.N, how it ended in $WORK/ended.N
	local n=0 jobs=()
	rm -f "$WORK"/said.* "$WORK"/ended.*
	while read -r line; do
		n=$((n + 1))
		# shellcheck disable=SC2086
		{ in_a timeout 60 "$XDPF" $line >"$WORK/said.$n" 2>&1; echo "$? $line" >"$WORK/ended.$n"; } &
		jobs+=($!)
	done
	wait "${jobs[@]}"
}
ended() {	# NAME: all of them did as they were told
	local bad
	bad=$(grep -Lh '^0 ' "$WORK"/ended.* | while read -r f; do cat "$f" "${f/ended/said}"; done)
	is "$1: all are done" "$bad" ""
	is "$1: no sanitizer has a word" "$(grep -l Sanitizer "$WORK"/said.* | wc -l)" 0
}

# ---- one interface ----
for round in 1 2; do
	together <<-END
		apply --quiet --reload $WORK/1.o xe0
		apply --quiet $WORK/2.o xe0
		apply --quiet --reload $WORK/3.o xe0
		apply --quiet --afresh $WORK/1.o xe0
		apply --quiet $WORK/3.o xe0
	END
	ended "one interface, $round"
	case $(rule xe0) in n1 | n2 | n3) pass ;; *) fail "one interface, $round: one of them runs" "$(rule xe0)" ;; esac
done
is "its pins" "$(pinned)" "link previous "
together <<END
status xe0
stats --json xe0
apply --quiet --reload $WORK/2.o xe0
set list xe0
status --json
apply --quiet --reload $WORK/1.o xe0
stats --prometheus xe0
END
ended "those that look"

# ---- several, in any order: on all of them the same ----
together <<END
apply --quiet --reload $WORK/1.o xe0 xe2
apply --quiet --reload $WORK/2.o xe2 xe0
apply --quiet --reload $WORK/3.o xe0 xe2
apply --quiet --reload $WORK/1.o xe2 xe0
END
ended "several"
is "several: both have the same" "$(rule xe0)" "$(rule xe2)"

# ---- sets: nothing is lost ----
status "a set for all" 0 in_a "$XDPF" apply --quiet --reload --afresh "$WORK/1.o" xe0
lines=
for n in 1 2 3 4 5; do
	lines+="set add xe0 banned $(for i in $(seq 20); do printf '10.%d.0.%d ' $n "$i"; done)"$'\n'
	lines+="set add xe0 nets 10.$n.128.0/17"$'\n'
done
together <<<"${lines}apply --quiet --reload $WORK/2.o xe0"
ended "sets"
is "sets: all that was added" "$(in_a "$XDPF" set show xe0 banned | wc -l) $(in_a "$XDPF" set show xe0 nets | wc -l)" "100 5"
seq -f "10.8.0.%g" 1 50 >"$WORK/a"
seq -f "10.9.0.%g" 1 60 >"$WORK/b"
together <<END
set replace --quiet xe0 banned $WORK/a
set replace --quiet xe0 banned $WORK/b
set flush --quiet xe0 nets
set replace --quiet xe0 banned $WORK/a
END
ended "replaced"
case "$(in_a "$XDPF" set show xe0 banned | cut -d. -f2 | sort | uniq -c | tr -s ' ')" in
" 50 8" | " 60 9") pass ;;
*) fail "replaced: by one of them, whole" "$(in_a "$XDPF" set show xe0 banned | cut -d. -f2 | sort | uniq -c)" ;;
esac

# ---- one waits for confirmation: of those that come for it one is told yes ----
status "one that waits" 0 in_a "$XDPF" apply --quiet --confirm 600s "$WORK/3.o" xe0
together <<END
confirm --quiet xe0
rollback --quiet xe0
confirm --quiet xe0
apply --quiet $WORK/1.o xe2
END
is "confirmed, or rolled back, by the first" "$(grep -lh '^0 confirm\|^0 rollback' "$WORK"/ended.* | wc -l)" \
	"$(if grep -q '^0 confirm' "$WORK"/ended.* && grep -q '^0 rollback' "$WORK"/ended.*; then echo 2; else echo 1; fi)"
is "nothing waits" "$(in_a "$XDPF" status --json xe0 | json 'j[0]["pending"]')" None
is "no guard is left" "$(pinned)" "link previous "

# ---- applied and removed ----
together <<END
remove --quiet xe0 xe2
apply --quiet $WORK/2.o xe0 xe2
remove --quiet xe2 xe0
apply --quiet $WORK/3.o xe2 xe0
END
is "who could not says so" "$(for n in 1 2 3 4; do grep -q '^3 ' "$WORK/ended.$n" && [ ! -s "$WORK/said.$n" ] && cat "$WORK/ended.$n"; done)" ""
in_a "$XDPF" remove --quiet xe0 xe2 2>/dev/null
is "nothing is left" "$(find "$XDPF_BPFFS" -mindepth 1)" ""
report
