#!/bin/bash
# What runs, for those who look on: the live table, Prometheus' format and its server, the rules as the kernel has them.
. "$(dirname "$0")/lib.sh" "$@"
network
file=$WORK/'a"b\c.xdpf'
cat >"$file" <<'END'
set banned : ip size 100 timeout 10m live;
limit l = 2/h burst 3 per ip.src;
seen: count t per udp.dport if udp;
one:  drop if udp.dport == 1;
two:  drop if udp.dport == 2;
lim:  drop if udp.dport == 4 over l;
ban:  add ip.src to banned if udp.dport == 5;
END
status "apply" 0 in_a "$XDPF" apply "$file" xe0
prom() { /usr/bin/python3 "$HERE/prometheus.py" "$@" 2>&1; }

# ---- what runs ----
sum=$(sha256sum <"$file" | cut -d' ' -f1)
status "status" 0 in_a "$XDPF" status xe0
says "its file and its sum" "^    source    a\"b.c\.xdpf, $(wc -c <"$file") bytes, sha256 $sum\$"
is "the text that runs" "$(in_a "$XDPF" status --source xe0 | tail -n +2)" "$(cat "$file")"
is "as JSON" "$(in_a "$XDPF" status --source --json xe0 | json '[(s["sha256"], len(s["text"]) == s["size"]) for s in j[0]["sources"]]')" "[('$sum', True)]"
is "its rules" "$(in_a "$XDPF" status --rules xe0 | cut -f2 | tr '\n' ' ')" "$(grep : "$file" | grep -v '^set\|^limit' | tr -s ' ' | tr '\n' ' ')default pass; "
is "as JSON, too" "$(in_a "$XDPF" status --rules --json xe0 | json '[(r["rule"], r["line"]) for r in j[0]["rule_texts"]][:2]')" "[('seen', 3), ('one', 4)]"
printf 'include "part.xdpf";\nset s : ip from "list.txt";\nb: drop if ip.src in s;\n' >"$WORK/whole.xdpf"
printf 'a: drop if udp.dport == 1;\n' >"$WORK/part.xdpf"
seq -f '10.%g.3.1' 200 >"$WORK/list.txt"
ok "compile" "$XDPFC" "$WORK/whole.xdpf" -o "$WORK/whole.o"
ok "compile without texts" "$XDPFC" --no-source "$WORK/whole.xdpf" -o "$WORK/less.o"
ip -n "$NAME-a" link add xe4 type veth peer name xe5
in_a "$XDPF" apply --quiet "$WORK/whole.o" xe4
is "all that was read" "$(in_a "$XDPF" status --json --source xe4 | json '[s["name"] for s in j[0]["sources"] if s["text"]]')" \
	"['whole.xdpf', 'part.xdpf', 'list.txt']"
seq -f '10.%g.3.2' 200 >"$WORK/list.txt"
ok "compile again" "$XDPFC" "$WORK/whole.xdpf" -o "$WORK/whole.o"
is "an exchange of tables" "$(in_a "$XDPF" apply --quiet --json "$WORK/whole.o" xe4 | json 'j["interfaces"][0]["loaded"]')" tables
is "has the new ones" "$(in_a "$XDPF" status --source xe4 | tail -1)" 10.200.3.2
in_a "$XDPF" apply --quiet "$WORK/less.o" xe4
is "left out" "$(in_a "$XDPF" status --json --source xe4 | json '[s["text"] for s in j[0]["sources"]]')" "[None, None, None]"
in_a "$XDPF" remove --quiet xe4

# ---- how much it is now ----
nsenter --net="$A" env LC_ALL=C "$XDPF" stats --watch xe0 >"$WORK/watch" 2>&1 &
text=$!
nsenter --net="$A" "$XDPF" stats --watch --json xe0 >"$WORK/watch.json" 2>&1 &
lines=$!
JOBS+=($text $lines)
for _ in $(seq 50); do
	udp 1 100 100
	udp 2 100 10
	udp 4 100 1
	[ "$(wc -l <"$WORK/watch.json")" -ge 2 ] && [ "$(grep -c '^verdicts' "$WORK/watch")" -ge 2 ] && break
