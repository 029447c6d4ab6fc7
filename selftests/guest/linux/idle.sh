#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# idle.sh: a domain that has nothing to do leaves the host alone: fewer than 20
# full exits a second.  Runs on the host.
SECONDS_IDLE=10
LIMIT=20

full_exits() {
	domctl show idle | sed -n 's/^ *Full exits: *//p'
}

domctl create idle --kernel /boot/bzImage --initrd /boot/initrd.cpio --memory 256M \
	--append 'console=hvc0 loglevel=5 run="echo idle; sleep 1000"' --log /tmp/idle.log || exit 1
tries=300
until grep -q '^idle' /tmp/idle.log; do
	tries=$((tries - 1))
	[ $tries -gt 0 ] || { cat /tmp/idle.log; exit 1; }
	sleep 0.2
done
# What a boot leaves to be done: RCU, writeback, work queues.
sleep 3
domctl -s show idle
before=$(full_exits)
from=$(cut -d ' ' -f 1 /proc/uptime)
sleep $SECONDS_IDLE
after=$(full_exits)
to=$(cut -d ' ' -f 1 /proc/uptime)
domctl -s show idle
domctl destroy idle
awk -v "n=$((after - before))" -v "from=$from" -v "to=$to" -v limit=$LIMIT 'BEGIN {
	rate = n / (to - from)
	printf "%d full exits in %.1f s: %.1f a second\n", n, to - from, rate
	exit !(n > 0 && rate < limit) }'
