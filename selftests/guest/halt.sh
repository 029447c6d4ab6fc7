#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# halt.sh [cost]: how vCPUs wait (halt.c), by the counters of the module, as KTAP. For --icount,
# where waits are as long as they are asked to be. With "cost", on two CPUs: what it
# costs to interrupt a vCPU that waits, asleep and polling.
# shellcheck disable=SC2154  # domain.sh sets them
number=0 failed=0
. "${0%/*}/domain.sh"
LOG=/tmp/halt.log
PARAM=/sys/module/domus/parameters/halt_poll_ns
DEFAULT=$(cat $PARAM)

result() {
	verdict=$?
	number=$((number + 1))
	if [ $verdict -eq 0 ]; then
		echo "ok $number - $1"
	else
		echo "# rerun: selftests/rig/run-tests --only guest-halt"
		echo "not ok $number - $1"
		failed=1
	fi
}

# of KEY: the counter of the vCPUs of the domain that waits
of() {
	awk -v name="$name" -v key="$1" '
		/^domain / { mine = $3 == name }
		mine { for (i = 1; i < NF; i++) if ($i == key) sum += $(i + 1) }
		END { printf "%d\n", sum }' /sys/kernel/debug/domus/domains
}

# waits HOW N: a domain waits so, and its counters are read
waits() {
	domain_start "halt-$1" halt finished --append "how=$1 n=$2" || cat /tmp/domain.end
	attempted=$(of halt_attempted_poll) successful=$(of halt_successful_poll)
	polled=$(($(of halt_poll_success_ns) + $(of halt_poll_fail_ns)))
	spent=$(of halt_poll_spent) runtime=$(of runtime_ns) exits=$(of block)
	domctl destroy "$name" && domain_gone "$name"
	wait "$job"
	echo "# $1: $exits waits, polls $attempted, successful $successful, refused $spent," \
	     "ns $polled of $runtime"
}

# is_half: whatever the guest did, it polled for half of its time at most; what the last
# poll was allowed is paid for later
is_half() {
	[ $((2 * polled)) -le $((runtime + 4 * DEFAULT)) ]
}

# refused VALUE: by the parameter, which stays as it is
refused() {
	! echo "$1" 2> /dev/null > $PARAM && [ "$(cat $PARAM)" = "$DEFAULT" ]
}

echo "KTAP version 1"
# answers N: so often has the guest said what an interrupt and its answer cost
answers() {
	[ "$(grep -c '^there and back' $LOG)" -ge "$1" ]
}

# costs NS: the same, with that for halt_poll_ns, each vCPU on a CPU of its own
costs() {
	name=halt-ipi
	echo "$1" > $PARAM
	domctl create $name --kernel /tests/guest/halt --memory 16M --vcpus 2 --append how=ipi \
		--log $LOG > /dev/null && domctl vcpu pin $name 0 0 && domctl vcpu pin $name 1 1
	until answers 1; do sleep 0.1; done
	said=$(grep -c '^there and back' $LOG)
	# the one that goes on may have begun before they were pinned
	until answers $((said + 3)); do sleep 0.1; done
	cost=$(sed -n 's/^there and back: \([0-9]*\).*/\1/p' $LOG | tail -n 1)
	attempted=$(of halt_attempted_poll) successful=$(of halt_successful_poll)
	spent=$(of halt_poll_spent)
	domctl destroy $name
	echo "# halt_poll_ns $1: $cost instructions there and back; polls $attempted," \
		"successful $successful, refused $spent"
}

if [ "$1" = cost ]; then
	costs 0
	asleep=$cost
	costs "$DEFAULT"
	[ "$successful" -ge 100 ] && [ "$cost" -lt "$asleep" ]
	result "who polls is woken with less: $cost instead of $asleep"
	echo "1..$number"
	exit $failed
fi

waits long 50
[ "$exits" -ge 50 ] && [ "$attempted" = 0 ]
result "nobody polls for long waits"

waits caught 2000
[ "$successful" -ge 100 ]
result "short waits are polled for"
[ "$spent" -ge 100 ] && is_half
result "but for half of the CPU time at most, though each poll is successful"

waits missed 2000
[ $((attempted - successful)) -ge 100 ]
result "waits that end a little later are polled for in vain"
is_half
result "but for half of the CPU time at most"

# A child without a name of its own in this shell: busybox's wait is for the domain.
(while :; do :; done) &
other=$!
waits caught 500
kill $other
[ "$exits" -ge 500 ] && [ "$attempted" = 0 ]
result "nobody polls while another wants the CPU"

bad=0
for value in 1000001 4294967296 18446744073709551616 -1 x ""; do
	refused "$value" || { echo "# '$value' is taken"; bad=1; }
done
[ $bad -eq 0 ]
result "halt_poll_ns is 0 to 1000000"
echo 0 > $PARAM
waits caught 200
[ "$exits" -ge 200 ] && [ "$attempted" = 0 ]
result "nobody polls where it is 0"
echo 1000 > $PARAM
waits caught 200
[ "$attempted" = 0 ]
result "nor for waits that are longer than it"
echo 1000000 > $PARAM && [ "$(cat $PARAM)" = 1000000 ]
result "its limit can be set"
echo "$DEFAULT" > $PARAM
echo "1..$number"
exit $failed
