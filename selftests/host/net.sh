#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# net.sh: control of network interfaces by domctl, as KTAP. What a guest does with one
# is for other tests.
#
#   1. what is refused, each with its line, and leaves nothing
#   2. attached, listed, shown, changed, detached
#   3. create: options, a file
#   4. others: users, namespaces, rights
#   5. the end
# shellcheck disable=SC2086,SC2181
set -u
. /tests/host/common.sh
. /tests/host/netlib.sh

PUPPET=/tests/guest/puppet
MEMORY="--memory 8M"

devices() {
	ls /sys/class/net | tr '\n' ' '
}

# no STATUS LINE COMMAND...: refused, and the host's devices are what they were
no() {
	were=$(devices)
	expect "$@" && [ "$(devices)" = "$were" ] && no_tables
	result "refused: $2"
}

# ---- 1. Refused ---------------------------------------------------------------

refuse_words() {
	attach="domctl net attach one"
	no 1 "Error: net: one of bridge=BRIDGE, host and manual is needed" $attach
	no 1 "Error: net: bridge, host and manual exclude each other" $attach --host --manual
	no 1 "Error: vlan: 0 is not in 1 to 4094" $attach --bridge br0 --vlan 0
	no 1 "Error: vlan: 4095 is not in 1 to 4094" $attach --bridge br0 --vlan 4095
	no 1 "Error: vlan: is for interfaces in a bridge" $attach --host --vlan 3
	no 1 "Error: queues: 9 is not in 1 to 8" $attach --manual --queues 9
	no 1 "Error: queues: 0 is not in 1 to 8" $attach --manual --queues 0
	no 1 "Error: queue-size: 8 is not in 16 to 1024" $attach --manual --queue-size 8
	no 1 "Error: queue-size: 100 is no power of two" $attach --manual --queue-size 100
	no 1 "Error: mtu: 67 is not in 68 to 65535" $attach --manual --mtu 67
	no 1 "Error: mac: 'd6:0' is no MAC address (as d6:00:12:34:56:78)" $attach --manual --mac d6:0
	no 1 "Error: mac: 01:00:5e:00:00:01 is not that of one station" \
		$attach --manual --mac 01:00:5e:00:00:01
	no 1 "Error: mac: 00:00:00:00:00:00 is not that of one station" \
		$attach --manual --mac 00:00:00:00:00:00
	no 1 "Error: net name: 'a b' must be letters, digits, '.', '_' and '-', a letter or digit \
first" $attach --manual --name 'a b'
	no 1 "Error: ifname: is longer than 15 bytes" $attach --manual --ifname 0123456789abcdef
}

refuse_hosts() {
	no 3 "Error: bridge: there is no br7 (ip link add br7 type bridge)" $attach --bridge br7
	no 2 "Error: bridge: lo is no bridge" $attach --bridge lo
	no 2 "Error: vlan: br1 does not filter VLANs (ip link set br1 type bridge vlan_filtering 1)" \
		$attach --bridge br1 --vlan 2
	no 2 "Error: net net0: the host has a network device lo (ifname= gives it another name)" \
		$attach --manual --ifname lo
	no 3 "Error: domain none: no such domain" domctl net attach none --host
	no 3 "Error: domain none: no such domain" domctl net list none
	for command in "detach one none" "detach one none --force" "set one none --link up" \
		       "set one none --rate 1"; do
		no 3 "Error: net none: the domain has no device of this name" domctl net $command
	done
	no 1 "Error: set: nothing to change (see domctl net set help)" domctl net set one none
	no 1 "Error: link: 'on' is neither up nor down" domctl net set one none --link on
}

