#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# vsockrings.sh [WORDS]: runs vsockpeer.c, which lies to the host's sockets, with a program
# of the host's that answers it, and answers what it asks. WORDS are for its command line.
out=/tmp/vsockrings.out
in=/tmp/vsockrings.in

[ -e /dev/vhost-vsock ] || exit 4
rm -f $in $out
mkfifo $in $out || exit 1
exec 7<> $in 8<> $out
domctl create other --kernel /tests/guest/puppet --memory 8M --append idle --vsock 78 > /dev/null || exit 1
(while :; do
	/tests/linux/stream answer listen:98 &
	echo $! > /tmp/vsockrings.pid
	wait
done) > /dev/null 2>&1 7>&- 8>&- &
server=$!
{
	domctl create vsockpeer --kernel /tests/guest/vsockpeer --memory 16M --console \
		--rng none --balloon none --vsock 77 --append "$1" \
		< $in > $out 2> /tmp/vsockrings.end 7>&- 8>&-
	status=$?
	echo "the end" >&8
	exit $status
} &
job=$!
while read -r line <&8; do
	case $line in
	"why "*)
		why=$(domctl show vsockpeer | sed -n 's/^  Because: //p')
		echo "$why" >&7
		;;
	"other "*)
		other=$(domctl show other | sed -n 's/^State: //p; s/^  CID: //p' | tr '\n' ' ')
		[ "$other" = "running 78 " ] && other=well
		echo "$other" >&7
		;;
	"the end"*) break ;;
	*) echo "$line" ;;
	esac
done
wait $job
status=$?
cat /tmp/vsockrings.end
kill $server "$(cat /tmp/vsockrings.pid)"
domctl destroy other
rm -f $in $out /tmp/vsockrings.end /tmp/vsockrings.pid
exit $status
