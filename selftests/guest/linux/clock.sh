#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# clock.sh: a domain's clocks by themselves and against the host's, on the host.
source=$(cat /sys/devices/system/clocksource/clocksource0/current_clocksource)
echo "# the host's clocksource is $source"
/tests/rig/linux "clock $source" || exit 1

mkfifo /tmp/clock-to /tmp/clock-from
domctl create clock --kernel /boot/bzImage --initrd /boot/initrd.cpio --memory 256M \
	--append 'console=hvc0 quiet run="clock answer"' --console \
	< /tmp/clock-to > /tmp/clock-from 2> /tmp/clock-end &
/tests/linux/clock ask /tmp/clock-to /tmp/clock-from
status=$?
wait $!
rm /tmp/clock-to /tmp/clock-from
exit $status
