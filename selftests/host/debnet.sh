#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# debnet.sh [KIB]: two Debian domains with systemd in the network, as KTAP.
#
#   1. they boot
#   2. ssh from the host
#   3. ssh between them in a bridge with VLANs; a rule of nftables stops it
#   4. iperf3 between them and with the host
#   5. apt-get install from a mirror on the host
# KIB: for each stream of TCP that iperf3 sends.
# shellcheck disable=SC2086,SC2181
set -u
kib=${1:-1024}
. /tests/host/common.sh
. /tests/host/netlib.sh
. /tests/host/deblib.sh
one=10.213.0.2
two=10.1.0.2

# In one: does two's sshd answer?  Without a login, for its cost.
banner="timeout 10 bash -c 'head -c 7 < /dev/tcp/$two/22' | grep -q SSH-2.0"
stuck="! timeout 5 bash -c 'head -c 7 < /dev/tcp/$two/22'"

boot() {
	host_root /dev/vdc && debian_disk /dev/vda one /tests/linux/netpeer &&
		debian_disk /dev/vdb two /tests/linux/netpeer
	result "disks"
	$IP link add br0 type bridge vlan_filtering 1 forward_delay 0 && $IP link set br0 up
	result "a bridge"
	began=$(cut -d. -f1 /proc/uptime)
	debian_start one /dev/vda "" --net host --net bridge=br0,vlan=5 &&
		debian_start two /dev/vdb "ip=10.1.0.2:::255.255.255.0:two:eth0:off" \
			--net bridge=br0,vlan=5
	result "two domains"
	debian_ready one && debian_ready two
	result "both boot to a login"
	note "seconds: $(($(cut -d. -f1 /proc/uptime) - began))"
}

