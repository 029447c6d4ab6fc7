#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# disk.sh: control of disks by domctl, as KTAP, in the machine of the rig. What a guest
# does with a disk is tested elsewhere: here is none that reads or writes one.
#
#   1. reporting
#   2. images
#   3. what cannot be attached: the exact line, the status, nothing half attached
#   4. attach, list, show, detach
#   5. who may have an image
#   6. limits and sizes
#   7. create: --disk, and a configuration file
#   8. guests that hold on, that let go, that break a ring
#   9. other users
# shellcheck disable=SC2086,SC2181,SC2317  # words are split on purpose
set -u

PUPPET=/tests/guest/puppet
TAKER=/tests/guest/taker
MNT=/mnt
MEMORY="--memory 8M --rng none --balloon none"
. /tests/host/common.sh

# ---- 1. Reporting -------------------------------------------------------------

# does NAME COMMAND...: works, and says nothing on stderr
does() {
	name=$1
	shift
	expect 0 "" "$@"
	result "$name"
}

count() {
	domctl -j disk list "$@" | grep -o '"slot":' | wc -l
}

# refuse STATUS LINE COMMAND...: and domain "one" has as many disks as before
refuse() {
	before=$(count one)
	expect "$@" && [ "$(count one)" = "$before" ]
	result "$2"
}

# member DOMAIN DISK KEY: its value in JSON
member() {
	domctl -p disk list "$1" | awk -v name="\"$2\"," -v key="\"$3\":" '
		$1 == "\"name\":" { mine = $2 == name }
		$1 == key && mine { sub(/^ *[^ ]* /, ""); sub(/,$/, ""); print; exit }'
}

has_size() {
	[ "$(member one d size)" = "$1" ]
}

# ---- 2. Images ----------------------------------------------------------------

image() {
	truncate -s "$2" "$1"
}

make_images() {
	mkdir -p $DIR
	mke2fs /dev/ram0 > /dev/null 2>&1 && mount /dev/ram0 $MNT || return
	image $MNT/a.img 2M
	image $MNT/b.img 1M
	image $DIR/tmpfs.img 1M
	image $DIR/empty 0
	image $DIR/small 100
	image $DIR/odd 1000
	image "$DIR/a b,c" 4096
	mkfifo $DIR/pipe
	mkdir $DIR/ro
	mount -t tmpfs none $DIR/ro && image $DIR/ro/r.img 1M && mount -o remount,ro $DIR/ro
	blockdev --setro /dev/ram1
}

# ---- 3. Refusals --------------------------------------------------------------

attach() {
	domctl disk attach one "$@"
}

refuse_images() {
	refuse 3 "Error: disk /none: No such file or directory" attach /none
	refuse 2 "Error: disk /tmp/disk/empty/x: Not a directory" attach $DIR/empty/x
	for what in $DIR $DIR/pipe /dev/null /dev/domus; do
		refuse 2 "Error: disk $what: neither a file nor a block device" attach $what
	done
	refuse 2 "Error: disk $DIR/empty: is empty" attach $DIR/empty
	refuse 2 "Error: disk $DIR/small: has 100 bytes: too small, a sector has 512" \
		attach $DIR/small
	refuse 2 "Error: disk $DIR/odd: has 1000 bytes: no multiple of 512" attach $DIR/odd
	hint="(to write to it; with readonly it can be attached)"
	refuse 2 "Error: disk $DIR/ro/r.img: Read-only file system $hint" attach $DIR/ro/r.img
	refuse 2 "Error: disk /dev/ram1: Read-only file system $hint" attach /dev/ram1
	refuse 2 "Error: disk ram0: the block device is in use, perhaps mounted" attach /dev/ram0
	refuse 2 "Error: disk $DIR/tmpfs.img: its file system has no direct I/O" \
		attach $DIR/tmpfs.img --direct
}

