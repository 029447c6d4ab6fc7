#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# rings.sh IMAGE [WORDS [OPTION...]]: runs a guest that maltreats a disk (lib/victim.h), on a
# block device (--module brd) and on a file, with another disk beside it. WORDS are for its
# command line, OPTIONs for domctl.
#
# The guest asks "why NAME": the answer is what domctl shows as the reason.
. /tests/guest/asked.sh
image=$1
words=$2
shift $(($# < 2 ? $# : 2))
file=/tmp/victim.img

answer() {
	why=$(because Disk "$2" "$domain")
	echo "$why"
}

truncate -s 8M $file
truncate -s 1M /tmp/other.img
for disk in $file /dev/ram0; do
	[ -e $disk ] || continue
	domain=$image-${disk##*/}
	asked_by why "$domain" --kernel "/tests/guest/$image" --memory 16M --rng none \
		--balloon none --disk "$disk,name=d" --disk /tmp/other.img,name=e \
		--append "disk=${disk##*/} $words" "$@" || exit
done
rm -f $file /tmp/other.img
