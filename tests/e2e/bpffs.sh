#!/bin/bash
# The place where filters are kept by, when it is not there, cannot be written, or holds what we did not put there: it is said, nothing changes, and what
# runs goes on. 10 s.
. "$(dirname "$0")/lib.sh" "$@"
network
printf 'old: drop if icmp.type == 8 and pkt.len > 500;\nset banned : ip live;\nbanned: drop if ip.src in banned;\n' >"$WORK/old.xdpf"
printf 'new: drop if udp.dport == 9;\n' >"$WORK/new.xdpf"
compile "$WORK/old.xdpf"
compile "$WORK/new.xdpf"
own_place
root=$XDPF_BPFFS
named() { in_a env XDPF_BPFFS="$root" "$XDPF" status --json xe0 2>/dev/null | json 'j[0].get("program")'; }
by_kernel() { ip -n "$NAME-a" -j -d link show xe0 | json 'j[0].get("xdp", {}).get("prog", {}).get("name")'; }

# ---- there is none ----
alone() { in_a unshare --mount --pid --fork --mount-proc env -u XDPF_BPFFS sh -c "umount -l /sys/fs/bpf; $1"; }	# nobody who started it has other mounts
status "none, and our mounts end with us" 3 in_a unshare --mount env -u XDPF_BPFFS sh -c "umount -l /sys/fs/bpf; '$XDPF' apply '$WORK/old.o' xe0"
says "what to do" "is no bpffs here, and our mounts are our own and end with us"
is "nothing runs" "$(by_kernel)" None
status "none, and it is made" 0 alone "'$XDPF' apply '$WORK/old.o' xe0 && '$XDPF' remove xe0 && stat -f -c %T /sys/fs/bpf"
says "which is said" "mounted a bpffs at /sys/fs/bpf"
says "it is one" "^bpf_fs$"
status "none, and it cannot be" 3 alone "setpriv --bounding-set=-sys_admin --inh-caps=-sys_admin '$XDPF' apply '$WORK/old.o' xe0"
says "which is said, too" "a bpffs cannot be mounted at /sys/fs/bpf: Operation not permitted"
status "no directory for it" 3 alone "mount -t tmpfs none /sys && '$XDPF' apply '$WORK/old.o' xe0"
says "what is not there" "/sys/fs/bpf cannot be looked at: No such file"
is "nothing runs" "$(by_kernel)" None
for where in /nonexistent "$WORK" "$XDPF_BPFFS/$(printf 'x%.0s' $(seq 60))"; do
	status "XDPF_BPFFS=$where" 3 in_a env XDPF_BPFFS="$where" "$XDPF" apply "$WORK/old.o" xe0
	says "$where: which" "XDPF_BPFFS=$where (is no directory of a bpffs|cannot be looked at: No such file)"
done

# ---- it cannot be written ----
status "a filter" 0 in_a "$XDPF" apply --quiet "$WORK/old.o" xe0
ro() {	# COMMAND...: with the same pins, read-only
	in_a unshare --mount sh -c 'mount -o remount,bind,ro /sys/fs/bpf && exec "$@"' sh "$XDPF" "$@"
}
if ro --version >"$WORK/ro" 2>&1; then
	for command in "apply $WORK/new.o xe0" "apply --reload $WORK/old.o xe0" "apply --confirm 60s $WORK/new.o xe0" "apply --mode generic $WORK/new.o lo" "remove xe0"; do
		# shellcheck disable=SC2086
		status "read-only: $command" 3 ro $command
		says "read-only: $command: why" "/sys/fs/bpf/.* is mounted read-only here"
		is "read-only: $command: what ran runs" "$(by_kernel)" old
	done
	for command in "status xe0" "stats xe0" "set list xe0" "set show xe0 banned" "doctor xe0 $WORK/new.o" "test --quiet $WORK/new.o"; do
		# shellcheck disable=SC2086
		status "read-only: $command" 0 ro $command
	done
	status "read-only: set add" 3 ro set add xe0 banned 192.0.2.1
	says "read-only: set add: why" "mounted read-only"
	status "one that waits" 0 in_a "$XDPF" apply --quiet --confirm 600s "$WORK/new.o" xe0
	for command in confirm rollback; do
		status "read-only: $command" 3 ro $command xe0
		says "read-only: $command: why" "mounted read-only"
	done
	status "it still waits" 0 in_a "$XDPF" confirm xe0
	is "and is confirmed" "$(named)" new
	status "the old one" 0 in_a "$XDPF" apply --quiet "$WORK/old.o" xe0
	status "one that waits for a second" 0 in_a "$XDPF" apply --quiet --confirm 1s "$WORK/new.o" xe0
	sleep 1.05
	status "read-only: whoever looks" 0 ro status xe0
	ok "read-only: the old one is back" ping_a 10.99.0.1
	not "and filters" ping_a -s 1000 10.99.0.1
	status "whoever looks" 0 in_a "$XDPF" status xe0
	says "is told" "nobody confirmed its new filter in time"
	is "and the old one runs by itself" "$(by_kernel)" old
