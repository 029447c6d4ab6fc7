#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# spin.sh [HOW...]: guests that do not give the CPU back are stopped from outside.
#
# For each way to spin (spin.c), on the CPU where this script runs as well: the guest is
# destroyed, and one more like it loses its holder by kill -9. Both must be gone, and the
# host must get its turn on that CPU meanwhile. A way that the host cannot end leaves
# this script waiting, and the rig kills that after its time.
hows=${*:-kernel user syscalls strings calls flushes multi faults steps events block forever}
number=0 failed=0
. "${0%/*}/domain.sh"

result() {
	number=$((number + 1))
	if [ "$1" -eq 0 ]; then
		echo "ok $number - $2"
	else
		echo "not ok $number - $2"
		failed=1
	fi
}

echo "KTAP version 1"
# shellcheck disable=SC2086  # words
set -- $hows
echo "1..$(($# * 2))"
taskset -p 1 $$ > /dev/null
for how in $hows; do
	domain_start "spin-$how" spin spinning --append "how=$how" &&
		domctl destroy "spin-$how" && domain_gone "spin-$how"
	result $? "$how: destroyed"
	wait "$job"
	domain_start "spin-$how" spin spinning --append "how=$how" &&
		kill -9 "$pid" && domain_gone "spin-$how"
	result $? "$how: its holder killed"
	wait "$job"
done
exit $failed
