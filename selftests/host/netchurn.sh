#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# netchurn.sh [CYCLES]: interfaces that come and go under load, as KTAP.
#
#   1. attach and detach while frames go both ways, by asking and by force
#   2. a driver that lets go of its device and takes it again, as often
#   3. a guest that reboots, and one that is destroyed, while frames go both ways
#   4. nothing of it is left with the host
# shellcheck disable=SC2086,SC2181
set -u
cycles=${1:-20}
. /tests/host/common.sh
. /tests/host/netlib.sh

loads=

# Frames to the guest's addresses, whether it answers or not.
load() {
	while :; do
		timeout 5 $PEER flood $1 7 3 1400 > /dev/null 2>&1
		timeout 5 $PEER flood $1 7 1 30000 > /dev/null 2>&1
	done &
	loads="$loads $!"
}

unload() {
	for pid in $loads; do
		kill $pid
		wait $pid 2> /dev/null
	done
	loads=
}

# frames DOMAIN NAME: of the way that has had less
frames() {
	to=$(nic $1 $2 to-guest-packets)
	from=$(nic $1 $2 from-guest-packets)
	echo $((${to:-0} < ${from:-0} ? ${to:-0} : ${from:-0}))
}

# busy DOMAIN NAME: frames go both ways
busy() {
	moves 20 frames $1 $2
}

drivers=/sys/bus/virtio/drivers/virtio_net

churn() {
	works one "ifconfig eth0 10.1.0.1 netmask 255.255.255.0 up; (while :; do \
netpeer flood 10.1.0.100 7 5 1400; netpeer flood 10.1.0.100 7 5 20000; done) > /dev/null 2>&1 &"
	load 10.1.0.1
	load 10.2.0.1
	good=0
	for n in $(seq $cycles); do
		domctl net attach one --bridge br0 --name x > /dev/null || break
		# with a driver, or before it has come; by asking, or not
		[ $((n % 2)) = 0 ] || soon nic_is one x state ready || break
		guest_begins one "[ ! \$x ] || kill \$x; ifconfig eth1 10.2.0.1 netmask 255.255.255.0 up; \
(while [ -e /sys/class/net/eth1 ]; do netpeer flood 10.2.0.100 7 1 1400; done) > /dev/null 2>&1 & \
x=\$!"
		[ $((n % 2)) = 1 ] || busy one x || break
		if [ $((n % 3)) = 0 ]; then
			domctl net detach one x --force || break
		else
			domctl net detach one x --timeout 60 || break
		fi
		guest_ended one $step || break
		[ ! -e /sys/class/net/one-x ] || break
		good=$n
		[ $((n % 10)) != 0 ] || progress $n times
	done
	[ $good = $cycles ] && [ ! -e /sys/class/net/one-x ]
	result "$cycles times attached and detached"
	works one "ping -c 2 -W 5 10.1.0.100"
	result "the other interface does not mind"
	busy one net0
	result "which was used all the time"
}

storm() {
	works one "cd $drivers; d=\$(ls -d virtio*); for i in \$(seq $cycles); do \
echo \$d > unbind; echo \$d > bind; ifconfig eth0 10.1.0.1 netmask 255.255.255.0 up; echo \$i; done; \
cd /root" 600
	result "$cycles times reset by its driver"
	works one "ping -c 2 -W 5 10.1.0.100"
	result "it works after it"
	nic_is one net0 broken "" && nic_is one net0 state ready
	result "and is not broken"
}

ends() {
	busy one net0 && reboots one true && works one "ifconfig eth0 10.1.0.1 netmask 255.255.255.0 up; ping -c 2 -W 5 10.1.0.100"
	result "reboot under load: it works after it"
	guest_begins one "netpeer flood 10.1.0.100 7 100 1400"
	busy one net0 && domctl destroy one && net_left
	result "destroy under load: nothing is left"
	unload
}

begin
$IP link add br0 type bridge && $IP addr add 10.1.0.100/24 dev br0 &&
	$IP addr add 10.2.0.100/24 dev br0 && $IP link set br0 up
# what the host keeps for the next frames is there before it is measured
guest_start warm --net bridge=br0 && works warm "ifconfig eth0 10.1.0.1 netmask 255.255.255.0 up" &&
	$PEER flood 10.1.0.1 7 1 30000 > /dev/null && domctl destroy warm && nothing_left
needed "a domain before"
before=$(slab)
guest_start one --net bridge=br0
needed "a domain"
churn
storm
guests_well
result "the guest's kernel is well"
ends
slab_left $before
result "and its memory"
$IP link del br0
finish
