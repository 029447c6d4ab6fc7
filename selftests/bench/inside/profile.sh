#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# profile.sh rows|io|native LOG WORD...: a domain, or a program of this host, that runs batches
# of a row, whose instructions the emulator says to LOG, a file of the machine that it runs on.
. /tests/bench/talk.sh
part=$1 log=$2
shift 2

hear() {
	case $1 in
	ask)
		# a block of code that is translated is one instruction, and is said whenever it runs
		rig hmp singlestep on && rig hmp logfile "$log" && rig hmp log exec,nochain ;;
	told)
		rig hmp log none && rig hmp singlestep off ;;
	esac
}

[ "$part" = native ] || insmod /domus.ko || exit 1
grep ' [tTwW] ' /proc/kallsyms
say symbols
if [ "$part" = native ]; then
	talk $ROWS "$@"
	exit
fi
devices=
if [ "$part" = io ]; then
	$ROWS serve || exit 1
	devices="--disk /dev/ram0 --net host"
fi
# shellcheck disable=SC2086
talk domctl create bench --kernel /boot/bzImage --initrd /guest.cpio --memory 256M \
	--append "console=hvc0 quiet -- $*" $devices --console