refuse_words() {
	rule="must be letters, digits, '.', '_' and '-', a letter or digit first"
	refuse 1 "Error: FILE: is missing (see domctl disk attach help)" attach
	refuse 1 "Error: x: unexpected word (see domctl disk attach help)" attach a x
	refuse 1 "Error: disk name: 'a/b' $rule" attach $MNT/a.img --name a/b
	refuse 1 "Error: queues: 17 is not in 1 to 16" attach $MNT/a.img --queues 17
	refuse 1 "Error: queue-size: 100 is no power of two" attach $MNT/a.img --queue-size 100
	refuse 1 "Error: serial: is longer than 20 bytes" \
		attach $MNT/a.img --serial 123456789012345678901
	refuse 1 "Error: rate: 1T is more than 931.3G a second" attach $MNT/a.img --rate 1T
	refuse 1 "Error: burst: 60001 is not in 0 to 60000" attach $MNT/a.img --burst 60001
	refuse 3 "Error: domain none: no such domain" domctl disk attach none $MNT/a.img
	for command in "attach $MNT/a.img" "detach a" list "resize a" "set a --rate 0"; do
		set -- $command
		command=$1
		shift
		refuse 3 "Error: domain none: no such domain" domctl disk $command none "$@"
	done
	why="the domain has no device of this name"
	refuse 3 "Error: disk none: $why" domctl disk detach one none
	refuse 3 "Error: disk none: $why" domctl disk detach one none --force
	refuse 3 "Error: disk none: $why" domctl disk resize one none
	refuse 3 "Error: disk none: $why" domctl disk set one none --ops 1
	domctl create dead --kernel $PUPPET $MEMORY --append crash > /dev/null
	soon is_state dead dead
	refuse 2 "Error: disk a.img: the domain is dead" domctl disk attach dead $MNT/a.img
	domctl destroy dead
}

# ---- 4. Attaching -------------------------------------------------------------

plain() {
	does "attach" attach $MNT/a.img --serial "S 1" --queues 2 --queue-size 64
	[ "$(cat $DIR/out)" = "one: a.img attached" ]
	result "says by which name"
	domctl disk list one | grep -q "^one  *a.img  *2M  *rw  *unused  *$MNT/a.img$"
	result "list"
	[ "$(member one a.img size) $(member one a.img serial) $(member one a.img kind)" = \
		'2097152 "S 1" "disk"' ]
	result "list -j: size, serial, kind"
	[ "$(domctl -j disk list one | grep -o '"size":0,"requests":0' | wc -l)" -eq 2 ]
	result "list -j: two queues, not enabled"
	domctl show one > $DIR/out && grep -q "^Disk: a.img$" $DIR/out &&
		grep -q "^  Serial: S 1$" $DIR/out && grep -q "^  Mode: read-write$" $DIR/out &&
		grep -q "^  Ring 1: not enabled$" $DIR/out
	result "show"
	domctl -j show one | grep -q '"devices":\[{"domain_id":[0-9]*,"domain":"one"'
	result "show -j"
	refuse 2 "Error: disk a.img: the domain has a device of this name" \
		attach $MNT/b.img --name a.img
	does "detach: a disk that no driver has taken goes at once" \
		domctl disk detach one a.img --timeout 0
	refuse 3 "Error: disk a.img: the domain has no device of this name" \
		domctl disk detach one a.img
	[ "$(domctl -j disk attach one $MNT/a.img --name x)" = '{"domain":"one","name":"x"}' ] &&
		[ "$(domctl -j disk detach one x)" = '{"domain":"one","name":"x"}' ]
	result "attach -j, detach -j"
	does "a file with blanks and commas" attach "$DIR/a b,c"
	does "is called after it, made valid" domctl disk detach one a-b-c
	does "block device" attach /dev/ram2 --writethrough
	[ "$(member one ram2 writethrough)" = true ] && domctl disk detach one ram2
	result "writethrough; detached"
	attach $MNT/a.img --name d > /dev/null && attach $MNT/b.img --name b --buffered > /dev/null &&
		[ "$(member one d direct) $(member one b direct)" = "true false" ] &&
		domctl show one | grep -q "^  Mode: read-write, buffered$" &&
		domctl disk detach one d > /dev/null && domctl disk detach one b > /dev/null
	result "direct, and through the host's cache: list and show say so"
	for i in 1 2 3 4 5 6 7 8 9 10; do
		attach $MNT/a.img > /dev/null && domctl disk detach one a.img || break
		attach /dev/ram2 --name r > /dev/null && domctl disk detach one r --force || break
	done && [ "$i" = 10 ] && [ "$(count one)" = 0 ]
	result "a detached image is free at once, ten times"
}

