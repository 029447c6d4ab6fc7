#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# domus.sh rows|io INITRD WORD...: a domain that measures, and what it costs the host; on a host
# with the module. PTI in the environment: that host is to have it.
. /tests/bench/talk.sh
part=$1 initrd=$2
shift 2

if [ -n "$PTI" ] && ! grep -q PTI /sys/devices/system/cpu/vulnerabilities/meltdown; then
	echo "bench: error the host has no PTI"
	exit 1
fi

# "PASSES EXITS" of the domain
counters() {
	awk '$1 == "vcpu" { for (i = 2; i < NF; i++) { if ($i == "passes") p += $(i + 1)
			if ($i == "exits") e += $(i + 1) } } END { print p, e }' \
		/sys/kernel/debug/domus/domains
}

hear() {
	case $1-$2 in
	ask-memory)
		pid=$(domctl -j show bench | tr ',{' '\n\n' | sed -n 's/.*"pid": *//p')
		echo "bench: memory $((before - $(free_memory))) $(resident "$pid")" ;;
	ask-*) asked=$(counters) ;;
	told-*) echo "bench: count $2 $3 $asked $(counters)" ;;
	esac
}

insmod /domus.ko || exit 1
# what the first domain of all leaves behind is not one domain's
domctl create first --kernel /boot/bzImage --initrd "$initrd" --memory 256M \
	--append "console=hvc0 quiet -- row=none" --wait > /dev/null || exit 1
until [ "$(cat /sys/module/domus/refcnt)" = 0 ]; do :; done
devices=
if [ "$part" = io ]; then
	$ROWS serve || exit 1
	devices="--disk /dev/ram0 --net host"
fi
before=$(free_memory)
say created
# shellcheck disable=SC2086
talk domctl create bench --kernel /boot/bzImage --initrd "$initrd" --memory 256M \
	--append "console=hvc0 quiet -- $*" $devices --console
