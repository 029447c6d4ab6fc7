#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# honest.sh [LOOPS [HOW...]]: guests that want the CPU in every way there is (guest/spin.c), as
# KTAP; by the clock of an emulator that counts instructions. With VCPUS in the environment
# they have so many.
#
#   1. how late real-time threads, one on each of the host's CPUs, run beside each, at worst,
#      of LOOPS times: at most so much later than beside processes that spin
#   2. a domain of one vCPU beside it has its part of the CPUs
# shellcheck disable=SC2034,SC2086,SC2154,SC2181
set -u
loops=${1:-100}
[ $# -eq 0 ] || shift
[ $# -gt 0 ] || set -- kernel user syscalls strings calls flushes multi faults steps events block \
	forever
. /tests/host/common.sh
LATER=50	# microseconds
vcpus=${VCPUS:-1}
cpus=$(nproc)

# latest: of the real-time threads, in microseconds
latest() {
	cyclictest -q -m -a -t $cpus -p 90 -i 1000 -l $loops | tr -d '\r' |
		sed -n 's/^T: .*Max: *\([0-9]*\).*/\1/p' | sort -n | tail -n 1
}

# part MS: the second domain has had its part, but for 5 %; the first one may want less
part() {
	measure $1
	note "$shares ms of CPU time"
	echo $shares | awk -v vcpus=$vcpus '{ exit $2 / ($1 + $2) < 0.95 / (1 + vcpus) }'
}

begin
alone=$(latest)
spinners=
for _ in $(seq $cpus); do
	while :; do :; done &
	spinners="$spinners $!"
done
beside=$(latest)
kill $spinners
wait 2> /dev/null
[ "$beside" -ge 0 ]
needed "at most $alone us late alone, $beside beside processes that spin"
for how; do
	domctl create first --kernel /tests/guest/spin --memory 8M --vcpus $vcpus --append "how=$how" \
		--log $DIR/log > /dev/null && soon grep -q spinning $DIR/log
	result "$how: runs"
	late=$(latest)
	note "at most $late us late"
	[ "$late" -le $((beside + LATER)) ]
	result "$how: the host is not late"
	domctl create second --kernel /tests/guest/puppet --memory 8M --append spin > /dev/null &&
		part 500
	result "$how: a neighbour has its part"
	domctl destroy first && domctl destroy second && nothing_left
	result "$how: nothing is left"
	rm -f $DIR/log
done
finish
