#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# disklinux.sh: what Linux in a domain sees of its disks, and the host's disks of what it
# does, as KTAP.
#
#   1. another size, below a file system that is mounted and written to
#   2. the limits of the host's device
#   3. the write cache: what is written is flushed, or on the disk at once
#
# With --module brd, loop, sd_mod, scsi_debug, dm-mod and ext4; mkfs.ext4 and e2fsck.
# shellcheck disable=SC2016,SC2086,SC2154,SC2181
set -u
. /tests/host/common.sh
. /tests/host/netlib.sh
. /tests/guest/dm.sh

MNT=/tmp/disklinux.fs
TRACE=/sys/kernel/tracing

attach() {
	domctl disk attach one "$@" --name d > /dev/null &&
		works one "until [ -b /dev/vda ]; do usleep 10000; done"
}

detach() {
	domctl disk detach one d --timeout 60
}

# ---- 1. Size ------------------------------------------------------------------------

# mounted DISK: with data, and somebody who writes all the time from here on
mounted() {
	attach $1 && works one "mkdir -p /m && mount -t ext4 /dev/vda /m && dd if=/dev/urandom \
of=/m/a bs=64k count=48 2> /dev/null && sync && md5sum /m/a > /a.sum; rm -f /stop /bad; \
(while [ ! -e /stop ]; do dd if=/dev/zero of=/m/busy bs=64k count=8 conv=fsync || touch /bad; \
done) > /dev/null 2>&1 & eight() { for i in 1 2 3 4 5 6 7 8; do cat /m/a; done; }; [ -s /a.sum ]"
}

# sees MIB: such a disk
sees() {
	works one "for t in \$(seq 500); do [ \$(cat /sys/block/vda/size) != $(($1 * 2048)) ] || \
break; usleep 10000; done; [ \$(cat /sys/block/vda/size) = $(($1 * 2048)) ]"
}

# The file system takes what is new, and 24 MiB are written where it was not.
used() {
	works one "grow /m /dev/vda && eight > /m/b && sync && echo 3 > /proc/sys/vm/drop_caches && \
md5sum -c /a.sum && [ \"\$(eight | md5sum)\" = \"\$(md5sum < /m/b)\" ]" 120
}

quiet() {
	works one "touch /stop; wait; [ ! -e /bad ] && grep '^/dev/vda /m ext4 rw' /proc/mounts && \
umount /m"
}

sizes() {
	truncate -s 16M $MNT/d && mkfs.ext4 -q -F $MNT/d && mounted $MNT/d && sees 16
	result "a file of 16 MiB is mounted and written to"
	domctl disk resize one d 64M && sees 64
	result "it is made 64 MiB: the guest sees that"
	used
	result "and has the room without another mount"
	expect 2 "Error: size: 32M is less than the disk has (64M): --shrink cuts it off" \
		domctl disk resize one d 32M && sees 64 && works one "md5sum -c /a.sum"
	result "it is not made smaller by mistake"
	quiet
	result "who wrote all the time has had no error"
	domctl disk resize one d 72M --shrink && sees 72 && domctl disk resize one d 64M --shrink &&
		sees 64 && works one "! dd if=/dev/vda of=/dev/null bs=1M skip=64 count=1 \
iflag=direct 2>&1 | grep -q '^1+0'"
	result "with --shrink it is, and nothing is behind its end"
	detach && e2fsck -fn $MNT/d > $DIR/fsck 2>&1
	result "the file system is whole"

	table grows "0 32768 linear /dev/ram1 0" && mkfs.ext4 -q -F /dev/dm-0 && mounted /dev/dm-0
	result "a block device of 16 MiB"
	table grows "0 131072 linear /dev/ram1 0" && sees 16
	result "it has 64 MiB: nobody was told"
	domctl disk resize one d && sees 64 && used
	result "the guest is told, and uses them"
	quiet && detach && e2fsck -fn /dev/dm-0 > $DIR/fsck 2>&1 && dm remove grows
	result "and gives it back"
}

