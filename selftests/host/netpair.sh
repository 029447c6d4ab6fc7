#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# netpair.sh [STEP [ROUNDS]]: two Linux domains in a bridge that filters VLANs, as KTAP.
#
#   1. from one to the other: sizes, streams, offloads, MTU, queues
#   2. VLANs
#   3. a rule of nftables stops what it says
#   4. link, counters
#   5. nothing is left
# STEP: of sizes, in bytes. ROUNDS: of streams over all pairs of queues.
# shellcheck disable=SC2086,SC2181
set -u
size_step=${1:-2731}
rounds=${2:-1}
. /tests/host/common.sh
. /tests/host/netlib.sh

ping_b="ping -c 1 -W 2 10.1.0.2"

setup() {
	$IP link add br0 type bridge vlan_filtering 1 forward_delay 0 &&
		$IP addr add 10.1.0.100/24 dev br0 && $IP link set br0 up
	result "a bridge"
	guest_start one --net bridge=br0,vlan=5,queues=4,mtu=9000 &&
		guest_start two --net bridge=br0,vlan=5,mtu=9000
	needed "two domains"
	[ "$(bridge -j vlan show dev one-net0 | grep -o '"vlan":[0-9]*')" = '"vlan":5' ]
	result "a port is in its VLAN alone"
	nic_is one net0 bridge br0 && nic_is one net0 vlan 5 && nic_is one net0 mtu 9000
	result "net list says so"
	works one "ifconfig eth0 10.1.0.1 netmask 255.255.255.0 up" &&
		works two "ifconfig eth0 10.1.0.2 netmask 255.255.255.0 up" &&
		works two "netpeer service 5000"
	result "addresses"
}

traffic() {
	sweeps one 10.1.0.2 5000 $size_step "${1:-}"
	works one "netpeer send 10.1.0.2 5000 3000000 2 && netpeer receive 10.1.0.2 5000 3000000 2" 200
	result "streams both ways${1:-}"
}

# A frame of another guest's is segmented by nobody; a lost one costs a stream its speed. Where
# the host has no time at all some are lost, or small: in one of three streams none is.
large_frames() {
	before=$(counter two to_guest_packets)
	dropped="$(counter two to_guest_dropped) $(counter one to_guest_dropped)"
	works one "netpeer send 10.1.0.2 5000 3000000" &&
		[ $(($(counter two to_guest_packets) - before)) -lt 1000 ] &&
		[ "$(counter two to_guest_dropped) $(counter one to_guest_dropped)" = "$dropped" ]
}

# With all pairs of queues at a time: an event of one that is lost stops it for good.
threads_and_not() {
	echo 1 > /sys/class/net/one-net0/threaded &&
		ps -o comm | grep -q '^napi/one-net0' &&
		works one "netpeer send 10.1.0.2 5000 3000000 8" &&
		works one "netpeer receive 10.1.0.2 5000 3000000 8" &&
		echo 0 > /sys/class/net/one-net0/threaded &&
		works one "netpeer send 10.1.0.2 5000 500000 8"
}

