#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# fio.sh SECONDS MIB ROUNDS DISK...: fio with --verify on each disk, ext4 and xfs in turn,
# until the time is over and all disks were used so many times. Each job has so many MiB, of
# which there are four at a time. In a Debian domain: bash, fio, mkfs.
#
# "fio: N jobs, N failed" is the last line.
set -u
end=$((SECONDS + $1)) size=$2 rounds=$3
shift 3
jobs=0 failed=0 round=0
mkdir -p /mnt/fio

# verified NAME ARGUMENT...: one job
verified() {
	local name=$1
	shift
	jobs=$((jobs + 1))
	fio --name="$name" --ioengine=libaio --iodepth=8 --size="${size}m" --verify=crc32c \
		--verify_fatal=1 --do_verify=1 --group_reporting --randseed=$jobs \
		"$@" > /tmp/fio.out 2>&1 && return
	failed=$((failed + 1))
	echo "fio $name $* on $disk ($fs) failed:"
	grep -v '^ *\(lat\|clat\|slat\|bw\|iops\|cpu\|IO depths\|submit\|complete\)' /tmp/fio.out | tail -n 20
}

job() {
	verified "$@" --directory=/mnt/fio --unlink=1
}

# All jobs on files, once.
files() {
	local bs direct
	for bs in 4k 64k 1m; do
		for direct in 0 1; do
			job random --rw=randwrite --bs=$bs --direct=$direct --numjobs=1
		done
	done
	job mixed --rw=randrw --bsrange=4k-1m --direct=1 --numjobs=4
	job sequential --rw=write --bs=1m --direct=1 --numjobs=2
	job small --rw=write --bs=4k --direct=0 --numjobs=3
	job middling --rw=rw --bs=64k --direct=1 --numjobs=1
	job buffered --rw=randwrite --bs=4k --fsync=32 --numjobs=4
}

while [ $round -lt $((rounds * $#)) ] || [ $SECONDS -lt $end ]; do
	for disk; do
		round=$((round + 1))
		fs=$([ $(((round + round / 3) % 2)) -eq 1 ] && echo ext4 || echo xfs)
		wipefs -qa "$disk"
		verified trims --filename="$disk" --rw=randtrimwrite --bs=64k --direct=1
		case $fs in
		ext4)	mkfs.ext4 -qF "$disk" ;;
		xfs)	mkfs.xfs -qf "$disk" ;;
		esac || { echo "no $fs on $disk"; failed=$((failed + 1)); continue; }
		mount -t "$fs" -o discard "$disk" /mnt/fio || { failed=$((failed + 1)); continue; }
		files
		fstrim /mnt/fio || failed=$((failed + 1))
		umount /mnt/fio || failed=$((failed + 1))
		if [ "$fs" = ext4 ]; then
			e2fsck -fn "$disk" > /tmp/fsck 2>&1
		else
			xfs_repair -n "$disk" > /tmp/fsck 2>&1
		fi || { tail -n 5 /tmp/fsck; failed=$((failed + 1)); }
		# What was discarded reads as zeroes, if the disk says so; never as an error.
		blkdiscard -f -o 0 -l 16m "$disk" || failed=$((failed + 1))
		dd if="$disk" of=/dev/null bs=1M count=16 iflag=direct 2> /dev/null || failed=$((failed + 1))
	done
done
echo "fio"": $jobs jobs, $failed failed"
