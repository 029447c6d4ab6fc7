#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# debian.sh [SECONDS [MIB [ROUNDS]]]: a Debian 12 with systemd on a disk in a domain, as KTAP: see
# selftests/rig/debian-root, whose file system is /dev/vda here. It runs fio for that
# time, and so many rounds (1; both file systems on both need 2), with jobs of MiB (4), on a block device, /dev/vdb, by split rings, and on a
# file, on ext4 on /dev/vdc, by packed ones.
# shellcheck disable=SC2086,SC2181,SC2317
set -u
# what is waited for may be the end of fio: a minute for each MiB and round, and some
SLOW=$((${SLOW:-1} * 4 + ${1:-1} / 30 + ${2:-4} * ${3:-1}))
export SLOW
. /tests/host/common.sh
. /tests/host/deblib.sh

begin
[ -e /boot/bzImage ] && [ -e /dev/vdc ] || { echo "1..0 # SKIP needs kernel and disks"; exit 4; }
mount /dev/vda /mnt && cp /tests/linux/fio.sh /mnt/root/ && umount /mnt &&
	mkfs.ext4 -q -F /dev/vdc && mount -t ext4 /dev/vdc /mnt && truncate -s 500M /mnt/disk
result "its disks are made"
domctl create debian --kernel /boot/bzImage --memory 512M --log $DIR/log \
	--disk /dev/vda --disk /dev/vdb,ring=split --disk /mnt/disk \
	--append "root=/dev/vda rw console=hvc0" > /dev/null
result "it is created"
session '?login: ' '=root\r' '?:~# ' \
	'=echo "state"": $(systemctl is-system-running --wait)"\r' '?state: ' '?:~# ' \
	'=echo "failed"": $(systemctl --failed --plain --no-legend | tr "\\n" " ")."\r' '?failed: ' '?:~# ' \
	'=echo "root"": $(findmnt -no SOURCE,FSTYPE / | tr -s " ")"\r' '?root: ' '?:~# ' \
	'=\035' end -- domctl console debian
result "systemd boots to a login on the console, and root logs in"
[ "$(answer state)" = running ] && [ "$(answer failed)" = . ]
result "all units are started: $(answer state), failed: $(answer failed)"
[ "$(answer root)" = "/dev/vda ext4" ]
result "its root is the disk: $(answer root)"
session '=\r' '?:~# ' "=bash fio.sh ${1:-1} ${2:-4} ${3:-1} /dev/vdb /dev/vdc\\r" '?fio: ' '?:~# ' '=\035' end -- \
	domctl console debian
result "fio"
fio=$(answer fio)
case $fio in
*", 0 failed") ;;
*) note "$(tr -d '\r' < $DIR/out | tail -n 60)"; false ;;
esac
result "fio: $fio"
session '=\r' '?:~# ' '=poweroff\r' '?debian: guest powered off' end -- domctl console debian
result "and it powers off"
grep -E 'WARNING: CPU|BUG: |Call Trace' $DIR/log
[ $? -ne 0 ]
result "without a complaint of its kernel"
domctl destroy debian && umount /mnt && nothing_left
result "nothing is left"
finish
