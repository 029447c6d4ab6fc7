#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# noglobal.sh [refused]: the module's parameter no_global, as KTAP: CR4.PGE is off on every
# CPU while there is a domain, also on one that comes online by then, and on again afterwards.
# refused: on a host that needs its global entries, for its PCIDs, the module is not loaded.
# shellcheck disable=SC2034,SC2181,SC2317
set -u
. /tests/host/common.sh
TEST=no-global

# Bit 7 of CR4 of each CPU, as the emulator has it: "1 1"
pge() {
	rig hmp info registers -a | tr ' ' '\n' | sed -n 's/^CR4=.*\(.\).$/\1/p' |
		sed 's/[0-7]/0/; s/[^0]/1/' | tr '\n' ' ' | sed 's/ $//'
}

is_pge() {
	[ "$(pge)" = "$1" ] && return
	note "CR4.PGE by CPU: $(pge), not $1"
	return 1
}

create() {
	domctl create "$1" --kernel /tests/guest/puppet --memory 8M --append idle > /dev/null
}

cpu1=/sys/devices/system/cpu/cpu1/online

begin
if [ "${1:-}" = refused ]; then
	TEST=no-global-refused
	grep -q '^flags.* pcid .*invpcid ' /proc/cpuinfo && ! grep -q '^flags.* pti ' /proc/cpuinfo
	needed "the host has PCIDs and no page-table isolation"
	! insmod /domus.ko no_global=1 2> /dev/null &&
		dmesg | tail -n 1 | grep -q 'domus: no_global: the host has PCIDs and no page-table'
	result "refused, with the reason"
	insmod /domus.ko && [ "$(cat /sys/module/domus/parameters/no_global)" = N ] && create a &&
		domctl destroy a && soon rmmod domus
	result "without it, it is loaded"
	finish
fi
insmod /domus.ko && is_pge "1 1" && create a && is_pge "1 1" && domctl destroy a &&
	rmmod domus && is_pge "1 1"
result "without it, PGE is left alone"

insmod /domus.ko no_global=1 && is_pge "1 1"
needed "with it, and no domain, as well"

create a && is_pge "0 0" && create b && is_pge "0 0"
result "off with a domain"

echo 0 > $cpu1 && echo 1 > $cpu1 && soon is_pge "0 0"
result "off on a CPU that comes online"

domctl destroy a && is_pge "0 0"
result "one of two domains has gone"

domctl destroy b && soon is_pge "1 1"
result "on again without any"

echo 0 > $cpu1 && echo 1 > $cpu1 && soon is_pge "1 1"
result "and on a CPU that comes online"

create a && is_pge "0 0" && domctl destroy a && soon is_pge "1 1" && soon rmmod domus &&
	is_pge "1 1"
result "once more, and the module goes"
finish