# ---- 2. Limits ----------------------------------------------------------------------

limits="alignment_offset queue/logical_block_size queue/physical_block_size \
queue/minimum_io_size queue/optimal_io_size queue/discard_granularity"

# same_limits DISK: the guest's disk has those of the host's
same_limits() {
	host=$(cd /sys/block/$1 && cat $limits | tr '\n' ' ')
	note "$limits: $host"
	works one "[ \"\$(cd /sys/block/vda; cat $limits | tr '\\n' ' ')\" = '$host' ] && \
[ \$(cat /sys/block/vda/queue/discard_max_bytes) -gt 0 ]"
}

# scsi WORDS...: a SCSI disk with such parameters, $scsi
scsi() {
	rmmod scsi_debug 2> /dev/null
	insmod /lib/modules/scsi_debug.ko delay=0 "$@" || return
	scsi=
	soon scsi_there
}

scsi_there() {
	scsi=$(ls /sys/bus/pseudo/drivers/scsi_debug/adapter0/host*/target*/*/block 2> /dev/null) &&
		[ -b "/dev/$scsi" ]
}

passed_through() {
	scsi dev_size_mb=16 physblk_exp=3 opt_xferlen_exp=6 opt_blks=2048 lbpu=1 \
		unmap_granularity=128 && attach /dev/$scsi && same_limits $scsi && detach
	result "sectors of 512 bytes, blocks of 4096, requests of 32 KiB to 1 MiB, discards of 64 KiB"
	scsi dev_size_mb=16 physblk_exp=3 lowest_aligned=1 lbpu=1 && attach /dev/$scsi &&
		[ "$(cat /sys/block/$scsi/alignment_offset)" = 512 ] && same_limits $scsi && detach
	result "blocks of 4096 bytes that begin with the second sector"
	scsi dev_size_mb=16 sector_size=4096 opt_xferlen_exp=2 opt_blks=64 lbpws=1 lbpu=1 \
		unmap_granularity=2 && attach /dev/$scsi && same_limits $scsi
	result "sectors of 4096 bytes"
	works one "diskio write /dev/vda 4096 8 && diskio read /dev/vda 65536 8 && \
! diskio read /dev/vda 512 1"
	result "and nothing smaller"
	detach
	result "and it is given back"
}

# A file on sectors of 4096 bytes, which has less, or more, than some of them.
large_sectors() {
	mkfs.ext4 -q -F -b 4096 /dev/$scsi && mkdir -p $MNT/4k && mount -t ext4 /dev/$scsi $MNT/4k
	result "a file system on it"
	for size in 512 9728; do
		truncate -s $size $MNT/4k/a
		expect 2 "Error: disk d: the image's size is 0 or no multiple of its block size \
($size and 4096 bytes)" domctl disk attach one $MNT/4k/a --name d --direct &&
			[ "$(domctl -j disk list one)" = "[]" ]
		result "a file of $size bytes is refused without the page cache"
	done
	attach $MNT/4k/a --buffered && works one "[ \$(cat /sys/block/vda/size) = 19 ]" && detach
	result "with it, it is a disk of 19 sectors"
	truncate -s 1M $MNT/4k/a && attach $MNT/4k/a --direct
	result "a multiple is a disk without the page cache, too"
	expect 2 "Error: disk d: size: 0, or no multiple of the disk's block size (1049088 and 4096 \
bytes)" domctl disk resize one d 1049088
	result "which is not made a size that it could not have"
	truncate -s 1049088 $MNT/4k/a
	expect 2 "Error: disk d: the image's size is 0 or no multiple of its block size (1049088 and \
4096 bytes)" domctl disk resize one d && works one "[ \$(cat /sys/block/vda/size) = 2048 ]"
	result "nor takes it from its file"
	detach && umount $MNT/4k
	result "and the file system is free"
}

# ---- 3. The write cache ---------------------------------------------------------------

flushes() {
	awk '{ print $16 }' /sys/block/$1/stat
}

# flushed DISK LEAST MOST COMMAND: the guest's command has that disk flushed as often
flushed() {
	before=$(flushes $1)
	works one "$4" || return
	after=$(($(flushes $1) - before))
	[ $after -ge $2 ] && [ $after -le $3 ] && return
	note "$1 was flushed $after times"
	return 1
}

cache_is() {
	works one "[ \"\$(cat /sys/block/vda/queue/write_cache)\" = 'write $1' ]"
}

writes="diskio write /dev/vda 4096 32"

# cached DISK IMAGE...: the flushes of a disk below an image are told from those not asked for
cached() {
	disk=$1
	shift
	attach "$@" && cache_is back && flushed $disk 0 0 "$writes"
	result "$*: the guest knows of a cache, writes are not flushed"
	flushed $disk 1 8 "dd if=/dev/zero of=/dev/vda bs=4k count=8 conv=fsync,notrunc"
	result "but when the guest says so"
	works one "echo 'write through' > /sys/block/vda/cache_type" && cache_is through &&
		flushed $disk 32 64 "$writes"
	result "the guest turns the cache off: each write is flushed"
	works one "echo 'write back' > /sys/block/vda/cache_type" && cache_is back &&
		flushed $disk 0 0 "$writes"
	result "and on"
	detach && attach "$@" --writethrough && cache_is through && flushed $disk 32 64 "$writes"
	result "--writethrough: the guest knows of no cache, each write is flushed"
	works one "! echo 'write back' > /sys/block/vda/cache_type" && flushed $disk 32 64 "$writes"
	result "and the guest cannot change that"
	detach
	result "and it is given back"
}

# writes_issued: of the disk with trace events on: all, and those that force unit access
writes_issued() {
	awk '/block_rq_issue:/ { for (i = 1; i < NF; i++) if ($i == "block_rq_issue:") how = $(i + 2)
		if (how ~ /^F?W/) all++
		if (how ~ /^F?WF/) forced++ }
		END { print all + 0, forced + 0 }' $TRACE/trace
}

# Where the host's disk can do it in one go, nothing else is asked of it.
forced() {
	[ -e $TRACE/events ] || mount -t tracefs none $TRACE
	scsi dev_size_mb=16 && [ "$(cat /sys/block/$scsi/queue/fua)" = 1 ] &&
		attach /dev/$scsi --writethrough && echo > $TRACE/trace &&
		echo 1 > $TRACE/events/block/block_rq_issue/enable
	result "a disk that can force unit access"
	flushed $scsi 0 0 "$writes"
	echo 0 > $TRACE/events/block/block_rq_issue/enable
	[ "$(writes_issued)" = "32 32" ]
	result "each write forces it, and none is flushed behind: $(writes_issued)"
	detach && rmmod scsi_debug
	result "and it is given back"
}

begin
mkdir -p $MNT && mkfs.ext4 -q -F /dev/ram0 && mount -t ext4 /dev/ram0 $MNT &&
	truncate -s 32M $DIR/a $DIR/b && losetup /dev/loop0 $DIR/a && losetup /dev/loop1 $DIR/b &&
	mkfs.ext4 -q -F /dev/loop1 && mkdir $MNT/flushed && mount -t ext4 -o commit=10000 /dev/loop1 $MNT/flushed &&
	dd if=/dev/zero of=$MNT/flushed/image bs=1M count=8 2> /dev/null && sync
needed "file systems"
guest_start one
needed "a domain"
sizes
passed_through
large_sectors
cached loop0 /dev/loop0
cached loop1 $MNT/flushed/image
forced
guests_well
result "the guest's kernel is well"
domctl destroy one && nothing_left
result "nothing is left"
umount $MNT/flushed && umount $MNT && losetup -d /dev/loop0 && losetup -d /dev/loop1
result "the host's file systems are free"
finish
