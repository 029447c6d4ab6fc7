#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# iperf.sh [MIB]: iperf3 between Debian domains and the host, as KTAP. What both ends have
# counted must agree.
# MIB: for each stream of TCP.
# shellcheck disable=SC2086,SC2181
set -u
mib=${1:-2}
. /tests/host/common.sh
. /tests/host/netlib.sh
. /tests/host/deblib.sh

# Instead of systemd, which is debnet.sh's. Its shell is told what to do, as guest_start's.
rc() {
	cat <<- 'END'
		#!/bin/sh
		mount -t proc proc /proc; mount -t sysfs sysfs /sys
		ip link set lo up
		echo "domus guest ready"
		setsid sh -c "exec sh < /dev/hvc0 > /dev/hvc0 2>&1"
		poweroff -f
	END
}

# start NAME DEVICE OPTION...
start() {
	mount -t ext4 $2 /mnt && rc > /mnt/root/rc && chmod +x /mnt/root/rc && umount /mnt &&
		debian_start "$1" "$2" "init=/root/rc loglevel=5" --net host --net bridge=br0 &&
		within 120 grep -q "^domus guest ready" $DIR/$1.log
}

# count MEMBER: of what the client has said
count() {
	$JSON end.$1 < $DIR/client | cut -d. -f1
}

# The receiver does not count what is on its way when the sender is done: with --window
# not more than that and as much again in the socket it comes from, for each stream.
agreed() {
	sent=$(count sum_sent.bytes) received=$(count sum_received.bytes)
	note "sent $sent, received $received"
	[ "$sent" -ge $(($1 * mib * 1048576)) ] && [ "$received" -le "$sent" ] &&
		[ $((sent - received)) -le $(($1 * 524288)) ]
}

# UDP loses what it likes to, but what came was sent.
arrived() {
	packets=$(count sum.packets) lost=$(count sum.lost_packets)
	note "packets $packets, lost $lost"
	[ "$packets" -ge 374 ] && [ "$lost" -lt $((packets / 2)) ]
}

# measure WHAT CHECK CLIENT OPTION...: what the client does, host or a domain
measure() {
	what=$1 check=$2 client=$3
	shift 3
	if [ $client = host ]; then
		on_host iperf3 -J "$@" > $DIR/client
	else
		works $client "iperf3 -J $* > /root/client" 120 && guest $client "cat /root/client" &&
			tr -d '\r' < $DIR/$client.log | awk '/^\{$/ { text = "" }
				{ text = text $0 "\n" } /^\}$/ { last = text } END { printf "%s", last }' \
				> $DIR/client
	fi && ! grep -q '"error"' $DIR/client && $check || {
		note "$(tail -n 20 $DIR/client)"
		false
	}
	result "$what"
}

# all CLIENT SERVER ADDRESS
all() {
	tcp="-c $3 -w 128K -n ${mib}M"
	four="-c $3 -w 128K -n $((4 * mib))M -P 4"
	udp="-c $3 -u -l 1400 -b 5M -n 512K"
	measure "TCP, $1 to $2" "agreed 1" $1 $tcp
	measure "TCP, $2 to $1" "agreed 1" $1 $tcp -R
	measure "TCP, four streams, $1 to $2" "agreed 4" $1 $four
	measure "TCP, four streams, $2 to $1" "agreed 4" $1 $four -R
	measure "UDP, $1 to $2" arrived $1 $udp
	measure "UDP, $2 to $1" arrived $1 $udp -R
}

begin
host_root /dev/vdc
result "iperf3 on the host: $(on_host iperf3 --version | head -n 1)"
$IP link add br0 type bridge && $IP link set br0 up && start one /dev/vda && start two /dev/vdb
result "two domains"
works one "ip addr add 10.1.0.1/24 dev eth1; ip link set eth1 up; iperf3 -s -D" &&
	works two "ip addr add 10.1.0.2/24 dev eth1; ip link set eth1 up; iperf3 -s -D"
result "a server in each"
if [ $failed -eq 0 ]; then
	all host one 10.213.0.2
	all one two 10.1.0.2
fi
guests_well
result "the guests' kernels are well"
domctl destroy one && domctl destroy two && $IP link del br0 && host_root_gone && net_left
result "nothing is left"
finish
