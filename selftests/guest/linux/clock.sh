#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# clock.sh [SECONDS [RIVALS [VCPUS]]]: a domain's clocks by themselves, also those of four vCPUs
# whose threads change the host's CPUs all the time, and against the host's, on the host. With
# SECONDS: its rate for so long, beside RIVALS domains that spin, and over what stops a domain, a
# host, or its clock; each of VCPUS vCPUs answers.
source=$(cat /sys/devices/system/clocksource/clocksource0/current_clocksource)
DIR=/tmp/clock
rivals=${2:-4} vcpus=${3:-1}
failed=0
mkdir -p $DIR

# asked WORDS...: of "clock ask"
asked() {
	mkfifo $DIR/to $DIR/from
	domctl create clock --kernel /boot/bzImage --initrd /boot/initrd.cpio --memory 256M \
		--vcpus "$vcpus" --append 'console=hvc0 quiet run="clock answer"' --console \
		< $DIR/to > $DIR/from 2> $DIR/end &
	/tests/linux/clock ask $DIR/to $DIR/from "$@"
	status=$?
	wait $!
	rm $DIR/to $DIR/from
	return $status
}

there() {
	holder=$(domctl -j list | /tests/host/json 0.pid 2> /dev/null) && [ "$holder" ]
}

moved() {
	/tests/rig/linux --vcpus 4 "clock $source" &
	job=$!
	tries=100
	until there || [ $((tries -= 1)) -eq 0 ]; do
		sleep 0.1
	done
	/tests/host/bounce "$holder" > $DIR/bounced &
	bouncer=$!
	wait $job
	status=$?
	kill $bouncer && wait $bouncer && [ $status -eq 0 ] &&
		echo "# four vCPUs, with $(cat $DIR/bounced) of their threads"
}

# asks NAME WORDS...: a point of KTAP
number=0
asks() {
	name=$1
	shift
	number=$((number + 1))
	asked "$@" > $DIR/said && verdict=ok || verdict="not ok" failed=1
	sed -n 's/^# / # /p' $DIR/said
	echo "$verdict $number - $name"
}

if [ $# -eq 0 ]; then
	echo "# the host's clocksource is $source"
	/tests/rig/linux "clock $source" && moved && asked
	exit
fi

# What follows stops the domain, or the host, for a while: the time goes on.
cat > $DIR/stop <<'STOP'
holder=$(domctl -j show clock | /tests/host/json pid)
kill -STOP $holder && sleep 3 && kill -CONT $holder
STOP
# All but the last step, in which a machine would be switched off: its clocksource stops and
# goes on. 5 seconds.
cat > $DIR/suspend <<'SUSPEND'
echo core > /sys/power/pm_test && echo mem > /sys/power/state
SUSPEND
cat > $DIR/step <<'STEP'
date -s @$(($(date +%s) + 1000)) && sleep 1 && date -s @$(($(date +%s) - 2000))
STEP
echo "KTAP version 1"
asks "stopped for a while" 4 "sh $DIR/stop"
asks "the host suspended for a while" 4 "sh $DIR/suspend"
asks "the host's clock set, forward and back" 4 "sh $DIR/step > /dev/null" stepped
cat > $DIR/rivals <<RIVALS
for rival in \$(seq $rivals); do
	domctl create rival\$rival --kernel /tests/guest/puppet --memory 8M --append spin
done
RIVALS
asks "$1 s of $vcpus vCPUs beside $rivals that spin" "$1" "sh $DIR/rivals > /dev/null"
for rival in $(seq "$rivals"); do
	domctl destroy "rival$rival"
done
echo "1..$number"
rm -r $DIR
exit $failed
