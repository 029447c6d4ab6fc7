#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# test_rig.sh: the rig's own logic that needs no machine, as KTAP.
#
#   1. what on the host's console is trouble
#   2. how results are counted
#   3. what run-tests refuses
#   4. what a power cut leaves of a disk
#   5. where "rig at" finds a CPU
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
rerun="selftests/unit/run test_rig.sh"
. selftests/unit/results.sh

# 1.  As the kernel prints them, on one line each.

bad_lines() {
	cat <<- 'E'
		[    9.1] WARNING: CPU: 1 PID: 33 at kernel/softirq.c:376 __local_bh_enable_ip+0x7a/0xa0
		[    9.1] BUG: sleeping function called from invalid context at mm/slab.h:420
		[    9.1] BUG: KASAN: use-after-free in domain_put+0x11/0x20 [domus]
		[    9.1] BUG: KCSAN: data-race in event_signal / event_stop
		[    9.1] BUG: unable to handle page fault for address: ffffc90000200000
		[    9.1] BUG: scheduling while atomic: domctl/77/0x00000002
		[    9.1] BUG: Bad page state in process domctl  pfn:01234
		[    9.1] BUG: workqueue lockup - pool cpus=0 node=0 flags=0x0 nice=0 stuck for 31s!
		[    9.1] watchdog: BUG: soft lockup - CPU#1 stuck for 23s! [vcpu0:123]
		[    9.1] kernel BUG at mm/slub.c:435!
		[    9.1] Oops: 0002 [#1] PREEMPT SMP PTI
		[    9.1] general protection fault, probably for non-canonical address 0xdead000000000108
		[    9.1] Kernel panic - not syncing: Fatal exception
		[    9.1] WARNING: possible circular locking dependency detected
		[    9.1] WARNING: possible recursive locking detected
		[    9.1] WARNING: suspicious RCU usage
		[    9.1] WARNING: inconsistent lock state
		[    9.1] WARNING: bad unlock balance detected!
		[    9.1] INFO: task domctl:77 blocked for more than 60 seconds.
		[    9.1] INFO: trying to register non-static key.
		[    9.1] rcu: INFO: rcu_preempt self-detected stall on CPU
		[    9.1] ODEBUG: free active (active state 0) object type: timer_list
		[    9.1] UBSAN: shift-out-of-bounds in kmod/time.c:12:3
		[    9.1] unchecked MSR access error: WRMSR to 0x12 (tried to write 0x0000000000000000)
		[    9.1] double fault: 0000 [#1] SMP
		[    9.1] Call Trace:
		[    9.1] kmemleak: 3 new suspected memory leaks (see /sys/kernel/debug/kmemleak)
	E
}

good_lines() {
	cat <<- 'E'
		[    9.1] domus: loading out-of-tree module taints kernel.
		[    9.1] traps: puppet[12] general protection fault ip:4011d6 sp:7ffc error:0 in puppet
		[    9.1] puppet[12]: segfault at 0 ip 0000000000401136 sp 00007ffd error 6 in puppet
		[    9.1] hrtimer: interrupt took 4176309 ns
		[    9.1] Spectre V2 : WARNING: Unprivileged eBPF is enabled with eIBRS on
		[    9.1] perf: interrupt took too long (2507 > 2500), lowering the rate
		[    9.1] mce: [Hardware Error]: Machine check events logged
	E
}

# trouble: which lines of the input are
trouble() {
	python3 -B -c 'import sys
sys.path.insert(0, "selftests/rig")
from riglib.machine import TROUBLE
for line in sys.stdin.buffer:
    if TROUBLE.search(line):
        sys.stdout.buffer.write(line)'
}

test_trouble() {
	diff <(bad_lines) <(bad_lines | trouble) | sed 's/^/# /'
	result "${PIPESTATUS[0]}" "$(bad_lines | wc -l) reports of the kernel are trouble"
	good_lines | trouble | sed 's/^/# /'
	[[ -z $(good_lines | trouble) ]]
	result $? "$(good_lines | wc -l) other lines are not"
}

# 2.

# counts SUMMARY STATUS NAME TEXT [EXIT]: what ktap makes of a tier that says TEXT
counts() {
	local summary=$1 status=$2 name=$3 text=$4 got
	printf '%b' "$text" > "$work/text"
	selftests/rig/ktap --out "$work" "x=cat $work/text; exit ${5:-0}" > "$work/out"
	got=$?
	[[ $got -eq $status && $(tail -n 1 "$work/out") == "$summary" ]] ||
		echo "# status $got: $(tail -n 1 "$work/out")"
	[[ $got -eq $status && $(tail -n 1 "$work/out") == "$summary" ]]
	result $? "ktap: $name"
}

test_counts() {
	local head='KTAP version 1\n'
	counts "2 passed, 0 failed, 0 skipped" 0 "all well" "${head}1..2\nok 1 - a\nok 2 - b\n"
	counts "1 passed, 0 failed, 1 skipped" 0 "skipped" "${head}1..2\nok 1 - a\nok 2 - b # SKIP\n"
	counts "1 passed, 1 failed, 0 skipped" 1 "a failure" "${head}1..2\nok 1 - a\nnot ok 2 - b\n" 1
	counts "1 passed, 1 failed, 0 skipped" 1 "a result is missing" "${head}1..2\nok 1 - a\n"
	counts "1 passed, 1 failed, 0 skipped" 1 "no plan" "${head}ok 1 - a\n"
	counts "0 passed, 1 failed, 0 skipped" 1 "no results at all" "hello\n"
	counts "0 passed, 1 failed, 0 skipped" 1 "a plan of nothing" "${head}1..0\n"
	counts "0 passed, 0 failed, 1 skipped" 0 "all of it skipped" "${head}1..0 # SKIP no CPU\n"
	counts "1 passed, 1 failed, 0 skipped" 1 "a status without a failure" \
		"${head}1..1\nok 1 - a\n" 3
	counts "2 passed, 1 failed, 0 skipped" 1 "nested failures count once" \
		"${head}1..1\n  ${head}  1..3\n  ok 1 - a\n  not ok 2 - b\n  ok 3 - c\nnot ok 1 - g\n" 1
	counts "1 passed, 1 failed, 0 skipped" 1 "an empty group among others" \
		"${head}1..2\nok 1 - a\n  ${head}  1..0\nok 2 - g\n"
}

# 3.

# refuses WORD OPTION...: run-tests fails at once and says WORD
refuses() {
	local word=$1
	shift
	selftests/rig/run-tests "$@" > "$work/out" 2>&1
	[[ $? -ne 0 && $(< "$work/out") == *"$word"* && $(< "$work/out") != *"KTAP version"* ]] ||
		{ sed 's/^/# /' "$work/out"; false; }
	result $? "run-tests $*: $word"
}

test_refused() {
	refuses "no test in group 'nosuch'" --group nosuch
	refuses "no test in group 'nosuch'" --tier host --group nosuch
	refuses "no test 'nosuch'" --only nosuch
	refuses "invalid choice" --tier nosuch
}

# 4.  A disk of 8 sectors, each of one letter.

# make_log [ENTRY...]: an entry is SECTOR[:FLAGS[:LETTERS]] (no letters: as many sectors as
# there are, from SECTOR on), "hole" one that was not written, or COUNT=N, in the superblock
make_log() {
	printf '%s' "AAAAAAAA" | python3 -B -c 'import sys
sys.stdout.buffer.write(b"".join(bytes([c]) * 512 for c in sys.stdin.buffer.read()))' \
		> "$work/disk"
	python3 -B - "$@" > "$work/disk.log" <<- 'E'
		import struct, sys
		entries, count = b"", 0
		for word in sys.argv[1:]:
		    if word.startswith("COUNT="):
		        count = int(word[6:])
		        continue
		    count += 1
		    if word == "hole":
		        entries += bytes(1024)
		        continue
		    sector, flags, letters = (word + "::").split(":")[:3]
		    flags = int(flags or 0)
		    head = struct.pack("<QQQQ", int(sector), len(letters), flags, 0)
		    entries += head.ljust(512, b"\0")
		    if not flags & 4:
		        entries += b"".join(letter.encode() * 512 for letter in letters)
		head = struct.pack("<QQQL", 0x6a736677736872, 1, count, 512)
		sys.stdout.buffer.write(head.ljust(512, b"\0") + entries)
	E
}

replay() {
	PYTHONPATH=selftests/rig python3 -B -m riglib.writelog "$@" "$work/disk.log" \
		"$work/disk" > "$work/out" 2>&1
}

# leaves LETTERS SAID NAME [OPTION...] -- ENTRY...: the disk after it
leaves() {
	local letters=$1 said=$2 name=$3 options=() got
	shift 3
	while [[ $1 != -- ]]; do
		options+=("$1")
		shift
	done
	make_log "${@:2}"
	replay "${options[@]}"
	got=$(tr '\0' . < "$work/disk" | fold -w 512 | cut -c 1 | tr -d '\n')
	[[ $got == "$letters" && $(< "$work/out") == "$said" ]] ||
		echo "# $got, $(< "$work/out")"
	[[ $got == "$letters" && $(< "$work/out") == "$said" ]]
	result $? "power cut: $name"
}

# corrupt WORD NAME ENTRY...: nothing is made of such a log
corrupt() {
	local word=$1 name=$2 status
	make_log "${@:3}"
	[[ -n ${cut_short:-} ]] && truncate -s "$cut_short" "$work/disk.log"
	replay
	status=$?
	[[ $status -eq 1 && $(< "$work/out") == *"$word"* && $(wc -l < "$work/out") -eq 1 ]] ||
		sed 's/^/# /' "$work/out"
	[[ $status -eq 1 && $(< "$work/out") == *"$word"* && $(wc -l < "$work/out") -eq 1 ]]
	result $? "power cut: $name: $word"
}

test_power_cut() {
	leaves ABBAAAAA "2 entries, 1 flushes, 0 lost" "a flush saves what is before it" -- \
		1::BB 0:1
	leaves ABAAAAAA "3 entries, 1 flushes, 1 lost" "what is behind it is lost" -- \
		1::B 0:1 2::C
	leaves AAAAAAAA "1 entries, 0 flushes, 1 lost" "all is, without a flush" -- 1::B
	leaves ABADAAAA "5 entries, 1 flushes, 2 lost" "but not what is written with FUA" -- \
		1::B 0:1 2::C 3:2:D 4::E
	leaves ABAAAAAA "3 entries, 1 flushes, 0 lost" "nor what was there before" -- 1::B 0:1 1::B
	leaves ACAAAAAA "4 entries, 2 flushes, 0 lost" "the last write counts" -- 1::B 0:1 1::C 0:1
	leaves A..AAAAA "2 entries, 1 flushes, 0 lost" "a discard leaves zeroes" -- 1:4:xx 0:1
	leaves AAAAAAAA "2 entries, 1 flushes, 1 lost" "or nothing, when it is lost" -- 0:1 1:4:xx
	leaves ABAAAAAA "4 entries, 2 flushes, 1 lost" "a flush ignored" --ignore 1 -- \
		1::B 0:1 2::C 0:1
	leaves AAAAAAAA "4 entries, 2 flushes, 2 lost" "all of them ignored" --ignore 2 -- \
		1::B 0:1 2::C 0:1
	leaves AAAAAAAA "2 entries, 1 flushes, 1 lost" "more ignored than there are" --ignore 9 -- \
		1::B 0:1
	leaves ABAAAAAA "3 entries, 1 flushes, 1 lost" "an entry under way ends the log" -- \
		1::B 0:1 2::C hole 3::D 0:1
	leaves ABAAAAAA "2 entries, 1 flushes, 0 lost" "what the superblock does not count" -- \
		1::B 0:1 2::C 0:1 COUNT=2
	corrupt "breaks off after 1 of 900" "a log with much missing" 1::B COUNT=900
	corrupt "flags 0x40" "an unknown flag" 1:64:B
	corrupt "beyond the disk" "a write beyond the end" 7::BB
	cut_short=20 corrupt "shorter than" "half a superblock" 1::B
	make_log 1::B 0:1
	printf x | dd of="$work/disk.log" conv=notrunc status=none
	replay
	[[ $? -eq 1 && $(< "$work/out") == *"no log of writes"* ]]
	result $? "power cut: another file is no log"
	: > "$work/disk.log"
	replay
	[[ $? -eq 0 && $(< "$work/out") == "0 entries, 0 flushes, 0 lost" ]]
	result $? "power cut: nothing was written"
}

# 5.

# place NAME RIP CPL ANSWER: is a CPU with these there?
place() {
	local got
	got=$(PYTHONPATH=selftests/rig python3 -c 'import sys
from riglib.machine import place_of
place = place_of(sys.argv[1])
print(place and bool(place(int(sys.argv[2], 16), int(sys.argv[3]))))' "$1" "$2" "$3")
	[[ $got == "$4" ]]
	result $? "rig at $1: $2, ring $3: $4"
}

test_places() {
	place guest ffffffff80200000 3 True
	place guest 400000 3 False
	place cell ffff800012340010 0 True
	place cell ff00000012340010 0 True
	place cell ffffffff81000000 0 False
	place cell:10-20 ffff800012340010 0 True
	place cell:10-20 ffff800012340020 0 False
	place cell:10-20 ffff80001234000f 0 False
	place cell:89e-b20 ff0000001234089e 0 True
	place cell:10-20 ffff800012340010 3 False
	place cell:10- ffff800012340010 0 None
	place nowhere ffff800012340010 0 None
}

echo "KTAP version 1"
test_trouble
test_counts
test_refused
test_power_cut
test_places
echo "1..$number"
exit $failed
