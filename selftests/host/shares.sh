#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# shares.sh [short]: spinning domains on one CPU have what their weights and caps say, as
# KTAP: counted by their CPU time, over a fixed amount of it.
# shellcheck disable=SC2086,SC2181,SC2317
set -u
. /tests/host/common.sh
NAMES="a b c"

# share MS W...: each has its part of all, within 5 % of that part
shared() {
	measure $1
	shift
	note "weights $*: $shares ms of CPU time"
	echo $shares | awk -v weights="$*" '{
		n = split(weights, w)
		for (i = 1; i <= n; i++) sum += w[i]
		for (i = 1; i <= n; i++) {
			part = $i * sum / w[i] / '$all'
			if (part < 0.95 || part > 1.05) exit 1
		}
	}'
}

# uptime: in ms
uptime() {
	awk '{ printf "%d", $1 * 1000 }' /proc/uptime
}

# capped MS PERCENT: the first one has so much of the time, of which others take some, too
capped() {
	began=$(uptime)
	measure $1
	all=$(($(uptime) - began))
	note "$shares ms of CPU time, of $all"
	echo $shares | awk -v cap=$2 -v all=$all \
		'{ part = $1 * 100 / all; exit part < cap - 2 || part > cap + 2 }'
}

spin() {
	name=$1
	shift
	domctl create $name --kernel /tests/guest/puppet --memory 8M --append spin "$@" > /dev/null &&
		domctl vcpu pin $name 0 0
}

others() {
	domctl set a --weight 10000 && domctl set b --weight 5000 && domctl set c --weight 5000 &&
		shared 8000 2 1 1
	result "others, while they run: 2 : 1 : 1"
}

caps() {
	domctl set a --cap 60 && shared 3000 1 1
	result "one above its share changes nothing"
	domctl set a --weight 10000 && capped 3000 60
	result "and holds, whatever its weight"
	domctl set a --cap none --weight 300 && shared 4000 3 1
	result "without a cap: 3 : 1"
}

begin
grep -qw cpu /sys/fs/cgroup/cgroup.controllers || { echo "1..0 # SKIP needs cgroup2"; exit 4; }
short=${1:-} weighed=7000
[ "$short" ] && weighed=2100
spin a --weight 100 && spin b --weight 200 && spin c --weight 400
result "three domains on one CPU"
shared $weighed 100 200 400
result "weights 100, 200 and 400: 1 : 2 : 4"
[ "$short" ] || others
domctl destroy c
domctl set a --weight 100 --cap 30 && domctl set b --weight 100 && capped 4000 30
result "a cap of 30 % holds within 2 points"
[ "$short" ] || caps
for name in $NAMES; do
	domctl destroy $name 2> /dev/null
done
nothing_left && [ -z "$(find /sys/fs/cgroup/domus.slice -mindepth 1 -type d)" ]
result "nothing is left"
rmdir /sys/fs/cgroup/domus.slice
finish
