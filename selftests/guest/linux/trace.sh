#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# trace.sh [all]: a kernel that changes its own text, as KTAP.  For a domain.
# The short form traces some hundred functions, "all" every one there is.
#
#   1. modules
#   2. static keys
#   3. ftrace: function and graph tracer, tracepoints
#   4. kprobes: on entries, inside of functions, on returns
T=/sys/kernel/tracing
number=0 failed=0

result() {
	if [ $? -eq 0 ]; then verdict=ok; else verdict='not ok' failed=1; fi
	number=$((number + 1))
	echo "$verdict $number $1"
}

# What the kernel does most of: processes, files, faults, a network packet.
work() {
	for _ in 1 2 3 4 5 6 7 8 9 10; do
		(exit 0)
		ls /proc/self/ > /dev/null
		cat /proc/uptime > /dev/null
	done
	ping -c 1 127.0.0.1 > /dev/null
}

modules() {
	for _ in 1 2 3; do
		insmod /lib/modules/dummy.ko || return
		ifconfig dummy0 10.1.2.3 up && ping -c 1 10.1.2.3 > /dev/null || return
		grep -q '^dummy ' /proc/modules || return
		rmmod dummy || return
		[ ! -e /sys/class/net/dummy0 ] || return
	done
}

static_keys() {
	for i in 1 0 1 0 1 0 1 0; do
		echo $i > /proc/sys/kernel/sched_schedstats || return
		(exit 0)
	done
}

# traces TRACER PATTERN...: each must be in the trace of some work
traces() {
	echo > $T/trace
	echo "$1" > $T/current_tracer || return
	echo 1 > $T/tracing_on
	work
	status=$?
	echo 0 > $T/tracing_on
	shift
	for pattern in "$@"; do
		grep -q "$pattern" $T/trace || { echo "# no $pattern"; status=1; }
	done
	echo nop > $T/current_tracer
	return $status
}

events() {
	for e in sched/sched_switch raw_syscalls/sys_exit exceptions/page_fault_user; do
		echo 1 > $T/events/$e/enable || return
	done
	traces nop sched_switch: sys_exit: page_fault_user:
	status=$?
	echo 0 > $T/events/enable
	return $status
}

probes_remove() {
	echo 0 > $T/events/kprobes/enable
	echo > $T/kprobe_events
	echo > $T/trace
}

# A probe where ftrace has its place: the argument must be right.
probe_entry() {
	echo 'p:opened do_sys_openat2 file=+0(%si):ustring' > $T/kprobe_events &&
		echo 'r:done do_sys_openat2 fd=$retval' >> $T/kprobe_events &&
		echo 1 > $T/events/kprobes/enable || return
	echo 1 > $T/tracing_on
	cat /proc/version > /dev/null
	echo 0 > $T/tracing_on
	grep -q 'opened: .*file="/proc/version"' $T/trace &&
		grep -q 'done: .* fd=' $T/trace
	status=$?
	probes_remove
	return $status
}

# Probes on whatever instructions follow: stepped over, emulated or jumped around.
probe_inside() {
	n=0
	for f in do_sys_openat2 vfs_read handle_mm_fault kernel_clone schedule do_wp_page; do
		offset=5
		while [ $offset -lt 60 ]; do
			echo "p:in_$f$offset $f+$offset" >> $T/kprobe_events 2> /dev/null &&
				n=$((n + 1))
			offset=$((offset + 1))
		done
	done
	echo 1 > $T/events/kprobes/enable
	echo 1 > $T/tracing_on
	work
	status=$?
	echo 0 > $T/tracing_on
	hits=$(grep -c 'in_handle_mm_fault' $T/trace)
	probes_remove
	echo "# $n probes, work ended with $status, $hits hits in handle_mm_fault"
	[ $status -eq 0 ] && [ "$n" -gt 30 ] && [ "$hits" -gt 10 ]
}

echo "TAP version 13"
echo "1..7"
echo 16384 > $T/buffer_size_kb
if [ "$1" = all ]; then
	# All are patched in one go, which takes an emulator half a minute and more.
	echo 60 > /proc/sys/kernel/watchdog_thresh
	echo 300 > /sys/module/rcupdate/parameters/rcu_cpu_stall_timeout
	echo "# $(wc -l < $T/available_filter_functions) functions are traced"
else
	for pattern in 'vfs_*' 'do_*' '*mm_fault*' 'sched*' 'tcp_*'; do
		echo "$pattern" >> $T/set_ftrace_filter
	done
	echo "# $(wc -l < $T/set_ftrace_filter) functions are traced"
fi
modules; result modules
static_keys; result "static keys"
traces function vfs_read do_exit handle_mm_fault; result "function tracer"
if grep -q function_graph $T/available_tracers; then
	traces function_graph 'vfs_read'; result "graph tracer"
else
	true; result "graph tracer # SKIP not built in"
fi
events; result tracepoints
probe_entry; result "probes at entry and return"
probe_inside; result "probes inside of functions"
exit $failed
