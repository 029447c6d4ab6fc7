#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# dm.sh: for scripts with disks of the device mapper. Sourced. dmsetup is beside this file,
# the module dm-mod is loaded; there is no udev to wait for.
#
# dm WORDS...
#	dmsetup
# table NAME LINE
#	the device has that table from here on, created when needed
# fill PATH
#	a file takes all the room that its file system has, delayed blocks included

dm() {
	/tests/guest/dmsetup --noudevsync --noudevrules "$@"
}

table() {
	if dm info "$1" 2> /dev/null | grep -q "^Name"; then
		dm suspend --noflush --nolockfs "$1" && dm load "$1" --table "$2" && dm resume "$1"
	else
		dm create "$1" --table "$2"
	fi
}

fill() {
	size=none
	until [ "$(stat -c %s "$1" 2> /dev/null)" = "$size" ]; do
		size=$(stat -c %s "$1" 2> /dev/null)
		dd if=/dev/zero bs=64k 2> /dev/null >> "$1"
		sync
	done
}
