#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# killed.sh: the holder is killed with -9 while Linux boots, as KTAP: at the first
# line of its console, and at later ones.
# shellcheck disable=SC2086,SC2181,SC2317
set -u
. /tests/host/common.sh

says() {
	[ -e $DIR/log ] && [ "$(wc -l < $DIR/log)" -ge "$1" ]
}

begin
[ -e /boot/bzImage ] || { echo "1..0 # SKIP needs the guest's kernel"; exit 4; }
for lines in 0 1 10 40 80 120; do
	rm -f $DIR/log
	domctl create boot --kernel /boot/bzImage --initrd /boot/initrd.cpio --memory 128M \
		--append "console=hvc0 loglevel=8" --log $DIR/log --wait \
		> $DIR/out 2> $DIR/err &
	creator=$!
	if [ $lines -eq 0 ]; then soon holders > /dev/null; else within 60 says $lines; fi
	there=$?
	killall -9 domus:boot
	wait $creator
	status=$?
	[ $there -eq 0 ] && [ $status -eq 15 ] && [ "$(wc -l < $DIR/err)" -eq 1 ] &&
		grep -q '^Error: holder: was killed by signal 9' $DIR/err && nothing_left || {
		note "status $status: $(cat $DIR/err)"
		false
	}
	result "killed after $lines lines"
done
finish
