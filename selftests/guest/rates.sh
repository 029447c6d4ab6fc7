#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# rates.sh: a guest (rates.c) with a disk and a network interface whose limits it asks for,
# and that measures how long they make it wait.
#
# With iproute2's ip (/bin/ip): busybox prefers its own.
. /tests/guest/asked.sh
IP=/bin/ip
DIR=/tmp/rates
pid=$DIR/pid

# flood N: so many pings, in place of those that are still to come
flood() {
	[ ! -e $pid ] || kill "$(cat $pid)" 2> /dev/null
	rm -f $pid
	[ "$1" = 0 ] || (
		ping -c "$1" -i 0.01 -W 1 -s 1000 10.9.8.2 > /dev/null 2>&1 7>&- 8>&- &
		echo $! > $pid
	)
	echo
}

# No frames but those that the guest asks for.
set_up() {
	echo 1 > /proc/sys/net/ipv6/conf/nic-rates/disable_ipv6
	$IP link set nic-rates up && $IP addr replace 10.9.8.1/24 dev nic-rates &&
		$IP neigh replace 10.9.8.2 lladdr 02:00:00:00:00:0a dev nic-rates nud permanent
}

answer() {
	case $1 in
	limit)
		kind=$2 name=$3
		shift 3
		domctl "$kind" set rates "$name" "$@" > /dev/null
		echo $?
		;;
	flood) flood "$2" ;;
	up) set_up; echo ;;
	esac
}

mkdir -p $DIR && mount -t tmpfs none $DIR && truncate -s 4M $DIR/disk.img || exit 1
asked_by "limit flood up" rates --kernel /tests/guest/rates --memory 16M --rng none \
	--balloon none --disk $DIR/disk.img,name=d,queues=2 \
	--net manual,name=n,ifname=nic-rates,mac=02:00:00:00:00:0a
status=$?
umount $DIR
exit $status
