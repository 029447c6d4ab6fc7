#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# ports.sh [MEGABYTES]: ports and the terminal of a Linux domain, as KTAP: bytes both
# ways, clients that come and go, that are slow, that are too many; sizes; refusals.
#
#   1. refusals
#   2. bytes
#   3. clients
#   4. the terminal
#   5. ends
# shellcheck disable=SC2086,SC2181,SC2317
set -u
. /tests/host/common.sh
STREAM=/tests/linux/stream
PTY=/tests/host/pty
PUPPET="--kernel /tests/guest/puppet --memory 8M --append idle"
bytes=$((${1:-1} * 1024 * 1024))

# shellcheck disable=SC2034  # for guest() of common.sh
GUEST=p

# port NAME WHAT WORD: its member in JSON is that
port() {
	domctl -p port list p | awk -v name="\"$1\"," -v key="\"$2\":" -v want="$3" '
		$1 == "\"name\":" { mine = $2 == name }
		$1 == key && mine { sub(/,$/, "", $2); found = $2 == want }
		END { exit !found }'
}

# lost BYTES: of all ports of domain p, at least so many were dropped
lost() {
	[ "$(domctl show p | awk '$1 == "dropped-bytes:" { sum += $2 } END { print sum + 0 }')" -ge $1 ]
}

# of_cut COUNTER: of port "cut", which is a device of its own
of_cut() {
	domctl -p show p | awk -v key="\"$1\":" '$1 == "\"name\":" && $2 == "\"cut\"," { mine = 1 }
		mine && $1 == key { print $2 + 0; exit }'
}

cut_took() {
	[ "$(of_cut from-guest-bytes)" -eq $1 ]
}

# Nothing more is taken from the guest; $took was.
settled() {
	took=$(of_cut from-guest-bytes)
	sleep 2
	cut_took $took
}

# ---- 1. Refusals ----------------------------------------------------------------

fails() {
	status=$1 line=$2
	shift 2
	refuse $status "$line" domctl create new $PUPPET "$@"
}

refusals() {
	: > $DIR/file
	fails 1 "Error: port: 'x' is not NAME=PATH" --port x
	fails 1 "Error: port name: is empty" --port =$DIR/x
	fails 1 "Error: port path: is empty" --port x=
	fails 1 "Error: port name: 'a/b' must be letters, digits, '.', '_' and '-', a letter or \
digit first" --port a/b=$DIR/x
	fails 1 "Error: port: 'x' is given twice" --port x=$DIR/x --port x=$DIR/y
	fails 1 "Error: port: 'terminal' is that of --terminal" --port terminal=$DIR/x
	fails 1 "Error: port path: is longer than 107 bytes" --port "x=/$(printf %0107d 0)"
	fails 2 "Error: port $DIR/file: is there already, and no socket" --port x=$DIR/file
	fails 2 "Error: port /none/x: No such file or directory" --port y=$DIR/y --port x=/none/x
	[ ! -e $DIR/y ]
	result "the sockets made before are gone"
	refuse 1 "Error: PATH: is missing (see domctl port attach help)" domctl port attach a b
	refuse 3 "Error: domain none: no such domain" domctl port attach none x $DIR/x
	refuse 1 "Error: set: nothing to change (see domctl port set help)" domctl port set a b
	refuse 3 "Error: domain none: no such domain" domctl port set none x --rate 1M
	refuse 3 "Error: domain none: no such domain" domctl port detach none x
	refuse 3 "Error: domain none: no such domain" domctl port list none
	refuse 1 "Error: console: --force and --terminal exclude each other" \
		domctl console a --force --terminal
	domctl create one $PUPPET --port x=$DIR/x > /dev/null
	expect 2 "Error: port $DIR/x: somebody else listens there" \
		domctl create two $PUPPET --port x=$DIR/x
	result "a socket that another domain has"
	expect 2 "Error: one: the domain has no terminal (domctl create --terminal)" \
		domctl console one --terminal
	result "a domain without a terminal"
	expect 3 "Error: x: no such port, or one that the domain was made with" \
		domctl port detach one x
	result "a port that it was made with stays"
	expect 3 "Error: y: no such port" domctl port set one y --rate 1M
	result "limits of a port that is none"
	domctl port set one x --ops 300 > /dev/null && [ "$(limits one)" = "0 300" ] &&
		domctl port set one x --rate 1M --ops 0 > /dev/null && [ "$(limits one)" = "1048576 0" ]
	result "port set: limits, what is not given stays"
	expect 2 "Error: port $DIR/file: is there already, and no socket" \
		domctl port attach one y $DIR/file
	result "port attach: what is there is not replaced"
	domctl port attach one y $DIR/y && expect 2 \
		"Error: device y: the domain has a device of this name" \
		domctl port attach one y $DIR/z && [ ! -e $DIR/z ]
	result "port attach: twice the same; its socket is gone"
	domctl port detach one y && [ ! -e $DIR/y ]
	result "port detach takes the socket along"
	kill -9 "$(holder_of one)" && soon is_gone one && [ -S $DIR/x ] &&
		domctl create one $PUPPET --port x=$DIR/x > /dev/null
	result "what a killed holder has left is in nobody's way"
	domctl destroy one && nothing_left && [ ! -e $DIR/x ]
	result "nothing is left, the socket neither"
}

