#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# vsock.sh [MEGABYTES]: sockets of AF_VSOCK between a Linux domain and the host, as KTAP.
#
#   1. refusals
#   2. bytes, both ways and both who calls
#   3. reboots and ends
# shellcheck disable=SC2086,SC2181,SC2317
set -u
. /tests/host/common.sh
STREAM=/tests/linux/stream
PTY=/tests/host/pty
PUPPET="--kernel /tests/guest/puppet --memory 8M --append idle"
bytes=$((${1:-1} * 1024 * 1024))

# shellcheck disable=SC2034  # for guest() of common.sh
GUEST=v

# reach HOW BYTES SEED: a client of the host's, once the guest listens
reach() {
	within 20 $STREAM $1 vsock:42:99 $2 $3 > $DIR/out 2>&1 && return
	note "$(tail -n 3 $DIR/out)"
	return 1
}

cid_of() {
	domctl show $1 | sed -n 's/^  CID: //p'
}

# ---- 1. Refusals ----------------------------------------------------------------

fails() {
	status=$1 line=$2
	shift 2
	refuse $status "$line" domctl create new $PUPPET "$@"
}

refusals() {
	fails 1 "Error: vsock: '3x' is not a number" --vsock 3x
	for cid in 0 1 2 4294967295; do
		fails 1 "Error: vsock: $cid is not in 3 to 4294967294" --vsock $cid
	done
	domctl create one $PUPPET --vsock 77 > /dev/null
	result "a CID"
	domctl show one | grep -q '^  CID: 77$'
	result "show"
	expect 2 "Error: vsock: 77: another guest has this CID" domctl create new $PUPPET --vsock 77
	result "twice the same CID"
	domctl create two $PUPPET --vsock auto > /dev/null &&
		domctl create three $PUPPET --vsock auto > /dev/null && cid=$(cid_of two) &&
		[ "$cid" -ge 1024 ] && [ "$cid" != "$(cid_of three)" ]
	result "auto: each has another one"
	domctl destroy two && soon is_gone two &&
		domctl create two $PUPPET --vsock auto > /dev/null && [ "$(cid_of two)" -ge 1024 ] &&
		[ "$(cid_of two)" != "$cid" ]
	result "auto: one that was given up a moment ago is not taken"
	domctl destroy two && domctl destroy three
	kill -9 "$(holder_of one)"
	soon is_gone one && domctl create one $PUPPET --vsock 77 > /dev/null
	result "that of a killed holder's domain is free"
	domctl destroy one && nothing_left
	result "nothing is left"
}

# ---- 2. Bytes --------------------------------------------------------------------

start() {
	domctl create v --kernel /boot/bzImage --initrd /boot/initrd.cpio --memory 192M \
		--vsock 42 --log $DIR/log --append "console=hvc0 loglevel=5 norandmaps" > /dev/null
	within 60 grep -q 'domus guest ready' $DIR/log
	result "a domain with CID 42"
}

moves() {
	! $STREAM touch vsock:42:99 2> $DIR/err && grep -q 'Connection reset' $DIR/err
	result "a port at which nobody listens"
	behind 'stream answer listen:99'
	reach echo $bytes 3
	result "a program of the host calls one of the guest"
	behind "stream send listen:99 $bytes 4"
	reach receive $bytes 4
	result "from the guest"
	behind "stream receive listen:99 $bytes 5"
	reach send $bytes 5
	result "to the guest"
	behind "stream send listen:99 3000000 6"
	reach slowly 200000 6
	result "a slow reader gets what it wants"
	$STREAM answer listen:98 > /dev/null &
	guest "stream echo vsock:2:98 $bytes 7" && wait $!
	result "a program of the guest calls one of the host"
}

# ---- 3. Ends ----------------------------------------------------------------------

ends() {
	behind 'stream answer listen:99'
	reach echo 1000 1
	behind 'stream answer listen:99'
	sleep 1
	$STREAM receive vsock:42:99 1000 1 > $DIR/in 2>&1 &
	client=$!
	$PTY raw '?# ' '=reboot -f\r' '?domus guest ready' '?# ' '=\035' end -- \
		domctl console v > /dev/null
	result "reboot with a connection"
	soon [ ! -d /proc/$client ]
	result "its other end sees it go"
	behind 'stream answer listen:99'
	reach echo $bytes 8
	result "after it all is as before"
	domctl destroy v && nothing_left
	result "nothing is left"
}

begin
[ -e /dev/vhost-vsock ] || { echo "1..0 # SKIP needs vhost_vsock"; exit 4; }
refusals
[ -e /boot/bzImage ] || { finish; }
start
moves
ends
finish
