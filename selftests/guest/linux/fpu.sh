#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# fpu.sh [ROUNDS]: "fpu" in two domains and on the host, all at the same time.
# On the host it is repeated until both domains are done.
rounds=${1:-5}
busy=/tmp/fpu-busy
: > $busy
compete() {
	while [ -e $busy ]; do
		/tests/linux/fpu > "/tmp/fpu-host-$1" 2>&1 || return
		echo . >> "/tmp/fpu-count-$1"
	done
}
compete 1 &
one=$!
compete 2 &
other=$!
/tests/rig/linux --timeout 1000 "fpu $rounds" > /tmp/fpu-first 2>&1 &
first=$!
/tests/rig/linux --timeout 1000 "fpu $rounds" > /tmp/fpu-second 2>&1
second=$?
wait $first
first=$?
rm $busy
wait $one
one=$?
wait $other
other=$?
cat /tmp/fpu-first
[ $second -eq 0 ] || cat /tmp/fpu-second
[ $one -eq 0 ] || cat /tmp/fpu-host-1
[ $other -eq 0 ] || cat /tmp/fpu-host-2
wc -l /tmp/fpu-count-1 /tmp/fpu-count-2
[ "$first$second$one$other" = 0000 ]
