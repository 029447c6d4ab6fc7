#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# diskchurn.sh [CYCLES [RING]]: disks that come and go under load, as KTAP.
#
#   1. attach and detach while another disk, and this one, read and write, by asking and
#      by force
#   2. a driver that lets go of its device and takes it again, as often
#   3. a guest that reboots, and ones that are destroyed and killed, with requests under way
#   4. nothing of it is left with the host
#
# Half of the disks are files, half block devices.
# shellcheck disable=SC2016,SC2034,SC2086,SC2154,SC2181
set -u
cycles=${1:-6}
ring=${2:-packed}
. /tests/host/common.sh
. /tests/host/netlib.sh

MNT=/tmp/diskchurn.fs
drivers=/sys/bus/virtio/drivers/virtio_blk

# rw DISK N: N at a time, until the disk is gone (and without making a file in its place)
rw() {
	echo "for j in \$(seq $2); do (while diskio read /dev/$1 32768 32 && \
diskio write /dev/$1 4096 64; do :; done) > /dev/null 2>&1 & done"
}

# In the guest: $disk is there, a moment after its node, and maybe by another letter than
# the one before, which somebody has open yet
opens="until disk=\$(ls /sys/block | grep vd) && diskio read /dev/\$disk 512 1 > /dev/null 2>&1; \
do usleep 10000; done"
# its first write, behind 32 reads
written="until [ \$(awk '{ print \$5 }' /sys/block/\$disk/stat) -gt 0 ]; do usleep 10000; done"

# done_by DOMAIN DISK: reads and writes
done_by() {
	domctl -p disk list $1 | awk -v name="\"$2\"," '
		$1 == "\"name\":" { found = ($2 == name) }
		found && ($1 == "\"reads\":" || $1 == "\"writes\":") { n += $2 }
		END { print n + 0 }'
}

# busy DOMAIN DISK: there is load
busy() {
	moves 16 done_by $1 $2
}

disk_is() {
	[ "$(domctl -p disk list $1 | awk -v name="\"$2\"," -v key="\"$3\":" '
		$1 == "\"name\":" { found = ($2 == name) }
		found && $1 == key { sub(/,$/, "", $2); print $2; exit }' | tr -d '"')" = "$4" ]
}

image() {
	if [ $(($1 % 2)) = 0 ]; then echo $MNT/x; else echo /dev/ram7; fi
}

# rings_are KIND: those that the guest has taken for its disk, feature 34
rings_are() {
	soon disk_is one a state ready || return
	features=$(domctl -p disk list one | sed -n 's/.*"features": "\(.*\)",*$/\1/p')
	case $(($features >> 34 & 1)) in
	0)	[ $1 = split ] ;;
	1)	[ $1 = packed ] ;;
	esac
}

churn() {
	works one "$(rw vda 2)"
	good=0
	for n in $(seq $cycles); do
		domctl disk attach one "$(image $n)" --name x --ring $ring > /dev/null || break
		# with a driver, or before it has come; by asking, or not
		[ $((n % 2)) = 0 ] || soon disk_is one x state ready || break
		guest_begins one "for t in \$(seq 100); do [ ! -b /dev/vdb ] || break; usleep 10000; done; \
$(rw vdb 2)"
		[ $((n % 2)) = 1 ] || busy one x || break
		if [ $((n % 3)) = 0 ]; then
			domctl disk detach one x --force || break
		else
			domctl disk detach one x --timeout 60 || break
		fi
		guest_ended one $step || break
		[ "$(domctl -j disk list one | grep -o '"name":"x"')" = "" ] || break
		good=$n
		[ $((n % 10)) != 0 ] || progress $n times
	done
	[ $good = $cycles ]
	result "$cycles times attached and detached"
	works one "diskio read /dev/vda 4096 64"
	result "the other disk does not mind"
	busy one a
	result "which was used all the time"
}

storm() {
	works one "cd $drivers; d=\$(ls -d virtio*); \
for i in \$(seq $cycles); do echo \$d > unbind; echo \$d > bind; \
$opens; $(rw '$disk' 1); $written; done; \
echo \$d > unbind; while pidof diskio; do usleep 10000; done; echo \$d > bind; $opens; cd /root" 900
	result "$cycles times reset by its driver"
	works one "diskio read /dev/vda 4096 64"
	result "it works after it"
	disk_is one a state ready && disk_is one a broken ""
	result "and is not broken"
}

# But for the socket, which the next holder of that name takes
unused() {
	[ "$(cat /sys/module/domus/refcnt)" = 0 ] && [ "$(domctl -j list)" = "[]" ]
}

started() {
	guest_start $1 --disk $2,name=a,ring=$ring && works $1 "$(rw vda 8)" && busy $1 a
}

ends() {
	reboots one "disk=vda; $(rw vda 8); $written" && works one "diskio read /dev/vda 4096 64"
	result "reboot with requests under way: the disk works after it"
	works one "$(rw vda 8)" && busy one a && domctl destroy one && nothing_left
	result "destroy with requests under way: nothing is left"
	started two /dev/ram7 && kill -9 "$(holder_of two)" && soon unused
	result "kill -9 with requests under way: nothing is left"
}

begin
mkdir -p $MNT && mke2fs -q /dev/ram0 > /dev/null && mount -t ext4 /dev/ram0 $MNT &&
	truncate -s 4M $MNT/a $MNT/x
needed "a file system"
guest_start warm --disk $MNT/a,ring=$ring && domctl destroy warm && nothing_left
before=$(slab)
guest_start one --disk $MNT/a,name=a,ring=$ring && rings_are $ring
needed "a domain whose driver has $ring rings"
churn
storm
guests_well
result "the guest's kernel is well"
ends
umount $MNT && rmdir $MNT
result "the host's file system is free"
slab_left $before
result "and its memory"
finish
