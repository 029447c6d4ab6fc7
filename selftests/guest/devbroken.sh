#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# devbroken.sh [ROUNDS]: what is behind a disk fails, hangs, fills up or is taken away, and the
# guest (devio.c) is told so, goes on, and can be ended.
#
#   1. errors: a device that has nothing but errors, one that has them now and then, a
#      file system that is full (tmpfs, ext4, xfs), a file that was cut off, a device
#      that is pulled out
#   2. a device that hangs: forced removal, reset, destroy; whose threads wait for it
#   3. a driver that does not flush: each of its writes is on the device when it is done
#   4. all of it ROUNDS times, with guests that end or reboot while they wait
#
# With --module brd, loop, dm-mod, dm-delay, dm-flakey, null_blk, sd_mod, scsi_debug, nbd,
# ext4 and xfs, mkfs.ext4 and mkfs.xfs.
# shellcheck disable=SC2181,SC2317  # result looks at the status
rounds=${1:-1} number=0 failed=0
DIR=/tmp/devbroken
. /tests/guest/dm.sh

result() {
	if [ $? -eq 0 ]; then verdict=ok; else verdict="not ok" failed=1; fi
	number=$((number + 1))
	echo "$verdict $number - $1"
}

# ---- the guest -----------------------------------------------------------------

# answers WORD ANSWER: told so, the guest says that, within what is long for anybody
answers() {
	echo "$1" >&7
	hears "$1: $2"
}

hears() {
	timeout $((30 * ${SLOW:-1})) awk -v want="$1" '
		{ sub(/\r$/, "") } $0 == want { good = 1; exit } { print "# guest: " $0 } END { exit !good }' <&8
}

# reads STATUS: this time
reads() {
	echo read >&7
	timeout $((30 * ${SLOW:-1})) awk -v want="$1" '
		{ sub(/\r$/, "") } /^read: / { exit $2 != want }' <&8
}

# guest [AS...]: those run it
guest() {
	"$@" domctl create io --kernel /tests/guest/devio --memory 16M --console < $DIR/in > $DIR/out \
		2> $DIR/end 7>&- 8>&- &
	job=$!
	hears devio
}

# with DISK [OPTION...]: the guest has it open
with() {
	domctl disk attach io "$@" --name d > /dev/null && answers open 1
}

# anew DEVICE: the same, of one that went without anybody waiting for it: what has it open
# is closed behind that
anew() {
	soon domctl disk attach io "$1" --name d > /dev/null && answers open 1
}

without() {
	answers reset 0 && domctl disk detach io d > /dev/null
}

# soon COMMAND...: true within 20 seconds
soon() {
	tries=$((200 * ${SLOW:-1}))
	until "$@"; do
		tries=$((tries - 1))
		[ $tries -gt 0 ] || return 1
		sleep 0.1
	done
}

is_gone() {
	[ "$(domctl -j disk list io)" = "[]" ]
}

reboots() {
	domctl show io | grep -q '^State: reboot$'
}

unused() {
	[ "$(cat /sys/module/domus/refcnt)" = 0 ]
}

# ---- tables --------------------------------------------------------------------

SECTORS=8192
GOOD="0 $SECTORS linear /dev/ram0 0"
BAD="0 $SECTORS error"
SLOWLY="0 $SECTORS delay /dev/ram0 0 6000"
# flakey: seconds that it is up, and down, and what that means
DOWN="0 $SECTORS flakey /dev/ram0 0 0 36000"
FLIPS="0 $SECTORS flakey /dev/ram0 0 1 1"

# ---- 1. Errors --------------------------------------------------------------------

errors() {
	table dm "$GOOD" && with /dev/dm-0 && answers read 0 && answers write 0
	result "a device that works"
	[ $failed -eq 0 ] || exit 1
	table dm "$BAD" && answers read 1 && answers write 1
	result "it has nothing but errors: the guest sees them"
	answers start 16 && answers end "0 16"
	result "many at a time, too"
	domctl -p disk list io | grep -q '"errors": 18'
	result "list counts them"
	table dm "$GOOD" && answers read 0 && answers start 16 && answers end "16 0"
	result "it works again"
	without
	result "and is given back"
}

