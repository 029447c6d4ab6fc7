#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# debnet.sh: two Debian domains with systemd in the network, as KTAP.
#
#   1. they boot
#   2. ssh from the host
#   3. ssh between them in a bridge with VLANs; a rule of nftables stops it
#   4. apt-get install from a mirror on the host
# shellcheck disable=SC2086,SC2181
set -u
. /tests/host/common.sh
. /tests/host/netlib.sh
. /tests/host/deblib.sh
one=10.213.0.2

# From one to two; in time, or not at all.
hop="ssh -o ConnectTimeout=10 10.1.0.2"
stuck="ssh -o ConnectTimeout=5 10.1.0.2 true"

boot() {
	host_root /dev/vdc && debian_disk /dev/vda one && debian_disk /dev/vdb two
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
	[ "$(in_debian $one 'echo $((6 * 7)) of $(hostname)')" = "42 of one" ]
	result "what a command says comes back"
	in_debian $one 'exit 7'
	[ $? -eq 7 ]
	result "and its status"
	state=$(in_debian $one systemctl is-system-running --wait)
	[ "$state" = running ] && [ -z "$(in_debian $one systemctl --failed --plain --no-legend)" ]
	result "all units are started: $state"
	in_debian $one "ip -o -4 addr show dev eth0 | grep -q '$one/30' && ping -c 1 10.213.0.1 > /dev/null &&
		ip addr add 10.1.0.1/24 dev eth1 && ip link set eth1 up"
	result "its network is up"
	head -c 3000000 /dev/urandom > $DIR/data
	[ "$(on_host ssh $one sha256sum < $DIR/data)" = "$(sha256sum < $DIR/data)" ] &&
		on_host ssh $one cat - < $DIR/data | cmp - $DIR/data
	result "3 MB there and back"
}

between() {
	state=$(in_debian $one "$hop 'hostname; systemctl is-system-running --wait'")
	[ "$state" = "two
running" ]
	result "ssh from one to the other, where all units are started, too"
	domctl net set two net0 --vlan 6 && ! in_debian $one "$stuck"
	result "in another VLAN: no ssh"
	domctl net set two net0 --vlan 5 && in_debian $one "$hop true"
	result "in its own: ssh"
	nft 'table bridge t { chain c { type filter hook forward priority 0; tcp dport 22 drop; }; }' &&
		! in_debian $one "$stuck" && in_debian $one "ping -c 1 -W 5 10.1.0.2 > /dev/null"
	result "one rule stops ssh, and nothing else"
	nft delete table bridge t && in_debian $one "$hop true"
	result "without it ssh goes again"
}

packages() {
	! in_debian $one "command -v hello"
	result "there is no hello"
	httpd -f -p 10.213.0.1:80 -h $MIRROR &
	mirror=$!
	in_debian $one "echo 'deb [trusted=yes] http://10.213.0.1/ ./' > /etc/apt/sources.list &&
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
	packages
	in_debian $one "$hop poweroff"; in_debian $one poweroff
	within 60 is_state one dead && within 60 is_state two dead
	result "both power off"
fi
guests_well
result "the guests' kernels are well"
domctl destroy one && domctl destroy two && $IP link del br0 && host_root_gone && net_left
result "nothing is left"
finish
