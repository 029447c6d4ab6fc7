#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# evicted.sh MS [traced]: roots at hand that the host takes away (evicted.c); traced: while its
# tracepoints are switched on and off. Where they are on, nothing is loaded without it.
#
# Switched on and off is code that all CPUs are in. QEMU 7.2 may go on for ever with what it
# translated while that was written, if it translates on more than one thread: so a machine
# for "traced" is to have one.
stats=/tmp/evicted.stats
events=/sys/kernel/tracing/events/domus/enable
least=1000
switches=:
if [ "$2" = traced ]; then
	least=100
	switches="echo 1 > $events; echo 0 > $events"
fi
rm -f /tmp/evicted.*
# shellcheck disable=SC2016  # for the shell that runs it
/tests/guest/beside.sh --meanwhile "$switches"'
	echo >> /tmp/evicted.times
	grep -A 4 " $name " /sys/kernel/debug/domus/domains > /tmp/evicted.new
	[ -s /tmp/evicted.new ] && mv /tmp/evicted.new /tmp/evicted.stats
	true' evicted --vcpus 4 --memory 64M --append "ms=$((${1:-4000} * ${SLOW:-1}))"
status=$?
evictions=$(sed -n 's/.* evictions \([0-9]*\).*/\1/p' $stats)
echo "# $evictions roots were evicted; looked $(wc -l < /tmp/evicted.times) times"
[ "${evictions:-0}" -ge $least ] || { echo "too few were evicted"; exit 1; }
[ "$2" = traced ] || exit $status
echo 0 > $events
loads=$(grep -c ' domus_hypercall:' /sys/kernel/tracing/trace)
echo > /sys/kernel/tracing/trace
echo "# $loads calls were traced"
[ "$loads" -gt 0 ] && [ "$(wc -l < /tmp/evicted.times)" -ge 2 ] || { echo "nothing was traced"; exit 1; }
exit $status
