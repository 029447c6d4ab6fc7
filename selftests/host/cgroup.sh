#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# cgroup.sh: the cgroup of a domain that was given a weight or a cap, as KTAP: where it is,
# what is in it, that it goes with the domain; and where there can be none.
#
#   1. looking
#   2. with --weight and --cap, refused ones
#   3. it goes with the domain, however that ends
#   4. domctl set
#   5. other users
#   6. no cgroups
#   7. many at once
# shellcheck disable=SC2086,SC2181,SC2317
set -u
. /tests/host/common.sh
PUPPET="--kernel /tests/guest/puppet --memory 8M"
TOP=/sys/fs/cgroup
SLICE=$TOP/domus.slice

# ---- 1. Looking -------------------------------------------------------------------

# has FILE TEXT: of domain one's cgroup
has() {
	[ "$(cat $SLICE/one/$1)" = "$2" ] && return
	note "$1: $(cat $SLICE/one/$1 2>&1), expected $2"
	return 1
}

# Are the holder and the host's workers for its devices in it, and nobody else?
holds() {
	grep -qx "$(holder_of one)" $SLICE/one/cgroup.procs || return
	for pid in $(cat $SLICE/one/cgroup.procs); do
		cat /proc/$pid/comm
	done > $DIR/comms
	grep -q '^domus-' $DIR/comms && ! grep -qv -e '^domus:one$' -e '^domus-' $DIR/comms &&
		return
	note "$(cat $DIR/comms)"
	return 1
}

# Is nobody's cgroup there?
no_cgroup() {
	[ -z "$(find $TOP/*/domus.slice $SLICE -mindepth 1 -type d 2> /dev/null)" ] && return
	note "left behind: $(find $TOP/*/domus.slice $SLICE -mindepth 1 -type d 2>&1)"
	return 1
}

all_gone() {
	nothing_left && no_cgroup
}

one() {
	domctl create one $PUPPET --append "$@"
}

# ---- 2. With limits ---------------------------------------------------------------

# fails STATUS LINE OPTION...: of create, and nothing is left
fails() {
	status=$1 line=$2
	shift 2
	expect "$status" "$line" one idle "$@" && all_gone
	result "$line"
}

refusals() {
	fails 1 "Error: weight: 0 is not in 1 to 10000" --weight 0
	fails 1 "Error: weight: 10001 is not in 1 to 10000" --weight 10001
	fails 1 "Error: weight: '-1' is not a number" --weight=-1
	fails 1 "Error: weight: '' is not a number" --weight ""
	fails 1 "Error: cap: 0 is not in 1 to 6400" --cap 0%
	fails 1 "Error: cap: 6401 is not in 1 to 6400" --cap 6401
	fails 1 "Error: cap: '30%' is not a number" --cap 30%%
	fails 1 "Error: cap: '%' is no percentage of a CPU (as 30%), nor none" --cap %
	# What fails behind it takes the cgroup along.
	fails 3 "Error: disk /none: No such file or directory" --weight 5 --disk /none
	fails 3 "Error: log: /none/log: No such file or directory" --weight 5 --log /none/log
}

with_limits() {
	one spin --weight 200 --cap 30% > /dev/null && has cpu.weight 200 &&
		has cpu.max "30000 100000"
	result "create --weight 200 --cap 30%"
	holder=$(holder_of one)
	holds && [ "$(cat /proc/$holder/cgroup)" = "0::/domus.slice/one" ] &&
		[ "$(wc -l < $SLICE/one/cgroup.threads)" -ge 2 ]
	result "the holder is in it, with its threads, and its devices' workers"
	domctl show one > $DIR/out && grep -qx 'Weight: 200' $DIR/out &&
		grep -qx 'Cap: 30%' $DIR/out && grep -qx 'Cgroup: /domus.slice/one' $DIR/out
	result "show"
	domctl -j show one > $DIR/out && [ "$($JSON weight < $DIR/out)" = 200 ] &&
		[ "$($JSON cap < $DIR/out)" = 30 ] &&
		[ "$($JSON cgroup < $DIR/out)" = '"/domus.slice/one"' ]
	result "show -j"
	expect 2 "Error: domain one: a domain of this name exists" one idle --weight 7 &&
		has cpu.weight 200 && holds
	result "another one of that name changes nothing"
	domctl destroy one && all_gone
	result "it goes with the domain"
	one idle --weight 10000 > /dev/null && has cpu.weight 10000 && has cpu.max "max 100000"
	result "a weight alone: no cap"
	domctl destroy one
	one idle --cap none > /dev/null && has cpu.weight 100 && has cpu.max "max 100000" &&
		! domctl -j show one | $JSON cap > /dev/null 2>&1 &&
		domctl show one | grep -qx 'Cap: none'
	result "no cap, said so"
	domctl destroy one
	one idle --weight 1 --cap 6400 > /dev/null && has cpu.weight 1 &&
		has cpu.max "6400000 100000"
	result "the ends of what may be said"
	domctl destroy one && one idle > /dev/null && [ ! -e $SLICE/one ] &&
		! domctl -j show one | $JSON cgroup > /dev/null 2>&1
	result "nothing said: no cgroup"
	domctl destroy one
	printf '[domain]\nkernel = /tests/guest/puppet\nmemory = 8M\nappend = idle\n%s\n%s\n' \
		"weight = 300" "cap = 150%" > $DIR/one.conf
	domctl create -f $DIR/one.conf > /dev/null && has cpu.weight 300 &&
		has cpu.max "150000 100000"
	result "by a configuration file"
	domctl destroy one && all_gone
	result "nothing is left"
}

