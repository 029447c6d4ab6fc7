#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# pause.sh [ROUNDS]: domains stand still, and go on, as KTAP.
#
#   1. looking
#   2. a guest stands still
#   3. refusals: the exact line, and nothing changed
#   4. made paused
#   5. guests that never give their CPU back
#   6. ends of paused domains
#   7. races
#   8. Linux: its clock, its watchdogs
# shellcheck disable=SC2086,SC2181,SC2317
set -u
. /tests/host/common.sh
rounds=${1:-30}
# shellcheck disable=SC2034  # for guest() of common.sh
GUEST=lin

# ---- 1. Looking -------------------------------------------------------------------

runtime() {
	domctl -j show "$1" | $JSON runtime_ns
}

exits() {
	domctl -j show "$1" | tr ',{' '\n\n' |
		sed -n 's/^ *"\(passes\|exits\)": *\([0-9]*\).*/\2/p' | tr '\n' ' '
}

# stands NAME: it does nothing while the host counts its timer's interrupts
stands() {
	time=$(runtime $1) counts=$(exits $1)
	local=$(awk '/^ *LOC:/ { print $2 }' /proc/interrupts)
	soon above $((local + 25)) awk '/^ *LOC:/ { print $2 }' /proc/interrupts
	# its timers take time of its threads, but none in the guest
	[ -n "$counts" ] && [ $(($(runtime $1) - time)) -lt 5000000 ] &&
		[ "$(exits $1)" = "$counts" ] && is_state $1 paused && return
	note "$time, then $(runtime $1) ns; $counts, then $(exits $1): $(state $1)"
	return 1
}

# goes NAME: it uses its CPU
goes() {
	is_state $1 running && moves 0 exits_of $1
}

exits_of() {
	exits $1 | awk '{ for (i = 1; i <= NF; i++) sum += $i } END { print sum }'
}

# ---- 2. Standing still ------------------------------------------------------------

neighbour() {
	mkfifo $DIR/to || return
	: > $DIR/from
	domctl create n --kernel /tests/guest/neighbour --memory 8M --console \
		< $DIR/to > $DIR/from 2>&1 &
	exec 3<> $DIR/to
}

answered() {
	grep -q "well $1," $DIR/from
}

stands_still() {
	neighbour && echo one >&3 && soon answered one
	needed "a guest that answers"
	domctl pause n && stands n
	result "it stands still"
	echo two >&3
	stands n && ! answered two
	result "asked, it does not answer"
	domctl -j show n | grep -q '"state": *"paused"' &&
		domctl list | awk '$1 == "n" { found = $2 == "paused" } END { exit !found }'
	result "show and list say that it is paused"
	domctl unpause n && soon answered two && goes n
	result "unpaused, it answers what it was asked meanwhile"
	domctl -j pause n > $DIR/json && [ "$($JSON name < $DIR/json)" = '"n"' ] &&
		grep -q '"paused": *true' $DIR/json &&
		domctl -j unpause n > $DIR/json && grep -q '"paused": *false' $DIR/json ||
		! note "$(cat $DIR/json)"
	result "JSON"
	for i in $(seq 100); do
		domctl pause n && domctl unpause n || break
	done
	[ $i = 100 ] && echo three >&3 && soon answered three
	result "100 times, and its memory is what it was"
}

# ---- 3. Refusals --------------------------------------------------------------------

refusals() {
	expect 2 "Error: domain n: the domain is not paused" domctl unpause n && goes n
	result "unpaused, and not paused"
	domctl pause n
	expect 2 "Error: domain n: the domain is paused already" domctl pause n && stands n
	result "paused twice"
	expect 3 "Error: domain other: no such domain" domctl pause other
	result "none of that name"
	make_member
	expect 3 "Error: domain n: no such domain" as nobody domctl unpause n && stands n
	result "another user's is not seen"
	expect 3 "Error: domain n: no such domain" as member domctl unpause n && stands n
	result "nor by one of the group"
	domctl unpause n && goes n
	result "by its owner"
}

# ---- 4. Made paused ---------------------------------------------------------------------

made_paused() {
	domctl create later --kernel /tests/guest/hello --memory 16M --paused --log $DIR/later.log &&
		is_state later paused && stands later
	result "create --paused"
	[ ! -s $DIR/later.log ] && domctl -j show later | grep -q '"guest_started": *false'
	result "it has said nothing"
	domctl unpause later && soon is_state later dead && grep -q . $DIR/later.log
	result "unpaused it does what it is for"
	expect 2 "Error: domain later: the domain is dead" domctl pause later
	result "a dead one is not paused"
	expect 2 "Error: domain later: the domain is dead" domctl unpause later
	result "nor unpaused"
	domctl destroy later
}