# Of several changes one is refused: none is done.
as_it_was() {
	more="--mtu 1300 --link up --rate 6M --ops 8"
	was=$(nic_wiring)
	no 3 "Error: bridge: there is no br7 (ip link add br7 type bridge)" \
		domctl net set one net0 --bridge br7 $more
	no 2 "Error: vlan: br1 does not filter VLANs (ip link set br1 type bridge vlan_filtering 1)" \
		domctl net set one net0 --bridge br1 --vlan 3 $more
	no 2 "Error: bridge: lo is no bridge" domctl net set one net0 --bridge lo $more
	no 1 "Error: vlan: is for interfaces in a bridge" \
		domctl net set one net0 --bridge none --vlan 3 $more
	$IP netns add away && $IP link set one-net0 netns away
	no 2 "Error: net net0: its end on the host, one-net0, is in another network namespace" \
		domctl net set one net0 --vlan 9 $more
	domctl net set one net0 --rate 5M
	result "set: limits of one in another namespace"
	$IP netns exec away $IP link set one-net0 netns 1 && $IP netns del away &&
		domctl net set one net0 --bridge br0 --vlan 7 --link down
	result "it is put back"
	[ "$(nic_wiring)" = "$was" ]
	result "set: nothing was done of what was refused"
}

nic_wiring() {
	for key in bridge vlan mtu link rate_bytes rate_ops; do nic one net0 $key; done
}

# ---- 2. Plain -----------------------------------------------------------------

