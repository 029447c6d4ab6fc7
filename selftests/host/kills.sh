#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# kills.sh EVERY: kill -9 of domctl and of the holder at their system calls, one of so many,
# while a domain is made and while it is destroyed, as KTAP.
#
# The domain has a disk, a terminal, an interface, a weight. What has not been killed ends by
# itself, or by "domctl destroy"; the name is free then, what a killed one has left in the
# runtime directory and in the tree of cgroups goes with the next domain of that name, and
# nothing at all is left behind that.
# shellcheck disable=SC2015,SC2086,SC2181,SC2317
set -u
. /tests/host/common.sh
every=${1:-1}

# Everything that domains leave: of the host's, too.
left() {
	domctl list -j
	holders
	ls -A /run/domus
	ls -d /sys/fs/cgroup/domus.slice/* 2> /dev/null
	ls /sys/class/net
	echo "refs $(cat /sys/module/domus/refcnt)"
}

as_before() {
	[ "$(left)" = "$before" ]
}

next_one() {
	domctl create kills --kernel /tests/guest/puppet --append poweroff --memory 16M \
		--weight 50 --wait > $DIR/out 2> $DIR/err
}

# The domain may be there still: who destroyed it was killed. Then another one is made.
cleared() {
	domctl destroy kills > $DIR/out 2>&1
	soon next_one || {
		note "the next one: $(cat $DIR/out $DIR/err)"
		return 1
	}
	soon as_before && return
	note "left: $(left)"
	return 1
}

# killed WHO NAME LEAST: at one of EVERY of its system calls, of which there are more
killed() {
	at=$((1 + $(date +%s) % every)) n=0 bad=0
	while :; do
		/tests/host/killat $1 $at sh $DIR/life > $DIR/said 2>&1
		status=$?
		cleared || { bad=$((bad + 1)) && note "$(tail -n 3 $DIR/said)"; }
		[ $status -eq 0 ] || break
		n=$((n + 1))
		at=$((at + every))
	done
	[ $status -eq 9 ] && [ $((n * every)) -gt $3 ] && [ $bad -eq 0 ]
	result "$2: killed at $n of its system calls, $bad times something was left"
}

begin
cat > $DIR/life << EOF
domctl create kills --kernel /tests/guest/puppet --append idle --memory 16M --vcpus 2 \\
	--disk $DIR/image --terminal --weight 50 --net bridge=kills0
domctl destroy kills
EOF
truncate -s 4M $DIR/image
ip link add kills0 type bridge
sh $DIR/life > $DIR/out 2>&1 && next_one
needed "it lives and ends where nobody is killed: $(cat $DIR/out)"
# the slice, which the first one made, is there for good
nothing_left
before=$(left)
slab=$(slab)
killed 1 "domctl create" 50
killed 2 "the holder" 100
killed 3 "domctl destroy" 20
slab_left $slab
result "the host's memory is as it was"
ip link del kills0
finish
