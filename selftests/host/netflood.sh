#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# netflood.sh [SIZE...]: one guest floods the host with datagrams of SIZE bytes, as KTAP. What
# another one's round trips take then, by the clock of an emulator that counts instructions;
# limits hold.
# shellcheck disable=SC2086,SC2181
set -u
[ $# -gt 0 ] || set -- 1400
. /tests/host/common.sh
. /tests/host/netlib.sh

TRIPS=300

# Round trips from the second domain: their median in ns
median() {
	works two "netpeer rtt 10.1.0.100 5000 $TRIPS" 200 &&
		tr -d '\r' < $DIR/two.log | sed -n 's/^netpeer: rtt median \([0-9]*\) ns.*/\1/p' | tail -n 1
}

from_flood() {
	nic flood net0 from-guest-packets
}

bytes_from_flood() {
	nic flood net0 from-guest-bytes
}

# is_flood SIZE FRAMES BYTES: beside each round trip there was a datagram, or of a large one
# a frame, at least
is_flood() {
	note "beside $TRIPS round trips: $2 frames, $3 bytes"
	[ $2 -ge $TRIPS ] && [ $3 -ge $((TRIPS * ($1 < 1400 ? $1 : 1400))) ]
}

# flood SIZE: of datagrams, until it is called with 0
flood() {
	works flood "killall netpeer; [ $1 = 0 ] || netpeer flood 10.1.0.100 9 100000 $1 > /dev/null &"
}

hundredths() {
	tr -d . < /proc/uptime | cut -d ' ' -f 1
}

# As exact as the time that a look takes: nothing else goes by that interface.
limited() {
	domctl net set flood net0 --ops 100 --burst 0 || return
	begun=$(hundredths) first=$(from_flood) seen=$(hundredths)
	sleep 3
	looks=$(hundredths) last=$(from_flood) ended=$(hundredths)
	note "$((last - first)) frames in $((looks - seen)) to $((ended - begun)) hundredths"
	[ $((last - first)) -le $((ended - begun + 1)) ] &&
		[ $((last - first)) -ge $(((looks - seen) * 9 / 10)) ]
}

begin
$IP link add br0 type bridge && $IP addr add 10.1.0.100/24 dev br0 && $IP link set br0 up
$PEER serve 5000 > /dev/null &
server=$!
guest_start flood --net bridge=br0 && guest_start two --net bridge=br0 &&
	works flood "ifconfig eth0 10.1.0.1 netmask 255.255.255.0 up" &&
	works two "ifconfig eth0 10.1.0.2 netmask 255.255.255.0 up"
needed "two domains"
idle=$(median)
result "round trips"
for size; do
	flood $size
	frames=$(from_flood) bytes=$(bytes_from_flood)
	flooded=$(median)
	is_flood $size $(($(from_flood) - frames)) $(($(bytes_from_flood) - bytes))
	result "and with a flood by the other, of $size bytes each"
	note "median: $idle ns alone, $flooded ns beside a flood"
	[ "$flooded" -le $((idle * 2)) ]
	result "at most twice as long"
done
limited
result "a limit of 100 frames a second is kept, and used"
flood 0
guests_well
result "the guests' kernels are well"
domctl destroy flood && domctl destroy two && net_left
result "nothing is left"
kill $server
wait $server 2> /dev/null
$IP link del br0
finish
