#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# smpcosts.sh [LIMIT=N]...: what vCPUs cost each other that have a CPU each (smpcosts.c).
# For --icount, where a tick is an instruction of any CPU.
to=/tmp/smpcosts.to
from=/tmp/smpcosts.from
rm -f $to $from
mkfifo $to $from || exit 1
exec 3<> $to 4<> $from
domctl create costs --kernel /tests/guest/smpcosts --memory 16M --vcpus 5 --append "$*" \
	--console < $to > $from 2>&1 3>&- 4>&- &
job=$!
# its vCPUs have threads when it speaks
while read -r line <&4 && echo "$line" | tr -d '\r'; do
	case $line in
	1..*)	break ;;
	*rror*)	exit 1 ;;
	esac
done
for vcpu in 0 1 2 3 4; do
	domctl vcpu pin costs $vcpu $vcpu > /dev/null || exit 1
done
echo go >&3
wait $job
status=$?
exec 5< $from 4>&-
tr -d '\r' <&5
exit $status
