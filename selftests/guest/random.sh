#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# random.sh MODE COUNT [SEED]: COUNT random programs as guest user or guest kernel.
# IMAGE=fuzzcalls random.sh MODE COUNT [SEED]: COUNT steps of that guest, with a disk.
#
# A domain that a program has ended, or does not end by itself, makes room for another
# with the next seed, until COUNT programs have run. To run one again:
#   domctl create x --kernel /tests/guest/random --append "mode=MODE seed=SEED" --wait
mode=$1 count=$2 seed=${3:-1} image=${IMAGE:-random} disk='' limit=30
# A kernel that has run many of them may be so wrecked that the rest is all the same;
# of user programs, as many as a slow host runs in a third of the time that there is.
batch=20000
[ "$mode" = kernel ] && batch=64
if [ $image != random ]; then
	batch=2000 limit=10 disk="--disk /tmp/random.disk"
	truncate -s 1M /tmp/random.disk
fi
log=/tmp/random.$$
done=0 domains=0 poweroffs=0 timeouts=0

while [ $done -lt "$count" ]; do
	[ $((count - done)) -ge "$batch" ] || batch=$((count - done))
	# shellcheck disable=SC2086  # two words, or none
	domctl create random-$$ --kernel /tests/guest/$image --memory 16M --log $log $disk \
		--append "mode=$mode seed=$seed n=$batch" --wait --timeout $((limit * ${SLOW:-1})) 2> $log.end
	status=$?
	case $status in
	0)	poweroffs=$((poweroffs + 1)) ;;
	1|2|3)	cat $log.end; exit 1 ;;	# no domain at all
	13)	timeouts=$((timeouts + 1)) ;;
	esac
	if grep -q 'in the switcher' $log.end || [ "$mode" = user ] && [ $status -ne 0 ]; then
		echo "seed $seed: $(cat $log.end)"
		grep -a '^at' $log | tail -n 1
		exit 1
	fi
	at=$(grep -a '^at [0-9]*' $log | tail -n 1 | tr -cd 0-9)
	done=$((done + ${at:-0}))
	# the one that ended the domain was one, too
	[ $status -eq 0 ] || done=$((done + 1))
	domains=$((domains + 1))
	seed=$((seed + 1))
	[ "$mode" = kernel ] || grep -a '^#' $log
done
[ $image = random ] || rm -f /tmp/random.disk
echo "# $done $image in $mode mode, $domains domains, $timeouts of them timed out, seeds up to $seed"
rm -f $log $log.end
