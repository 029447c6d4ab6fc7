#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# vcpu.sh: domctl vcpu list and pin, as KTAP, in the machine of the rig with two CPUs.
#
#   1. looking
#   2. refusals: the exact line, and nothing changed
#   3. where vCPUs may run, and run
#   4. other users
#   5. reboots, ends
# shellcheck disable=SC2086,SC2181,SC2317
set -u
. /tests/host/common.sh
PUPPET="--kernel /tests/guest/puppet --memory 8M"
CPU1=/sys/devices/system/cpu/cpu1/online

# ---- 1. Looking -------------------------------------------------------------------

# of vCPU $2 of domain $1
field() {
	domctl -j vcpu list "$1" | $JSON "$2.$3" 2> /dev/null | tr -d '"'
}

# what the host says of the thread: a mask
mask() {
	taskset -p "$(field "$1" "$2" thread)" | sed 's/.*: //'
}

is_mask() {
	[ "$(mask "$1" "$2")" = "$3" ] && [ "$(field "$1" "$2" affinity)" = "$4" ] && return
	note "mask $(mask "$1" "$2"), affinity $(field "$1" "$2" affinity)"
	return 1
}

runs_on() {
	[ "$(field "$1" "$2" cpu)" = "$3" ]
}

looks() {
	domctl create one $PUPPET --append spin > /dev/null
	domctl vcpu list one > $DIR/out && [ "$(wc -l < $DIR/out)" -eq 2 ] &&
		grep -q '^VCPU  STATE    WANTED  HOST CPU  AFFINITY      SOFT      NOW       CPU TIME$' $DIR/out &&
		grep -q '^0     online   yes     [01]         0-1           none      0-1       .*s$' $DIR/out
	result "list: a line for each vCPU"
	domctl -j vcpu list one | $JSON && [ "$(field one 0 state)" = online ] &&
		[ "$(cat "/proc/$(holder_of one)/task/$(field one 0 thread)/comm")" = vcpu0 ]
	result "list -j: and its thread"
	first=$(field one 0 runtime_ns)
	within 10 sh -c "[ \$(domctl -j vcpu list one | $JSON 0.runtime_ns) -gt $first ]"
	result "its CPU time grows"
	domctl create wide $PUPPET --append idle --vcpus 64 > /dev/null
	[ "$(domctl vcpu list wide | grep -c ' online ')" -eq 1 ] &&
		[ "$(domctl vcpu list wide | grep -c ' offline  *yes  *[01]  *0-1 ')" -eq 63 ]
	result "64 vCPUs, of which the guest has one"
	expect 0 "" domctl vcpu pin wide 63 1 && is_mask wide 63 2 1 && is_mask wide 62 3 0-1
	result "the last one is pinned, and it alone"
	domctl destroy wide
}

# ---- 2. Refusals ------------------------------------------------------------------

# same STATUS LINE WORDS...: of domctl vcpu, refused, and domain one is as it was
same() {
	status=$1 line=$2
	shift 2
	before=$(mask one 0)
	expect "$status" "$line" domctl vcpu "$@" && [ "$(mask one 0)" = "$before" ]
	result "$line"
}

refusals() {
	expect 0 "" domctl vcpu pin one 0 1
	same 3 "Error: domain none: no such domain" list none
	same 3 "Error: domain none: no such domain" pin none 0 0
	same 3 "Error: vcpu: one has no vCPU 1: its last one is 0" pin one 1 0
	same 3 "Error: vcpu: one has no vCPU 63: its last one is 0" pin one 63 0
	same 1 "Error: vcpu: 64 is not in 0 to 63" pin one 64 0
	same 1 "Error: vcpu: 'x' is not a number" pin one x 0
	same 1 "Error: cpus: is empty" pin one 0 ""
	same 1 "Error: cpus: '' is not a number" pin one 0 0,
	same 1 "Error: cpus: 1-0 ends before it begins" pin one 0 1-0
	same 1 "Error: cpus: 'none' is not a number" pin one 0 none
	absent="or it is offline (online: 0-1)"
	same 2 "Error: cpus: this host has no CPU 2, $absent" pin one 0 2
	same 2 "Error: cpus: this host has no CPU 2, $absent" pin one 0 0-2
	same 2 "Error: cpus: this host has no CPU 8191, $absent" pin one 0 0,8191
	expect 0 "" domctl vcpu pin one 0 0
	echo 0 > $CPU1
	same 2 "Error: cpus: this host has no CPU 1, or it is offline (online: 0)" pin one 0 1
	same 2 "Error: cpus: this host has no CPU 1, or it is offline (online: 0)" pin one 0 0-1
	echo 1 > $CPU1

	# A holder whose cgroup has one of the CPUs.
	echo +cpuset > /sys/fs/cgroup/cgroup.subtree_control
	mkdir /sys/fs/cgroup/half
	echo 0 > /sys/fs/cgroup/half/cpuset.cpus
	holder_of one > /sys/fs/cgroup/half/cgroup.procs
	same 2 "Error: cpus: its holder's cgroup has none of these" pin one 0 1
	same 2 "Error: cpus: of these its holder's cgroup has 0 only" pin one 0 0-1
	expect 0 "" domctl vcpu pin one 0 all && is_mask one 0 1 0
	result "all is all of the cgroup's"
	holder_of one > /sys/fs/cgroup/cgroup.procs
	rmdir /sys/fs/cgroup/half && echo -cpuset > /sys/fs/cgroup/cgroup.subtree_control
	result "the cgroup can go again"
}