# ---- 3. Ends ----------------------------------------------------------------------

ends() {
	one poweroff --weight 5 --wait > /dev/null 2>&1 && all_gone
	result "powered off"
	one crash --weight 5 > /dev/null
	soon is_state one dead && soon no_cgroup
	result "a dead domain that is not forgotten has none"
	expect 2 "Error: one: is dead" domctl set one --weight 6 && no_cgroup
	result "nor does it get one"
	domctl destroy one
	one spin --weight 5 --timeout 2 --wait > /dev/null 2>&1
	all_gone
	result "after a timeout"
	one spin --weight 5 > /dev/null && kill -TERM "$(holder_of one)"
	soon is_gone one && soon no_cgroup
	result "its holder told to end"
	one spin --weight 5 --wait > /dev/null 2>&1 &
	creator=$!
	soon is_state one running
	kill -9 "$(holder_of one)"
	wait $creator
	all_gone
	result "its holder killed -9, while somebody waited"
	one spin --weight 5 > /dev/null
	kill -9 "$(holder_of one)"
	soon grep -qx 'populated 0' $SLICE/one/cgroup.events
	expect 3 "Error: domain none: no such domain" domctl destroy none && no_cgroup
	result "and while nobody did: the next destroy clears up"
	one spin --weight 5 > /dev/null
	kill -9 "$(holder_of one)"
	soon is_gone one && one spin --cap 50 > /dev/null && has cpu.weight 100 &&
		has cpu.max "50000 100000"
	result "one of the same name does not have the old weight"
	domctl destroy one
	truncate -s 1M $DIR/disk
	one spin --weight 5 --disk $DIR/disk > /dev/null && domctl destroy one && soon no_cgroup
	result "with a disk, and the host's workers for it"
	one reboot --weight 5 --max-reboots 5 --wait > /dev/null 2>&1
	all_gone
	result "after reboots"
}

# ---- 4. Set -------------------------------------------------------------------------

# same STATUS LINE WORDS...: of domctl set one, refused, and it is as it was
same() {
	status=$1 line=$2
	shift 2
	expect "$status" "$line" domctl set "$@" && has cpu.weight 200 &&
		has cpu.max "30000 100000"
	result "set: $line"
}

sets() {
	one spin --weight 200 --cap 30 > /dev/null
	same 1 "Error: NAME: is missing (see domctl set help)"
	same 1 "Error: set: nothing to change (see domctl set help)" one
	same 1 "Error: weight: 0 is not in 1 to 10000" one --weight 0 --cap 50
	same 1 "Error: cap: 6401 is not in 1 to 6400" one --weight 50 --cap 6401
	same 1 "Error: cap: 0 is not in 1 to 6400" one --weight 50 --cap 0
	same 1 "Error: --cpus: unknown option (see domctl help)" one --cpus 2
	same 2 "Error: memory-limit: what the domain has is not counted as its own: it takes one that was made with --memory-limit (or none)" \
		one --memory-limit 64M --weight 50
	same 3 "Error: domain two: no such domain" two --weight 50
	expect 0 "" domctl set one --weight 50 && has cpu.weight 50 && has cpu.max "30000 100000"
	result "set --weight leaves the cap"
	expect 0 "" domctl set one --cap none && has cpu.weight 50 && has cpu.max "max 100000"
	result "set --cap none leaves the weight"
	[ "$(domctl -j set one --weight 60 --cap 70%)" = \
		'{"domain":"one","weight":60,"cap":70,"cgroup":"/domus.slice/one"}' ] &&
		has cpu.weight 60 && has cpu.max "70000 100000"
	result "both, and -j"
	domctl destroy one
	one spin > /dev/null && [ ! -e $SLICE/one ] && domctl set one --cap 40 &&
		has cpu.max "40000 100000" && has cpu.weight 100 &&
		holds && ! sed 's,.*,/proc/&/comm,' $TOP/cgroup.procs | xargs cat 2> /dev/null |
		grep '^domus'
	result "a domain without a cgroup gets one, with all that is its"
	domctl destroy one && all_gone
	result "nothing is left"
}

# ---- 5. Other users -------------------------------------------------------------------

