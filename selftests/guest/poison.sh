#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# poison.sh KIND...: a page of a running guest (poison.c) goes bad.
#
#   soft       the host moves the page elsewhere, as it does on corrected errors
#   hard       the host takes it away
#   optional   a machine check in the guest's kernel names it, found by the scrubber
#   switch     the same, in the middle of the world switch
#   required   a machine check at the load itself: it cannot be done
#   lost       a machine check without a valid instruction pointer
#   walk       a machine check at the load of a guest's table by the switcher, which delivers
#              a fault of the guest's
#   tables-*   soft, hard, optional: the page is one of the guest's tables
#
# The guest may go on after "soft" only. The host must find nothing wrong with itself.
. "${0%/*}/domain.sh"
number=0 failed=0

# The host's address of the guest's page: the holder's largest mapping is its memory.
find_page() {
	gpa=$1 best=0
	while read -r range _; do
		start=$((0x${range%-*})) end=$((0x${range#*-}))
		[ $((end - start)) -gt $best ] || continue
		best=$((end - start)) base=$start
	done < "/proc/$pid/maps"
	entry=$(dd if="/proc/$pid/pagemap" bs=8 skip=$(((base + gpa) / 4096)) count=1 2> /dev/null |
		od -An -t x8 | tr -d ' ')
	frame=$((0x$entry & 0x7fffffffffffff))
	address=$(printf '0x%x' $((frame * 4096)))
}

# mce PLACE STATUS MCGSTATUS: on the vCPU's CPU; all others get a harmless one, as on Intel.
mce() {
	rig at "$1" 1 mce -b 1 1 "$2" "$3" "$address" 0x8c
}

# Where in the cell that is, for "rig at".
walk() {
	at=
	for symbol in start walk walk_end; do
		at="$at 0x$(awk -v name="domus_text_$symbol" '$3 == name { print $1 }' /proc/kallsyms)"
	done
	# shellcheck disable=SC2086  # three words
	set -- $at
	printf 'cell:%x-%x' $(($2 - $1)) $(($3 - $1))
}

bad() {
	case ${1#tables-} in
	soft)	echo "$address" > /sys/devices/system/memory/soft_offline_page ;;
	hard)	echo "$address" > /sys/devices/system/memory/hard_offline_page ;;
	optional) mce guest 0xbd000000000000c0 5 ;;
	switch)	mce cell 0xbd000000000000c0 5 ;;
	required) mce guest 0xbd80000000000134 7 ;;
	lost)	mce guest 0xbd80000000000134 6 ;;
	walk)	mce "$(walk)" 0xbd80000000000134 7 ;;
	esac
}

one() {
	what=
	case $1 in
	tables-*) what=what=tables ;;
	walk)	what=what=faults ;;
	esac
	domain_start "poison-$1" poison 'pages at' --append "$what" || return
	for task in "/proc/$pid/task/"*; do
		taskset -p 2 "${task##*/}" > /dev/null
	done
	find_page "$(echo "$line" | tr -cd 0-9)"
	bad "$1" || return
	if [ "${1#tables-}" = soft ]; then
		was=$address
		find_page "$(echo "$line" | tr -cd 0-9)"
		[ "$address" != "$was" ] || { echo "# it has not moved"; return 1; }
		domctl show "poison-$1" > /dev/null && domctl destroy "poison-$1" || return
	fi
	wait $job
	domain_gone "poison-$1" || return
	sed 's/^/# /' /tmp/domain.end
	case $1 in
	hard)	grep -q "the host's memory behind .* is broken" /tmp/domain.end || return ;;
	# read by the guest, or by the host's walk, which does not know more
	tables-hard) grep -q -e "the host's memory behind .* is broken" \
			-e "the host has no memory for address" /tmp/domain.end || return ;;
	esac
	! grep -q 'has changed' /tmp/domain.end
}

echo "KTAP version 1"
case $* in
*optional*|*switch*|*required*|*lost*|*walk*)
	# AMD's without SUCCOR make every one of them fatal
	grep -q GenuineIntel /proc/cpuinfo || { echo "1..0 # SKIP not on this CPU"; exit 0; }
	;;
*)
	[ -e /sys/devices/system/memory/hard_offline_page ] ||
		{ echo "1..0 # SKIP this kernel takes no page away"; exit 0; }
esac
echo "1..$#"
taskset -p 1 $$ > /dev/null
# Nor is a neighbour to be on the other CPU: what is to hit this guest would hit that one.
for task in /proc/[0-9]*/task/*; do
	! grep -q '^Name:.*domus:' "$task/status" 2> /dev/null || taskset -p 1 "${task##*/}" > /dev/null
done
for kind; do
	one "$kind"
	status=$?
	number=$((number + 1))
	if [ $status -eq 0 ]; then
		echo "ok $number - $kind"
	else
		echo "not ok $number - $kind"
		failed=1
	fi
done
exit $failed
