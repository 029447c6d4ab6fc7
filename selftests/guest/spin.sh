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

result() {
	number=$((number + 1))
	if [ "$1" -eq 0 ]; then
		echo "ok $number - $2"
	else
		echo "not ok $number - $2"
		failed=1
	fi
}

# start NAME HOW: runs one on CPU 0, where we are; returns when it spins.
start() {
	exec 5<> /tmp/spin.out
	domctl create "$1" --kernel /tests/guest/spin --append "how=$2" --memory 8M --console \
		< /tmp/spin.in > /tmp/spin.out 2>&1 5>&- &
	job=$!
	timeout 30 grep -q -m 1 spinning <&5
	said=$?
	exec 5<&-
	pid=$(domctl -j show "$1" | tr ',{' '\n\n' | sed -n 's/.*"pid": *//p')
	return $said
}

# gone NAME: it is, or soon will be: the holder's end is what is waited for.
gone() {
	tail --pid="$pid" -f /dev/null 2> /dev/null || while kill -0 "$pid" 2> /dev/null; do :; done
	! domctl show "$1" > /dev/null 2>&1
}

echo "KTAP version 1"
# shellcheck disable=SC2086  # words
set -- $hows
echo "1..$(($# * 2))"
mkfifo /tmp/spin.in /tmp/spin.out
exec 4<> /tmp/spin.in
taskset -p 1 $$ > /dev/null
for how in $hows; do
	start "spin-$how" "$how" && domctl destroy "spin-$how" && gone "spin-$how"
	result $? "$how: destroyed"
	wait $job
	start "spin-$how" "$how" && kill -9 "$pid" && gone "spin-$how"
	result $? "$how: its holder killed"
	wait $job
done
rm -f /tmp/spin.in /tmp/spin.out
exit $failed
