#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# end.sh: how a Linux domain can end, and what the host is told, as KTAP.
# Runs on the host.
number=0 failed=0

# ends NAME STATUS REASON COMMAND [WORDS]: REASON is a regex of the line on stderr
ends() {
	domctl create end --kernel /boot/bzImage --initrd /boot/initrd.cpio --memory 128M \
		--append "console=hvc0 loglevel=4 $5 run=\"$4\"" --wait --timeout $((100 * ${SLOW:-1})) \
		--max-reboots 1 --log /tmp/end.log > /tmp/end.out 2>&1
	status=$?
	number=$((number + 1))
	tail -n 1 /tmp/end.out | sed 's/^/# /'
	if [ $status -eq "$2" ] && tail -n 1 /tmp/end.out | grep -q "$3"; then
		echo "ok $number $1"
	else
		tr -d '\r' < /tmp/end.log | tail -n 20 | sed 's/^/# /'
		echo "not ok $number $1 (status $status, expected $2)"
		failed=1
	fi
}

boots() {
	grep -c 'domus guest ready' /tmp/end.log
}

echo "TAP version 13"
echo "1..5"
ends poweroff 0 'powered off' 'poweroff -f'
ends 'reboot, and then a loop' 10 'reboot' 'reboot -f'
[ "$(boots)" -eq 2 ]
number=$((number + 1))
if [ "$(boots)" -eq 2 ]; then
	echo "ok $number it booted twice"
else
	echo "not ok $number it booted $(boots) times, not 2"
	failed=1
fi
ends panic 11 'sysrq triggered crash' 'echo c > /proc/sysrq-trigger'
ends 'no process 1' 11 'Unable to mount root fs' '' rdinit=/nothing
exit $failed
