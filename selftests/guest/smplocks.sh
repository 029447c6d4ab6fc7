#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# smplocks.sh ROUNDS: do vCPUs that fault at once wait for each other? As KTAP.
#
# Four vCPUs fault on pages of their own; as a control, the same while a fifth one takes
# away what they fill. What is counted: waits for the shadow's own locks (debugfs), and
# with "kprobe_event=p:spin,native_queued_spin_lock_slowpath trace_event=contention_begin
# trace_options=stacktrace" on the host's command line any contended lock of the
# host's, spinning or sleeping, on the way of a fault.
# (From the start, as QEMU does not always see that code of running CPUs is patched.)
# On the debug kernel locks are held for longer, and chance meets them more often.
rounds=$1
to=/tmp/smplocks.to
from=/tmp/smplocks.from
tracing=/sys/kernel/tracing
number=0 failed=0

result() {
	[ $? -eq 0 ] && verdict=ok || verdict="not ok" failed=1
	number=$((number + 1))
	echo "$verdict $number - $1"
}

# counter NAME: of the domain
counter() {
	grep -A 1 '^domain .* locks ' /sys/kernel/debug/domus/domains |
		sed -n "s/.* $1 \([0-9]*\).*/\1/p"
}

# faulting WORDS: until the guest has said that it is done
faulting() {
	echo > $tracing/trace
	domctl create locks --kernel /tests/guest/smpfills --memory 64M --vcpus 5 \
		--append "rounds=$rounds $1" --console < $to > $from 2>&1 3>&- 4>&- &
	while read -r line <&3; do
		case $line in
		"# done"*)	break ;;
		*rror*)		echo "# $line"; return 1 ;;
		esac
	done
	fills=$(counter fills) waits=$(counter fill_waits) rmap=$(counter rmap_waits)
	# an event's stack is on the lines behind it
	contended=$(awk '/: (spin|contention_begin): / { said = 0 }
		!said && /=> shadow_fault/ { n++; said = 1 } END { print n + 0 }' $tracing/trace)
	lost=$(cat $tracing/per_cpu/cpu*/stats | awk '/overrun/ { n += $2 } END { print n + 0 }')
	domctl destroy locks || return
	wait
	echo "# $fills fills, $waits waits for flushes, $rmap of the reverse map," \
		"$contended contended locks below a fault"
	[ "$lost" -eq 0 ] || echo "# $lost events lost"
	[ "$fills" -ge $((rounds * 4096)) ] && [ "$lost" -eq 0 ]
}

[ -e $tracing/trace ] || mount -t tracefs none $tracing || exit 1
# (events of the command line have no directory)
grep -q spin $tracing/kprobe_events || { echo "locks are not watched"; exit 1; }
mkfifo $to $from && exec 3<> $from 4<> $to || exit 1
echo "KTAP version 1"
echo "1..4"
faulting ""
result "4 vCPUs fault at once"
[ "$waits" -le $((rounds / 10)) ]
result "they wait for no flush"
chance=$((fills * ${SLOW:-1} / 1000))
[ "$rmap" -le $chance ] && [ "$contended" -le $chance ]
result "nor for each other, but by chance for one frame's lock: $chance of $fills at most"
faulting "flush=1" && [ "$waits" -gt 0 ] && [ "$contended" -gt 0 ]
result "where another one flushes, waits and contended locks are seen"
exit $failed