plain() {
	[ "$(domctl net attach one --bridge br0 --vlan 5)" = \
		"one: net0 attached ($(nic one net0 mac), on the host one-net0)" ] &&
		[ "$(cat /sys/class/net/one-net0/address)" = "$(nic one net0 mac | sed s/^../fe/)" ]
	result "attach: a name, an address, a device of the host"
	said=$(domctl -j net attach one --bridge br1 --name x --mac d6:00:00:00:00:01 --ifname foo \
		--queues 8 --queue-size 16 --rate 1M)
	[ "$said" = '{"domain":"one","name":"x","mac":"d6:00:00:00:00:01","ifname":"foo",'\
'"address":"","guest_address":""}' ]
	result "attach: all options"
	domctl net list one | grep -q '^one  *x  *d6:00:00:00:00:01  *foo  *waiting  *unused  *br1$' &&
		domctl net list | grep -q '^one  *net0  *.*  *waiting  *unused  *br0, VLAN 5$'
	result "list"
	domctl show one | grep -q '^Net: x$' && domctl show one | grep -q '^  On the host: foo$' &&
		domctl show one | grep -q '^  Limits: 1M/s, bursts of 100 ms$' &&
		[ "$(domctl show one | sed -n '/^Net: x$/,/^[A-Z]/p' | grep -c '^  Ring')" = 17 ]
	result "show"
	[ "$(domctl -j disk list one)" = "[]" ] && nic_is one net0 vlan 5 && nic_is one x rate_bytes 1048576
	result "list -j, and disk list is about disks"
	no 2 "Error: net y: MAC address: another interface of a domain has it" \
		$attach --manual --name y --mac d6:00:00:00:00:01
	no 2 "Error: net y: MAC address: another interface of a domain has it" \
		domctl net attach two --manual --name y --mac d6:00:00:00:00:01
	no 2 "Error: net x: the domain has a device of this name" \
		$attach --manual --name x --ifname bar
	no 3 "Error: disk x: is a network interface" domctl disk detach one x
	no 3 "Error: disk x: is a network interface" domctl disk resize one x
	no 2 "Error: vlan: net1 is in no bridge" \
		sh -c 'domctl net attach one --manual > /dev/null; domctl net set one net1 --vlan 4
		       s=$?; domctl net detach one net1; exit $s'
	domctl net set one net0 --vlan 7 --mtu 1400 --link down --rate 5M --ops 7 --burst 1000 &&
		nic_is one net0 vlan 7 && nic_is one net0 mtu 1400 && nic_is one net0 link down &&
		nic_is one net0 rate_bytes 5242880 && nic_is one net0 rate_ops 7 &&
		nic_is one net0 rate_burst_ms 1000
	result "set: all of it"
	as_it_was
	domctl net set one net0 --vlan none && nic_is one net0 vlan 1 && nic_is one net0 bridge br0 &&
		domctl net set one net0 --vlan 7 && nic_is one net0 vlan 7
	result "set: out of its VLAN, and in again"
	domctl net set one net0 --bridge none && nic_is one net0 bridge "" && nic_is one net0 vlan 0 &&
		[ ! -e /sys/class/net/one-net0/master ] && nic_is one net0 mtu 1400
	result "set: out of its bridge"
	no 2 "Error: vlan: net0 is in no bridge" domctl net set one net0 --vlan none
	domctl net set one net0 --bridge none && nic_is one net0 bridge ""
	result "set: what is in none is out of it"
	domctl net set one net0 --bridge none --bridge br0 --vlan 7 && nic_is one net0 bridge br0 &&
		nic_is one net0 vlan 7
	result "set: the last of two bridges counts"
	domctl net set one net0 --bridge br1 --vlan none && nic_is one net0 bridge br1 &&
		domctl net set one net0 --bridge br0 --vlan 7 && nic_is one net0 vlan 7
	result "set: to another bridge, and back"
	mac=$(nic one net0 mac)
	domctl net detach one net0 && domctl net detach one x --timeout 0 &&
		[ "$(domctl -j net list)" = "[]" ] && [ ! -e /sys/class/net/foo ]
	result "detach: the devices are gone"
	domctl net attach one --manual > /dev/null && nic_is one net0 mac "$mac" &&
		nic_is one net0 bridge "" && nic_is one net0 link down
	result "attached again: the same address; connected to nothing"
	domctl net detach one net0
	i=0
	while [ $i -lt 10 ] && domctl net attach one --bridge br0 > /dev/null &&
			domctl net detach one net0 --force; do
		i=$((i + 1))
	done
	[ $i -eq 10 ]
	result "ten times"
	$attach --host > /dev/null && [ "$(nft list tables | wc -l)" -eq 1 ] &&
		domctl net detach one net0 && no_tables
	result "the table of --host comes and goes"
	# those that every domain has count
	n=$(domctl -j show one | grep -o '"slot":' | wc -l) own=$n
	while $attach --manual > /dev/null 2> $DIR/err; do n=$((n + 1)); done
	[ $n -eq 64 ] && [ "$(cat $DIR/err)" = "Error: net net$((64 - own)): the domain has its 64 \
devices, the most that it can have" ] && [ "$(grep -c '^ *one-' /proc/net/dev)" = $((64 - own)) ]
	result "64 of them, and not one more"
	for n in $(seq 0 $((63 - own))); do
		domctl net detach one net$n || break
	done
	! grep '^ *one-' /proc/net/dev
	result "and all of them go"
}

# ---- 3. Create ----------------------------------------------------------------

create() {
	domctl create three --kernel $PUPPET $MEMORY --append idle "$@"
}

