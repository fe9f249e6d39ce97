#!/bin/bash
# Sets that are replaced under load: each packet finds the set as it was before or as it is now. One address is in every generation, two are in every
# other one, and every packet asks for both of these. Whoever ends a replacement leaves the one or the other. The same where rules take elements out;
# and what they take out while the tool changes the set for others does not come back.
# GENERATIONS=1000 ELEMENTS=100000: so many, else 20 of 20,000.
. "$(dirname "$0")/lib.sh" "$@"
network
GENERATIONS=${GENERATIONS:-20}
ELEMENTS=${ELEMENTS:-20000}
gen_py() { /usr/bin/python3 "$HERE/generations.py" "$@"; }
set_of() { in_a "$XDPF" set "$@"; }
rule() { in_a "$XDPF" stats xe0 --json | json "[r['packets'] for f in j['files'] for r in f['rules'] if r['rule'] == '$1'][0]"; }

for type in ${TYPES:-ip net ip-taken net-taken}; do
	taken=
	[ "$type" = "${type%-taken}" ] || taken='taken:   remove ip.src from feed if udp.dport == 4242;'
	cat >"$WORK/gen.xdpf" <<END
set feed : ${type%-taken} live size 150k timeout 1h;
$taken
stays:   drop if ip.src == 10.0.0.1 and ip.src in feed;
left:    drop if ip.src == 10.0.0.1;
both:    drop if ip.src in feed and ip.dst in feed;
neither: drop if ip.src == 10.0.0.2 and ip.src not in feed and ip.dst not in feed;
even:    drop if ip.src == 10.0.0.2 and ip.src in feed;
odd:     drop if ip.src == 10.0.0.2 and ip.dst in feed;
END
	gen_py lists "$WORK" ${type%-taken} "$ELEMENTS"
	compile "$WORK/gen.xdpf"
	in_a "$XDPF" remove --quiet xe0
	status "$type: apply" 0 in_a "$XDPF" apply "$WORK/gen.o" xe0
	status "$type: the first generation" 0 set_of replace xe0 feed "$WORK/even.txt"
	says "$type: the first generation" "^set feed: $ELEMENTS elements, $ELEMENTS added, 0 taken out"
	rm -f "$WORK/stop"
	gen_py send "$B" "$WORK/stop" >"$WORK/sent" &
	JOBS+=($!)
	sender=$!
	gen_py run "$(program_id)" "$WORK/stop" >"$WORK/ran" 2>&1 &
	JOBS+=($!)
	runner=$!
	done=0
	for i in $(seq $((GENERATIONS / 2))); do
		set_of replace --quiet xe0 feed "$WORK/odd.txt" && set_of replace --quiet xe0 feed "$WORK/even.txt" && done=$((done + 2))
	done
	touch "$WORK/stop"
	wait $sender $runner
	is "$type: replacements" "$done" "$((GENERATIONS / 2 * 2))"
	is "$type: what is in every one" "$(rule left)" 0
	is "$type: never both" "$(rule both)" 0
	is "$type: never neither" "$(rule neither)" 0
	for r in stays even odd; do
		ok "$type: $r was met" test "$(rule $r)" -gt 1000
	done
	[ "$GENERATIONS" -gt 20 ] && echo "$type: $(rule stays) packets of what stays, $(rule even) and $(rule odd) of what is in every other one; sent: $(cat "$WORK/sent")"

	# What the set has besides goes with its generation.
	status "$type: one more" 0 set_of add xe0 feed 192.0.2.77
	status "$type: and for a while" 0 set_of add xe0 feed 192.0.2.78 --timeout 1h
	is "$type: they are shown" "$(set_of show xe0 feed | grep -c "^192.0.2.7[78]")" 2
	status "$type: the next" 0 set_of replace xe0 feed "$WORK/odd.txt"
	says "$type: the next" "taken out"
	is "$type: they are gone" "$(set_of show xe0 feed | grep -c "^192.0.2.7[78]")" 0
	is "$type: all of it is shown" "$(set_of show xe0 feed | sort | md5sum)" "$(sort "$WORK/odd.txt" | md5sum)"
	status "$type: one less" 0 set_of remove xe0 feed "$(head -1 "$WORK/odd.txt")"
	is "$type: it is gone" "$(set_of show xe0 feed | sort | md5sum)" "$(sed 1d "$WORK/odd.txt" | sort | md5sum)"
	status "$type: for a time" 0 set_of replace xe0 feed "$WORK/even.txt" --timeout 700ms
	sleep 1
	is "$type: which is over" "$(set_of show xe0 feed | wc -l)" 0

	# Ended at any moment.
	status "$type: whole" 0 set_of replace xe0 feed "$WORK/even.txt"
	kills=0
	for i in $(seq 6); do
		file=odd; [ $((i % 2)) -eq 0 ] && file=even
		timeout -s KILL "$(printf "0.%03d" $((i * 23)))" nsenter --net="$A" "$XDPF" set replace --quiet xe0 feed "$WORK/$file.txt"
		sum=$(set_of show xe0 feed | sort | md5sum)
		case $sum in
		"$(sort "$WORK/odd.txt" | md5sum)"|"$(sort "$WORK/even.txt" | md5sum)") kills=$((kills + 1)) ;;
		esac
	done 2>/dev/null
	is "$type: wholly the one or the other" "$kills" 6
	status "$type: the next one ends it" 0 set_of replace xe0 feed "$WORK/odd.txt"
	is "$type: and is whole" "$(set_of show xe0 feed | sort | md5sum)" "$(sort "$WORK/odd.txt" | md5sum)"
	status "$type: flush" 0 set_of flush xe0 feed
	is "$type: nothing is left" "$(set_of show xe0 feed | wc -l)" 0
