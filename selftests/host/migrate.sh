#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# migrate.sh [FORKS]: vCPU threads bounced between two host CPUs under load.
#
# A vCPU that changes CPU takes its cell, debug registers, MSRs, TLS and whatever
# its TLB knew along. A Linux domain forks FORKS times while all threads of its
# holder are moved from CPU 0 to CPU 1 and back without a pause.
forks=${1:-60}
out=/tmp/migrate.out

echo "KTAP version 1"
if [ "$(nproc)" -lt 2 ] || [ ! -e /boot/bzImage ]; then
	echo "1..0 # SKIP needs two CPUs and the guest's kernel"
	exit 4
fi
echo "1..2"
/tests/rig/linux --timeout $((120 + forks / 2)) \
	"i=0; while [ \$i -lt $forks ]; do /bin/true | cat || exit 1; i=\$((i+1)); done" \
	> $out 2>&1 &
job=$!

moves=0 cpu=1
while kill -0 $job 2> /dev/null; do
	tids=
	for task in /proc/[0-9]*/task/*; do
		read -r comm 2> /dev/null < "$task/comm" || continue
		case $comm in vcpu*) tids="$tids ${task##*/}" ;; esac
	done
	while [ -n "$tids" ]; do
		for tid in $tids; do
			taskset -p $cpu "$tid" > /dev/null 2>&1 || { tids=; break; }
			moves=$((moves + 1))
		done
		cpu=$((3 - cpu))
	done
done
wait $job
status=$?
failed=0
if [ $status -eq 0 ]; then
	echo "ok 1 - $forks forks"
else
	sed 's/^/# /' $out
	echo "not ok 1 - $forks forks: status $status"
	failed=1
fi
if [ $moves -ge 100 ]; then
	echo "ok 2 - moved $moves times"
else
	echo "not ok 2 - moved $moves times"
	failed=1
fi
exit $failed