flakey() {
	if ! dm targets | grep -q '^flakey'; then
		number=$((number + 1))
		echo "ok $number - it fails now and then # SKIP the kernel has no dm-flakey"
		return
	fi
	table dm "$GOOD" && with /dev/dm-0 && answers "put 0" "16 0" && answers flush 0
	result "a device that will fail"
	table dm "$DOWN" && answers "check 0" "0 16" && answers "put 1" "0 16" &&
		answers "zero 1" 1
	result "it is down: reads, writes and zeroes fail"
	answers reset 0 && answers open 1 && answers read 1
	result "a reset changes nothing"
	table dm "$GOOD" && answers "check 0" "16 0" && answers "put 1" "16 0" &&
		answers "check 1" "16 0" && answers flush 0
	result "it is up: what was written is there, and more can be"
	table dm "$DOWN 1 error_writes" && answers "put 2" "0 16" && answers "check 1" "16 0"
	result "writes fail, reads do not"
	table dm "$DOWN 1 drop_writes" && answers "put 0" "16 0" && answers "put 3" "16 0" &&
		answers "check 3" "0 0" && table dm "$GOOD" && answers "check 0" "16 0"
	result "writes are lost without a word: what was there before is read"
	dm suspend --noflush --nolockfs dm && answers start 16 && dm load dm --table "$DOWN" &&
		dm resume dm && answers end "0 16"
	result "it goes down with requests under way"
	dm suspend --noflush --nolockfs dm && answers start 16 && dm load dm --table "$GOOD" &&
		dm resume dm && answers end "16 0"
	result "it comes up with requests under way"
	table dm "$FLIPS" && soon reads 1 && soon reads 0 && soon reads 1
	result "up for a second, down for a second: the guest sees both"
	table dm "$DOWN" && answers start 16 && destroyed "it is down"
	table dm "$GOOD" && soon unused
	result "nothing is left"
	guest && with /dev/dm-0 && answers "check 1" "16 0" && without
	result "the next guest finds what was written"
}

# lacks_room "put A": some of its writes fail (file systems may have a block left over)
lacks_room() {
	echo "$1" >&7
	timeout $((30 * ${SLOW:-1})) awk '/^put / { sub(/\r$/, ""); print "# " $0
		exit !($3 + $4 == 16 && $4 > 0) }' <&8
}

# full_fs KIND DEVICE [OPTION...]: a sparse image on a file system that runs full
full_fs() {
	kind=$1 device=$2
	shift 2
	fs="$kind${*:+, $*}"
	case $kind in
	ext4) mkfs.ext4 -q -F -m 0 "$device" ;;
	xfs) mkfs.xfs -q -f --unsupported "$device" ;;
	esac > $DIR/said 2>&1 && mount -t "$kind" "$device" $DIR/full &&
		truncate -s 4M $DIR/full/img && with $DIR/full/img "$@" &&
		answers "put 0" "16 0" && answers flush 0
	result "a sparse file on $fs"
	fill $DIR/full/rest
	lacks_room "put 1" && answers "zero 2" 1
	result "which is full: what needs room fails"
	answers "check 0" "16 0" && answers "put 0" "16 0"
	result "reads do not, nor writes to what is there"
	rm $DIR/full/rest && answers "put 1" "16 0" && answers "zero 2" 0 && answers flush 0
	result "there is room: the same writes work"
	without && umount $DIR/full && mount -t "$kind" "$device" $DIR/full &&
		with $DIR/full/img "$@" && answers "check 0" "16 0" && answers "check 1" "16 0"
	result "and the data are on the disk"
	fill $DIR/full/rest
	# two for one: what says where the file's blocks are takes some, too
	answers "discard 0" 0 && answers "discard 1" 0 && answers flush 0 &&
		answers "put 3" "16 0" && answers flush 0 && answers "check 3" "16 0"
	result "full again: what the guest discards is room for what it writes"
	answers start 16 && without && umount $DIR/full
	result "and is given back"
	[ $failed -eq 0 ] || exit 1
}

full() {
	mkdir -p $DIR/full && mount -t tmpfs -o size=64k none $DIR/full &&
		truncate -s 4M $DIR/full/img && with $DIR/full/img && answers write 0
	result "a file on a small file system"
	dd if=/dev/zero of=$DIR/full/rest bs=4k 2> /dev/null
	answers start 16 && answers end "8 8"
	result "which is full: writes fail, reads do not"
	domctl show io | grep -q '^  no-space: 8$'
	result "show says why"
	rm $DIR/full/rest && answers start 16 && answers end "16 0"
	result "and is not any more"
	truncate -s 4096 $DIR/full/img && answers read 0 && answers start 16 && hears_end
	result "the file is cut off: what is behind its end fails, or grows anew"
	without && umount $DIR/full
	result "and is given back"
}