done

# Packets take one after the other out of the set, and from then on ask for it, while others are put in and taken out, and expire or stay.
for type in ip net; do
	cat >"$WORK/taken.xdpf" <<END
set feed : $type live size $((3 * ELEMENTS)) timeout 1h;
take:  remove ip.src from feed if udp.dport == 9;
stays: drop if ip.src == 10.0.0.1 and ip.src in feed;
left:  drop if ip.src == 10.0.0.1;
again: drop if udp.dport == 7 and ip.src in feed;
END
	gen_py takes "$WORK" "$ELEMENTS"
	compile "$WORK/taken.xdpf"
	in_a "$XDPF" remove --quiet xe0
	status "$type: apply" 0 in_a "$XDPF" apply "$WORK/taken.o" xe0
	status "$type: what is to be taken" 0 set_of replace xe0 feed "$WORK/taken.txt"
	rm -f "$WORK/stop"
	gen_py take "$(program_id)" "$WORK/stop" >"$WORK/took" 2>&1 &
	JOBS+=($!)
	taker=$!
	done=0
	for time in 0 1h $(seq -f '%gm' 11 $((10 + GENERATIONS / 4))); do
		set_of add --quiet xe0 feed --from "$WORK/other.txt" --timeout "$time" && set_of remove --quiet xe0 feed --from "$WORK/other.txt" &&
			done=$((done + 1))
	done
	touch "$WORK/stop"
	wait $taker
	read -r took asked <"$WORK/took"
	is "$type: changes" "$done" $((2 + GENERATIONS / 4))
	ok "$type: some were taken" test "$took" -gt 100
	is "$type: taken, and asked for" "$asked" yes
	is "$type: none came back" "$(rule again)" 0
	is "$type: the one that stays" "$(rule left)" 0
	ok "$type: it was met" test "$(rule stays)" -gt 1000
	is "$type: taken, as it is counted" "$(in_a "$XDPF" stats xe0 --json | json "[s['removed'] for s in j['sets']][0]")" "$took"
	is "$type: so many are left" "$(set_of show xe0 feed | wc -l)" $((ELEMENTS + 1 - took))
done
report
