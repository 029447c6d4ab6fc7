#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# gap.sh: runs gap.c, whose holder (holder/gap.c) takes memory away from it that devices
# use, and has it done. In the end nothing of it is pinned any more.
#
# gap.sh swapped: memory that has to come from a device that always waits (of dm), for a
# disk that need not (brd).
#
# gap.sh held: memory that does not come for ever. The guest's call waits for it, or the
# worker of a port, and the host still detaches devices and destroys the domain. Where it
# comes when the port has gone, its worker does not go on with that.
. /tests/guest/asked.sh
. /tests/guest/dm.sh

# Pages that are pinned now. Each CPU has counts of its own, which an idle one keeps.
pinned() {
	cat /proc/sys/vm/stat_refresh
	awk '/^nr_foll_pin_acquired/ { n += $2 } /^nr_foll_pin_released/ { n -= $2 } END { print n }' \
		/proc/vmstat
}

# in_time WHAT COMMAND...
in_time() {
	what=$1
	shift
	timeout $((30 * ${SLOW:-1})) "$@" || echo "$what: $?"
}

freeing() {
	grep -q '^domus-free' /proc/[0-9]*/comm 2> /dev/null
}

# The memory that the worker waits for comes: it ends, and what was freed for it waits no more.
released() {
	freeing || echo "the port has gone without its worker"
	echo "release 8388608 1048576" > /tmp/gap.in
	read -r errno < /tmp/gap.out
	[ "$errno" = 0 ] || echo "not released: $errno"
	tries=300
	while freeing && [ $tries != 0 ]; do
		tries=$((tries - 1))
		sleep 0.1
	done
	[ $tries != 0 ] || echo "the port does not go"
}

# let_go frame|port|table: once somebody waits, the guest in its call or the port's worker.
# The one that hangs is taken away, another device beside it, and the domain.
let_go() {
	[ "$1" = frame ] || /tests/linux/stream send /tmp/gap.sock 1000 1 > /dev/null
	tries=300
	until cat /proc/[0-9]*/task/*/stack 2> /dev/null | grep -q handle_userfault ||
		[ $tries = 0 ]; do
		tries=$((tries - 1))
		sleep 0.1
	done
	[ $tries != 0 ] || echo "nobody waits"
	if [ "$1" != frame ]; then
		in_time "port detach" domctl port detach gap p --force
		[ ! -e /tmp/gap.sock ] || echo "its socket is there"
	fi
	[ "$1" != table ] || released
	in_time "net detach" domctl net detach gap v --force
	[ ! -e /sys/class/net/nic-v ] || echo "the host's end is there"
	in_time destroy domctl destroy gap
	! domctl show gap > /dev/null 2>&1 || echo "the domain is there"
}

answer() {
	case $1 in
	gap)
		echo "$2 $3 $4" > /tmp/gap.in
		read -r errno < /tmp/gap.out
		echo "$errno"
		;;
	held)
		({ let_go "$2" > /tmp/gap.said 2>&1; mv /tmp/gap.said /tmp/gap.verdict; } 7>&- 8>&- &)
		echo
		;;
	port) domctl port attach gap p /tmp/gap.sock > /dev/null; echo ;;
	stats) echo 0 0 0 0 0 1 ;;
	link) link_up nic-v 10.9.8 02:00:00:00:00:0a; echo ;;
	flood) flood "$2" 100; echo ;;
	esac
}

# gap WORDS: the guest, with these on its command line, and with $disk
gap() {
	asked_by "gap held port stats link flood" gap --kernel /tests/guest/gap --memory 16M \
		--rng none --balloon none --disk "$disk,name=d" --append "$1" \
		--net manual,name=v,ifname=nic-v,mac=02:00:00:00:00:0a
}

# held frame|port|table
held() {
	rm -f /tmp/gap.verdict
	gap "held=$1"
	tries=$((600 * ${SLOW:-1}))
	until [ -e /tmp/gap.verdict ] || [ $tries = 0 ]; do
		tries=$((tries - 1))
		sleep 0.1
	done
	cat /tmp/gap.verdict && [ ! -s /tmp/gap.verdict ]
}

# Fails if the guest does, or if nothing was swapped in.
swapped() {
	table swap "0 8192 delay /dev/ram1 0 0" && mkswap /dev/dm-0 > /dev/null &&
		swapon /dev/dm-0 || return 1
	disk=/dev/ram0
	ins=$(awk '$1 == "pswpin" { print $2 }' /proc/vmstat)
	gap "swapped=1"
	status=$?
	ins=$(($(awk '$1 == "pswpin" { print $2 }' /proc/vmstat) - ins))
	echo "# $ins pages swapped in"
	swapoff /dev/dm-0 && dm remove swap && [ $ins -gt 0 ] && [ $status = 0 ]
}

disk=/tmp/gap.img
rm -f /tmp/gap.in /tmp/gap.out
mkfifo /tmp/gap.in /tmp/gap.out || exit 1
exec 5<> /tmp/gap.in 6<> /tmp/gap.out
truncate -s 8M /tmp/gap.img
before=$(pinned)
# shellcheck disable=SC2034  # asked_by has it
preload=/tests/guest/gap.so
if [ "${1:-}" = held ]; then
	held frame && held port && held table || exit 1
elif [ "${1:-}" = swapped ]; then
	swapped || exit 1
else
	gap ""
	# killed by the hypervisor: its memory is gone
	[ $? = 12 ] || exit 1
	domctl destroy gap 2> /dev/null
fi
tries=100
until [ "$(pinned)" = "$before" ] || [ $tries = 0 ]; do
	tries=$((tries - 1))
	sleep 0.1
done
if [ "$(pinned)" != "$before" ]; then
	echo "pinned pages: $before before, $(pinned) now"
	exit 1
fi
rm -f /tmp/gap.*
