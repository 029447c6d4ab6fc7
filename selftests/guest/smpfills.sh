#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# smpfills.sh: what a fill costs when 1, 2 and 4 vCPUs fault at once, as KTAP. For --icount,
# where a tick is an instruction of any CPU.
within=10	# percent
log=/tmp/smpfills.log

# cost VCPUS: ticks for each fill
cost() {
	domctl create "fills$1" --kernel /tests/guest/smpfills --memory 64M --vcpus "$1" \
		--log $log --wait --timeout $((50 * ${SLOW:-1})) > $log.end 2>&1 &&
		sed -n "s/^# fills: $1 vCPUs, \([0-9]*\) ticks.*/\1/p" $log && return
	cat $log.end $log >&2
}

echo "KTAP version 1"
echo "1..3"
one=$(cost 1)
if [ -n "$one" ]; then verdict=ok; else verdict="not ok"; fi
echo "$verdict 1 - a fill of one vCPU: $one instructions"
number=1 failed=$([ -n "$one" ]; echo $?)
for vcpus in 2 4; do
	number=$((number + 1)) verdict=ok
	many=$(cost $vcpus)
	if [ -z "$many" ] || [ "$((many * 100))" -gt $((${one:-0} * (100 + within))) ]; then
		verdict="not ok" failed=1
	fi
	echo "$verdict $number - of $vcpus at once: $many, at most $within % more"
done
exit "$failed"
