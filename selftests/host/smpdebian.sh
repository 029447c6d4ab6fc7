#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# smpdebian.sh [SECONDS [VCPUS]]: a Debian 12 on several vCPUs works with all of them, as
# KTAP; see selftests/guest/linux/smpload.sh for what it runs, and for how long.
# Meanwhile the host does to vCPUs' threads what it does to others': it puts them on
# other CPUs all the time.
# shellcheck disable=SC2016,SC2086,SC2181,SC2317
set -u
SLOW=$((${SLOW:-1} * 4 + ${1:-10} / 20))
export SLOW
vcpus=${2:-4}
. /tests/host/common.sh
. /tests/host/deblib.sh

begin
[ -e /boot/bzImage ] && [ -e /dev/vda ] || { echo "1..0 # SKIP needs kernel and disk"; exit 4; }
mount /dev/vda /mnt && cp /tests/linux/smpload.sh /mnt/root/ && umount /mnt
result "its disk is made"
domctl create debian --kernel /boot/bzImage --memory 512M --vcpus $vcpus --log $DIR/log \
	--disk /dev/vda --append "root=/dev/vda rw console=hvc0" > /dev/null
result "it is created, with $vcpus vCPUs"
session '?login: ' '=root\r' '?:~# ' \
	'=echo "state"": $(systemctl is-system-running --wait), $(nproc) CPUs"\r' '?state: ' '?:~# ' \
	'=\035' end -- domctl console debian
result "systemd boots to a login on the console, and root logs in"
[ "$(answer state)" = "running, $vcpus CPUs" ]
result "all units are started: $(answer state)"
/tests/host/bounce "$(holder_of debian)" > $DIR/bounced &
bouncer=$!
session '=\r' '?:~# ' "=bash smpload.sh ${1:-10}\\r" '?load: ' '?:~# ' '=\035' end -- \
	domctl console debian
result "load"
load=$(answer load)
case $load in
*" 0 failed") ;;
*) note "$(tr -d '\r' < $DIR/out | tail -n 60)"; false ;;
esac
result "load: $load"
kill $bouncer && wait $bouncer
result "meanwhile its threads were moved: $(cat $DIR/bounced)"
tr -d '\r' < $DIR/out | grep '^stress-ng' | while read -r line; do note "$line"; done
session '=\r' '?:~# ' '=poweroff\r' '?debian: guest powered off' end -- domctl console debian
result "and it powers off"
! grep -E 'WARNING: CPU|BUG: |Call Trace|stall|lockup' $DIR/log
result "without a complaint of its kernel"
domctl destroy debian && nothing_left
result "nothing is left"
finish
