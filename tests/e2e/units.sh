#!/bin/bash
# What `cmake --install` puts on a system: units and rules that systemd understands, and what they do: restore with the unit's privileges, keep
# filtering across restart and stop, and follow names as udev's rule does. 6 s.
. "$(dirname "$0")/lib.sh" "$@"
network
BUILD=$(dirname "$XDPF")
ok "cmake --install" cmake --install "$BUILD" --prefix "$WORK/usr"
for f in bin/xdpf bin/xdpfc lib/systemd/system/xdpf@.service lib/udev/rules.d/60-xdpf.rules share/doc/xdpf/operating.md; do
	ok "$f is installed" test -s "$WORK/usr/$f"
done
unit=$WORK/usr/lib/systemd/system/xdpf@.service
rule=$WORK/usr/lib/udev/rules.d/60-xdpf.rules
# It was configured for another prefix than that of this test.
prefix=$(sed -n 's/^ExecStart=\(.*\)\/bin\/xdpf .*/\1/p' "$unit")
sed -i "s|$prefix/bin|$WORK/usr/bin|" "$unit" "$rule"
if ! command -v systemd-analyze >/dev/null; then
	skip "systemd-analyze verify" "it is not installed"
else
	cp "$unit" "$WORK/xdpf@eth0.service"
	status "systemd-analyze verify" 0 systemd-analyze verify --man=no "$WORK/xdpf@eth0.service"
	is "without a word about it" "$(grep -c 'xdpf' <<<"$OUT")" 0
	sed 's/^ExecStart=.*/ExecStart=relative/' "$unit" >"$WORK/xdpf@wrong.service"
	OUT=$(systemd-analyze verify --man=no "$WORK/xdpf@wrong.service" 2>&1)
	says "it does look at units" "xdpf@wrong.service"
fi
value() { sed -n "s/^$1=//p" "$unit"; }
is "stopping does nothing" "$(value ExecStop)$(value ExecStopPost)" ""
caps=$(value CapabilityBoundingSet | tr 'A-Z ' 'a-z,' | sed 's/cap_/+/g')
is "its privileges" "$caps" "+bpf,+net_admin,+perfmon"

# As the unit runs it, for the interface xe0.
mkdir "$WORK/etc"
run() {	# ExecStart, ExecReload
	local command
	command=$(value "$1")
	command=${command//%I/xe0}
	# shellcheck disable=SC2086
	in_a setpriv --inh-caps=-all --bounding-set=-all,$caps ${command/\$XDPF_OPTIONS/${OPTIONS:-}} --from "$WORK/etc"
}
printf 'default pass;\nfirst: if icmp { }\nhere: if iface == lan0 and icmp { }\n' >"$WORK/etc/xe0.xdpf"
if ! setpriv --inh-caps=-all --bounding-set=-all,$caps true 2>/dev/null; then
	skip "the unit's commands" "setpriv does not know CAP_BPF, or is not installed"
	report
fi
status "start" 0 run ExecStart
is "it runs" "$(in_a "$XDPF" status --json xe0 | json '(j[0]["program"], j[0]["mode"])')" "('xe0', 'native')"
ok "ping" ping_a 10.99.0.1
id=$(program_id)
link=$(in_a "$XDPF" status --json xe0 | json 'j[0]["link_id"]')
# A restart is a start behind a stop, which does nothing: the link stays, whatever its program.
status "restart" 0 run ExecStart
is "the link is the same" "$(in_a "$XDPF" status --json xe0 | json 'j[0]["link_id"]')" "$link"
printf 'default pass;\nfirst: drop if icmp;\n' >"$WORK/etc/xe0.xdpf"
status "reload" 0 run ExecReload
is "another program" "$([ "$(program_id)" != "$id" ] && echo yes)" yes
is "on the same link" "$(in_a "$XDPF" status --json xe0 | json 'j[0]["link_id"]')" "$link"
not "it filters" ping_a 10.99.0.1
printf 'first: drop if icmp and;\n' >"$WORK/etc/xe0.xdpf"
id=$(program_id)
status "a reload that is wrong" 1 run ExecReload
is "changes nothing" "$(program_id)" "$id"

# An object comes before the rule file: it needs no compiler.
printf 'default pass;\nhere: if iface == lan0 and icmp { }\n' >"$WORK/etc/xe0.xdpf"
ok "compile" "$XDPFC" "$WORK/etc/xe0.xdpf" -o "$WORK/etc/xe0.o"
mv "$WORK/usr/bin/xdpfc" "$WORK/usr/bin/hidden"
status "without a compiler" 0 run ExecReload
mv "$WORK/usr/bin/hidden" "$WORK/usr/bin/xdpfc"
touch -d '1 hour ago' "$WORK/etc/xe0.o"
status "an old object" 0 run ExecReload
says "is told of" "warning: the object is older than the rule file"
status "nothing is kept" 1 in_a "$XDPF" restore lo --from "$WORK/etc"
says "what is missing" "neither $WORK/etc/lo.o nor $WORK/etc/lo.xdpf"
status "no interface's name" 2 in_a "$XDPF" restore ../xe0 --from "$WORK/etc"
status "remove" 0 in_a "$XDPF" remove --quiet xe0
OPTIONS="--mode generic" status "options" 0 run ExecStart
is "are taken" "$(in_a "$XDPF" status --json xe0 | json 'j[0]["mode"]')" generic

# What udev runs when an interface gets another name.
command=$(sed -n 's/.*RUN+="\([^"]*\)".*/\1/p' "$rule")
ip -n "$NAME-a" link add xe8 type veth peer name xe9
ip -n "$NAME-a" link set xe8 name lan0
is "a name that came to be" "$(in_a "$XDPF" status --json xe0 | json '[n["name"] for n in j[0]["names"]]')" "['lan0']"
# shellcheck disable=SC2086
status "udev's command" 0 in_a $command
is "follows" "$(in_a "$XDPF" status --json xe0 | json 'j[0]["names"]')" "[]"
status "remove at last" 0 in_a "$XDPF" remove --quiet xe0
report