# inside CGROUP COMMAND...: as member, by a shell in this cgroup
inside() {
	# shellcheck disable=SC2016  # the inner shell's
	group=$TOP/$1
	shift
	sh -c "echo \$\$ > $group/cgroup.procs && exec su member -c '$*'"
}

others() {
	make_member
	mine="domctl create mine $PUPPET --append idle"
	hint="it takes root, or systemd-run --user --scope"
	expect 2 "Error: weight: this user has no cgroup to make others in (we are in /): $hint" \
		as member "$mine" --weight 5 && all_gone
	result "a user to whom nothing is delegated"
	expect 2 "Error: cap: this user has no cgroup to make others in (we are in /): $hint" \
		as member "$mine" --cap 5 && all_gone
	result "told by the option that he used"

	# One that is used below keeps it on.
	rmdir $SLICE && echo -cpu > $TOP/cgroup.subtree_control
	mkdir -p $TOP/user/shell
	chown member $TOP/user $TOP/user/cgroup.procs $TOP/user/cgroup.subtree_control \
		$TOP/user/shell $TOP/user/shell/cgroup.procs
	expect 2 "Error: weight: cgroup /user has no controller \"cpu\"" \
		inside user/shell "$mine" --weight 5 && all_gone
	result "a delegated one without the controller"
	echo +cpu > $TOP/cgroup.subtree_control
	expect 2 "Error: weight: cgroup /user has processes of its own, so that none below it can \
have controller \"cpu\"" inside user "$mine" --weight 5 && all_gone
	result "one that he is in himself"
	inside user/shell "$mine" --weight 5 > /dev/null &&
		[ "$(cat $TOP/user/domus.slice/mine/cpu.weight)" = 5 ] &&
		[ "$(domctl -j show mine | $JSON cgroup)" = '"/user/domus.slice/mine"' ]
	result "below the one that is delegated"
	expect 0 "" inside user/shell domctl set mine --weight 6 --cap 7 &&
		[ "$(cat $TOP/user/domus.slice/mine/cpu.weight)" = 6 ] &&
		expect 0 "" domctl set mine --weight 8 &&
		[ "$(cat $TOP/user/domus.slice/mine/cpu.weight)" = 8 ] && [ ! -e $SLICE/mine ]
	result "set by him, and by root, in its place"
	inside user/shell domctl destroy mine && all_gone
	result "it goes with the domain"
	inside user/shell "$mine" > /dev/null && domctl set mine --weight 9 &&
		[ "$(cat $SLICE/mine/cpu.weight)" = 9 ]
	result "root gives one to his domain"
	expect 2 "Error: cgroup /domus.slice/mine: no permission to write to cpu.weight" \
		inside user/shell domctl set mine --weight 10 &&
		[ "$(cat $SLICE/mine/cpu.weight)" = 9 ]
	result "which he cannot change"
	expect 3 "Error: domain none: no such domain" inside user/shell domctl set none --weight 10
	result "nor what there is not"
	domctl destroy mine
	one idle > /dev/null
	expect 3 "Error: domain one: no such domain" inside user/shell domctl set one --weight 10 &&
		[ ! -e $SLICE/one ]
	result "nor what he does not see"
	domctl destroy one
	rmdir $TOP/user/domus.slice $TOP/user/shell $TOP/user && rm -rf /tmp/domus-1000 && all_gone
	result "nothing is left"
}

# ---- 6. No cgroups ----------------------------------------------------------------------

none() {
	umount $TOP
	fails 2 "Error: weight: cgroup2 is not mounted on this host" --weight 5
	fails 2 "Error: memory-limit: cgroup2 is not mounted on this host" --memory-limit 64M
	one spin > /dev/null
	expect 2 "Error: cap: cgroup2 is not mounted on this host" domctl set one --cap 5 &&
		is_state one running && domctl show one > $DIR/out && ! grep -q Weight $DIR/out
	result "set, without cgroups"
	domctl destroy one && nothing_left
	result "nothing is left"
	mount -t cgroup2 cgroup2 $TOP
}

# ---- 7. Many ----------------------------------------------------------------------------

# Each destroys what it has made while others make theirs, and sweeps.
churn() {
	for round in 1 2 3 4 5 6; do
		domctl create $1 $PUPPET --append spin --weight $round > /dev/null &&
			[ "$(cat $SLICE/$1/cpu.weight)" = $round ] && domctl destroy $1 || return
	done
}

many() {
	jobs=
	for job in a b c d; do
		churn $job 2>> $DIR/errors &
		jobs="$jobs $!"
	done
	bad=0
	for job in $jobs; do
		wait $job || bad=1
	done
	[ $bad -eq 0 ] && all_gone || { note "$(cat $DIR/errors)"; false; }
	result "four at a time, made and destroyed"
}

begin
grep -qw cpu $TOP/cgroup.controllers || { echo "1..0 # SKIP needs cgroup2"; exit 4; }
refusals
with_limits
ends
sets
others
none
many
rmdir $SLICE && echo -cpu > $TOP/cgroup.subtree_control
result "and the slice can go"
finish
