#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# diskcost.sh SMALL LARGE: what a read of 4 KiB, and of 128 KiB, may cost a Linux domain, as
# KTAP; beside it the full exits, doorbells and interrupts of one. For --icount, where a
# nanosecond is an instruction.
# shellcheck disable=SC2086,SC2154,SC2181
set -u
. /tests/host/common.sh
. /tests/host/netlib.sh

TIMES=400

# cost read|write BYTES LIMIT
cost() {
	before=$(counts one disk)
	works one "diskio $1 /dev/vda $2 $TIMES" 200 || return
	took=$(tr -d '\r' < $DIR/one.log | sed -n "s/^diskio: $1 $2 median \([0-9]*\) ns.*/\1/p")
	note "$1 $2: $took instructions; for each $(for_each $TIMES "$before" "$(counts one disk)")"
	[ "$took" -le $3 ]
}

begin
guest_start one --disk /dev/ram0
needed "a domain"
cost read 4096 $1
result "4 KiB read: at most $1"
cost write 4096 $1
result "4 KiB written: at most $1"
cost read 131072 $2
result "128 KiB read: at most $2"
domctl destroy one && nothing_left
result "nothing is left"
finish
