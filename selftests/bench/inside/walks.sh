#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# walks.sh WORD...: a domain that runs batches of rows, without PCIDs for views and with.
. /tests/bench/talk.sh

hear() {
	[ "$1" = told ] || echo "walks: row $2"
}

for pcid in 0 1; do
	insmod /domus.ko pcid=$pcid || exit 1
	echo "walks: pcid $pcid"
	talk domctl create bench --kernel /boot/bzImage --initrd /guest.cpio --memory 128M \
		--append "console=hvc0 quiet -- $*" --console || exit 1
	until rmmod domus 2> /dev/null; do sleep 0.1; done
done
