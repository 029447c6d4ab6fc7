#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# evicted.sh MS: roots at hand that the host takes away (evicted.c), while its tracepoints are
# switched on and off: where they are on, nothing is loaded without it.
stats=/tmp/evicted.stats
events=/sys/kernel/tracing/events/domus/enable
rm -f /tmp/evicted.*
# shellcheck disable=SC2016  # for the shell that runs it
/tests/guest/beside.sh --meanwhile '
	echo 1 > /sys/kernel/tracing/events/domus/enable
	echo 0 > /sys/kernel/tracing/events/domus/enable
	echo >> /tmp/evicted.times
	grep -A 4 " $name " /sys/kernel/debug/domus/domains > /tmp/evicted.new
	[ -s /tmp/evicted.new ] && mv /tmp/evicted.new /tmp/evicted.stats
	true' evicted --vcpus 4 --memory 64M --append "ms=$((${1:-4000} * ${SLOW:-1}))"
status=$?
echo 0 > $events
evictions=$(sed -n 's/.* evictions \([0-9]*\).*/\1/p' $stats)
loads=$(grep -c ' domus_hypercall:' /sys/kernel/tracing/trace)
echo "# $evictions roots were evicted; $(wc -l < /tmp/evicted.times) times the host traced, $loads calls"
echo > /sys/kernel/tracing/trace
[ "${evictions:-0}" -ge 1000 ] || { echo "too few were evicted"; exit 1; }
[ "$loads" -gt 0 ] && [ "$(wc -l < /tmp/evicted.times)" -ge 2 ] || { echo "nothing was traced"; exit 1; }
exit $status
