#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# memory.sh: sizes, limits and kinds of a domain's memory, as KTAP: what is refused, and
# that nothing is changed then; what the host counts, swaps, merges and moves, and that the
# guest finds its memory as it was.
#
#   1. the guest
#   2. sizes
#   3. limits, the OOM killer
#   4. swap, compaction
#   5. KSM
#   6. huge pages
#   7. nodes
#   8. a Linux of several vCPUs, while the host takes its memory away; its own OOM killer
# shellcheck disable=SC2086,SC2181,SC2317
set -u
. /tests/host/common.sh
PTY=/tests/host/pty
TOP=/sys/fs/cgroup
SLICE=$TOP/domus.slice
KSM=/sys/kernel/mm/ksm
THP=/sys/kernel/mm/transparent_hugepage
HUGE=/sys/kernel/mm/hugepages/hugepages-2048kB
IDLE="--kernel /tests/guest/puppet --append idle"

# ---- 1. The guest -----------------------------------------------------------------

# make NAME MIB OPTION...: a domain with that much of content
make() {
	name=$1 mib=$2
	shift 2
	rm -f $DIR/$name.log	# an earlier one's says that it has all
	domctl create $name --kernel /tests/guest/pages --memory $((mib + 16))M \
		--append "mib=$mib seed=${seed:-1}" --log $DIR/$name.log "$@" > /dev/null &&
		within 60 grep -q '^pages: ' $DIR/$name.log
}

# tell NAME COMMAND: and all its pages are as they should be
words=0
tell() {
	words=$((words + 1))
	# All of its pages may have to come from swap.
	SLOW=$((5 * ${SLOW:-1})) $PTY raw "=$2 w$words\\r" "?w$words: 0 of " '=\035' end -- domctl console $1 \
		> $DIR/said 2>&1 && return
	note "$(tr -d '\r' < $DIR/said | tail -n 5)"
	return 1
}

# of NAME WHAT: in KiB, of its holder's own memory: Anonymous, AnonHugePages, Swap
of() {
	awk -v want="$2:" '$1 == want { print $2 }' "/proc/$(holder_of $1)/smaps_rollup"
}

# refused STATUS LINE WORDS...: of create, and nothing is left
refused() {
	status=$1 line=$2
	shift 2
	refuse "$status" "$line" domctl create new $IDLE "$@"
}

# same STATUS LINE WORDS...: of domctl set one, which stays as it is
same() {
	status=$1 line=$2
	shift 2
	before=$(domctl -j show one | sed 's/"runtime_ns.*//'; cat $SLICE/one/memory.max 2>&1)
	expect "$status" "$line" domctl set one "$@" &&
		[ "$(domctl -j show one | sed 's/"runtime_ns.*//'; cat $SLICE/one/memory.max 2>&1)" = \
			"$before" ]
	result "set: $line"
}

vmstat() {
	awk -v want="$1" '$1 == want { print $2 }' /proc/vmstat
}

gone() {
	domctl destroy one 2> /dev/null
	domctl destroy two 2> /dev/null
	nothing_left
	result "nothing is left ($1)"
}

# ---- 2. Sizes -----------------------------------------------------------------------

