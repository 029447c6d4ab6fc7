#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# global.sh [MS]: plants entries that look like the host's global ones (global.c).
#
# Both depths, at every address that the guest uses; and at its text, its stack and
# user code. What was planted must have been met.
plant=/sys/kernel/debug/domus/plant
[ -e $plant ] || { echo "1..0 # SKIP the module is not of the checking build"; exit 4; }
rm -f /tmp/global.stats
# shellcheck disable=SC2016  # for the shell that runs it
/tests/guest/beside.sh --meanwhile '
	for place in 0xffff888000000000 0xffff888001000000 0xfffffe0000001000 \
		     0xffffea0000000000 0xffffc90000000000 0xffffff0000000000 \
		     0xffffffffff5fb000 0x100000000000 0xffffffff80200000 \
		     0xffffffff80201000 0xffffffff8020d000 0x400000 0x503000; do
		echo "$name $place $((deep = !deep))" > /sys/kernel/debug/domus/plant
	done > /dev/null 2>&1
	grep -A 1 " $name " /sys/kernel/debug/domus/domains > /tmp/global.new
	[ -s /tmp/global.new ] && mv /tmp/global.new /tmp/global.stats
	true' global --append "ms=$((${1:-3000} * ${SLOW:-1}))"
status=$?
spurious=$(sed -n 's/.* spurious \([0-9]*\).*/\1/p' /tmp/global.stats)
echo "# $spurious faults on entries that are good"
[ "${spurious:-0}" -ge 10 ] || { echo "too few"; exit 1; }
exit $status
