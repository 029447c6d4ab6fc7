#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# test_rig.sh: the rig's own logic that needs no machine, as KTAP.
#
#   1. what on the host's console is trouble
#   2. how results are counted
#   3. what run-tests refuses
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

echo "KTAP version 1"
test_trouble
test_counts
test_refused
echo "1..$number"
exit $failed
