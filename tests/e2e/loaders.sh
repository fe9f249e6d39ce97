#!/bin/bash
# An object under other people's loaders, as it is: constant sets are filled, counters have names, `iface` is never true.
. "$(dirname "$0")/lib.sh" "$@"
network
cat >"$WORK/object.xdpf" <<'END'
set blocked : net = { 10.99.0.66, fd99::66, 198.51.100.0/24, 203.0.113.7 };
types:    count types per eth.type;
blocked:  drop if ip.src in blocked;
here:     drop if iface == xe0 and icmp;
elsewhere: pass if iface != xe0;
END
compile "$WORK/object.xdpf"
PIN=/sys/fs/bpf/$NAME

traffic() {	# NAME
	ok "$1: ping" ping_a 10.99.0.1
	ok "$1: ping, IPv6" ping_a fd99::1
	not "$1: ping from a blocked address" ping_a -I 10.99.0.66 10.99.0.1
	not "$1: ping from a blocked address, IPv6" ping_a -I fd99::66 fd99::1
	local id
	id=$(program_id)
	# Which map: the last of this name, of this program.
	local maps
	maps=$(bpftool -j prog show id "$id" | json '" ".join(map(str, j["map_ids"]))')
	for m in $maps; do
		bpftool -j map show id "$m" | grep -q '"name":"xdpf_rules"' || continue
		is "$1: counters of the rules" "$(bpftool -j map dump id "$m" |
			json '[sum(c["value"]["packets"] for c in e["formatted"]["values"]) >= 2 for e in j if e["formatted"]["key"] in (1, 2)]')" "[True, False]"
	done
	is "$1: xdpf says that it is not ours" "$(in_a "$XDPF" status --json xe0 | json '(j[0]["ours"], j[0]["program"])')" "(False, 'object')"
}

status "bpftool prog load" 0 bpftool prog load "$WORK/object.o" "$PIN" type xdp
id=$(bpftool -j prog show pinned "$PIN" | json 'j["id"]')
OUT=$(bpftool prog dump xlated id "$id" linum 2>&1)
says "bpftool: rules stand in the program's listing" "drop if ip.src in blocked.*file:.*object.xdpf line_num:3"
status "bpftool: attach" 0 in_a bpftool net attach xdp pinned "$PIN" dev xe0
traffic bpftool
in_a bpftool net detach xdp dev xe0
rm -f "$PIN"

# Names that the object has for itself, as the names of files and tables.
for name in xdpf_rules license _license xdp in0_set memset int; do
	{ cat "$WORK/object.xdpf"; printf 'count xdpf_rules; count license; count xdp; count %s;\n' "t-$name"; } >"$WORK/$name.xdpf"
	compile "$WORK/$name.xdpf"
	status "bpftool: $name" 0 bpftool prog load "$WORK/$name.o" "$PIN" type xdp
	rm -f "$PIN"
done

status "ip link" 0 in_a ip link set dev xe0 xdp obj "$WORK/object.o" sec xdp
traffic "ip link"
in_a ip link set dev xe0 xdp off
status "ip link, generic" 0 in_a ip link set dev xe0 xdpgeneric obj "$WORK/object.o" sec xdp
traffic "ip link, generic"
in_a ip link set dev xe0 xdpgeneric off

if ! command -v xdp-loader >/dev/null; then
	skip xdp-loader "it is not installed"
else
	OUT=$(in_a xdp-loader load -m native -s xdp xe0 "$WORK/object.o" 2>&1)
	if [ $? -ne 0 ] && grep -Eqi "not permitted|not supported|dispatcher" <<<"$OUT"; then
		skip xdp-loader "it needs what this kernel refuses: $(tail -1 <<<"$OUT")"
	else
		says "xdp-loader loads it" "^$|xe0|Compatibility|dispatcher"
		if [ "$(in_a "$XDPF" status --json xe0 | json 'j[0].get("program")')" = object ]; then
			traffic xdp-loader
		else
			# Behind libxdp's dispatcher the interface's program is the dispatcher.
			ok "xdp-loader: ping" ping_a 10.99.0.1
			not "xdp-loader: ping from a blocked address" ping_a -I 10.99.0.66 10.99.0.1
		fi
		in_a xdp-loader unload xe0 --all >/dev/null 2>&1
	fi
fi
report