hears_end() {
	echo end >&7
	timeout $((30 * ${SLOW:-1})) awk '/^end: / { exit !($2 + $3 == 16) }' <&8
}

SCSI=/sys/bus/pseudo/drivers/scsi_debug/adapter0

# The one that was pulled out before, which the host may not be done with yet, and $disk
found() {
	for scan in $SCSI/host*/scsi_host/host*/scan; do
		echo "- - -" > "$scan"
	done
	disk=$(ls $SCSI/host*/target*/*/block 2> /dev/null) && [ -b "/dev/$disk" ]
}

pulled() {
	soon found && with "/dev/$disk" && answers read 0
	result "a SCSI disk"
	echo 1 > "/sys/block/$disk/device/delete" && answers start 16 && answers end "0 16" &&
		answers read 1
	result "is pulled out: the guest sees errors"
	without
	result "and it is given back"
}

# ---- 2. Hangs ------------------------------------------------------------------------

# The exit status and the one line of what a forced removal of a hung disk says.
forced() {
	domctl disk detach io d --force > $DIR/said 2>&1
	[ $? -eq 2 ] && [ "$(cat $DIR/said)" = "Error: disk d: the host has not answered its \
requests: it goes when they are" ] && return
	sed 's/^/# /' $DIR/said
	return 1
}

slow() {
	table dm "$SLOWLY" && with /dev/dm-0 && answers start 16 && forced
	result "forced removal of a disk that takes 6 seconds: told"
	answers look ending && answers read 1
	result "the guest is told; what it asks anew fails"
	answers end "16 0"
	result "what it had asked before is answered"
	soon is_gone && answers look gone && answers read -1
	result "then the disk goes"
	table dm "$GOOD" && anew /dev/dm-0 && answers read 0
	result "and can be attached again"
}

hangs() {
	dm suspend --noflush --nolockfs dm && answers start 16 && forced && forced
	result "forced removal of a disk that hangs: told, twice"
	answers look ending
	result "the guest is alive"
	dm resume dm && answers end "16 0" && soon is_gone
	result "it works again: all is answered, and it goes"
	anew /dev/dm-0 && dm suspend --noflush --nolockfs dm && answers start 16 &&
		echo reset >&7 && forced
	result "the same while the guest waits in a reset"
	dm resume dm && hears "reset: 0" && soon is_gone
	result "the reset comes to its end"
	anew /dev/dm-0 && dm suspend --noflush --nolockfs dm && answers start 16 &&
		timeout $((20 * ${SLOW:-1})) domctl disk resize io d > $DIR/said 2>&1 &&
		timeout $((20 * ${SLOW:-1})) domctl disk list io > /dev/null
	result "a disk that hangs is resized, and listed"
}

destroyed() {
	timeout $((20 * ${SLOW:-1})) domctl destroy io
	result "$1: destroyed"
	wait $job
}

# ---- 3. Drivers that do not flush ----------------------------------------------------

# flushed COUNT WORD...: what the guest is told has the host's device flushed as often
flushed() {
	times=$1
	shift
	before=$(awk '{ print $16 }' /sys/block/loop0/stat)
	"$@" || return
	after=$(awk '{ print $16 }' /sys/block/loop0/stat)
	[ $((after - before)) -eq "$times" ] && return
	echo "# flushed $((after - before)) times"
	return 1
}

eight_writes() {
	for _ in 1 2 3 4 5 6 7 8; do
		answers write 0 || return
	done
}

unflushed() {
	truncate -s 4M $DIR/loop && losetup /dev/loop0 $DIR/loop && with /dev/loop0 &&
		flushed 0 eight_writes && flushed 1 answers flush 0
	result "a disk is flushed when its driver says so"
	answers reset 0 && answers plain 1 && flushed 8 eight_writes
	result "of one that cannot each write is flushed"
	answers reset 0 && answers open 1 && flushed 0 eight_writes
	result "and of the next one none"
	without && losetup -d /dev/loop0
	result "and is given back"
}

# ---- 4. All of it, and ends ------------------------------------------------------------

fails() {
	errors
	flakey
	full
	full_fs ext4 /dev/ram1
	full_fs ext4 /dev/ram1 --direct
	full_fs xfs /dev/ram2
	full_fs xfs /dev/ram2 --direct
	[ -e $SCSI ] && pulled
	unflushed
	slow
	hangs
}

ends() {
	destroyed "a disk hangs"
	! unused
	result "its requests keep the module"
	guest
	result "another guest is as good as ever"
	# it is still the other one's until all is answered
	dm resume dm && soon with /dev/dm-0 2> /dev/null
	result "the disk works again, and can be attached"
	dm suspend --noflush --nolockfs dm && answers start 16 && echo reset >&7 &&
		destroyed "a guest waits in a reset"
	dm resume dm && soon unused
	result "nothing is left"
}

# Who waits for a disk must not keep the host's generic netlink from others.
reboot_waits() {
	guest && with /dev/dm-0 && dm suspend --noflush --nolockfs dm && answers start 16 &&
		echo reboot >&7 && soon reboots &&
		{ [ "$round" -gt 1 ] || timeout $((20 * ${SLOW:-1})) rmmod nbd; }
	result "a reboot waits for a disk that hangs, other families of generic netlink do not"
	reboots && timeout $((20 * ${SLOW:-1})) domctl -j list > /dev/null && reboots
	result "it waits yet"
	dm resume dm && hears devio && answers open 1 && answers read 0
	result "the disk works again: so does the guest"
	dm suspend --noflush --nolockfs dm && answers start 16 && echo reboot >&7 && soon reboots &&
		forced && reboots
	result "forced removal while a reboot waits: told"
	dm resume dm && hears devio && soon is_gone && with /dev/dm-0 && answers read 0
	result "the guest comes up without the disk, and gets it anew"
	dm suspend --noflush --nolockfs dm && answers start 16 && echo reboot >&7 && soon reboots &&
		destroyed "a reboot waits"
	dm resume dm && soon unused
	result "nothing is left of that"
}

# member COMMAND...: a user who may use the device, with few processes and threads of devices
member() {
	su member -c "ulimit -u 13; exec $*"
}

# attached WORDS: by the user, on his domain; that is what domctl says
attached() {
	member domctl disk attach io $DIR/own --name d > $DIR/said 2>&1
	[ "$(cat $DIR/said)" = "$1" ] && return
	sed 's/^/# /' $DIR/said
	return 1
}

# Threads that wait for the host outlive the domain, and are its owner's all the same.
users() {
	grep -q ^member: /etc/passwd || {
		echo "member:x:1000:1000::/:/bin/sh" >> /etc/passwd
		sed -i 's/^domus:.*:/&member/' /etc/group
	}
	chown root:domus /dev/domus && chmod 660 /dev/domus && chmod 755 $DIR &&
		dd if=/dev/zero of=$DIR/own bs=1M count=1 2> /dev/null && chown member $DIR/own
	guest member && attached "io: d attached" && answers open 1 && without
	result "a user's disk"
	with /dev/dm-0 && dm suspend --noflush --nolockfs dm && answers start 16 &&
		destroyed "a user's disk hangs"
	guest member && attached "Error: disk d: RLIMIT_NPROC: the user's processes and the \
threads of devices are as many"
	result "he gets no more threads while those wait that he had"
	dm resume dm && soon attached "io: d attached" && answers open 1 && answers read 0
	result "and when they are gone he does"
	destroyed "a user's domain"
	soon unused
	result "nothing is left of users"
}

# One request at a time, and 5 seconds for each.
narrow() {
	null=/sys/kernel/config/nullb/narrow
	mount -t configfs none /sys/kernel/config && mkdir $null && echo 2 > $null/irqmode &&
		echo 5000000000 > $null/completion_nsec && echo 1 > $null/hw_queue_depth &&
		echo 64 > $null/size && echo 1 > $null/power
	echo none > /sys/block/narrow/queue/scheduler
	guest && with /dev/narrow && answers start 16 && answers look there
	result "a disk that takes one request at a time: its vCPU does not wait for it"
	destroyed "requests wait for room in the host's queue"
	soon unused
	result "nothing is left of that, too"
	rmdir $null && umount /sys/kernel/config
}

mkdir -p $DIR && mkfifo $DIR/in $DIR/out && exec 7<> $DIR/in 8<> $DIR/out || exit 1
echo "KTAP version 1"
dm version > /dev/null || exit 1
for round in $(seq "$rounds"); do
	[ "$rounds" = 1 ] || echo "# round $round"
	guest
	result "a guest"
	fails
	ends
	reboot_waits
	users
	narrow
	[ $failed -eq 0 ] || break
done
dm remove dm
rm -rf $DIR
echo "1..$number"
exit $failed