creates() {
	none="Error: bridge: there is no br7 (ip link add br7 type bridge)"
	no 3 "$none" create --net bridge=br7
	no 3 "$none" create --net bridge=br0 --net host --net bridge=br7
	no 1 "Error: --net: unknown option 'bride'" create --net bride=br0
	no 1 "Error: --net: none excludes others" create --net none --net host
	no 1 "Error: net name: 'a' is given twice" create --net host,name=a --net manual,name=a
	no 2 "Error: net b: MAC address: another interface of a domain has it" \
		create --net manual,name=a,mac=d6:00:00:00:00:02 --net manual,name=b,mac=d6:00:00:00:00:02
	create --net bridge=br0,vlan=9,name=a,mac=D6:00:00:00:00:02 --net host,queues=2 > /dev/null &&
		nic_is three a vlan 9 && nic_is three a mac d6:00:00:00:00:02 &&
		nic_is three net0 address 10.213.0.1 && domctl destroy three && no_tables
	result "create --net"
	printf '[domain]\nkernel = %s\nmemory = 8M\nappend = idle\n[net lan]\nbridge = br0\n' \
		$PUPPET > $DIR/three.conf
	printf 'vlan = 9\nrate = 1M\n[net up]\nhost = yes\n' >> $DIR/three.conf
	domctl create -f $DIR/three.conf > /dev/null && nic_is three lan vlan 9 &&
		nic_is three lan rate_bytes 1048576 && nic_is three up address 10.213.0.1
	result "create -f"
	domctl destroy three
	domctl create -f $DIR/three.conf --net bridge=br1,name=lan > /dev/null &&
		nic_is three lan bridge br1 && nic_is three up address 10.213.0.1
	result "another one in place of the file's"
	domctl destroy three
	domctl create -f $DIR/three.conf --net none > /dev/null &&
		[ "$(domctl -j net list three)" = "[]" ] && domctl destroy three
	result "none in place of the file's"
	printf '[net x]\nvlan = 3\n' >> $DIR/three.conf
	no 1 "Error: $DIR/three.conf:11: net: one of bridge=BRIDGE, host and manual is needed" \
		domctl create -f $DIR/three.conf
}

# ---- 4. Others ----------------------------------------------------------------

others() {
	$attach --bridge br0 > /dev/null
	[ "$(su nobody -c "domctl -j net list")" = "[]" ]
	result "another user sees no interfaces of root's domain"
	for command in "list one" "attach one --manual" "detach one net0 --force" \
		       "set one net0 --rate 1"; do
		no 3 "Error: domain one: no such domain" su nobody -c "domctl net $command"
	done
	chmod 666 /dev/domus
	su nobody -c "domctl create user --kernel $PUPPET $MEMORY --append idle" > /dev/null &&
		no 2 "Error: net net0: a network interface of the host needs CAP_NET_ADMIN" \
			su nobody -c "domctl net attach user --manual"
	no 2 "Error: net net0: a network interface of the host needs CAP_NET_ADMIN" \
		su nobody -c "domctl net attach user --bridge br0"
	no 2 "Error: net net0: a network interface of the host needs CAP_NET_ADMIN" su nobody -c \
		"domctl create user2 --kernel $PUPPET $MEMORY --append idle --net host"
	domctl destroy user
	$IP netns add other && $IP netns exec other domctl net attach one --manual --name o > /dev/null &&
		$IP netns exec other test -e /sys/class/net/one-o ||
		$IP netns exec other $IP link show one-o > /dev/null
	result "in the namespace of who attaches it"
	[ ! -e /sys/class/net/one-o ] && domctl net list one | grep -q ' one-o '
	result "and not in others"
	$IP netns del other && domctl net detach one o && [ ! -e /sys/class/net/one-o ]
	result "which ends: its host's end does, too, and does not come to the first one"
	domctl net attach one --manual --name o > /dev/null && [ -e /sys/class/net/one-o ]
	result "the name is free"
	$IP link set one-o name renamed && nic_is one o ifname renamed
	result "renamed: list knows"
	! $IP link del renamed 2> /dev/null
	result "it goes with detach only"
	domctl net detach one o && domctl net detach one net0 --force
	result "detach"
}

begin
domctl create one --kernel $PUPPET $MEMORY --append idle > /dev/null &&
	domctl create two --kernel $PUPPET $MEMORY --append idle > /dev/null &&
	$IP link add br0 type bridge vlan_filtering 1 && $IP link add br1 type bridge &&
	$IP link set br0 up && $IP link set br1 up
needed "two domains, two bridges"
refuse_words
refuse_hosts
plain
creates
others
$attach --host > /dev/null; domctl net attach two --bridge br0 > /dev/null
domctl destroy one && domctl destroy two && net_left
result "destroy: nothing is left"
$IP link del br0; $IP link del br1
finish