# ---- 5. Guests that give nothing back ------------------------------------------------------

# spins HOW
spins() {
	domctl create spin --kernel /tests/guest/spin --memory 16M --vcpus 2 --append how=$1 \
		--log $DIR/spin.log && soon grep -q spinning $DIR/spin.log &&
		domctl pause spin && stands spin && domctl unpause spin && goes spin &&
		domctl pause spin && stands spin && domctl destroy spin
	result "a guest that spins: $1"
	domctl destroy spin 2> /dev/null
	rm -f $DIR/spin.log
}

# ---- 6. Ends --------------------------------------------------------------------------------

ends() {
	domctl pause n && domctl destroy n && is_gone n
	result "destroyed while it is paused"
	exec 3>&-
	wait
	rm -f $DIR/to $DIR/from
	neighbour && echo one >&3 && soon answered one && domctl pause n &&
		kill -9 "$(holder_of n)" && soon is_gone n
	result "its holder killed while it is paused"
	exec 3>&-
	wait
	domctl create stop --kernel /tests/guest/spin --memory 16M --append how=kernel --wait \
		--timeout 3 --paused > $DIR/out 2>&1
	[ $? -eq 13 ]
	result "create --paused --wait --timeout: the time is over"
	nothing_left
	result "nothing is left"
}

# ---- 7. Races -----------------------------------------------------------------------------------

# hammer COMMAND...: until there is $DIR/enough; any refusal is right, none may hang
hammer() {
	while [ ! -e $DIR/enough ]; do
		"$@" > /dev/null 2>&1
	done
}

races() {
	for i in $(seq $rounds); do
		domctl create race --kernel /tests/guest/smpstorm --memory 16M --vcpus 4 \
			--append "forever=1 seed=$i" > $DIR/out 2>&1 || break
		rm -f $DIR/enough
		hammer domctl pause race &
		hammer domctl pause race &
		hammer domctl unpause race &
		hammer domctl vcpu down race 2 --timeout 0 &
		soon above 1000 exits_of race
		case $((i % 3)) in
		0) domctl destroy race ;;
		1) kill -9 "$(holder_of race)"; soon is_gone race ;;
		2) domctl pause race; domctl unpause race; domctl destroy race ;;
		esac
		status=$?
		touch $DIR/enough
		wait
		[ $status -eq 0 ] || break
	done
	[ $i = "$rounds" ] && is_gone race
	status=$?
	# of a holder that was killed there is a socket, which the next domctl takes away
	domctl destroy race 2> /dev/null
	[ $status -eq 0 ]
	result "$i of $rounds: paused, unpaused, vCPUs taken, and ended meanwhile"
	nothing_left
	result "nothing is left of them"
}

# ---- 8. Linux ------------------------------------------------------------------------------------

linux() {
	[ -e /boot/bzImage ] || return 0
	domctl create lin --kernel /boot/bzImage --initrd /boot/initrd.cpio --memory 128M --vcpus 2 \
		--log $DIR/lin.log --append "console=hvc0 loglevel=5 norandmaps" > /dev/null &&
		within 100 grep -q 'domus guest ready' $DIR/lin.log &&
		guest "echo 1 > /proc/sys/kernel/watchdog_thresh" &&
		behind "while true; do :; done"
	needed "Linux, whose watchdogs bark after two seconds"
	domctl pause lin && stands lin
	result "it stands still"
	sleep 6		# what its watchdogs would not stand: there is nothing to wait for
	domctl unpause lin && goes lin
	result "it goes on"
	guest "sleep 3; test \$(date +%s) -ge $(date +%s)"
	result "its clock is the host's"
	guest "test \$(date +%s) -le $(($(date +%s) + 30))"
	result "and not ahead"
	! grep -e 'soft lockup' -e 'rcu.*stall' -e 'clocksource.*unstable' $DIR/lin.log
	result "no watchdog barked"
	domctl destroy lin
}

begin
stands_still
refusals
made_paused
for how in kernel calls faults syscalls strings updown; do
	spins $how
done
ends
races
linux
nothing_left
result "nothing is left in the end"
finish
