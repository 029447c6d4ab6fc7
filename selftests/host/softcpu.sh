#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# softcpu.sh [CPU...]: soft affinity, as KTAP, in the machine of the rig with two CPUs. CPUs
# (0) are those that somebody takes from a vCPU which prefers them, one after the other.
#
#   1. looking
#   2. a vCPU that prefers a CPU, and one who takes it
#   3. the hard affinity, and others who set it
#   4. refusals: the exact line, and nothing changed
#   5. other users, reboots, ends
# shellcheck disable=SC2086,SC2181,SC2317
set -u
. /tests/host/common.sh
PUPPET="--kernel /tests/guest/puppet --memory 8M"
CPU1=/sys/devices/system/cpu/cpu1/online
hog=

# ---- 1. Looking -------------------------------------------------------------------

# of vCPU 0 of domain $1
field() {
	domctl -j vcpu list "$1" | $JSON "0.$2" 2> /dev/null | tr -d '"'
}

# hard, soft, now
places() {
	echo "$(field "$1" affinity) $(field "$1" soft_affinity) $(field "$1" allowed)"
}

places_are() {
	[ "$(places "$1")" = "$2" ]
}

# Within what one takes who had to let others have the CPU, these tests for one, and is
# somewhere else for a while.
is_placed() {
	within 60 places_are "$1" "$2" && return
	note "$(places "$1"), not $2"
	return 1
}

# hard and soft alone
wishes() {
	echo "$(field "$1" affinity) $(field "$1" soft_affinity)"
}

runs_on() {
	[ "$(field "$1" cpu)" = "$2" ]
}

# what the host says of the thread
mask() {
	taskset -p "$(field "$1" thread)" | sed 's/.*: //'
}

soft() {
	domctl vcpu set one 0 --soft-affinity "$@"
}

