#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# nmi.sh [MS]: NMIs while a guest does nothing but change worlds (nmi.c).
#
# The vCPU is kept on CPU 0, which alone gets NMIs of the machine. They come at any time
# ("rig nmi"), and with the CPU stopped in the cell ("rig at cell"); each must have been
# counted by the host before the next one is made, so that none is lost.
ms=$((${1:-5000} * ${SLOW:-1}))
stats=/tmp/nmi.stats
rm -f $stats /tmp/nmi.places
# shellcheck disable=SC2016  # for the shell that runs it
/tests/guest/beside.sh --meanwhile '
	for task in /proc/$pid/task/*; do taskset -p 1 ${task##*/} > /dev/null 2>&1; done
	said=$(rig nmi 2>&1; rig at cell 0 nmi 2>&1)
	echo "$said" | sed -n "s/.*at .*\(....\)$/\1/p" >> /tmp/nmi.places
	case $said in *"has seen"*) touch /tmp/nmi.lost ;; esac
	grep -A 4 " $name " /sys/kernel/debug/domus/domains |
		sed -n "s/.*aborts [0-9]* nmi /nmi /p" > /tmp/nmi.new
	[ -s /tmp/nmi.new ] && mv /tmp/nmi.new /tmp/nmi.stats' nmi --append "ms=$ms"
status=$?
# nmi IN-RING-0 IN-RING-3 mc ...
read -r _ ring0 ring3 rest < $stats
echo "# NMIs in the switch: $ring0, in the guest: $ring3"
echo "# at $(sort -u /tmp/nmi.places | wc -l) places: $(sort -u /tmp/nmi.places | tr '\n' ' ')"
[ ! -e /tmp/nmi.lost ] || { echo "an NMI was lost"; exit 1; }
[ "${ring0:-0}" -ge 3 ] || { echo "too few: $ring0 $ring3 $rest"; exit 1; }
exit $status
