#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# netcost.sh RTT BULK: what a TCP round trip to the host, and a MiB sent there, may cost,
# as KTAP; beside it the full exits, doorbells and interrupts of one. For --icount, where a
# nanosecond is an instruction.
# shellcheck disable=SC2086,SC2181
set -u
. /tests/host/common.sh
. /tests/host/netlib.sh

# cost COMMAND N LIMIT
cost() {
	before=$(counts one net)
	works one "netpeer $1 10.213.0.1 5000 $2" 200 || return
	took=$(tr -d '\r' < $DIR/one.log | sed -n "s/^netpeer: $1 median \([0-9]*\) ns.*/\1/p")
	note "$1: $took instructions; for each $(for_each $2 "$before" "$(counts one net)")"
	[ "$took" -le $3 ]
}

begin
$PEER serve 5000 > /dev/null &
server=$!
guest_start one --net host
needed "a domain"
cost rtt 500 $1
result "a round trip costs at most $1"
cost bulk 41 $2
result "a MiB costs at most $2"
domctl destroy one && net_left
result "nothing is left"
kill $server
wait $server 2> /dev/null
finish