# ---- 3. Pins ----------------------------------------------------------------------

pins() {
	for cpu in 1 0 1; do
		expect 0 "" domctl vcpu pin one 0 $cpu && is_mask one 0 $((cpu + 1)) $cpu &&
			soon runs_on one 0 $cpu
		result "pinned to $cpu, and runs there"
	done
	taskset -p "$(holder_of one)" | grep -q ': 3$'
	result "the holder's other threads are where they were"
	[ "$(domctl -j vcpu pin one 0 0-1)" = '{"domain":"one","vcpu":0,"affinity":"0-1"}' ] &&
		is_mask one 0 3 0-1
	result "a range, and -j"
	domctl vcpu pin one 0 1,0 && is_mask one 0 3 0-1 && domctl vcpu pin one 0 1 &&
		domctl vcpu pin one 0 all && is_mask one 0 3 0-1
	result "a list, and all"
	[ "$(domctl -j vcpu set one 0 --affinity 1)" = '{"domain":"one","vcpu":0,"affinity":"1"}' ] &&
		is_mask one 0 2 1 && expect 0 "" domctl vcpu set one 0 --affinity all &&
		is_mask one 0 3 0-1
	result "set --affinity is the same"
	# The host takes the CPU of a vCPU away: it runs on, on another one.
	domctl vcpu pin one 0 1 && soon runs_on one 0 1
	echo 0 > $CPU1
	first=$(field one 0 runtime_ns)
	soon runs_on one 0 0 &&
		within 10 sh -c "[ \$(domctl -j vcpu list one | $JSON 0.runtime_ns) -gt $first ]"
	result "its only CPU goes offline: it runs on, on another one"
	echo 1 > $CPU1
	domctl vcpu pin one 0 1 && soon runs_on one 0 1
	result "and can be pinned to it when it is back"
}

# ---- 4. Others --------------------------------------------------------------------

others() {
	make_member
	expect 3 "Error: domain one: no such domain" as member domctl vcpu pin one 0 0 &&
		is_mask one 0 2 1
	result "another user's domain is not there to be pinned"
	expect 3 "Error: domain one: no such domain" as member domctl vcpu list one
	result "nor to be looked at"
	as member domctl create mine $PUPPET --append spin > /dev/null
	expect 0 "" as member domctl vcpu pin mine 0 0 && is_mask mine 0 1 0
	result "an owner pins his own without being root"
	expect 0 "" domctl vcpu pin mine 0 1 && is_mask mine 0 2 1
	result "and root does"
	expect 2 "Error: vcpu 0: no permission: it takes the domain's owner, or CAP_SYS_NICE" \
		/tests/host/without 23 domctl vcpu pin mine 0 0 &&
		is_mask mine 0 2 1
	result "root without CAP_SYS_NICE does not, and is told so"
	domctl destroy mine
	domctl destroy one && rm -rf /tmp/domus-1000 && nothing_left
	result "nothing is left"
}

# ---- 5. Reboots, ends ---------------------------------------------------------------

# of a domain that reboots again and again: whatever thread is seen
keeps() {
	seen=0 tries=0
	while [ $seen -lt 12 ] && [ $tries -lt 3000 ]; do
		tries=$((tries + 1))
		affinity=$(field again 0 affinity)
		[ -n "$affinity" ] || continue
		[ "$affinity" = "$1" ] || { note "$affinity after $seen, not $1"; return 1; }
		seen=$((seen + 1))
	done
	[ $seen -eq 12 ]
}

reboots() {
	domctl create again $PUPPET --append reboot > /dev/null
	for cpu in 1 0 1 0 0-1 1; do
		before=$(domctl -j show again | $JSON reboots)
		expect 0 "" domctl vcpu pin again 0 $cpu && keeps $cpu &&
			[ "$(domctl -j show again | $JSON reboots)" -gt "$before" ]
		result "pinned to $cpu, and over reboots"
	done
	domctl destroy again
	domctl create dead $PUPPET --append crash > /dev/null
	soon is_state dead dead
	expect 2 "Error: dead: is dead: none of its vCPUs runs" domctl vcpu pin dead 0 0
	result "no vCPU of a dead domain is pinned"
	[ "$(domctl vcpu list dead | grep -c '^0 .* -  *-  ')" -eq 1 ] &&
		[ -z "$(field dead 0 thread)" ] && [ -n "$(field dead 0 runtime_ns)" ]
	result "it is listed without a thread"
	domctl destroy dead

	# Domains that end while they are pinned: a word for it, or none, and no other.
	bad=0
	for i in 1 2 3 4 5 6 7 8; do
		domctl create brief $PUPPET --append spin > /dev/null
		domctl destroy brief &
		destroyer=$!
		while domctl vcpu pin brief 0 $((i % 2)) 2> $DIR/err; do :; done
		[ "$(wc -l < $DIR/err)" -eq 1 ] && grep -q -e 'no such domain' -e 'is dead' \
			-e 'has gone' -e 'has no thread' $DIR/err || { bad=1 && note "$(cat $DIR/err)"; }
		wait $destroyer
	done
	[ $bad -eq 0 ] && nothing_left
	result "pinned until they are destroyed"
}

begin
[ "$(nproc)" -ge 2 ] || { echo "1..0 # SKIP needs two CPUs"; exit 4; }
looks
refusals
pins
others
reboots
finish