sizes() {
	refused 1 "Error: max-memory: 512K is not in 1M to 4T" --max-memory 512K
	refused 1 "Error: max-memory: 1048577 is no multiple of 4K" --max-memory 1048577
	refused 1 "Error: memory: 16M is more than --max-memory (8M)" --memory 16M --max-memory 8M
	refused 1 "Error: max-memory: takes a balloon, which the domain has not" --memory 8M \
		--max-memory 16M --balloon none
	refused 2 "Error: memory: 1 MiB is less than what is loaded (3 MiB)" --memory 1M \
		--max-memory 16M
	domctl create one $IDLE --memory 8M --max-memory 32M > /dev/null &&
		[ "$(domctl -j list | $JSON 0.memory)" = 33554432 ] &&
		[ "$(domctl -j list | $JSON 0.memory_target)" = 8388608 ] &&
		[ "$(domctl -j list | $JSON 0.memory_actual)" = 33554432 ]
	result "create --memory 8M --max-memory 32M, and a guest that has no driver"
	domctl show one > $DIR/out && grep -qx 'Memory: 32M' $DIR/out &&
		grep -qx 'Asked for: 8M' $DIR/out && grep -qx 'Max memory: 32M' $DIR/out &&
		domctl list | grep -q '^one .* 32M  *32M '
	result "show and list"
	same 1 "Error: memory: 512K is not in 1M to 4T" --memory 512K
	same 1 "Error: memory: 8388609 is no multiple of 4K" --memory 8388609
	same 1 "Error: memory: '8X' is not a size (as 512M or 2G)" --memory 8X
	same 2 "Error: memory: 36M is more than the domain may have (32M)" --memory 36M
	same 2 "Error: memory: 36M is more than the domain may have (32M)" --memory 36M --weight 7
	same 1 "Error: weight: 0 is not in 1 to 10000" --memory 16M --weight 0
	expect 0 "Warning: memory: the guest does not listen to its balloon yet, and keeps what it has" \
		domctl set one --memory 16M && [ "$(domctl -j show one | $JSON memory_target)" = 16777216 ]
	result "set --memory 16M: kept for a driver that may come"
	domctl destroy one
	domctl create one $IDLE --memory 8M --balloon none > /dev/null
	same 2 "Error: one: the domain has no balloon" --memory 4M
	domctl destroy one
	domctl create one --kernel /tests/guest/puppet --append crash > /dev/null
	soon is_state one dead && expect 2 "Error: one: is dead" domctl set one --memory 4M
	result "a dead domain"
	gone sizes
}

# ---- 3. Limits ----------------------------------------------------------------------

max_is() {
	[ "$(cat $SLICE/one/memory.max)" = $1 ] && return
	note "memory.max: $(cat $SLICE/one/memory.max 2>&1)"
	return 1
}

limits() {
	refused 1 "Error: memory-limit: 512K is not in 1M to 4T" --memory-limit 512K
	refused 1 "Error: memory-limit: 5T is not in 1M to 4T" --memory-limit 5T
	refused 1 "Error: memory-limit: 1048577 is no multiple of 4K" --memory-limit 1048577
	refused 1 "Error: memory-limit: 'x' is not a size (as 512M or 2G)" --memory-limit x
	rmdir $SLICE 2> /dev/null
	echo -cpu > $TOP/cgroup.subtree_control
	make one 32 --memory-limit 96M && max_is 100663296 &&
		[ "$(domctl -j show one | $JSON memory_limit)" = 100663296 ] &&
		domctl show one | grep -qx 'Memory limit: 96M'
	result "create --memory-limit 96M"
	[ ! -e $SLICE/one/cpu.weight ] && domctl set one --weight 50 --cap 40 &&
		[ "$(cat $SLICE/one/cpu.weight)" = 50 ] &&
		[ "$(cat $SLICE/one/cpu.max)" = "40000 100000" ] &&
		domctl set one --weight 100 --cap none && max_is 100663296
	result "set --weight and --cap, though it was made without"
	counted=$(($(cat $SLICE/one/memory.current) >> 20))
	note "$counted MiB are counted"
	[ $counted -ge 32 ] && [ $counted -lt 96 ]
	result "what the guest has is counted"
	same 1 "Error: memory-limit: 512K is not in 1M to 4T" --memory-limit 512K
	same 1 "Error: memory: 4097 is not in 1M to 4T" --memory-limit 64M --memory 4097
	domctl set one --memory-limit 16M 2> $DIR/err
	[ $? -eq 2 ] && max_is 100663296 &&
		grep -q '^Error: memory-limit: 16M is less than the domain has (.*), and the host has no swap for the rest (0B)$' \
			$DIR/err
	result "less than it has, and no swap: refused, with the numbers"
	domctl -j set one --memory-limit 64M | grep -q '"memory_limit":67108864' &&
		max_is 67108864 && tell one check
	result "set --memory-limit 64M"
	domctl set one --memory-limit none && max_is max && domctl show one | grep -qx 'Memory limit: none'
	result "none"
	domctl destroy one
	make one 16 && domctl set one --weight 50
	expect 2 "Error: memory-limit: what the domain has is not counted as its own: it takes one that was made with --memory-limit (or none)" \
		domctl set one --memory-limit 64M && max_is max && tell one check
	result "set, where pages are counted elsewhere: refused"
	gone limits
}