# limits DOMAIN: bytes and buffers a second, of the device that its ports share
limits() {
	domctl -p show $1 | awk '/"ports":/ { found = 1 } found && /"rate_bytes":/ { bytes = $2 + 0 }
		found && /"rate_ops":/ { print bytes, $2 + 0; exit }'
}

# took HUNDREDTHS COMMAND...: of a second, at least
took() {
	least=$1
	shift
	begun=$(tr -d . < /proc/uptime | cut -d ' ' -f 1)
	"$@" || return
	[ $(($(tr -d . < /proc/uptime | cut -d ' ' -f 1) - begun)) -ge $least ]
}

# ---- 2. Bytes --------------------------------------------------------------------

start() {
	domctl create p --kernel /boot/bzImage --initrd /boot/initrd.cpio --memory 192M \
		--port org.test.a=$DIR/a --port b=$DIR/b --terminal --log $DIR/log \
		--append "console=hvc0 loglevel=5 norandmaps" > /dev/null
	within 60 grep -q 'domus guest ready' $DIR/log && within 20 port b guest false
	result "a domain with two ports and a terminal"
	soon port terminal guest true
	result "the guest has opened the terminal"
}

both_ways() {
	port b host false && port b guest false
	result "nobody has opened a port"
	$STREAM receive $DIR/a $bytes 7 > $DIR/in 2>&1 &
	guest "stream send port:org.test.a $bytes 7" && wait $!
	result "from the guest"
	$STREAM send $DIR/a $bytes 8 &
	guest "stream receive port:org.test.a $bytes 8" && wait $!
	result "to the guest; it was sent before somebody opened it there"
	soon port org.test.a host false
	result "the client has gone when all was read"
	behind 'stream answer port:b'
	soon port b guest true && $STREAM echo $DIR/b $bytes 9
	result "both ways at a time"
}

# ---- 3. Clients -------------------------------------------------------------------

clients() {
	soon port b guest false
	result "the guest's program sees the client go"
	behind 'stream answer port:b'
	soon port b guest true
	$STREAM receive $DIR/b 8 1 > /dev/null 2>&1 &
	other=$!
	soon port b host true
	$STREAM refused $DIR/b && $STREAM refused $DIR/b
	result "a second client is hung up on"
	kill $other
	soon port b host false
	result "the first one goes"
	soon port b guest false
	behind 'stream answer port:b'
	soon port b guest true
	timeout $((30 * ${SLOW:-1})) $STREAM deaf $DIR/b 3000000 5 > /dev/null
	result "one that reads nothing does not block what it writes"
	# the rest may be on its way yet when the client goes
	lost 2000000
	result "show: what it did not read is dropped"
	soon port b host false
	guest 'stream send port:org.test.a 3000000 4 & sleep 1; kill -0 $!'
	result "a writer waits while nobody reads"
	$STREAM slowly $DIR/a 200000 4 > /dev/null
	result "a slow reader gets what it wants"
	i=0
	while [ $i -lt ${2:-20} ] && $STREAM touch $DIR/b > /dev/null; do
		i=$((i + 1))
	done
	[ $i -eq ${2:-20} ] && soon port b host false
	result "clients that connect and go"
	guest 'killall stream; true'
	soon port org.test.a guest false
	result "the guest closes it"
	domctl port attach p later $DIR/later && guest 'sleep 1' && behind 'stream answer port:later' &&
		soon port later guest true && $STREAM echo $DIR/later $bytes 5
	result "a port that is plugged later"
	domctl port set p later --rate 100K --burst 0 > /dev/null && soon port later guest false &&
		behind 'stream answer port:later' && soon port later guest true &&
		took 150 $STREAM echo $DIR/later 100000 5
	result "with a limit it takes its time"
	soon port later guest false && domctl port detach p later && [ ! -e $DIR/later ]
	result "and taken away"
}

