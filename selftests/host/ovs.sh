#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# ovs.sh [STEP]: domains as ports of Open vSwitch, as KTAP.
#
#   1. traffic between two of them and a port of the host's
#   2. a tag of a VLAN, a flow that drops
#   3. a domain ends, and comes back to its port
# STEP: of sizes, in bytes.
# shellcheck disable=SC2086,SC2181
set -u
size_step=${1:-9973}
. /tests/host/common.sh
. /tests/host/netlib.sh
. /tests/host/deblib.sh

# What cannot be done with an interface it says, and succeeds. How long it took, which it
# says of a loaded machine, is nothing.
vsctl() {
	on_host ovs-vsctl --timeout=30 --verbose=timeval:off "$@" > $DIR/out 2>&1 &&
		[ ! -s $DIR/out ] && return
	note "ovs-vsctl $*: $(cat $DIR/out)"
	return 1
}

# of_port NAME COLUMN
of_port() {
	on_host ovs-vsctl get interface $1 $2
}

is_up() {
	[ "$(of_port $1 link_state)" = up ]
}

is_missing() {
	of_port $1 error | grep -q $1
}

# start_port NAME ADDRESS
start_port() {
	guest_start $1 --net manual,queues=2 && $IP link set $1-net0 up &&
		works $1 "ifconfig eth0 $2 netmask 255.255.255.0 up"
}

setup() {
	host_root /dev/vdc && on_host /usr/share/openvswitch/scripts/ovs-ctl --system-id=domus start \
		> $DIR/ovs 2>&1 || { note "$(cat $DIR/ovs)"; false; }
	result "Open vSwitch runs: $(on_host ovs-vsctl --version | head -n 1)"
	start_port one 10.1.0.1 && start_port two 10.1.0.2
	result "two domains"
	vsctl add-br ovs0 && vsctl add-port ovs0 one-net0 tag=5 &&
		vsctl add-port ovs0 two-net0 tag=5 &&
		vsctl add-port ovs0 own tag=5 -- set interface own type=internal &&
		$IP addr add 10.1.0.100/24 dev own && $IP link set own up
	result "they are ports of a bridge, the host has one, too"
	is_up one-net0 &&
		[ "$(of_port one-net0 mac_in_use)" != "$(nic one net0 mac)" ]
	result "as which it knows the host's ends"
	works two "netpeer service 5000"
	$PEER serve 6000 > /dev/null &
	server=$!
}

# Its database has the counters of some seconds ago.
counted() {
	[ "$(of_port one-net0 statistics:rx_packets)" -gt 100 ] &&
		[ "$(of_port one-net0 statistics:tx_packets)" -gt 100 ]
}

traffic() {
	works one "ping -c 2 -W 5 10.1.0.2" && works one "ping -c 2 -W 5 10.1.0.100"
	result "ping to the other domain and to the host"
	works one "netpeer sweep 10.1.0.2 5000 tcp 1 65535 $size_step &&
netpeer sweep 10.1.0.2 5000 udp 1 65507 $size_step" 300
	result "TCP and UDP: sizes"
	works one "netpeer send 10.1.0.2 5000 3000000 2 && netpeer receive 10.1.0.2 5000 3000000 2" 200
	result "streams both ways"
	works one "netpeer send 10.1.0.100 6000 3000000 2 &&
netpeer receive 10.1.0.100 6000 3000000 2" 200
	result "with the host, too"
	within 20 counted
	result "it counts them"
}

rules() {
	vsctl set port two-net0 tag=6 && ! guest one "ping -c 1 -W 2 10.1.0.2" &&
		works one "ping -c 1 -W 5 10.1.0.100"
	result "another tag: not heard any more, but the host is"
	vsctl set port two-net0 tag=5 && works one "ping -c 1 -W 5 10.1.0.2"
	result "its own: heard"
	on_host ovs-ofctl add-flow ovs0 "priority=9,tcp,in_port=one-net0,actions=drop" &&
		! guest one "timeout 3 netpeer rtt 10.1.0.2 5000 1" &&
		works one "ping -c 1 -W 5 10.1.0.2"
	result "one flow stops TCP, and nothing else"
	on_host ovs-ofctl del-flows ovs0 "tcp,in_port=one-net0" &&
		works one "netpeer rtt 10.1.0.2 5000 5"
	result "without it TCP goes again"
}

comes_back() {
	domctl destroy two && soon is_gone two && ! grep two-net0 /proc/net/dev
	result "a domain that ends takes its port's device along"
	soon is_missing two-net0
	result "Open vSwitch sees it"
	start_port two 10.1.0.2 && soon is_up two-net0 &&
		works one "ping -c 1 -W 5 10.1.0.2"
	result "it comes back to its port"
	domctl net detach one net0 --force && ! grep one-net0 /proc/net/dev
	result "an interface in use is detached"
}

begin
setup
if [ $failed -eq 0 ]; then
	traffic
	rules
	comes_back
fi
kill $server
wait $server 2> /dev/null
guests_well
result "the guests' kernels are well"
domctl destroy one && domctl destroy two && vsctl del-br ovs0 &&
	on_host /usr/share/openvswitch/scripts/ovs-ctl stop > $DIR/ovs 2>&1 &&
	on_host ovs-dpctl del-dp ovs-system 2> /dev/null
soon host_root_gone && net_left
result "nothing is left"
finish