many() {
	i=0
	while [ $i -lt 64 ] && attach $DIR/ro/r.img --readonly > /dev/null; do
		i=$((i + 1))
	done
	[ $i -eq 64 ] && [ "$(count one)" -eq 64 ]
	result "64 disks of one image, read-only"
	[ "$(domctl -j disk list | grep -o '"name":"[^"]*"' | sort -u | wc -l)" -eq 64 ] &&
		domctl disk list one | grep -q "  r.img-64 "
	result "each has a name of its own, and is listed once"
	refuse 2 "Error: disk b.img: the domain has its 64 devices, the most that it can have" \
		attach $MNT/b.img
	for name in $(domctl disk list one | awk 'NR > 1 { print $2 }'); do
		domctl disk detach one "$name" || break
	done
	[ "$(count)" -eq 0 ]
	result "and they are detached again"
	# nothing of the one too many was kept
	attach $MNT/b.img > /dev/null && domctl disk detach one b.img
	result "the image of the one too many is free"
}

# ---- 5. Who may have an image ----------------------------------------------------

# What a loop device of the host has, by whatever name.
loops() {
	why="is in use by /dev/loop0 of the host, which may be mounted"
	image $MNT/l.img 1M && ln $MNT/l.img $MNT/l.link && losetup /dev/loop0 $MNT/l.img
	refuse 2 "Error: disk $MNT/l.img: $why" attach $MNT/l.img
	refuse 2 "Error: disk $MNT/l.link: $why" attach $MNT/l.link
	refuse 2 "Error: disk $MNT/l.link: $why" domctl create three --kernel $PUPPET $MEMORY \
		--append idle --disk $MNT/l.link
	attach $MNT/b.img > /dev/null && domctl disk detach one b.img
	result "another file is free"
	attach $MNT/l.img --shared > /dev/null && domctl disk detach one l.img &&
		attach $MNT/l.img --force > /dev/null && domctl disk detach one l.img &&
		attach $MNT/l.img --readonly > /dev/null && domctl disk detach one l.img
	result "what a loop device has: by a shared or forced disk, or one that reads"
	losetup -d /dev/loop0
	attach $MNT/l.img > /dev/null && domctl disk detach one l.img
	result "it is free when the loop device is gone"
	rm $MNT/l.img $MNT/l.link
}

claims() {
	two="domctl disk attach two"
	attach $MNT/a.img > /dev/null
	refuse 2 "Error: disk a.img-2: another disk writes to this image" attach $MNT/a.img
	refuse 2 "Error: disk a.img: another disk writes to this image" $two $MNT/a.img
	refuse 2 "Error: disk a.img: another disk writes to this image" $two $MNT/a.img --readonly
	refuse 2 "Error: disk a.img: another disk has this image, and is not shared" \
		$two $MNT/a.img --shared
	does "forced: a second domain writes to it" $two $MNT/a.img --force
	[ "$(member two a.img shared) $(member two a.img forced) $(member one a.img shared)" = \
		"true true false" ] &&
		domctl show two | grep -q "^  Mode: read-write, shared, forced$"
	result "list and show say so of the one that was forced"
	refuse 2 "Error: disk a.img-2: another disk writes to this image" attach $MNT/a.img
	refuse 2 "Error: disk a.img-2: another disk has this image, and is not shared" \
		attach $MNT/a.img --shared
	does "forced: read in the same domain" attach $MNT/a.img --readonly --force
	domctl disk detach one a.img-2 && domctl disk detach two a.img
	refuse 2 "Error: disk a.img: another disk writes to this image" $two $MNT/a.img
	ln $MNT/a.img $MNT/link
	refuse 2 "Error: disk link: another disk writes to this image" $two $MNT/link
	[ "$(count two)" -eq 0 ]
	result "the other domain has none"
	domctl disk detach one a.img
	attach $MNT/a.img --readonly > /dev/null && $two $MNT/a.img --readonly > /dev/null
	result "two may read it"
	domctl disk detach one a.img
	refuse 2 "Error: disk a.img: another disk reads this image" attach $MNT/a.img
	refuse 2 "Error: disk a.img: another disk has this image, and is not shared" \
		attach $MNT/a.img --shared
	attach $MNT/a.img --force > /dev/null && [ "$(member one a.img readonly)" = false ] &&
		domctl disk detach one a.img
	result "forced: it is written to, beside a reader"
	attach $MNT/a.img --readonly --shared > /dev/null && domctl disk detach one a.img
	result "who reads beside readers may say that it is shared"
	domctl disk detach two a.img
	attach $MNT/a.img --shared > /dev/null && $two $MNT/a.img --shared > /dev/null
	result "two may write to it when both say that it is shared"
	[ "$(member two a.img shared)" = true ]
	result "list says that it is shared"
	refuse 2 "Error: disk a.img-2: another disk writes to this image" attach $MNT/a.img
	refuse 2 "Error: disk a.img-2: another disk writes to this image" attach $MNT/a.img --readonly
	attach $MNT/a.img --readonly --shared > /dev/null && domctl disk detach one a.img-2
	result "a third one may read it when it says so, too"
	domctl disk detach one a.img
	attach /dev/ram0 --shared > /dev/null && domctl disk detach one ram0 &&
		attach /dev/ram0 --force > /dev/null && domctl disk detach one ram0 &&
		attach /dev/ram0 --readonly > /dev/null && domctl disk detach one ram0
	result "a mounted block device: by a shared or forced disk, or one that reads"
	loops
	refuse 2 "Error: disk $DIR/ro/r.img: Read-only file system (to write to it; with readonly \
it can be attached)" attach $DIR/ro/r.img --force
	refuse 2 "Error: disk $DIR/empty: is empty" attach $DIR/empty --force
	domctl destroy two && attach $MNT/a.img > /dev/null
	result "destroying a domain frees its images"
	domctl disk detach one a.img
	attach /dev/ram2 > /dev/null
	expect 255 "mount: mounting /dev/ram2 on $DIR/ro failed: Device or resource busy" \
		mount -t ext2 /dev/ram2 $DIR/ro
	result "the host cannot mount an attached block device"
	domctl disk detach one ram2
}

# ---- 6. Limits and sizes -----------------------------------------------------------

limits() {
	attach $MNT/a.img --name d --rate 10M --burst 50 > /dev/null
	[ "$(member one d rate_bytes) $(member one d rate_ops) $(member one d rate_burst_ms)" = \
		"10485760 0 50" ]
	result "attach with a limit"
	does "set another one" domctl disk set one d --ops 500
	[ "$(member one d rate_bytes) $(member one d rate_ops) $(member one d rate_burst_ms)" = \
		"10485760 500 50" ]
	result "the first one stays"
	domctl show one | grep -q "^  Limits: 10M/s, 500 operations/s, bursts of 50 ms$"
	result "show"
	does "no limit" domctl disk set one d --rate 0 --ops 0
	! domctl show one | grep -q "Limits"
	result "show says none"
	refuse 1 "Error: set: nothing to change (see domctl disk set help)" domctl disk set one d
	refuse 1 "Error: --name: unknown option (see domctl help)" domctl disk set one d --name x

	truncate -s 3M $MNT/a.img
	[ "$(member one d size)" = 2097152 ]
	result "a file that has grown is not noticed by itself"
	refuse 2 "Error: disk d: size: the file has more by now: resize without a size takes it" \
		domctl disk resize one d 2560K
	does "resize to what is there" domctl disk resize one d
	[ "$(member one d size)" = 3145728 ]
	result "is"
	does "resize to a size" domctl disk resize one d 4M
	[ "$(member one d size) $(stat -c %s $MNT/a.img)" = "4194304 4194304" ]
	result "the file, too"
	refuse 2 "Error: size: 1M is less than the disk has (4M): --shrink cuts it off" \
		domctl disk resize one d 1M
	refuse 1 "Error: size: 1000 is no multiple of 512" domctl disk resize one d 1000
	refuse 1 "Error: size: 0 is no size of a disk" domctl disk resize one d 0
	refuse 1 "Error: size: '4X' is not a size (as 512M or 2G)" domctl disk resize one d 4X
	refuse 2 "Error: disk d: size: more than the file system can do" \
		domctl disk resize one d 1048576T
	[ "$(member one d size) $(stat -c %s $MNT/a.img)" = "4194304 4194304" ]
	result "and it has the size that it had"
	refuse 2 "Error: disk d: size: more than the asker's limit for files (RLIMIT_FSIZE)" \
		sh -c 'ulimit -f 4096; exec domctl disk resize one d 16M'
	fsfreeze --freeze $MNT
	refuse 2 "Error: disk d: size: the file system has not answered: it changes when it does" \
		domctl disk resize one d 8M
	refuse 2 "Error: disk d: size: the file system has not answered the last one yet" \
		domctl disk resize one d 6M
	domctl list > /dev/null
	result "nobody else waits for it"
	fsfreeze --unfreeze $MNT
	within 20 has_size 8388608
	result "then it does"
	does "--shrink" domctl disk resize one d 2M --shrink
	truncate -s 1000 $MNT/a.img
	refuse 2 "Error: disk d: the image's size is 0 or no multiple of its block size (1000 and 512 \
bytes)" domctl disk resize one d
	truncate -s 0 $MNT/a.img
	refuse 2 "Error: disk d: the image's size is 0 or no multiple of its block size (0 and 512 \
bytes)" domctl disk resize one d
	truncate -s 2M $MNT/a.img
	domctl disk detach one d
	attach /dev/ram2 --name d > /dev/null
	refuse 2 "Error: disk d: size: only that of a file can be set" \
		domctl disk resize one d 1024M
	domctl disk detach one d
	attach $MNT/a.img --name d --readonly > /dev/null
	refuse 2 "Error: disk d: size: the disk is read-only" domctl disk resize one d 8M
	domctl disk detach one d
}

# ---- 7. create ----------------------------------------------------------------------

# fails STATUS LINE OPTIONS...: no domain is left behind
fails() {
	status=$1 line=$2
	shift 2
	expect "$status" "$line" domctl create new --kernel $PUPPET $MEMORY --append idle "$@" &&
		! domctl -j list | grep -q '"new"'
	result "create: $line"
}

creates() {
	fails 3 "Error: disk /none: No such file or directory" --disk $MNT/a.img --disk /none
	fails 2 "Error: disk $DIR/empty: is empty" --disk $MNT/a.img --disk $DIR/empty
	fails 2 "Error: disk a.img-2: another disk writes to this image" \
		--disk $MNT/a.img --disk $MNT/a.img
	does "create: forced" domctl create new --kernel $PUPPET $MEMORY --append idle \
		--disk $MNT/a.img --disk $MNT/a.img,force
	[ "$(member new a.img forced) $(member new a.img-2 forced)" = "false true" ]
	result "the second one has the image, too"
	domctl destroy new
	fails 1 "Error: disk name: 'd' is given twice" --disk a,name=d --disk b,name=d
	fails 1 "Error: --disk: unknown option 'foo' behind the file" --disk $MNT/a.img,foo
	fails 1 "Error: readonly: takes no value" --disk $MNT/a.img,readonly=yes
	fails 1 "Error: serial: needs a value: serial=S" --disk $MNT/a.img,serial
	does "create --disk --disk" domctl create new --kernel $PUPPET $MEMORY --append idle \
		--disk $MNT/a.img,name=root,serial=1,rate=1M --disk "$DIR/a b,,c,readonly"
	[ "$(count new) $(member new root rate_bytes) $(member new a-b-c readonly)" = \
		"2 1048576 true" ]
	result "both are there"
	domctl destroy new

	cat > $MNT/web.conf << END
# a comment
[domain]
kernel = $PUPPET
memory = 8M
append = idle
[disk root]
file = a.img
serial = from-file
ops = 100
[disk data]
file = /dev/ram2
readonly = yes
[disk more]
file = a.img
force = yes
END
	does "create -f" domctl create -f $MNT/web.conf
	[ "$(member web root file) $(member web root rate_ops) $(member web data readonly)" = \
		"\"$MNT/a.img\" 100 true" ] && [ "$(member web more forced)" = true ]
	result "named after the file, paths beside it, disks as it says"
	domctl destroy web
	does "create NAME -f, with a disk instead of the file's" domctl create other \
		-f $MNT/web.conf --memory 16M --disk $MNT/b.img,name=root
	[ "$(member other root file) $(member other root serial) $(count other)" = \
		"\"$MNT/b.img\" \"\" 3" ] && domctl list | grep -q "^other .* 16M "
	result "the command line goes over the file"
	domctl destroy other
	echo "readonyl = yes" >> $MNT/web.conf
	expect 1 "Error: $MNT/web.conf:16: readonyl: no such key in [disk NAME]" \
		domctl create -f $MNT/web.conf
	result "create -f: an unknown key is refused, with its line"
}

# ---- 8. Guests that have taken it ------------------------------------------------------

console_says() {
	grep -q "^$1$" $DIR/log
}

# of disk d of domain three
in_state() {
	[ "$(member three d state)" = "\"$1\"" ]
}

taken() {
	domctl create three --kernel $TAKER $MEMORY --append hold --log $DIR/log \
		--disk $MNT/a.img,name=d > /dev/null
	soon console_says "size d 4096"
	result "a guest sees a disk that was there from the start"
	attach3="domctl disk attach three"
	$attach3 $MNT/b.img > /dev/null && soon console_says "taken b.img"
	result "and one that is plugged later"
	soon in_state ready
	result "list says that it has a driver"
	domctl disk resize three d 3M && soon console_says "size d 6144"
	result "it sees the new size"
	expect 2 "Error: disk d: the guest still uses it after 2 s: stays attached (--force takes \
it away)" domctl disk detach three d --timeout 2
	result "detach of one that the guest holds: told, timed"
	console_says "asked d" && in_state ready
	result "the guest was asked, and has it still"
	does "detach --force" domctl disk detach three d --force
	soon console_says "gone d"
	result "the guest sees it go"
	attach $MNT/a.img > /dev/null && domctl disk detach one a.img
	result "its image is free"
	domctl destroy three

	domctl create three --kernel $TAKER $MEMORY --append yield --log $DIR/log \
		--disk $MNT/a.img,name=d > /dev/null
	soon console_says "taken d"
	does "detach from a guest that lets go" domctl disk detach three d --timeout 20
	console_says "asked d" && soon console_says "gone d"
	result "it was asked, and sees it go"
	$attach3 $MNT/a.img --name e > /dev/null && soon console_says "taken e" &&
		domctl disk detach three e && soon console_says "gone e"
	result "once more"
	domctl destroy three

	truncate -s 2M $MNT/a.img
	domctl create three --kernel $TAKER $MEMORY --append break --log $DIR/log \
		--disk $MNT/a.img,name=d > /dev/null
	soon console_says "broken d" && in_state broken
	result "a ring that jumps breaks its device"
	domctl show three | grep -A 2 "^Disk: d$" | grep "^  Because: ..*"
	result "show says how"
	domctl disk resize three d 3M && soon console_says "reset d" &&
		soon in_state ready && [ "$(member three d broken)" = '""' ]
	result "a reset brings it back"
	domctl destroy three

	# Its files are the host's at once: no need to wait for anything.
	mkdir -p $DIR/mnt
	mke2fs /dev/ram2 > /dev/null 2>&1
	for how in idle crash; do
		mount -t ext4 /dev/ram2 $DIR/mnt
		image $DIR/mnt/d.img 1M
		domctl create three --kernel $PUPPET $MEMORY --append $how \
			--disk $DIR/mnt/d.img > /dev/null
		[ $how = idle ] || soon is_state three dead
		domctl destroy three && umount $DIR/mnt
		result "destroyed ($how): the file system of its disk can be unmounted"
	done
}

# ---- 9. Other users -----------------------------------------------------------------------

# as_member COMMAND...: with so many processes and threads of devices
as_member() {
	su member -c "ulimit -u 12; exec $*"
}

# What runs for a user's disks counts against his RLIMIT_NPROC, though it is the kernel's.
threads() {
	make_member
	for n in 1 2 3; do
		image $DIR/m$n 1M && chown member $DIR/m$n
	done
	su member -c "domctl create mine --kernel $PUPPET $MEMORY --append idle" > /dev/null
	as_member domctl disk attach mine $DIR/m1 > /dev/null
	result "a user's first disk"
	why="RLIMIT_NPROC: the user's processes and the threads of devices are as many"
	expect 2 "Error: disk m2: $why" as_member domctl disk attach mine $DIR/m2
	result "more than he may have threads: $why"
	domctl disk attach mine $DIR/m2 > /dev/null
	result "root may give him more"
	su member -c "domctl disk attach mine $DIR/m3" > /dev/null
	result "and he himself with another limit"
	for n in 1 2 3; do
		domctl disk detach mine m$n --force || break
	done
	as_member domctl disk attach mine $DIR/m1 > /dev/null
	result "those that are gone do not count"
	domctl destroy mine
}

others() {
	attach $MNT/a.img > /dev/null
	[ "$(su nobody -c "domctl -j disk list")" = "[]" ]
	result "another user sees no disks of root's domain"
	for command in "list one" "detach one a.img --force" "resize one a.img" \
		       "set one a.img --rate 1"; do
		expect 3 "Error: domain one: no such domain" su nobody -c "domctl disk $command"
		result "another user: disk $command"
	done
	[ "$(member one a.img rate_bytes)" = 0 ]
	result "and it is as it was"
	domctl disk detach one a.img
	threads
}

begin
make_images || exit 1
chmod 755 $DIR
domctl create one --kernel $PUPPET $MEMORY --rng none --append idle > /dev/null &&
	domctl create two --kernel $PUPPET $MEMORY --append idle > /dev/null
needed "two domains"
[ "$(domctl -j disk list)" = "[]" ]
result "without disks"
refuse_images
refuse_words
plain
many
claims
limits
creates
taken
others
domctl destroy one
nothing_left
result "nothing is left behind"
umount $DIR/ro
umount $MNT
result "the host's file system is free"
finish