# What the limit does not allow is the end, and says so.
killed() {
	domctl create one --kernel /tests/guest/pages --memory 128M --memory-limit 32M \
		--append "mib=96" --wait > $DIR/out 2> $DIR/err
	status=$?
	note "$(cat $DIR/err)"
	[ $status -eq 15 ] && grep -Eqx 'Error: holder: was killed (while the guest ran|before the guest.s first call), and the domain with it: out of memory, by its limit of 32M' $DIR/err
	result "more than its limit: the holder's end, with the limit as the reason"
	dmesg | grep -q 'domus: domain [0-9]*: its holder was killed: out of memory'
	result "the module has the same reason"
	gone "out of memory"
}

# ---- 4. Swap, compaction ----------------------------------------------------------------

swap() {
	echo 128M > /sys/block/zram0/disksize && mkswap /dev/zram0 > /dev/null && swapon /dev/zram0 &&
		echo 0 > /proc/sys/vm/page-cluster
	result "swap"
	make one 48 --memory-limit none
	result "a domain of 64 MiB"
	all=$(($(of one Anonymous) + $(of one Swap)))
	domctl set one --memory-limit 10M	# what is not its memory counts, too
	note "resident: $all KiB, then $(of one Anonymous) KiB; in swap: $(of one Swap) KiB"
	[ "$(of one Anonymous)" -le $((all / 5)) ]
	result "swapped out to 20 % of its memory by its limit"
	domctl set one --memory-limit none && tell one check
	good=$?
	note "resident: $(of one Anonymous) KiB; in swap: $(of one Swap) KiB"
	[ $good -eq 0 ] && [ "$(of one Anonymous)" -ge $((all * 3 / 4)) ]
	result "brought back, each page as it was"
	domctl set one --memory-limit 44M && tell one write && tell one check
	result "and within a limit below what it uses"
	domctl set one --memory-limit none
	rounds=0
	while [ $rounds -lt 4 ]; do
		echo 1 > /proc/sys/vm/compact_memory
		echo 32M > $SLICE/one/memory.reclaim 2> /dev/null
		{ tell one write && tell one check; } || break
		rounds=$((rounds + 1))
	done
	[ $rounds -eq 4 ]
	result "compaction and reclaim while it writes"
	domctl destroy one
	swapoff /dev/zram0 && echo 1 > /sys/block/zram0/reset
	gone swap
}

# ---- 5. KSM -----------------------------------------------------------------------------

merged() {
	[ "$(cat $KSM/pages_sharing)" -ge $1 ]
}

scanned() {
	[ "$(cat $KSM/full_scans)" -ge $1 ]
}

# The counters are what a whole scan has found.
rescanned() {
	within 30 scanned $(($(cat $KSM/full_scans) + 3))
}

