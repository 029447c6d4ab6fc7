#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# idlers.sh [DOMAINS [SECONDS]]: Linux domains that have nothing to do, as KTAP: they take
# less than a thousandth of a CPU each, of what is missing to a process that has the rest of
# it (spare.c). By the clock of an emulator that counts instructions, on one CPU.
# shellcheck disable=SC2086,SC2181
set -u
domains=${1:-4}
seconds=${2:-1}
. /tests/host/common.sh

spare() {
	/tests/host/spare $seconds
}

# is_ready N: or it has ended
is_ready() {
	grep -q "^idle" $DIR/$1.log || is_gone idle$1
}

# Parts of 100,000: a thousandth of a CPU is 100.
begin
alone=$(spare)
[ "$alone" -gt 0 ]
needed "a host by itself"
good=0
# One after the other, or each boot takes as long as all of them.
for n in $(seq $domains); do
	domctl create idle$n --kernel /boot/bzImage --initrd /boot/initrd.cpio --memory 128M \
		--append 'console=hvc0 loglevel=5 run="echo idle; sleep 1000000"' \
		--log $DIR/$n.log > $DIR/out || break
	within 120 is_ready $n && ! is_gone idle$n || break
	progress "domain $n"
	good=$n
done
[ $good -eq $domains ] || note "$(tail -n 20 $DIR/$((good + 1)).log)"
[ $good -eq $domains ]
needed "$domains domains"
# what a boot leaves to be done: RCU, writeback, work queues
sleep 5
beside=$(spare)
taken=$(((alone - beside) * 100000 / alone))
note "$taken of 100,000 parts of the CPU are missing"
[ $taken -lt $((domains * 100)) ]
result "idle, they take less than $domains thousandths of a CPU"
for n in $(seq $domains); do
	domctl destroy idle$n || break
done
nothing_left
result "nothing is left"
finish
