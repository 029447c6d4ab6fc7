#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# monitor.sh: who is told what of domains, as KTAP.
#
#   1. listening
#   2. all that happens, in order
#   3. one domain
#   4. users: each hears of its own
#   5. refusals, and what is lost
# shellcheck disable=SC2086,SC2181,SC2317
set -u
. /tests/host/common.sh
HELLO="--kernel /tests/guest/hello --memory 16M"

# ---- 1. Listening -----------------------------------------------------------------

# listen NAME COMMAND...: into $DIR/NAME, in the background; returns when nothing is missed
listen() {
	to=$DIR/$1
	shift
	: > $to
	"$@" > $to 2>&1 &
	listener=$!
	soon grep -q -e TIME -e listening $to
}

# events FILE [NAME]: their words, in a line
events() {
	awk -v name="${2-}" 'NR > 1 && (name == "" || $3 == name) { printf "%s%s", blank, $2; blank = " " }' $DIR/$1
}

# hears FILE NAME WORDS
hears() {
	soon heard "$@" && return
	note "$(cat $DIR/$1)"
	return 1
}

heard() {
	[ "$(events $1 $2)" = "$3" ]
}

# deaf: the listener ends
deaf() {
	kill $listener 2> /dev/null
	wait $listener 2> /dev/null
	true
}

# ---- 2. All --------------------------------------------------------------------------

life="created started died gone"

all() {
	listen all domctl monitor
	needed "monitor says when it listens"
	domctl create a $HELLO --wait > /dev/null
	hears all a "$life" && grep -q ' died  *a  *guest powered off' $DIR/all
	result "a life, and why it ended"
	domctl create b --kernel /tests/guest/neighbour --memory 8M > /dev/null && domctl pause b &&
		domctl unpause b && domctl destroy b
	hears all b "created started paused unpaused died gone"
	result "pauses"
	domctl create c --kernel /tests/guest/neighbour --memory 8M --paused > /dev/null &&
		domctl destroy c
	hears all c "created paused died gone"
	result "made paused, and never started"
	domctl create d --kernel /tests/guest/spin --memory 16M --append how=reboot \
		--max-reboots 2 --wait > /dev/null 2>&1
	soon grep -q ' gone  *d' $DIR/all
	result "its end, whatever it was"
	deaf
	listen json domctl -j monitor && domctl create a $HELLO --wait > /dev/null
	soon grep -q '"gone"' $DIR/json
	deaf
	while read -r line; do
		echo "$line" | $JSON event || break
	done < $DIR/json > $DIR/words
	[ "$(tr '\n' ' ' < $DIR/words)" = '"listening" "created" "started" "died" "gone" ' ] &&
		grep '"died"' $DIR/json | $JSON reason | grep -q poweroff ||
		! note "$(cat $DIR/words $DIR/json)"
	result "JSON, a line each"
}

# ---- 3. One ----------------------------------------------------------------------------

one() {
	domctl create a --kernel /tests/guest/neighbour --memory 8M > /dev/null &&
		listen one domctl monitor a
	result "of one domain"
	domctl create other $HELLO --wait > /dev/null
	domctl pause a && domctl destroy a && wait $listener
	result "it ends with the domain"
	[ "$(events one)" = "paused died gone" ] && ! grep -q other $DIR/one
	result "and has heard of no other"
}

# ---- 4. Users ---------------------------------------------------------------------------

users() {
	make_member
	# hold its own file: a listener's output must not be what it lacks rights for
	listen theirs su member -c "domctl monitor"
	needed "a user of the group listens"
	theirs=$listener
	listen nobodys su nobody -s /bin/sh -c "domctl monitor"
	result "so does any other"
	nobodys=$listener
	listen roots domctl monitor
	roots=$listener
	domctl create mine $HELLO --wait > /dev/null
	su member -c "domctl create its $HELLO --wait" > /dev/null
	domctl create mine2 $HELLO --wait > /dev/null
	hears roots "" "$life $life $life"
	result "root hears of all"
	hears theirs "" "$life" && hears theirs its "$life"
	result "the user of its own alone"
	[ -z "$(events nobodys)" ]
	result "the other of none"
	unshare -n true 2> /dev/null && {
		listen away unshare -n domctl monitor
		away=$listener
		domctl create mine $HELLO --wait > /dev/null
		hears away mine "$life"
		result "root in another network namespace hears it, too"
		kill $away
		wait $away 2> /dev/null
	}
	kill $theirs $nobodys $roots 2> /dev/null
	wait $theirs $nobodys $roots 2> /dev/null
}

# ---- 5. Refusals -----------------------------------------------------------------------------

refusals() {
	expect 3 "Error: domain none: no such domain" domctl monitor none
	result "a domain that is none"
	pids=
	for i in $(seq 16); do
		listen many$i domctl monitor && pids="$pids $listener"
	done
	[ "$(echo $pids | wc -w)" = 16 ]
	result "16 at once"
	expect 2 "Error: events: too many sockets listen (16 of a user, 256 in all)" domctl monitor
	result "and not one more"
	listen again su member -c "domctl monitor" && deaf
	result "another user may"
	set -- $pids
	kill -9 $1
	wait $1 2> /dev/null
	listen another domctl monitor && deaf
	result "one that was killed makes room"
	shift
	for pid in $pids; do
		kill -STOP $pid 2> /dev/null
	done
	# a socket has room for some 50
	for i in $(seq 40); do
		domctl create full --kernel /tests/guest/neighbour --memory 8M --paused > /dev/null &&
			domctl destroy full || break
	done
	[ $i = 40 ]
	result "16 that do not listen hold nobody up"
	kill -CONT $pids 2> /dev/null
	soon grep -q ' lost ' $DIR/many2
	result "these are told that something is lost"
	kill $pids 2> /dev/null
	wait
	domctl create last $HELLO --wait > /dev/null
	nothing_left
	result "nothing is left"
}

begin
all
one
users
refusals
finish