# the holder's timer
timers() {
	for fd in "/proc/$(holder_of $1)"/fd/*; do
		readlink "$fd"
	done | grep -c timerfd
}

looks() {
	domctl create one $PUPPET --append spin > /dev/null
	is_placed one "0-1 none 0-1" && [ "$(timers one)" -eq 0 ]
	result "without a soft set: no timer"
	expect 0 "" soft 0 && is_placed one "0-1 0 0" && [ "$(mask one)" = 1 ]
	result "a soft set: hard, soft and now"
	[ "$(timers one)" -eq 1 ]
	result "its holder has a timer"
	[ "$(domctl vcpu list one | awk 'NR == 2 { print $5, $6 }')" = "0-1 0" ]
	result "in text, too"
	for cpu in 1 0; do
		expect 0 "" soft $cpu && is_placed one "0-1 $cpu $cpu" && soon runs_on one $cpu
		result "prefers $cpu, and runs there"
	done
	for none in none all; do
		soft 1 && expect 0 "" soft $none && is_placed one "0-1 none 0-1" &&
			[ "$(timers one)" -eq 0 ]
		result "$none: no soft set, no timer"
	done
	expect 0 "" soft 0-1 && is_placed one "0-1 0-1 0-1"
	result "all of the hard ones, one by one"
	[ "$(domctl -j vcpu set one 0 --soft-affinity 1)" = \
		'{"domain":"one","vcpu":0,"soft_affinity":"1"}' ] &&
		[ "$(domctl -j vcpu set one 0 --soft-affinity all --affinity 0-1)" = \
		'{"domain":"one","vcpu":0,"affinity":"0-1","soft_affinity":"none"}' ]
	result "-j says what was said"
}

# ---- 2. Busy CPUs -----------------------------------------------------------------

# hogs CPU: somebody who takes it, who is $hog
hogs() {
	taskset $(($1 + 1)) sh -c 'while :; do :; done' &
	hog=$!
}

no_hog() {
	kill $hog
	wait $hog 2> /dev/null
	hog=
}

busy() {
	for cpu; do
		other=$((1 - cpu))
		soft $cpu && soon runs_on one $cpu
		hogs $cpu
		within 60 runs_on one $other
		result "somebody takes CPU $cpu: found on $other"
		within 60 places_are one "0-1 $cpu 0-1" && [ "$(timers one)" -eq 1 ]
		result "as it may run anywhere, and still prefers $cpu"
		no_hog
		within 120 places_are one "0-1 $cpu $cpu" && within 60 runs_on one $cpu
		result "it is back on $cpu, which is free"
	done
	# Pinned to where somebody else is: preferring it is no way out of that.
	hogs 1
	expect 0 "" domctl vcpu set one 0 --affinity 1 --soft-affinity 1 && stays "1 1 1"
	result "the hard set is not left for one who takes it"
	no_hog
	domctl vcpu set one 0 --affinity all --soft-affinity none
}

# stays PLACES: while the vCPU gets 3 seconds of CPU time
stays() {
	first=$(field one runtime_ns)
	while [ "$(field one runtime_ns)" -lt $((first + 3000000000)) ]; do
		places_are one "$1" || return
	done
}

# ---- 3. Hard affinity ---------------------------------------------------------------

NONE="Warning: soft-affinity: does not count: vCPU 0 may run on none of these"

hard() {
	soft 0
	expect 0 "" domctl vcpu pin one 0 1 && is_placed one "1 0 1" && soon runs_on one 1
	result "pinned elsewhere: the soft set does not count"
	expect 0 "" domctl vcpu pin one 0 0 && is_placed one "0 0 0"
	result "pinned to the same one"
	expect 0 "" domctl vcpu pin one 0 all && is_placed one "0-1 0 0"
	result "to all: it counts again"
	expect 0 "" domctl vcpu pin one 0 0 && stays "0 0 0"
	result "pinned to where it was: that is the hard set, and stays so"
	expect 0 "" domctl vcpu set one 0 --soft-affinity 1 --affinity 0-1 && is_placed one "0-1 1 1"
	result "both at once"
	expect 0 "$NONE (affinity 0)" domctl vcpu set one 0 --soft-affinity 1 --affinity 0 &&
		is_placed one "0 1 0"
	result "both at once, with nothing in common: a warning"
	expect 0 "" soft none && is_placed one "0 none 0"
	result "no soft set: the hard one stays"
	domctl vcpu pin one 0 all

	soft 0
	taskset -p 2 "$(field one thread)" > /dev/null && is_placed one "1 0 1"
	result "taskset: the hard set"
	taskset -p 3 "$(field one thread)" > /dev/null && is_placed one "0-1 0 0"
	result "and back"
	taskset -p 2 "$(field one thread)" > /dev/null
	thread=$(field one thread)
	domctl vcpu set one 0 --soft-affinity 1
	taskset -p 3 $thread > /dev/null && soon sh -c "taskset -p $thread | grep -q ': 2\$'"
	result "seen without being asked for"

	# The host takes the preferred CPU away, and brings it back.
	echo 0 > $CPU1
	soon places_are one "0 1 0" && soon runs_on one 0
	result "its preferred CPU goes offline: the soft set does not count"
	echo 1 > $CPU1
	soon places_are one "0-1 1 1" && soon runs_on one 1
	result "it comes back: it does"
	domctl vcpu set one 0 --affinity all --soft-affinity none
}

# ---- 4. Refusals --------------------------------------------------------------------

# same STATUS LINE WORDS...: of domctl vcpu, refused, and domain one is as it was
same() {
	status=$1 line=$2
	shift 2
	before=$(wishes one)
	expect "$status" "$line" domctl vcpu "$@" && [ "$(wishes one)" = "$before" ]
	result "$line"
}

refusals() {
	soft 1
	same 3 "Error: domain none: no such domain" set none 0 --soft-affinity 0
	same 3 "Error: vcpu: one has no vCPU 1: its last one is 0" set one 1 --soft-affinity 0
	same 1 "Error: vcpu: 64 is not in 0 to 63" set one 64 --soft-affinity 0
	same 1 "Error: soft-affinity: is empty" set one 0 --soft-affinity ""
	same 1 "Error: soft-affinity: '' is not a number" set one 0 --soft-affinity 0,
	same 1 "Error: soft-affinity: 'some' is not a number" set one 0 --soft-affinity some
	same 1 "Error: soft-affinity: 1-0 ends before it begins" set one 0 --soft-affinity 1-0
	absent="this host has no CPU 2, or it is offline (online: 0-1)"
	same 2 "Error: soft-affinity: $absent" set one 0 --soft-affinity 2
	same 2 "Error: soft-affinity: $absent" set one 0 --affinity 0 --soft-affinity 0-2
	same 2 "Error: cpus: $absent" set one 0 --affinity 2 --soft-affinity 0
	same 1 "Error: cpus: 'none' is not a number" set one 0 --affinity none --soft-affinity 0

	# A holder whose cgroup has one of the CPUs.
	echo +cpuset > /sys/fs/cgroup/cgroup.subtree_control
	mkdir /sys/fs/cgroup/half
	echo 0 > /sys/fs/cgroup/half/cpuset.cpus
	holder_of one > /sys/fs/cgroup/half/cgroup.procs
	is_placed one "0 1 0"
	result "a cgroup without the preferred CPU: the soft set does not count"
	same 2 "Error: cpus: its holder's cgroup has none of these" set one 0 --affinity 1 \
		--soft-affinity 0
	same 2 "Error: cpus: of these its holder's cgroup has 0 only" set one 0 --affinity 0-1 \
		--soft-affinity 0
	holder_of one > /sys/fs/cgroup/cgroup.procs
	rmdir /sys/fs/cgroup/half && echo -cpuset > /sys/fs/cgroup/cgroup.subtree_control
	domctl vcpu set one 0 --affinity all --soft-affinity 0 && is_placed one "0-1 0 0"
	result "without the cgroup both can be had again"

	# A holder that does not answer.
	kill -STOP "$(holder_of one)"
	expect 2 "Error: holder: of one does not answer" soft 1 &&
		[ "$(domctl vcpu list one | awk 'NR == 2 { print $5, $6, $7 }')" = "- - 0" ]
	result "Error: holder: of one does not answer"
	kill -CONT "$(holder_of one)"
	soon places_are one "0-1 0 0"
	result "what was not answered was not done"
}

# ---- 5. Others, ends ----------------------------------------------------------------

others() {
	make_member
	expect 3 "Error: domain one: no such domain" \
		as member domctl vcpu set one 0 --soft-affinity 1 && is_placed one "0-1 0 0"
	result "another user's domain is not there"
	as member domctl create mine $PUPPET --append spin > /dev/null
	expect 0 "" as member domctl vcpu set mine 0 --soft-affinity 0 && is_placed mine "0-1 0 0"
	result "an owner says it without being root"
	expect 0 "" domctl vcpu set mine 0 --soft-affinity 1 && is_placed mine "0-1 1 1"
	result "and root does"
	domctl destroy mine
	rm -rf /tmp/domus-1000
}

# of a domain that reboots again and again
keeps() {
	seen=0 tries=0
	while [ $seen -lt 12 ] && [ $tries -lt 1000 ]; do
		tries=$((tries + 1))
		where=$(field again soft_affinity)
		[ -n "$where" ] || continue
		[ "$where" = "$1" ] || { note "$where after $seen, not $1"; return 1; }
		seen=$((seen + 1))
	done
	[ $seen -eq 12 ]
}

is_allowed() {
	[ "$(field again allowed)" = "$1" ]
}

ends() {
	domctl create again $PUPPET --append reboot > /dev/null
	domctl vcpu set again 0 --soft-affinity 1
	keeps 1 && moves 0 reboots_of again && keeps 1 && within 60 is_allowed 1
	result "it holds over reboots"
	domctl destroy again
	domctl create dead $PUPPET --append crash > /dev/null
	soon is_state dead dead
	expect 2 "Error: dead: is dead: none of its vCPUs runs" \
		domctl vcpu set dead 0 --soft-affinity 0
	result "no vCPU of a dead domain prefers anything"
	domctl destroy dead
	soft 1 && domctl destroy one && nothing_left
	result "nothing is left"
}

reboots_of() {
	domctl -j show "$1" | $JSON reboots
}

begin
[ "$(nproc)" -ge 2 ] || { echo "1..0 # SKIP needs two CPUs"; exit 4; }
looks
[ $# -gt 0 ] || set -- 0
busy "$@"
hard
refusals
others
ends
finish