done
udp 5 10 1
kill -INT $text $lines
ok "the table ends" wait $text
ok "the objects end" wait $lines
OUT=$(cat "$WORK/watch")
says "what runs" '^xe0: native, program [a-z_]+ \(id [0-9]+\): [0-9.k]+ packets/s, [0-9.kM]+ bits/s$'
says "a rule with its bar" '^one +drop +[0-9.]+k? +[0-9.]+[kM] #+ *$'
says "the most first" '^seen'
is "the order" "$(awk '/^rule/ { n = 0 } /^(one|two|lim) / { print $1; if (++n == 3) exit }' "$WORK/watch" | tr '\n' ' ')" "one two lim "
says "limits" '^limit l +[0-9]+/s within +[0-9]+/s over +0/s without room$'
says "sets" '^set   banned +[01] of 100 '
is "as JSON" "$(tail -1 "$WORK/watch.json" | json 'sorted(j), j["rules"][0]["rule"], j["sets"][0]["size"]')" \
	"(['all', 'interface', 'limits', 'program', 'program_id', 'rules', 'seconds', 'sets', 'verdicts'], 'seen', 100)"
is "rates agree" "$(tail -1 "$WORK/watch.json" | json 'abs(sum(v["packets_per_second"] for v in j["verdicts"].values()) - j["all"]["packets_per_second"]) < 6')" True
status "rates for Prometheus" 2 in_a "$XDPF" stats --watch --prometheus xe0

# ---- Prometheus ----
status "stats" 0 in_a "$XDPF" stats --prometheus xe0
printf '%s\n' "$OUT" >"$WORK/prom"
is "rules and verdicts agree" "$(prom 'v("xdpf_verdict_packets_total", verdict="drop") == v("xdpf_rule_packets_total", verdict="drop") > 0' <"$WORK/prom")" True
is "names that need escaping" "$(prom 'v("xdpf_rule_packets_total", file="a\"b\\c.xdpf", rule="ban")' <"$WORK/prom")" 1
is "a set" "$(prom '(v("xdpf_set_elements", set="banned"), v("xdpf_set_size", set="banned"))' <"$WORK/prom")" "(1, 100)"
theirs() { /usr/bin/python3 "$HERE/theirs.py" "$1" 2>&1; }
is "Prometheus' own reader" "$(theirs "$WORK/prom")" "all as ours"
sed 's/^# TYPE xdpf_set_size gauge/# TYPE xdpf_set_size gouge/' "$WORK/prom" >"$WORK/wrong"
not "finds a wrong type" /usr/bin/python3 "$HERE/theirs.py" "$WORK/wrong"

# ---- over HTTP ----
ip -n "$NAME-a" link add xe2 type veth peer name xe3
status "another interface" 0 in_a "$XDPF" apply --quiet "$file" xe2
nsenter --net="$A" "$XDPF" metrics --listen 127.0.0.1:9095 2>"$WORK/metrics.err" &
server=$!
JOBS+=($server)
for _ in $(seq 50); do
	in_a curl -s -o /dev/null http://127.0.0.1:9095/ && break
	sleep 0.1
done
OUT=$(in_a curl -si http://127.0.0.1:9095/metrics | tr -d '\r')
says "its type" '^Content-Type: text/plain; version=0.0.4; charset=utf-8$'
in_a curl -s http://127.0.0.1:9095/metrics >"$WORK/http"
is "as Prometheus reads it" "$(theirs "$WORK/http")" "all as ours"
is "both interfaces" "$(prom '[v("xdpf_info", interface=i) for i in ("xe0", "xe2")], v("xdpf_rule_packets_total", interface="xe0", rule="ban")' <"$WORK/http")" \
	"([1, 1], 1)"
is "nothing else" "$(in_a curl -s -o /dev/null -w '%{http_code}' http://127.0.0.1:9095/etc) $(in_a curl -s -o /dev/null -w '%{http_code}' -d x=y http://127.0.0.1:9095/metrics)" "404 405"
status "one has the port" 3 in_a timeout 20 "$XDPF" metrics --listen 127.0.0.1:9095
status "no address" 2 in_a "$XDPF" metrics --listen 9095
status "an IPv6 one without brackets" 2 in_a "$XDPF" metrics --listen ::1:9095
in_a "$XDPF" remove --quiet xe2
is "one that is gone" "$(in_a curl -s http://127.0.0.1:9095/metrics | prom 'sorted({dict(l)["interface"] for _, l in series})')" "['xe0']"
kill -INT $server
ok "it ends" wait $server
is "in silence" "$(cat "$WORK/metrics.err")" ""
dashboard=$HERE/../../grafana/xdpf.json
is "the dashboard asks for what there is" "$(/usr/bin/python3 -c 'import json, re, sys
text = open(sys.argv[1]).read()
json.loads(text)
print(sorted(set(re.findall(r"xdpf_[a-z_]+", text)) - set(re.findall(r"\"(xdpf_[a-z_]+)\", \"(?:counter|gauge)\"", open(sys.argv[2]).read())) - {"xdpf_job"}))' \
	"$dashboard" "$HERE/../../runtime/cli/counters_prom.c")" "[]"
report
