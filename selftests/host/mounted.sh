#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# mounted.sh: disks that a Linux domain has mounted, as KTAP, in the machine of the rig:
# detach is told and timed, goes when the guest is done with the disk, and can be forced;
# a disk comes back; what the guest has written is there.
# shellcheck disable=SC2086,SC2181,SC2317  # result looks at the status
set -u

. /tests/host/common.sh

# The guest has said so, on a line of its own.
says() {
	tr -d '\r' < $DIR/log | grep -q "^$1$"
}

# The guest's script goes on with its next step.
next() {
	echo >&4
}

detach() {
	domctl disk detach m "$@" > $DIR/out 2> $DIR/err
}

# What the guest does between two lines of input. No double quotes in it.
steps='mkdir /m; mount -t ext4 /dev/vda /m && echo STEP mounted;
read x; echo data > /m/file && sync && umount /m && echo STEP unmounted;
read x; until [ -b /dev/vda ]; do sleep 0.1; done; mount -t ext4 /dev/vda /m && cat /m/file && echo STEP again;
read x; sync; umount -l /m; echo STEP alive;
read x; poweroff -f'

[ -e /boot/bzImage ] || exit 4
begin
mkfifo $DIR/keys
mke2fs /dev/ram0 > /dev/null 2>&1 || exit 1
domctl create m --kernel /boot/bzImage --initrd /boot/initrd.cpio --memory 256M \
	--disk /dev/ram0,name=d --log $DIR/log \
	--append "console=hvc0 loglevel=5 norandmaps run=\"$(echo "$steps" | tr '\n' ' ')\"" > /dev/null
domctl console m < $DIR/keys > /dev/null 2>&1 &
exec 4> $DIR/keys
within 60 says "STEP mounted"
result "the guest mounts its disk"
detach d --timeout 2
[ $? -eq 2 ] && [ "$(cat $DIR/err)" = "Error: disk d: the guest still uses it after 2 s: stays \
attached (--force takes it away)" ]
result "detach: told, and timed"
[ "$(domctl -j disk list m | grep -o '"state":"[a-z]*"')" = '"state":"ready"' ]
result "the disk stays"
next
within 60 says "STEP unmounted"
result "the guest writes to it, and unmounts it"
detach d --timeout 30
result "detach: the guest lets go"
[ "$(domctl -j disk list m)" = "[]" ] && mount -t ext4 /dev/ram0 /mnt &&
	[ "$(cat /mnt/file)" = data ] && umount /mnt
result "what it has written is there, and the disk is the host's"
domctl disk attach m /dev/ram0 --name e > /dev/null
result "attach"
next
within 60 says "STEP again"
result "the guest mounts it again, and finds what it wrote"
detach e --force
result "detach --force"
next
within 60 says "STEP alive"
result "the guest lives without it"
mount -t ext4 /dev/ram0 /mnt && umount /mnt
result "the disk is the host's"
next
exec 4>&-
domctl destroy m && nothing_left
result "nothing is left"
[ $failed -eq 0 ] || note "$(tr -d '\r' < $DIR/log | tail -n 40)"
finish
