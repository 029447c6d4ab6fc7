#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# inject.sh EVERY: allocations and copies fail, one at a time, as KTAP. On a kernel that does
# so on demand: selftests/rig/debug.config.
#
#   1. the kernel is told to fail all kinds, and to be silent
#   2. steps of a domain's life: every one of them (inject.c)
#   3. guests that run: one of EVERY
#   4. domctl create as a whole: domctl, the holder, its threads (fails.so); one of EVERY
# shellcheck disable=SC2015,SC2086,SC2181,SC2317
set -u
. /tests/host/common.sh
every=${1:-1}

# ---- 1. The kernel -----------------------------------------------------------------

[ -e /proc/self/fail-nth ] || {
	echo "this kernel fails nothing on demand: run it with --kernel debug"
	exit 4
}
for kind in failslab fail_page_alloc fail_usercopy; do
	dir=/sys/kernel/debug/$kind
	[ -d $dir ] || {
		echo "this kernel has no $kind: selftests/rig/build-debug-kernel"
		exit 1
	}
	echo 0 > $dir/verbose
	for file in ignore-gfp-wait ignore-gfp-highmem; do
		[ ! -e $dir/$file ] || echo N > $dir/$file
	done
	[ ! -e $dir/min-order ] || echo 0 > $dir/min-order
done

# ---- 2., 3. --------------------------------------------------------------------------

# part ARGUMENT...: inject's results are ours
part() {
	/tests/host/inject "$@" > $DIR/out 2>&1
	status=$?
	sed -n 's/^ok [0-9]* - /# /p; s/^not ok/# not ok/p; /^#/p' $DIR/out
	[ $status -eq 0 ] && ! grep -q '^Bail out' $DIR/out && nothing_left
	result "inject $*: $(grep -c '^ok' $DIR/out) points"
}

# ---- 4. domctl create -----------------------------------------------------------------

# A line that says what was wrong with which, or how the domain ended; or none.
said_well() {
	[ "$(wc -l < $DIR/err)" -le 1 ] || return
	[ ! -s $DIR/err ] || grep -q -e '^Error: [^:]*: .' -e '^inject: ' $DIR/err
}

# create WHO NAME
create() {
	at=$((1 + $(date +%s) % every)) points=0 bad=0 refused=0 ended=0
	while :; do
		rm -f $DIR/said
		FAIL_WHO=$1 FAIL_NTH=$at FAIL_SAID=$DIR/said LD_PRELOAD=/tests/guest/fails.so \
			domctl create inject --kernel /tests/guest/hello --memory 16M \
			--disk $DIR/image --wait --timeout $((60 * ${SLOW:-1})) \
			> $DIR/out 2> $DIR/err
		status=$?
		[ "$(cat $DIR/said 2> /dev/null || echo 0)" = 0 ] || break
		points=$((points + 1))
		case $status in
		0) ;;
		1|2|3) refused=$((refused + 1)) ;;
		11|12|15) ended=$((ended + 1)) ;;
		*) false ;;
		esac && said_well && { [ $status -eq 0 ] || [ -s $DIR/err ]; } && nothing_left || {
			bad=$((bad + 1))
			note "failure $at: status $status: $(cat $DIR/err)"
		}
		at=$((at + every))
	done
	[ $points -gt 0 ] && [ $bad -eq 0 ] && [ $status -eq 0 ]
	result "$2: $points failures: $refused refused, $ended ended, $bad not good"
}

begin
part steps
part run $every /tests/guest/hello 1
part run $every /tests/guest/user 1
part run $((10 * every)) /tests/guest/athand 4 ms=20
truncate -s 4M $DIR/image
create 0 "domctl"
create 1 "the holder"
create 2 "the thread of its vCPU"
finish
