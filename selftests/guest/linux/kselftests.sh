#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# kselftests.sh FORM LIMIT: Linux's own selftests, those that ../../host/kselftests.list
# has in the form (short, long), one by one, each for LIMIT seconds at most. /opt has the
# list and the programs (selftests/rig/kselftests). As process 1 of a Debian it takes them
# from /dev/vdb, and powers off in the end.
#
# "kself: ok|skip|not ok PROGRAM ARGUMENT...: SECONDS s" for each of them, with what those
# said that failed; "kselftests: N of N passed" is the last line. A program may leave cases
# out and say that it succeeded: how many is told.
set -u
form=$1 limit=$2
case $form in
short | long) ;;
*) echo "kselftests: '$form' is neither short nor long"; exit 2 ;;
esac
total=0 passed=0
top=/opt

mounts() {
	if [ $$ = 1 ]; then
		mount -t devtmpfs none /dev
		mount -t ext4 /dev/vdb $top
	fi
	mount -t proc none /proc
	mount -t sysfs none /sys
	mkdir -p /dev/shm /dev/pts /dev/hugepages
	mount -t tmpfs none /dev/shm
	mount -t devpts none /dev/pts
	mount -t tmpfs none /tmp
	mount -t debugfs none /sys/kernel/debug
	mount -t hugetlbfs none /dev/hugepages
	# where hugepage-mmap looks
	mkdir -p $top/vm/huge
	mount -t hugetlbfs none $top/vm/huge
}

# run WORD...: in its directory, as it is run by its Makefile
run() {
	local program=$1 user=() pages=0 random=0
	case $1 in
	huge=*) pages=${1#*=} program=$2; shift ;;
	user=*) user=(setpriv --reuid="${1#*=}" --clear-groups) program=$2; shift ;;
	random=*) random=${1#*=} program=$2; shift ;;
	esac
	shift
	[ $$ != 1 ] || echo "$random" > /proc/sys/kernel/randomize_va_space
	# what one before has left there is none of the pages of this one
	rm -f /dev/hugepages/* "$top"/vm/huge/*
	echo "$pages" > /proc/sys/vm/nr_hugepages
	if [ "$(awk '$1 == "HugePages_Free:" { print $2 }' /proc/meminfo)" -lt "$pages" ]; then
		echo "there are no $pages huge pages:"
		grep -i hugepages /proc/meminfo
		return 1
	fi
	cd "$top/${program%/*}" &&
		"${user[@]}" timeout -k 5 "$limit" "./${program##*/}" "$@"
}

# judge WHEN WORD...
judge() {
	local status left verdict="not ok" start=$SECONDS when=$1
	shift
	total=$((total + 1))
	run "$@" > /tmp/kself.out 2>&1 < /dev/null
	status=$?
	case $when,$status in
	skip,4) verdict=skip ;;
	skip,* | *,4) ;;
	*,0) grep -qE '^not ok|\[FAIL\]' /tmp/kself.out || verdict=ok ;;
	esac
	left=$(grep -cE '\[SKIP\]|# SKIP' /tmp/kself.out)
	[ "$verdict" = "not ok" ] || passed=$((passed + 1))
	[ "$left" = 0 ] && left="" || left=", $left cases left out"
	echo "kself: $verdict $*: $((SECONDS - start)) s$left"
	if [ "$verdict" = "not ok" ]; then
		echo "status $status"
		grep -v '^ok ' /tmp/kself.out | tail -n 40 | cut -c 1-200
	fi
}

mounts 2> /dev/null
while read -r when words; do
	words=${words%%#*}
	case $when,$form in
	short,* | skip,* | long,long)
		read -ra words <<< "$words"
		judge "$when" "${words[@]}"
		;;
	esac
done < $top/kselftests.list
echo "kselftests: $passed of $total passed"
if [ $$ = 1 ]; then
	sync
	systemctl poweroff -ff
fi
