#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# vsockrings.sh [WORDS]: runs vsockpeer.c, which lies to the host's sockets, with a program
# of the host's that answers it, and answers what it asks. WORDS are for its command line.
. /tests/guest/asked.sh
pids=/tmp/vsockrings

answer() {
	case $1 in
	why)
		why=$(domctl show vsockpeer | sed -n 's/^  Because: //p')
		echo "$why"
		;;
	other)
		other=$(domctl show other | sed -n 's/^State: //p; s/^  CID: //p' | tr '\n' ' ')
		[ "$other" = "running 78 " ] && other=well
		echo "$other"
		;;
	esac
}

# A program that answers, again and again. Not a child of this shell.
serve() {
	(
		while :; do
			/tests/linux/stream answer listen:98 &
			echo $! > $pids.program
			wait
		done > /dev/null 2>&1 7>&- 8>&- &
		echo $! > $pids.server
	)
}

[ -e /dev/vhost-vsock ] || exit 4
domctl create other --kernel /tests/guest/puppet --memory 8M --append idle --vsock 78 \
	> /dev/null || exit 1
serve
asked_by "why other" vsockpeer --kernel /tests/guest/vsockpeer --memory 16M --rng none \
	--balloon none --vsock 77 --append "$1"
status=$?
kill "$(cat $pids.server)" "$(cat $pids.program)"
domctl destroy other
rm -f $pids.server $pids.program
exit $status
