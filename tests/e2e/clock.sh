#!/bin/bash
# Clocks that jump: nothing that waits or expires goes by the wall clock, in the kernel or here; and a tool in a time namespace, whose clocks are
# others, means the kernel's. 5 s.
. "$(dirname "$0")/lib.sh" "$@"
TOOLS=$3
network
own_place
DAY=86400 YEAR=31536000
cat >"$WORK/clock.xdpf" <<'END'
default pass;
set banned : ip live timeout 10m;
limit few = 100/h per ip.src;
banned: drop if ip.src in banned;
few:    drop if udp.dport == 9 over few;
add:    add ip.src to banned for 5m if udp.dport == 10;
END
printf 'new: drop if icmp.type == 8;\n' >"$WORK/new.xdpf"
compile "$WORK/clock.xdpf"
compile "$WORK/new.xdpf"
left() {	# [TOOL...]: whole seconds that the element stays
	"${@:-in_a}" "$XDPF" set show --json xe0 banned | json 'round(j["elements"][0]["left"])'
}
waits() { in_a "$XDPF" status --json xe0 | json 'round((j[0].get("pending") or {}).get("seconds_left", -1))'; }
between() {	# NAME HAVE LEAST MOST
	if [ "$2" -ge "$3" ] 2>/dev/null && [ "$2" -le "$4" ]; then pass; else fail "$1" "it is $2, expected $3 to $4"; fi
}
named() { in_a "$XDPF" status --json xe0 2>/dev/null | json 'j[0].get("program")'; }

# ---- the kernel's side: which clocks programs ask ----
status "apply" 0 in_a "$XDPF" apply --quiet "$WORK/clock.o" xe0
OUT=$(in_a "$XDPF" doctor --json xe0 "$WORK/clock.o" | json '[n["name"] for n in j["needs"] if "ktime" in n["name"]]')
is "sets and limits ask the clock that nobody sets" "$OUT" "['bpf_ktime_get_ns']"

# ---- a wall clock that jumps ----
jumped() {	# SECONDS COMMAND...
	local by=$1
	shift
	in_a env JUMP="$by" LD_PRELOAD="$TOOLS/e2e_jump.so" ASAN_OPTIONS="${ASAN_OPTIONS:+$ASAN_OPTIONS:}verify_asan_link_order=0" "$@"
}
year() { jumped "$1" /usr/bin/date +%Y; }
is "it is a jump" "$(($(year $YEAR) - $(year -$YEAR)))" 2
for by in $YEAR -$YEAR; do
	status "$by: add" 0 jumped "$by" "$XDPF" set add xe0 banned 10.99.0.2 --timeout 10m
	between "$by: stays as long" "$(left)" 590 600
	between "$by: shown alike" "$(left jumped "$by")" 590 600
	not "$by: dropped" ping_a 10.99.0.1
	status "$by: remove" 0 jumped "$by" "$XDPF" set remove xe0 banned 10.99.0.2
	status "$by: to be confirmed" 0 jumped "$by" "$XDPF" apply --quiet --confirm 600s "$WORK/new.o" xe0
	between "$by: it waits as long" "$(waits)" 590 600
	status "$by: who looks" 0 jumped "$by" "$XDPF" status xe0
	is "$by: leaves it" "$(named)" new
	status "$by: confirm" 0 jumped "$by" "$XDPF" confirm xe0
	status "$by: as it was" 0 in_a "$XDPF" rollback --quiet xe0
done

# What is told and asked in UTC goes with the wall clock: the kernel's TAI, less what both differ by, which no jump changes.
printf 'seen: if icmp.type == 8 and (time 00:00-12:00 or time 12:00-24:00) { log 100/s; }\n' >"$WORK/utc.xdpf"
compile "$WORK/utc.xdpf"
status "a log, loaded by a clock that is a year ahead" 0 jumped $YEAR "$XDPF" apply --quiet "$WORK/utc.o" xe0
OUT=$(in_a "$XDPF" doctor --json xe0 "$WORK/utc.o" | json '[n["name"] for n in j["needs"] if "ktime" in n["name"]]')
says "it asks TAI" "'bpf_ktime_get_tai_ns'"
in_a timeout 30 "$XDPF" log --json --count 1 xe0 >"$WORK/log" 2>&1 &
JOBS+=($!)
for _ in $(seq 100); do
	ping_a 10.99.0.1 >/dev/null
	[ -s "$WORK/log" ] && break
	sleep 0.1
done
between "its time is UTC" "$(json 'round(__import__("time").time() - j["ns"] / 1e9)' <"$WORK/log")" 0 60
status "as it was" 0 in_a "$XDPF" apply --quiet "$WORK/clock.o" xe0

# ---- clocks of a time namespace ----
elsewhere() { in_a unshare --time --fork --monotonic $DAY --boottime $DAY "$@"; }
if ! elsewhere true 2>"$WORK/err"; then
	skip "time namespaces" "$(tail -1 "$WORK/err")"
	report
fi
between "its clock is another" "$(elsewhere cut -d. -f1 /proc/uptime)" $DAY $((2 * YEAR))
status "add" 0 elsewhere "$XDPF" set add xe0 banned 10.99.0.2 --timeout 10m
between "it stays as long" "$(left)" 590 600
between "and is shown alike there" "$(left elsewhere)" 590 600
status "remove" 0 elsewhere "$XDPF" set remove xe0 banned 10.99.0.2
udp 10 10 1
between "what a rule added" "$(left elsewhere)" 290 300
status "flush" 0 elsewhere "$XDPF" set flush --quiet xe0 banned
status "to be confirmed" 0 elsewhere "$XDPF" apply --quiet --confirm 600s "$WORK/new.o" xe0
between "it waits as long" "$(waits)" 590 600
status "who looks from there" 0 elsewhere "$XDPF" status xe0
is "leaves it" "$(named)" new
status "rollback" 0 elsewhere "$XDPF" rollback --quiet xe0
status "not confirmed" 0 elsewhere "$XDPF" apply --quiet --confirm 1s "$WORK/new.o" xe0
sleep 1.05
ok "by itself the old one" ping_a 10.99.0.1
status "who looks" 0 elsewhere "$XDPF" status xe0
says "is told" "nobody confirmed its new filter in time"
since() { "$@" "$XDPF" status --json xe0 | json 'j[0].get("since")'; }
here=$(since in_a)
between "since when it runs" "$(since elsewhere)" $((here - 1)) $((here + 1))
report