from_host() {
	ssh_ready $one
	result "ssh from the host"
	[ "$(in_debian $one 'echo $((6 * 7)) of $(hostname); exit 7'; echo $?)" = "42 of one
7" ]
	result "what a command says comes back, and its status"
	state=$(in_debian $one "systemctl --failed --plain --no-legend
		systemctl is-system-running --wait")
	[ "$state" = running ]
	result "all units are started: $state"
	in_debian $one "ip -o -4 addr show dev eth0 | grep -q '$one/30' && ping -c 1 10.213.0.1 > /dev/null &&
		ip addr add 10.1.0.1/24 dev eth1 && ip link set eth1 up"
	result "its network is up"
	head -c 1000000 /dev/urandom > $DIR/data
	on_host ssh $one cat - < $DIR/data | cmp - $DIR/data
	result "a million bytes there and back"
}

between() {
	state=$(in_debian $one "ssh $KEPT $two; ssh $two '
		hostname; systemctl is-system-running --wait; iperf3 -s -D'")
	[ "$state" = "two
running" ]
	result "ssh from one to the other, where all units are started, too"
	domctl net set two net0 --vlan 6 && in_debian $one "$stuck"
	result "in another VLAN: no ssh"
	domctl net set two net0 --vlan 5 && in_debian $one "$banner"
	result "in its own: ssh"
	nft 'table bridge t { chain c { type filter hook forward priority 0; tcp dport 22 drop; }; }' &&
		in_debian $one "$stuck && ping -c 1 -W 5 $two > /dev/null"
	result "one rule stops ssh, and nothing else"
	nft delete table bridge t && in_debian $one "$banner"
	result "without it ssh goes again"
}

# count MEMBER: of what iperf3 has said
count() {
	$JSON end.$1 < $DIR/client | cut -d. -f1
}

# The receiver is the client and ends when it has enough: a block of iperf3's of each
# stream may have been begun by then.
agreed() {
	sent=$(count sum_sent.bytes) received=$(count sum_received.bytes)
	note "sent $sent, received $received"
	[ "$received" -ge $(($1 * kib * 1024)) ] && [ "$received" -le "$sent" ] &&
		[ $((sent - received)) -le $(($1 * 131072)) ]
}

# UDP may lose some where a program of the host does not come to read it, but not one in 20.
arrived() {
	packets=$(count sum.packets) lost=$(count sum.lost_packets)
	note "packets $packets, lost $lost"
	[ "$packets" -ge 180 ] && [ $((lost * 20)) -lt "$packets" ]
}

# A server may not be there yet, and is busy until it is done with the client before.
iperf() {
	on_host timeout $(((60 + kib / 64) * ${SLOW:-1})) "$@" > $DIR/client
	! grep -qE "unable to connect|server is busy" $DIR/client
}

# measure WHAT CHECK STREAMS OPTION...: from $server to $client, and what it says of both
measure() {
	what=$1 check=$2 streams=$3
	shift 3
	soon iperf $client iperf3 -J -R -c $server -P $streams "$@" &&
		! grep -q '"error"' $DIR/client && $check $streams || {
		note "$(tail -n 20 $DIR/client)"
		false
	}
	result "iperf3: $what, streams: $streams"
}

is_over() {
	! pidof $1 > /dev/null
}

# flow WHAT SERVER [CLIENT...]: TCP and UDP
flow() {
	flow=$1 server=$2
	shift 2
	client=$*
	for n in 1 4; do
		measure "TCP, $flow" agreed $n -n $((n * kib))K
		measure "UDP, $flow" arrived $n -u -l 1400 -b $((4 / n))M -n 256K
	done
}

# v6 INTERFACE CLIENT...: $v6 is its address there
v6() {
	interface=$1
	shift
	v6=$(on_host "$@" ip -6 -o address show dev $interface scope link | awk '{ sub("/.*", "", $4); print $4 }')
	[ "$v6" ]
}

# The ends of all three send what can go out as it is.
plain() {
	ethtool -K one-net0 tx off sg off tso off > /dev/null &&
		in_debian $one "netpeer offload eth0 off && netpeer offload eth1 off &&
			ssh $two netpeer offload eth0 off"
	result "offloads are off"
}

flows() {
	on_host iperf3 -s -D && in_debian $one "iperf3 -s -D"
	result "a server of iperf3 in each"
	flow "one to host" $one
	flow "host to one" 10.213.0.1 ssh $one
	flow "two to one" $two ssh $one
	flow "one to two" 10.1.0.1 ssh $one ssh $two
	v6 eth0 ssh $one ssh $two && server=$v6%eth1 client="ssh $one"
	measure "TCP over IPv6, two to one" agreed 1 -n ${kib}K
	v6 eth1 ssh $one && server=$v6%eth0 client="ssh $one ssh $two"
	measure "TCP over IPv6, one to two" agreed 1 -n ${kib}K
	plain
	server=$one client=
	measure "TCP, one to host, no offloads" agreed 1 -n ${kib}K
	server=10.213.0.1 client="ssh $one"
	measure "TCP, host to one, no offloads" agreed 1 -n ${kib}K
	server=$two
	measure "TCP, two to one, no offloads" agreed 1 -n ${kib}K
	kill "$(pidof iperf3)" && soon is_over iperf3
	result "the host's server ends"
}

packages() {
	httpd -f -p 10.213.0.1:80 -h $MIRROR &
	mirror=$!
	in_debian $one "! command -v hello && echo 'deb [trusted=yes] http://10.213.0.1/ ./' > /etc/apt/sources.list &&
		apt-get -q update && DEBIAN_FRONTEND=noninteractive apt-get -q -y install hello" \
		> $DIR/out 2>&1 || { note "$(cat $DIR/out)"; false; }
	result "apt-get update and install, from a mirror on the host"
	[ "$(in_debian $one hello)" = "Hello, world!" ]
	result "what it installed runs"
	kill $mirror
	wait $mirror 2> /dev/null
}

begin
boot
if [ $failed -eq 0 ]; then
	from_host
	between
	flows
	packages
	in_debian $one "ssh $two poweroff; poweroff"
	within 60 is_state one dead && within 60 is_state two dead
	result "both power off"
fi
guests_well
result "the guests' kernels are well"
domctl destroy one && domctl destroy two && $IP link del br0 && ssh_over $one &&
	host_root_gone && net_left
result "nothing is left"
finish