else
	skip "read-only" "$(tail -1 "$WORK/ro")"
fi

# ---- pins that are not ours ----
PINS=$(dirname "$(find "$XDPF_BPFFS" -name link)")
prog=$(in_a "$XDPF" status --json xe0 | json 'j[0]["program_id"]')
foreign() {	# NAME: what lies in the place of the link, then commands
	status "$1: status" 0 in_a "$XDPF" status xe0
	is "$1: it is no filter of ours" "$(in_a "$XDPF" status --json xe0 2>/dev/null | json 'j[0]["ours"]')" False
	status "$1: apply" 3 in_a "$XDPF" apply "$WORK/new.o" xe0
	is "$1: what ran runs" "$(by_kernel)" old
	status "$1: stats" 3 in_a "$XDPF" stats xe0
	status "$1: remove" 3 in_a "$XDPF" remove xe0
	is "$1: it still runs" "$(by_kernel)" old
}
if command -v bpftool >/dev/null; then
	bpftool link pin pinned "$PINS/link" "$XDPF_BPFFS/saved"
	rm "$PINS/link"
	foreign "no pin"
	mkdir -p "$PINS"
	bpftool prog pin id "$prog" "$PINS/link"
	foreign "a program"
	rm -f "$PINS/link"
	mkdir -p "$PINS"
	bpftool map create "$PINS/link" type array key 4 value 4 entries 1 name other
	foreign "a map"
	rm -f "$PINS/link"
	mkdir -p "$PINS/link"
	status "a directory: apply" 3 in_a "$XDPF" apply "$WORK/new.o" xe0
	status "a directory: remove" 3 in_a "$XDPF" remove xe0
	is "a directory: what ran runs" "$(by_kernel)" old
	rmdir "$PINS/link"
	bpftool link pin pinned "$XDPF_BPFFS/saved" "$PINS/link"
	rm "$XDPF_BPFFS/saved"
	is "the pin is back" "$(named)" old
	for pin in guard programs until new tables kept previous before; do
		for kind in map directory; do
			rm -f "${PINS:?}/$pin"
			case $kind in
			map) bpftool map create "$PINS/$pin" type array key 4 value 4 entries 1 name other ;;
			directory) mkdir "$PINS/$pin" ;;
			esac
			status "a $kind for $pin: status" 0 in_a "$XDPF" status xe0
			status "a $kind for $pin: stats" 0 in_a "$XDPF" stats xe0
			OUT=$(in_a "$XDPF" apply --reload "$WORK/old.o" xe0 2>&1)
			case $? in 0 | 3) pass ;; *) fail "a $kind for $pin: apply" "$OUT" ;; esac
			is "a $kind for $pin: a filter runs" "$(named)" old
			rm -rf "${PINS:?}/$pin"
		done
	done
else
	skip "pins that are not ours" "bpftool is not installed"
fi
status "replaced" 0 in_a "$XDPF" apply --quiet --reload "$WORK/new.o" xe0
is "it runs" "$(named)" new
status "removed" 0 in_a "$XDPF" remove xe0
is "nothing is left" "$(find "$XDPF_BPFFS" -mindepth 1)" ""
rmdir "$XDPF_BPFFS"
report
