#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# netflood.sh: one guest floods the host with frames, as KTAP. What another one's round
# trips take then, by the clock of an emulator that counts instructions; limits hold.
# shellcheck disable=SC2086,SC2181
set -u
. /tests/host/common.sh
. /tests/host/netlib.sh

# Round trips from the second domain: their median in ns
median() {
	works two "netpeer rtt 10.1.0.100 5000 300" 200 &&
		tr -d '\r' < $DIR/two.log | sed -n 's/^netpeer: rtt median \([0-9]*\) ns.*/\1/p' | tail -n 1
}

begin
$IP link add br0 type bridge && $IP addr add 10.1.0.100/24 dev br0 && $IP link set br0 up
$PEER serve 5000 > /dev/null &
server=$!
guest_start flood --net bridge=br0 && guest_start two --net bridge=br0 &&
	works flood "ifconfig eth0 10.1.0.1 netmask 255.255.255.0 up" &&
	works two "ifconfig eth0 10.1.0.2 netmask 255.255.255.0 up"
result "two domains"
idle=$(median)
result "round trips"
guest_begins flood "netpeer flood 10.1.0.100 9 1000 1400"
before=$(nic flood net0 from-guest-packets)
flooded=$(median)
[ "$(nic flood net0 from-guest-packets)" -gt $((before + 1000)) ]
result "and with a flood by the other"
note "median: $idle ns alone, $flooded ns beside a flood"
[ "$flooded" -lt $((idle * 2)) ]
result "less than twice as long"
domctl net set flood net0 --ops 100 --burst 100
before=$(nic flood net0 from-guest-packets)
begun=$(cut -d . -f 1 /proc/uptime)
sleep 3
passed=$(($(cut -d . -f 1 /proc/uptime) - begun + 2))
sent=$(($(nic flood net0 from-guest-packets) - before))
[ $sent -gt 0 ] && [ $sent -le $((100 * passed)) ]
result "a limit of 100 frames a second is kept"
guests_well
result "the guests' kernels are well"
domctl destroy flood && domctl destroy two && net_left
result "nothing is left"
kill $server
wait $server 2> /dev/null
$IP link del br0
finish
