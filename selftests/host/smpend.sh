#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# smpend.sh [ROUNDS]: a domain whose vCPUs do everything to each other ends in the middle of
# it, as KTAP: by destroy, by its holder's death, each also while the host takes vCPUs and
# gives them back.
# shellcheck disable=SC2086,SC2181,SC2317
set -u
. /tests/host/common.sh

begun() {
	grep -q 'the storm begins' $DIR/log 2> /dev/null
}

# Of all its vCPUs, which is the only domain.
exits() {
	awk '/^  vcpu/ { for (i = 1; i < NF; i++) if ($i == "exits") n += $(i + 1) }
		END { print n + 0 }' /sys/kernel/debug/domus/domains
}

start() {
	rm -f $DIR/log
	domctl create storm --kernel /tests/guest/smpstorm --memory 16M --vcpus 8 \
		--append "forever=1 seed=$1" --log $DIR/log > /dev/null && soon begun &&
		moves 2000 exits
}

# Until it is told to stop, or there is nobody to ask.
give_and_take() {
	while domctl vcpu down storm 2 --timeout 0 || domctl vcpu up storm 2 --timeout 0 ||
		! is_gone storm; do :; done > /dev/null 2>&1
}

begin
before=$(slab)
for how in "destroy" "kill" "destroy while vCPUs come and go" "kill while vCPUs come and go"; do
	round=0
	while [ $round -lt ${1:-2} ] && round=$((round + 1)) && start $round; do
		holder=$(holder_of storm)
		case $how in
		*while*) give_and_take & ;;
		esac
		case $how in
		destroy*) domctl destroy storm ;;
		kill*)	# who is killed cannot remove it; the next one of that name does
			kill -9 $holder && soon is_gone storm && rm -f /run/domus/storm.sock ;;
		esac || break
		wait
		nothing_left || break
	done
	[ $round -eq ${1:-2} ] && is_gone storm
	result "$how: $round times"
done
slab_left $before
result "nothing is left"
finish