ksm() {
	expect 0 "Warning: ksm: the host merges nothing now (/sys/kernel/mm/ksm/run is 0)" \
		domctl create one $IDLE --memory 8M --ksm
	result "a warning while the host merges nothing"
	domctl destroy one
	echo 1 > $KSM/run && echo 0 > $KSM/sleep_millisecs && echo 20000 > $KSM/pages_to_scan
	# the last one keeps the host looking; it has little that is there twice in itself
	seed=1 && make one 16 && seed=2 && make two 16 && seed=3 && make three 16 --ksm &&
		rescanned && [ "$(cat $KSM/pages_sharing)" -lt 1000 ]
	result "without --ksm nothing is merged, but for $(cat $KSM/pages_sharing) of a third one's pages"
	domctl destroy one && domctl destroy two && domctl destroy three
	seed=1 && make one 16 --ksm && seed=2 && make two 16 --ksm
	result "two equal domains"
	within 60 merged 4000
	note "$(grep -H . $KSM/pages_shar* $KSM/pages_unshared $KSM/full_scans | sed 's,.*/,,' | tr '\n' ' ')"
	merged 4000
	result "16 MiB that are equal are merged"
	tell one check && tell two check
	result "both find what is theirs"
	rescanned && before=$(cat $KSM/pages_sharing)
	tell one write && tell two check
	result "one writes every fourth page: the other does not see it"
	rescanned && after=$(cat $KSM/pages_sharing)
	note "$before pages were shared, now $after"
	[ $((before - after)) -ge 1000 ]
	result "they have parted"
	tell two write && tell one check && tell two check
	result "the other writes, too"
	domctl destroy one && tell two check
	result "one ends: the other has all its pages"
	echo 2 > $KSM/run && tell two check && [ "$(cat $KSM/pages_shared)" = 0 ]
	result "all are unmerged"
	echo 0 > $KSM/run
	gone KSM
}

# ---- 6. Huge pages ------------------------------------------------------------------------

# Of the one domain that there is.
large_fills() {
	sed -n 's/^  shadow .* large_fills \([0-9]*\).*/\1/p' /sys/kernel/debug/domus/domains
}