# A client, $client, that does not read at all.
stare() {
	domctl port attach p cut $DIR/cut &&
		guest 'until grep -qs cut /sys/class/virtio-ports/*/name; do sleep 1; done' || return
	$STREAM receive $DIR/cut 8 1 > /dev/null 2>&1 &
	client=$!
	soon port cut host true && kill -STOP $client
}

leave() {
	kill -9 $client
	wait $client 2> /dev/null
	soon port cut host false
}

# The next client does not get what the last one has not had of a buffer.
left_behind() {
	took=0
	stare && behind 'stream send port:cut 3000000 4' && soon above 0 of_cut from-guest-bytes &&
		soon settled
	result "a client that does not read"
	leave && guest 'killall stream; true' && soon port cut guest false &&
		domctl port detach p cut
	result "it is taken away with what was not read"
	# as much as is taken: of that the last buffer has no room in the socket
	stare && guest "stream send port:cut $took 4" && soon cut_took $took &&
		[ "$(of_cut dropped-bytes)" -eq 0 ]
	result "once more, with no more than $took bytes"
	leave && [ "$(of_cut dropped-bytes)" -gt 0 ]
	result "show: what was on its way to it is dropped"
	$STREAM receive $DIR/cut 100000 6 > $DIR/in 2>&1 &
	client=$!
	guest 'stream send port:cut 100000 6' && wait $client
	result "the next one gets what is written then"
	soon port cut guest false && domctl port detach p cut
	result "taken away"
}

# ---- 4. The terminal ---------------------------------------------------------------

terminal() {
	guest 'setsid sh -c "exec sh < /dev/hvc1 > /dev/hvc1 2>&1" & true'
	$PTY 'size 97x31' raw '=\r' '?# ' '=stty size\r' '?31 97' '?# ' 'size 61x17' \
		'=sleep 1; stty size\r' '?17 61' '?# ' '=echo h$((6 * 7))h\r' '?h42h' '=\035' end \
		-- domctl console p --terminal > $DIR/out
	result "the size, and another one"
	$PTY raw '?h42h' '=\r' '?# ' '=\035' end -- domctl console p --terminal > $DIR/out
	result "what it has written is shown to who comes later"
	# 109 KB, more than is kept, with nobody there: the guest must not wait
	guest 'seq 20000 > /dev/hvc1'
	result "a guest whose terminal nobody looks at goes on"
	$PTY raw '?20000' '=\035' end -- domctl console p --terminal > $DIR/out
	result "the end of it is there"
}

# ---- 5. Ends ----------------------------------------------------------------------

ends() {
	domctl show p | grep -q "^Ports: console0$" && domctl show p | grep -q "  Port b: closed, "
	result "show"
	$STREAM receive $DIR/b 100 1 > /dev/null 2>&1 &
	client=$!
	soon port b host true
	domctl destroy p && ! wait $client
	result "a client is hung up on when the domain is destroyed"
	[ ! -e $DIR/a ] && [ ! -e $DIR/b ] && nothing_left
	result "nothing is left"
}

begin
refusals
[ -e /boot/bzImage ] || { finish; }
start
both_ways
clients "$@"
left_behind
terminal
ends
finish
