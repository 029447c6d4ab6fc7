#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# near.sh [N [SEED]]: page faults by the near way and by the long one (near.c). That the near
# one was gone, and not gone, is seen by what its function returns.
tracing=/sys/kernel/tracing
echo 'r:near shadow_near_fill done=$retval:u8' > $tracing/kprobe_events || exit 4
echo 'hist:keys=done' > $tracing/events/kprobes/near/trigger || exit 4
/tests/guest/beside.sh near --append "n=${1:-50} seed=${2:-1}"
status=$?
# { done:          1 } hitcount:        123
near=$(sed -n 's/.*done: *1 .*hitcount: *\([0-9]*\).*/\1/p' $tracing/events/kprobes/near/hist)
long=$(sed -n 's/.*done: *0 .*hitcount: *\([0-9]*\).*/\1/p' $tracing/events/kprobes/near/hist)
echo '!hist:keys=done' > $tracing/events/kprobes/near/trigger
echo > $tracing/kprobe_events
echo "# ${near:-0} faults by the near way, ${long:-0} by the long one"
[ "${near:-0}" -ge $((${1:-50} * 4)) ] && [ "${long:-0}" -ge $((${1:-50} * 50)) ] || { echo "too few"; exit 1; }
exit $status
