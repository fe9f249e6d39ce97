#!/bin/busybox sh
# The first process of the guest (see run): runs the cases of /cases and the parts of /parts, says on the serial line what came of
# it, and turns the machine off. Lines for run begin with "@@".
/bin/busybox mkdir -p /proc /sys /dev /tmp /run /var
/bin/busybox --install -s /bin
export PATH=/bin:/usr/bin:/sbin:/usr/sbin LD_LIBRARY_PATH=
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev
mount -t tmpfs tmp /tmp
mount -t bpf bpf /sys/fs/bpf
mount -t tmpfs run /run
echo "@@ kernel $(uname -r)"

# NUMBER CAPTURE OPTION…: object /objects/NUMBER.o
while read -r id object capture options; do
	status=0
	xdpf run --json $options "/objects/$object.o" "/captures/$capture" >/tmp/out 2>/tmp/err || status=$?
	if [ $status != 0 ]; then
		echo "@@ failed $id $status $(tail -c 700 /tmp/err | tr '\n' '|')"
		continue
	fi
	sum=$(sed '$d' /tmp/out | md5sum)
	echo "@@ ran $id ${sum%% *} $(tail -n 1 /tmp/out)"
	if ! grep -q "^$id ${sum%% *}$" /sums; then
		echo "@@ lines $id $(sed '$d' /tmp/out | gzip | base64 -w 0)"
	fi
done </cases

# Two network namespaces, for the parts: others are sourced here.
insmod /veth.ko || echo "@@ link insmod failed"
check() {	# NAME COMMAND…
	name=$1
	shift
	if "$@" >/tmp/out 2>&1; then
		echo "@@ link ok $name"
	else
		echo "@@ link failed $name: $(tail -c 700 /tmp/out | tr '\n' '|')"
	fi
}
fails() { ! "$@"; }
ip=/iproute2/ip	# busybox has one too, which it would take, and which knows less
$ip netns add peer
$ip link add va type veth peer name vb
$ip link set vb netns peer
$ip addr add 10.9.8.1/24 dev va
$ip link set va up
$ip netns exec peer $ip addr add 10.9.8.2/24 dev vb
$ip netns exec peer $ip link set vb up
$ip netns exec peer $ip link set lo up
sleep 1
check "ping before" ping -c 2 -W 3 10.9.8.2
for part in $(cat /parts); do
	. "/$part.sh"
done
echo "@@ end"
poweroff -f