between() {
	works one "$ping_b"
	result "ping"
	works one '[ $(cat /sys/class/net/eth0/mtu) = 9000 ]'
	result "MTU: that of the host's end"
	traffic
	works one "ifconfig eth0 mtu 1500" && works two "ifconfig eth0 mtu 1500" &&
		offloads one off && offloads two off
	result "offloads off"
	traffic ", no offloads"
	ethtool -k two-net0 | grep -q '^tx-checksumming: off' &&
		domctl net set two net0 --link down && domctl net set two net0 --link up &&
		ethtool -k two-net0 | grep -q '^tx-checksumming: off'
	result "what ethtool turned off stays off"
	offloads one on && offloads two on
	result "offloads on"
	! ethtool -K two-net0 tx-tcp-mangleid-segmentation on 2> /dev/null ||
		ethtool -k two-net0 | grep -q 'tx-tcp-mangleid-segmentation: off'
	result "but not those of which no driver can be told"
	works one "netpeer channels eth0 4" && works one "netpeer send 10.1.0.2 5000 500000 8"
	result "four pairs of queues"
	large_frames || large_frames || large_frames
	result "frames of one guest come to the other as they are, and all"
	round=0
	while [ $round -lt $rounds ] && threads_and_not; do
		round=$((round + 1))
	done
	[ $round -eq $rounds ]
	result "NAPI in threads, and not"
	ethtool -l one-net0 | grep -q '^Combined:.*4$'
	result "ethtool tells of them"
	works one "netpeer channels eth0 1"
	! guest two "ifconfig eth0 mtu 9001"
	result "MTU: not more than the host's end"
	expect 2 "Error: net net0: mtu: more than the guest's driver has been told" \
		domctl net set two net0 --mtu 9001 && nic_is two net0 mtu 9000 &&
		! $IP link set two-net0 mtu 65535 2> /dev/null && nic_is two net0 mtu 9000
	result "and that not more than the driver was told"
	domctl net set two net0 --mtu 1500 && domctl net set two net0 --mtu 9000 &&
		works one "$ping_b"
	result "less, and as much"
}

vlans() {
	! guest two "ping -c 1 -W 1 10.1.0.100"
	result "the host is in another VLAN"
	domctl net set two net0 --vlan 6 && nic_is two net0 vlan 6 && ! guest one "$ping_b"
	result "another VLAN: not heard any more"
	domctl net set two net0 --vlan 5 && works one "$ping_b"
	result "back: heard"
	$IP link add br1 type bridge && $IP link set br1 up &&
		domctl net set two net0 --bridge br1 && nic_is two net0 bridge br1 &&
		! guest one "$ping_b"
	result "another bridge: not heard any more"
	expect 2 "Error: vlan: br1 does not filter VLANs (ip link set br1 type bridge \
vlan_filtering 1)" domctl net set two net0 --vlan 5
	result "no VLAN where none are filtered"
	domctl net set two net0 --bridge br0 --vlan 5 && works one "$ping_b"
	result "back: heard"
}

rules() {
	nft 'table bridge t { chain c { type filter hook forward priority 0;
	     iifname "one-net0" meta protocol ip ip protocol tcp drop; }; }' &&
		! guest one "timeout 3 netpeer rtt 10.1.0.2 5000 1" && works one "$ping_b"
	result "one rule stops TCP, and nothing else"
	nft delete table bridge t && works one "netpeer rtt 10.1.0.2 5000 5"
	result "without it TCP goes again"
}

link() {
	domctl net set one net0 --link down && nic_is one net0 link down &&
		works one 'until [ $(cat /sys/class/net/eth0/carrier) = 0 ]; do sleep 0.1; done'
	result "link down: the guest sees it"
	domctl net set one net0 --link up && works one \
		'until [ $(cat /sys/class/net/eth0/carrier) = 1 ]; do sleep 0.1; done' &&
		works one "$ping_b" && nic_is one net0 link up
	result "link up: it goes on"
	ethtool -i one-net0 | grep -q '^driver: domus' &&
		ethtool -i one-net0 | grep -q '^bus-info: one/net0$' &&
		[ "$(ethtool -S one-net0 | awk '$1 == "pair0_from_guest_packets:" { print $2 }')" -gt 100 ]
	result "ethtool: driver, statistics"
	works one "ifconfig eth0 down" && $PEER flood 10.1.0.1 9 1 100 > /dev/null
	works one "ifconfig eth0 up" && works one "$ping_b"
	result "the guest's end down and up"
}

begin
setup
between
vlans
rules
link
sums_well one two
result "no checksum was wrong"
guests_well
result "the guests' kernels are well"
domctl destroy one && domctl destroy two && net_left
result "nothing is left"
$IP link del br0; $IP link del br1
finish
