#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# rings.sh IMAGE [WORDS]: runs a guest that maltreats a disk (lib/victim.h), on a block
# device (--module brd) and on a file, with another disk beside it. WORDS are for its
# command line.
#
# The guest asks "why NAME" on its console; here is looked up, and answered, what domctl
# shows as the reason.
image=$1
words=$2
file=/tmp/victim.img
out=/tmp/rings.out
in=/tmp/rings.in

# What domctl shows as the reason for which device $1 of domain $2 is broken.
reason() {
	domctl show "$2" | awk -v name="$1" '
		$1 == "Disk:" || $1 == "NIC:" { mine = $2 == name }
		mine && sub(/^  Because: /, "") { print; exit }'
}

# run NAME VICTIM: as the guest ends
run() {
	{
		domctl create "$1" --kernel "/tests/guest/$image" --memory 16M --console \
			--rng none --balloon none \
			--disk "$2,name=d" --disk /tmp/other.img,name=e --append "disk=${2##*/} $words" \
			< $in > $out 2> /tmp/rings.end
		status=$?
		echo "the end" >&8
		exit $status
	} &
	job=$!
	while read -r line <&8; do
		case $line in
		"why "*) why=$(reason "${line#why }" "$1"); echo "$why" >&7 ;;
		"the end"*) break ;;
		*) echo "$line" ;;
		esac
	done
	wait $job
}

rm -f $in $out
mkfifo $in $out || exit 1
exec 7<> $in 8<> $out
truncate -s 8M $file
truncate -s 1M /tmp/other.img
for disk in $file /dev/ram0; do
	[ -e $disk ] || continue
	run "$image-${disk##*/}" $disk
	status=$?
	cat /tmp/rings.end
	[ $status -eq 0 ] || exit $status
done
rm -f $file /tmp/other.img $in $out /tmp/rings.end
