#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# forked.sh [MS [SEED]]: the holder of a guest that changes its page tables all the time
# (stale.c) forks all the time (holder/fork.c): what the child has got must not change.
rm -f /tmp/fork.torn /tmp/fork.count
PRELOAD=/tests/guest/fork.so /tests/guest/beside.sh stale --append "ms=${1:-6000} seed=${2:-1}"
status=$?
forks=$(wc -c < /tmp/fork.count)
echo "# $forks forks"
[ ! -e /tmp/fork.torn ] || { echo "memory of a child has changed"; exit 1; }
[ "${forks:-0}" -ge 5 ] || { echo "too few"; exit 1; }
exit $status