huge() {
	refused 1 "Error: hugetlb: '4K' is neither 2M nor 1G" --hugetlb 4K
	refused 1 "Error: thp: 'some' is neither always nor never" --thp some
	refused 1 "Error: thp: --hugetlb has pages of its own" --hugetlb 2M --thp never
	refused 1 "Error: ksm: pages of --hugetlb are never merged" --hugetlb 2M --ksm
	refused 1 "Error: memory-limit: pages of --hugetlb are not counted" --hugetlb 2M \
		--memory-limit 64M
	refused 1 "Error: balloon: pages of --hugetlb are not given back" --hugetlb 2M --balloon plain
	refused 1 "Error: memory: 9M is no multiple of 2M (--hugetlb)" --hugetlb 2M --memory 9M
	refused 1 "Error: max-memory: pages of --hugetlb are not given back, so that memory cannot be less" \
		--hugetlb 2M --memory 8M --max-memory 16M
	refused 2 "Error: hugetlb: 32M takes 16 of the host's pages of 2M, of which 0 are to spare (vm.nr_hugepages)" \
		--hugetlb 2M --memory 32M
	if [ -d ${HUGE%/*}/hugepages-1048576kB ]; then
		line="1G takes 1 of the host's pages of 1G, of which 0 are to spare (vm.nr_hugepages)"
	else
		line="this host has no pages of 1G"
	fi
	refused 2 "Error: hugetlb: $line" --hugetlb 1G --memory 1G
	echo 20 > $HUGE/nr_hugepages
	refused 2 "Error: hugetlb: 42M takes 21 of the host's pages of 2M, of which 20 are to spare (vm.nr_hugepages)" \
		--hugetlb 2M --memory 42M
	make one 16 --hugetlb 2M
	[ "$(cat $HUGE/free_hugepages)" = 4 ] && tell one write
	result "a domain of 16 pages of 2M, of 20"
	expect 2 "Error: one: the domain has no balloon" domctl balloon one 16M
	result "which has no balloon"
	[ "$(large_fills)" -ge 8 ]
	result "which its tables map as such: $(large_fills) times"
	expect 2 "Error: hugetlb: 32M takes 16 of the host's pages of 2M, of which 4 are to spare (vm.nr_hugepages)" \
		domctl create two $IDLE --hugetlb 2M --memory 32M && is_gone two && tell one check
	result "not enough for another one, which leaves no trace"
	domctl destroy one && soon [ "$(cat $HUGE/free_hugepages)" = 20 ]
	result "the host has them again"
	domctl create one --kernel /tests/guest/puppet --append reboot --memory 32M --hugetlb 2M \
		--max-reboots 3 --wait > /dev/null 2>&1
	[ $? -eq 10 ] && [ "$(cat $HUGE/free_hugepages)" = 20 ]
	result "reboots"
	echo 0 > $HUGE/nr_hugepages
	make one 16 && some=$(of one AnonHugePages) && large=$(large_fills) && domctl destroy one &&
		make one 16 --thp never && none=$(of one AnonHugePages) && tell one check
	note "huge pages of the holder: $some KiB, with --thp never $none KiB"
	# One or two are its libraries' own.
	[ $some -ge 16384 ] && [ $none -le 4096 ]
	result "--thp never: none of the transparent ones, else all that can be"
	[ $large -ge 8 ] && [ "$(large_fills)" -eq 0 ]
	result "mapped as such, too: $large times, with --thp never $(large_fills)"
	domctl destroy one
	before=$(sed 's/.*\[\(.*\)\].*/\1/' $THP/enabled)
	echo never > $THP/enabled
	refused 2 "Error: thp: the host has them off ($THP/enabled)" --thp always
	make one 16 && [ "$(of one AnonHugePages)" = 0 ]
	result "unsaid, a host without them is none to refuse"
	echo $before > $THP/enabled
	gone "huge pages"
}

# ---- 7. Nodes -------------------------------------------------------------------------------

# elsewhere NODE: how many pages of its memory are not there. A few are pinned.
elsewhere() {
	grep -h ' anon=' /proc/"$(holder_of one)"/numa_maps | sed 's/.* anon=\([0-9]*\) /\1 &/' |
		sort -n | tail -n 1 | tr ' ' '\n' | grep '^N[0-9]' | grep -v "^N$1=" |
		awk -F = '{ n += $2 } END { print n + 0 }'
}

# Behind the guest's back: what cpuset.mems says is done at once, page by page. (A huge page
# with one in it that is pinned would stay as a whole.)
migrated() {
	make one 32 --memory-limit none --thp never && echo +cpuset > $TOP/cgroup.subtree_control &&
		echo +cpuset > $SLICE/cgroup.subtree_control
	result "a domain whose nodes may change"
	before=$(vmstat pgmigrate_success) left=''
	for node in 0 1 0 1; do
		echo $node > $SLICE/one/cpuset.mems && tell one write && tell one check &&
			left="$left $(elsewhere $node)"
	done
	note "elsewhere are$left pages"
	echo "$left" | awk '{ exit NF != 4 || $1 >= 64 || $2 >= 64 || $3 >= 64 || $4 >= 64 }'
	result "its memory moves between two nodes, and is as it was"
	[ $(($(vmstat pgmigrate_success) - before)) -ge $((3 * 32 * 256)) ]
	result "page by page: $(($(vmstat pgmigrate_success) - before))"
	domctl destroy one
}

nodes() {
	there=$(cat /sys/devices/system/node/has_memory)
	refused 1 "Error: numa-node: is empty" --numa-node ""
	refused 1 "Error: numa-node: 'x' is not a number" --numa-node x
	refused 1 "Error: numa-node: 1-0 ends before it begins" --numa-node 1-0
	refused 2 "Error: numa-node: this host has no node 9, or it has no memory (with memory: $there)" \
		--numa-node 0,9
	last=${there##*-}
	[ "$last" = 1 ]
	needed "two nodes"
	make one 16 --numa-node $last
	grep -q " bind:$last .* N$last=" /proc/"$(holder_of one)"/numa_maps &&
		! grep " bind:$last " /proc/"$(holder_of one)"/numa_maps | grep -qv " N$last=" && tell one check
	result "--numa-node $last of $there: all of its memory is there"
	domctl destroy one
	make one 16 --numa-node $there
	grep -q " bind:$there " /proc/"$(holder_of one)"/numa_maps && tell one check
	result "--numa-node $there"
	domctl destroy one
	migrated
	gone nodes
}

# ---- 8. Linux -----------------------------------------------------------------------------

# linux VCPUS COMMAND OPTION...: a Linux domain that runs it
linux() {
	vcpus=$1 run=$2
	shift 2
	rm -f $DIR/one.log
	domctl create one --kernel /boot/bzImage --initrd /boot/initrd.cpio --vcpus $vcpus \
		--append "console=hvc0 loglevel=5 norandmaps run=\"$run\"" --log $DIR/one.log "$@"
}

# What storm looks at: random mmap, munmap, mprotect, fork, on all vCPUs at once. Huge pages
# are off: to clear one in which a guest's code has been moved about takes the emulator half
# a minute.
pressed() {
	echo never > $THP/enabled
	[ -e /boot/bzImage ] || { note "the guest's kernel is not built" && false; }
	needed "Linux"
	echo 256M > /sys/block/zram0/disksize && mkswap /dev/zram0 > /dev/null && swapon /dev/zram0
	echo 1 > $KSM/run && echo 0 > $KSM/sleep_millisecs
	linux 4 "storm ${STORM:-1}" --memory 160M --memory-limit none --ksm --wait \
		--timeout $((${STORM:-1} * 300 * ${SLOW:-1})) > $DIR/out 2>&1 &
	job=$!
	rounds=0 swapped=0 moved=$(vmstat pgmigrate_success)
	soon test -e $SLICE/one/memory.reclaim
	while [ $swapped -lt ${ROUNDS:-12} ] && kill -0 $job; do
		echo 1 > /proc/sys/vm/compact_memory
		echo 24M > $SLICE/one/memory.reclaim
		[ "$(of one Swap)" -lt 4096 ] || swapped=$((swapped + 1))
		rounds=$((rounds + 1))
	done 2> /dev/null
	wait $job && grep -q '^domus guest exit 0' $DIR/one.log
	good=$?
	moved=$(($(vmstat pgmigrate_success) - moved))
	note "$rounds times, $swapped of them with 4 MiB or more in swap; $moved pages moved"
	[ $good -eq 0 ] || note "$(cat $DIR/out; tail -n 12 $DIR/one.log | tr -d '\r')"
	# a slow kernel is through with a round of storm before the host is with three of its own
	[ $good -eq 0 ] && [ $swapped -ge $((${SLOW:-1} > 1 ? 1 : 3)) ] &&
		[ $moved -ge $((${SLOW:-1} > 1 ? 250 : 1000)) ] &&
		! grep -E 'WARNING: |BUG: |Call Trace|stall|lockup' $DIR/one.log
	result "4 vCPUs find their memory as it was, swapped out, moved and merged all the time"
	echo 2 > $KSM/run
	echo 0 > $KSM/run
	swapoff /dev/zram0 && echo 1 > /sys/block/zram0/reset
	gone "under pressure"
}

oom() {
	[ -e /boot/bzImage ] || { note "the guest's kernel is not built" && false; }
	needed "Linux"
	linux 2 "tail /dev/zero; echo tail \$?; grep oom_kill /proc/vmstat" --memory 96M --wait \
		--memory-limit 256M --timeout $((100 * ${SLOW:-1})) > $DIR/out 2>&1
	status=$?
	tr -d '\r' < $DIR/one.log > $DIR/said
	[ $status -eq 0 ] && grep -qx 'tail 137' $DIR/said && grep -qx 'oom_kill 1' $DIR/said
	good=$?
	[ $good -eq 0 ] || note "$(cat $DIR/out; tail -n 12 $DIR/said)"
	[ $good -eq 0 ]
	result "a guest that is out of memory kills who took it, and lives"
	gone "the guest's own killer"
}

begin
[ $# -gt 0 ] || set -- sizes limits swap ksm huge nodes oom
for part; do
	$part
done
rmdir $SLICE 2> /dev/null
finish
