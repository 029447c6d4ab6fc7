#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# stale.sh [MS [SEED]]: the host moves, shares out and swaps the memory of a guest that
# changes its page tables all the time (stale.c).
#
# Compaction, references and soft-dirty marks cleared, large pages made and split, single
# pages moved, and with zram (--module zram) all of it swapped out through its cgroup.
# The guest checks what it sees; here is checked that it was disturbed indeed.
ms=${1:-6000} seed=${2:-1}
group=/sys/fs/cgroup/stale
stats=/tmp/stale.stats
rm -f $stats
# (The cloud kernel's has no compressor.)
if [ -e /sys/block/zram0 ] && echo 256M > /sys/block/zram0/disksize; then
	mkswap /dev/zram0 > /dev/null && swapon /dev/zram0 || exit 1
	echo +memory > /sys/fs/cgroup/cgroup.subtree_control
	mkdir $group
fi
for file in scan_sleep_millisecs alloc_sleep_millisecs; do
	echo 1 > /sys/kernel/mm/transparent_hugepage/khugepaged/$file
done
# shellcheck disable=SC2016  # for the shell that runs it
/tests/guest/beside.sh --meanwhile '
	echo 1 > /proc/sys/vm/compact_memory
	echo 1 > /proc/$pid/clear_refs
	echo 4 > /proc/$pid/clear_refs
	if [ -d /sys/fs/cgroup/stale ]; then
		echo $pid > /sys/fs/cgroup/stale/cgroup.procs
		echo 32M > /sys/fs/cgroup/stale/memory.reclaim
	fi 2> /dev/null
	grep -A 1 " $name " /sys/kernel/debug/domus/domains > /tmp/stale.new
	[ -s /tmp/stale.new ] && mv /tmp/stale.new /tmp/stale.stats
	true' stale --append "ms=$ms seed=$seed"
status=$?
if [ -d $group ]; then
	swapoff /dev/zram0
	rmdir $group
	echo 1 > /sys/block/zram0/reset
fi
sed -n 's/^  shadow/# shadow/p' $stats
zaps=$(sed -n 's/.*notifier_zaps \([0-9]*\).*/\1/p' $stats)
[ "${zaps:-0}" -ge 100 ] || { echo "only ${zaps:-0} pages were taken away"; exit 1; }
exit $status
