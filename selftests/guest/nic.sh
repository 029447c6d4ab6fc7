#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# nic.sh: the reference guest (devices.c) drives a network interface: it asks the host for
# its address, pings it, and is pinged, until a datagram says that it is done.
own=10.9.8.2
log=/tmp/nic.log

# soon COMMAND...: true within 20 seconds
soon() {
	tries=$((200 * ${SLOW:-1}))
	until "$@"; do
		tries=$((tries - 1))
		[ $tries -gt 0 ] || return 1
		sleep 0.1
	done
}

: > $log
domctl create nic --kernel /tests/guest/devices --memory 16M --wait --log $log \
	--net manual,name=n,ifname=nic-n --append nic=n &
job=$!
soon grep -q "^nic ready" $log || exit 1
ip addr add 10.9.8.1/24 dev nic-n && ip link set nic-n up || exit 1
soon grep -q "^nic answers" $log || { cat $log; exit 1; }
ping -c 3 -i 0.2 -W 5 $own && ping -c 5 -i 0.2 -W 5 -s 1400 $own
pinged=$?
echo done | nc -u -w 1 $own 7
wait $job
status=$?
cat $log
[ $pinged -eq 0 ] && exit $status
exit 1
