#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# rates.sh [exact]: a guest (rates.c) with a disk and a network interface whose limits it asks
# for, and that measures how long they make it wait: not longer than they must, either, where
# the clock counts instructions.
. /tests/guest/asked.sh
DIR=/tmp/rates

answer() {
	case $1 in
	limit)
		kind=$2 name=$3
		shift 3
		domctl "$kind" set rates "$name" "$@" > /dev/null
		echo $?
		;;
	flood) flood "$2" "$3"; echo ;;
	up) link_up nic-rates 10.9.8 02:00:00:00:00:0a; echo ;;
	esac
}

mkdir -p $DIR && mount -t tmpfs none $DIR && truncate -s 4M $DIR/disk.img || exit 1
asked_by "limit flood up" rates --kernel /tests/guest/rates --memory 16M --rng none \
	--balloon none --disk $DIR/disk.img,name=d,queues=2 \
	${1:+--append exact=yes} --net manual,name=n,ifname=nic-rates,mac=02:00:00:00:00:0a
status=$?
umount $DIR
exit $status
