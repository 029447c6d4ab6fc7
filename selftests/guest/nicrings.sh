#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# nicrings.sh IMAGE [WORDS]: runs a guest that maltreats a network interface (lib/wire.h),
# with another one beside it, and answers what it asks. WORDS are for its command line.
#
# With iproute2's ip (/bin/ip): busybox prefers its own.
. /tests/guest/asked.sh
image=$1
words=$2
IP=/bin/ip
pid=/tmp/nicrings.pid

# Counters of interface $1, and whether the host's end knows that there is a driver. This is
# asked often: no process is made for it.
stats() {
	dir=/sys/class/net/nic-$1
	all='' up=0
	for word in rx_packets rx_errors rx_dropped tx_packets tx_dropped; do
		read -r value < "$dir/statistics/$word"
		all="$all$value "
	done
	read -r value < "$dir/operstate"
	[ "$value" = up ] && read -r up < "$dir/carrier"
	echo "$all$up"
}

# No frames but those that the guest asks for.
set_up() {
	for name in v o; do
		net=10.9.8 mac=02:00:00:00:00:0a
		[ $name = o ] && net=10.9.7 mac=02:00:00:00:00:0b
		echo 1 > /proc/sys/net/ipv6/conf/nic-$name/disable_ipv6
		$IP link set nic-$name up && $IP addr replace $net.1/24 dev nic-$name &&
			$IP neigh replace $net.2 lladdr $mac dev nic-$name nud permanent
	done
}

# flood N: so many frames, in place of those that are still to come
flood() {
	[ ! -e $pid ] || kill "$(cat $pid)" 2> /dev/null
	rm -f $pid
	[ "$1" = 0 ] || (
		ping -c "$1" -i 0.01 -W 1 -s 100 10.9.8.2 > /dev/null 2>&1 7>&- 8>&- &
		echo $! > $pid
	)
	echo
}

answer() {
	case $1 in
	why) echo "$(because Net "$2" "$image")" ;;
	stats) stats "$2" ;;
	mac) cat "/sys/class/net/nic-$2/address" ;;
	link) $IP link set nic-v "$2" && { [ "$2" = down ] || set_up; }; echo ;;
	flood) flood "$2" ;;
	esac
}

asked_by "why stats mac link flood" "$image" --kernel "/tests/guest/$image" --memory 16M \
	--rng none --balloon none --append "$words" \
	--net manual,name=v,ifname=nic-v,mac=02:00:00:00:00:0a,queues=2,mtu=65535 \
	--net manual,name=o,ifname=nic-o,mac=02:00:00:00:00:0b
status=$?
rm -f $pid
exit $status
