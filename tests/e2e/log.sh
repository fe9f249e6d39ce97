#!/bin/bash
# `log` and `sample`: what xdpf log shows of live packets, as text, JSON and a capture; its pace, its one reader, its end.
. "$(dirname "$0")/lib.sh" "$@"
network
cat >"$WORK/log.xdpf" <<'END'
ping:     log 5/m, drop if icmp.type == echo-request;
port:     log 1000/s, pass if udp.dport == 4242;
tenth:    sample 1/10 if udp.dport == 4300;
goes:     log 1000/s if udp.dport == 4400;
END
compile "$WORK/log.xdpf"
status "no filter, no log" 3 in_a "$XDPF" log xe0
printf 'drop if tcp.dport == 9;\n' >"$WORK/none.xdpf"
status "apply" 0 in_a "$XDPF" apply "$WORK/none.xdpf" xe0
status "no rule that logs" 3 in_a "$XDPF" log xe0
says "and that is said" "no rule of program none has"
status "apply" 0 in_a "$XDPF" apply "$WORK/log.o" xe0

reader() {	# NAME OPTIONS...: a reader in the background, its lines in $WORK/NAME, its lock's path in $LOCK
	nsenter --net="$A" "$XDPF" log xe0 "${@:2}" >"$WORK/$1" 2>"$WORK/$1.err" &
	READER=$!
	JOBS+=($READER)
	for _ in $(seq 100); do
		LOCK=$(ls -l "/proc/$READER/fd" 2>/dev/null | sed -n 's|.* -> \(/run/xdpf/log-[0-9]*\)$|\1|p')
		[ -n "$LOCK" ] && return
		sleep 0.05
	done
	fail "$1" "no reader starts: $(cat "$WORK/$1.err")"
}

ended() {	# NAME: the reader has come to its end
	wait "$READER" && pass || fail "$1" "the reader failed: $(tail -2 "$WORK/$1.err")"
}

reader text --count 3
status "a second reader" 3 in_a "$XDPF" log xe0
says "is told of the first" "read by [a-z]+ \(pid $READER\)"
udp 4242 20 3
ended text
is "a line each" "$(cut -f2-5 "$WORK/text" | sort | uniq -c | awk '{ print $1, $2, $3, $4, $5 }')" "3 xe0 port pass 62"
is "what it is" "$(cut -f6 "$WORK/text" | sed 's/ [0-9]* >/ PORT >/' | sort -u)" "10.99.0.2 PORT > 10.99.0.1 4242 udp"
is "when it was" "$(/usr/bin/python3 -c 'import sys, datetime as d
t = d.datetime.fromisoformat(sys.argv[1].replace("Z", "+00:00"))
print(abs((d.datetime.now(d.timezone.utc) - t).total_seconds()) < 120)' "$(head -1 "$WORK/text" | cut -f1)")" True

reader json --json --count 1
udp 4400 200 1
ended json
is "JSON" "$(json '(j["interface"], j["file"], j["rule"], j["line"], j["verdict"], j["length"], len(j["bytes"]), j["bytes"][60:68])' <"$WORK/json")" \
	"('xe0', 'log.xdpf', 'goes', 4, None, 242, 256, '0a630001')"

reader short --json --count 2
udp 4400 20 1
udp 4400 21 1
ended short
for at in "1 62" "2 63"; do
	is "a short frame, of even or odd length, is there whole" "$(sed -n "${at% *}p" "$WORK/short" | json '(j["length"], len(j["bytes"]) // 2)')" \
		"(${at#* }, ${at#* })"
done

reader capture --pcap "$WORK/out.pcap" --count 5
udp 4242 300 5
ended capture
is "a capture" "$("$XDPFC" --quiet --run "$WORK/out.pcap" "$WORK/log.xdpf" | sort | uniq -c | wc -l)" 5
is "with the rule, for Wireshark" "$(tshark -r "$WORK/out.pcap" -c1 -T fields -e frame.comment -e frame.interface_name -e frame.verdict.ebpf_xdp 2>/dev/null |
	tr '\t' ' ')" "port (log.xdpf:2:1) pass: log 1000/s, pass if udp.dport == 4242 xe0 2"
is "to the nanosecond" "$(tshark -r "$WORK/out.pcap" -T fields -e frame.time_epoch 2>/dev/null | grep -v "000$" | head -1 | wc -l)" 1
is "none of it is broken" "$(capinfos -c "$WORK/out.pcap" 2>&1 | grep -c 'Number of packets: *5')" 1
is "of the first bytes" "$(tcpdump -nr "$WORK/out.pcap" -c1 2>/dev/null | grep -c 'length 300')" 1

reader pace
in_b ping -q -c 12 -i 0.05 -W 0.2 10.99.0.1 >/dev/null
sleep 1
kill -INT "$READER"
ended pace
is "five in a minute, and no more" "$(grep -c 'ping.drop' "$WORK/pace")" 5
is "the others are counted" "$(stats '[(l["rule"], l["limited"], l["lost"]) for l in j["logs"] if l["rule"] == "ping"]')" "[('ping', 7, 0)]"
is "for Prometheus, too" "$(in_a "$XDPF" stats --prometheus xe0 | grep '^xdpf_unlogged_total.*rule="ping"' | sed 's/.*reason=//' | tr '\n' ' ')" \
	'"limited"} 7 "lost"} 0 '
OUT=$(in_a "$XDPF" stats xe0)
says "and told" "not logged: ping: 7 beyond its pace, 0 without a reader"

reader samples
udp 4300 20 2000
sleep 1
kill -INT "$READER"
ended samples
n=$(grep -c tenth "$WORK/samples")
if [ "$n" -gt 100 ] && [ "$n" -lt 320 ]; then pass; else fail "one in ten of 2000" "$n"; fi

reader over
status "replaced" 0 in_a "$XDPF" apply "$WORK/log.o" xe0
for _ in $(seq 40); do
	udp 4242 20 1
	sleep 0.25
	grep -q 4242 "$WORK/over" && break
done
is "the reading goes on" "$(grep -q 4242 "$WORK/over" && echo yes)" yes
status "removed" 0 in_a "$XDPF" remove xe0
ended over
says_in() { grep -q "$2" "$1" && pass || fail "$2" "$(cat "$1")"; }
says_in "$WORK/over.err" "the filter was removed"
# others may read other filters meanwhile
is "no lock is left" "$([ -e "$LOCK" ] && echo "$LOCK")" ""

# Nobody reads: the ring fills up, the packets go their way, and what is lost is counted.
cat >"$WORK/lost.xdpf" <<'END'
all: log 1M/s, drop if udp.dport == 4242;
END
status "apply" 0 in_a "$XDPF" apply "$WORK/lost.xdpf" xe0
udp 4242 20 9000
is "none is kept from its verdict" "$(stats 'rule("all")')" 9000
is "and some are lost" "$(stats 'sum(l["lost"] for l in j["logs"]) > 1000')" True
report
