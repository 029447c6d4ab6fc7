#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# nethost.sh [STEP]: --net host, as KTAP: a domain that reaches the world with one flag, of
# which the world sees the host alone. STEP: of sizes, in bytes.
#
#   1. the world: a network namespace with a server, behind the host
#   2. from the domain to it, and what comes back; a neighbour who calls first
#   3. all sizes between it and the host, with offloads and without
#   4. a host that drops what it forwards
#   5. two of them, one after the other, by attach, by kill -9: nothing is left
# shellcheck disable=SC2086,SC2181
set -u
size_step=${1:-2731}
. /tests/host/common.sh
. /tests/host/netlib.sh

# Echo requests that the host itself has got
heard() {
	awk '$1 == "Icmp:" && $2 != "InMsgs" { print $10 }' /proc/net/snmp
}

# beside HOOK FAMILY WARNING: attached beside a chain whose policy is to drop
beside() {
	nft "table $2 filter { chain FORWARD { type filter hook $1 priority 0; policy drop; }; }" &&
		expect 0 "$3" domctl net attach one --host --name w && domctl net detach one w --force
	result "a policy to drop, $2, hook $1${3:+: a warning}"
	nft delete table $2 filter
}

firewalls() {
	warning="Warning: net host: chain FORWARD of table ip filter drops what it does not accept: \
it must let this network pass (see domctl-net(8))"
	works one "ifconfig eth0 10.213.0.2 netmask 255.255.255.252; \
route add default gw 10.213.0.1; ping -c 1 -W 2 198.51.100.2"
	result "its own address again"
	beside input ip ""
	beside forward bridge ""
	beside forward ip6 ""
	beside forward inet "$(echo "$warning" | sed 's/ table ip / table inet /')"
	beside forward ip "$warning"
	nft "table ip filter { chain FORWARD { type filter hook forward priority 0; policy drop; }; }" &&
		! guest one "ping -c 1 -W 1 198.51.100.2"
	result "it is true"
	expect 0 "" domctl net attach one --manual --name w && domctl net detach one w --force
	result "it is about --host alone"
	domctl="domctl create three --kernel /tests/guest/puppet --memory 8M --append idle"
	expect 0 "$warning" $domctl --net host --net host && domctl destroy three
	result "create warns once"
	for direction in saddr daddr; do
		nft insert rule ip filter FORWARD ip $direction 10.213.0.0/16 accept
	done
	works one "ping -c 1 -W 2 198.51.100.2"
	result "with the rules of the man page all goes by"
	nft delete table ip filter
}

# What IP has got: a few frames that GRO has made one are one.
RECEIVED="awk '/^Ip: [0-9]/ { print \$4 }' /proc/net/snmp"

# gro DIRECTION on|off: of 3 MB in frames of 1,500 bytes, is each one of its own?
gro() {
	case $1 in
	from_guest) words=send frames=$(counter one $1_packets) got=$(eval "$RECEIVED") ;;
	to_guest) words=receive frames=$(counter one $1_packets) && works one "$RECEIVED > /before" ;;
	esac
	works one "netpeer $words 10.213.0.1 5000 3000000" || return
	frames=$(($(counter one $1_packets) - frames))
	case $1 in
	from_guest) got=$(($(eval "$RECEIVED") - got)) ;;
	to_guest) works one "echo got:\$((\$($RECEIVED) - \$(cat /before)))." &&
		got=$(grep -o 'got:[0-9]*\.' $DIR/one.log | tail -n 1 | tr -dc 0-9) ;;
	esac
	note "$1: $frames frames, $got for IP"
	[ $frames -gt 2000 ] || return
	if [ $2 = on ]; then
		[ $((got * 2)) -lt $frames ]
	else
		[ $((got * 10)) -ge $((frames * 9)) ]
	fi
}

begin
ns="$IP netns exec world"
$IP netns add world && $IP link add out type veth peer name in netns world &&
	$IP addr add 198.51.100.1/24 dev out && $IP link set out up &&
	$ns $IP addr add 198.51.100.2/24 dev in && $ns $IP link set in up &&
	$ns $IP route add 10.213.0.0/16 via 198.51.100.1
result "a world behind the host"
echo 0 > /proc/sys/net/ipv4/ip_forward
$ns $PEER serve 5000 > /dev/null &
server=$!
guest_start one --net host
needed "a domain with one flag"
[ "$(cat /proc/sys/net/ipv4/ip_forward)" = 1 ]
result "the host forwards"
nic_is one net0 address 10.213.0.1 && nic_is one net0 guest_address 10.213.0.2
result "net list tells both addresses"
works one "ping -c 2 -W 2 198.51.100.2"
result "ping to the world"
works one "netpeer rtt 198.51.100.2 5000 3 && netpeer send 198.51.100.2 5000 500000 && \
netpeer receive 198.51.100.2 5000 500000 && netpeer sweep 198.51.100.2 5000 udp 1 20000 3001"
result "TCP and UDP to the world"
guest_begins one "netpeer rtt 198.51.100.2 5000 2000"
# 198.51.100.1 as the kernel writes it
soon sh -c "$ns cat /proc/net/tcp | grep -q ' 016433C6:'" &&
	! $ns cat /proc/net/tcp | grep -q ' 0200D50A:'
result "the world sees the host's address, not the guest's"
guest_ended one $step 120
result "which takes nothing from it"
works one "netpeer service 6000" && $PEER rtt 10.213.0.2 6000 3 > /dev/null
result "the host reaches the guest"
! $ns timeout 3 $PEER rtt 10.213.0.2 6000 1 > /dev/null 2>&1
result "a stranger does not"
before=$(heard)
works one "ping -c 1 -W 2 10.213.0.1" && [ "$(heard)" = $((before + 1)) ]
result "the guest reaches the host"
$PEER serve 5000 > /dev/null &
host_server=$!
for state in on off; do
	offloads one $state
	result "offloads $state"
	if [ $state = off ]; then
		gro from_guest on && gro to_guest on
		result "frames of a stream are received several at a time, both ways"
		ethtool -K one-net0 gro off && gro from_guest off && ethtool -K one-net0 gro on
		result "and each by itself without GRO"
	fi
	sweeps one 10.213.0.1 5000 $size_step ", to the host, offloads $state"
	sweeps host 10.213.0.2 6000 $size_step ", from the host, offloads $state"
done
sums_well one
result "no checksum was wrong"
offloads one on
kill $host_server
wait $host_server 2> /dev/null
works one "ifconfig eth0 10.213.0.9 netmask 255.255.255.0; route add default gw 10.213.0.1; \
! ping -c 1 -W 1 198.51.100.2"
result "nor does the guest by an address that is not its own"

before=$(heard)
! guest one "ping -c 3 -i 0.1 -W 1 10.213.0.1" && [ "$(heard)" = "$before" ]
result "not even to the host"
[ "$(cat /proc/sys/net/ipv6/conf/one-net0/disable_ipv6)" = 1 ] &&
	! grep -q one-net0 /proc/net/if_inet6
result "no IPv6: it cannot be the host's router"

guest_start two --net host,name=a --net host,name=b &&
	nic_is two a guest_address 10.213.0.6 && nic_is two b guest_address 10.213.0.10
result "others get other networks"
works two "ping -c 1 -W 2 198.51.100.2"
result "the first one is set up"
domctl net detach two b --force && nft list tables | wc -l | grep -qx 2
result "detach: its table goes"
[ "$(domctl net attach two --host --name c | tail -n 1)" = \
	"two: c is 10.213.0.10/30, gateway 10.213.0.9" ]
result "attach: the network that became free, and says which"
kill -9 "$(holder_of two)"
soon is_gone two && domctl net attach one --host > /dev/null && domctl net detach one net1 --force &&
	nft list tables | wc -l | grep -qx 1
result "kill -9 of a holder: the next command tidies up"
firewalls
$IP addr add 10.213.200.1/16 dev out
expect 0 "" domctl net attach one --host --name d && nic_is one d address 172.29.0.1
result "a range that the host has routes to is left alone"
expect 2 "Error: net e: the host has a network device lo (ifname= gives it another name)" \
	domctl net attach one --host --name e --ifname lo
result "a name that is taken"
guests_well
result "the guest's kernel is well"
domctl destroy one && net_left
result "nothing is left"
kill $server
wait $server 2> /dev/null
$IP netns del world
finish
