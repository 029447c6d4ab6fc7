#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# test_profile.sh: whose instructions the lines of a log are, without a machine, as KTAP: from
# logs and maps that are made up.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
rerun="selftests/unit/run test_profile.sh"
. selftests/unit/results.sh

# python: runs its input, which finds what the profile is made of
python() {
	python3 -B <(cat <<- 'E'
		import os, sys
		sys.path[:0] = ["selftests/bench", "selftests/rig"]
		from benchlib import profiled, source, symbols, trace
		HOST = symbols.parse("""\
		ffffffff81000000 T first
		ffffffff81000100 T asm_sysvec_apic_timer_interrupt
		ffffffff81000200 t idle
		ffffffff81000300 T __x64_sys_sched_get_priority_min
		ffffffff81000310 T __x64_sys_sched_get_priority_max
		ffffffffc0000000 t vcpu_run\t[domus]
		ffffffffc0000100 t vcpu_run.cold\t[domus]
		ffffffffc0001000 t probe\t[veth]
		ffffffffc0002000 r nothing\t[domus]""".split("\n"))
		GUEST = symbols.parse("""\
		ffffffff81000000 T startup
		ffffffff81000300 T __x64_sys_sched_get_priority_min
		ffffffff81000310 T __x64_sys_sched_get_priority_max
		ffffffff81000400 T do_it
		ffffffff81000400 T alias""".split("\n"))
		CELL = symbols.Symbols([(0, "enter", None), (0x50a, "syscall", None)])
		ROWS = symbols.parse(["401000 T main", "401100 T run"])
		PLACES = symbols.Places(HOST, GUEST, CELL, ROWS)
		def line(address, ring):
		    return ("Trace 0: 0x7fe2f9c106c0 [0000000000000000/%016x/%08x/ff020201] \n" %
		            (address, 0x40c2b0 | ring)).encode()
		def log(*pairs):
		    return b"".join(line(*pair) for pair in pairs)
		BEGIN, END = (0xffffffff81000300, 3), (0xffffffff81000310, 3)
		MARKS = trace.marks(GUEST, 3)
	E
	cat)
}

# prints TEXT NAME: what python prints of its input
prints() {
	local got
	got=$(python 2>&1)
	[[ $got == "$1" ]] || printf '# %s\n' "${got//$'\n'/$'\n'# }"
	[[ $got == "$1" ]]
	result $? "$2"
}

test_places() {
	prints "guest user: run+0x4
guest kernel: do_it+0x2
switcher: syscall+0x0
switcher: enter+0x10
module: vcpu_run+0x8
host kernel: probe [veth]+0x1
host kernel: idle+0x0
host user: ?+0x401104
host kernel: ?+0x1000" "an address is somebody's by ring, cell and module" <<- 'E'
		for place in ((0x401104, 3, False), (0xffffffff81000402, 3, False),
		              (0xffff80000abc050a, 0, False), (0xffff800000010010, 0, False),
		              (0xffffffffc0000008, 0, False), (0xffffffffc0001001, 0, False),
		              (0xffffffff81000200, 0, False), (0x401104, 3, True), (0x1000, 0, False)):
		    which, name, _, offset = PLACES.of(*place)
		    print("%s: %s+%#x" % (which, name, offset))
	E
}

# What the host's program runs at an address is not what the guest's does.
test_batches() {
	local counted="1: begin 1; 6: begin 1, cell 2, guest user 2, host user 1"
	prints "$counted
$counted
$counted" "only what is between marks is counted, however the log is cut" <<- 'E'
		cell, user, idle = (0xffff80000000050a, 0), (0x401100, 3), (0xffffffff81000200, 0)
		text = log(idle, user, cell, BEGIN, END, user, BEGIN, cell, user)
		text += b"Stopped execution of TB chain before 0x1 [0000000000401100] \n"
		text += log(idle, user, cell, user, END, cell, user)
		what = (("begin", BEGIN + (False,)), ("cell", cell + (False,)), ("idle", idle + (True,)),
		        ("guest user", user + (False,)), ("host user", user + (True,)))
		for size in (len(text), 1, 100):
		    batches = trace.Batches(MARKS)
		    for at in range(0, len(text), size):
		        batches.feed(text[at:at + size])
		    print("; ".join("%d: %s" % (sum(batch.values()) - batch[idle + (False,)], ", ".join(
		        "%s %d" % (name, batch[key]) for name, key in what if batch[key]))
		                    for batch in batches.whole))
	E
}

test_profile() {
	prints "10.0 operations, 1.0 ticks
guest kernel 3.0, switcher 2.0, module 1.0
do_it 3.0 instructions 1.0 calls
0.0 interrupts" "the batch in the middle, without the marks, by operation" <<- 'E'
		do_it = [(0xffffffff81000400 + n, 3) for n in range(3)]
		one = do_it + [(0xffff80000000050a, 0), (0xffff80000000050c, 0), (0xffffffffc0000000, 0)]
		late = [(0xffffffff81000100, 0)] * 7
		batches = trace.Batches(MARKS)
		batches.feed(log(BEGIN, END, BEGIN, *one * 10, *late, END, BEGIN, *one * 10, END,
		                 BEGIN, *one * 10, END))
		made = profiled.Profile(PLACES, batches.whole, [(0, 10), (10, 27), (10, 20), (10, 20)])
		print("%.1f operations, %.1f ticks" % (made.operations, made.ticks))
		print(", ".join("%s %.1f" % (which, made.total(which)) for which in symbols.CLASSES
		                if made.total(which)))
		first = made.functions[0]
		print(first.name, "%.1f instructions %.1f calls" % (first.instructions, first.calls))
		print("%.1f interrupts" % made.interrupts())
	E
}

test_reader() {
	prints "2 batches, 100001 1" "a FIFO is read until its end, whoever opens it anew" <<- E
		path = "$work/fifo"
		reader = trace.Reader(path)
		reader.begin(MARKS)
		for text in (log(BEGIN), log(*[(0x401100, 3)] * 100000), log(END, BEGIN, END), b"Trace 0:"):
		    with open(path, "wb") as file:
		        file.write(text)
		whole = reader.finish()
		print("%d batches," % len(whole), *(sum(batch.values()) for batch in whole))
	E
}

test_lines() {
	local instructions
	cat > "$work/two.c" <<- 'E'
		int first(int n)
		{
			return n * 3;
		}

		int second(int n)
		{
			n ^= 0x55;
			return first(n) + 1;
		}
	E
	gcc -g -O0 -c -o "$work/two.o" "$work/two.c" || return
	instructions=$(objdump -d --disassemble=second "$work/two.o" | grep -c '^ .*:')
	prints "two.c:7 {
two.c:8 n ^= 0x55;
two.c:9 return first(n) + 1;
two.c:10 }
all of them" "counts of a function's lines" <<- E
		at = symbols.of_file("$work/two.o").named("second")[0] + 0xffffffffc0000000
		known = symbols.Symbols([(at, "second", "domus")])
		binaries = source.Binaries(symbols.Places(known), {symbols.DOMUS: "$work/two.o"})
		counts = {offset: 2.0 for offset in range(100)}
		lines = binaries.lines(symbols.DOMUS, "second", at, counts)
		for _, where, text in lines:
		    print(where, text)
		if sum(count for count, _, _ in lines) == 2 * $instructions:
		    print("all of them")
	E
}

test_refused() {
	local got
	got=$(selftests/bench/profile nosuch 2>&1)
	[[ $? -eq 2 && $got == *"invalid choice: 'nosuch'"* ]]
	result $? "a row that is none is refused"
	got=$(selftests/bench/profile null_syscall --batches 10 2>&1)
	[[ $? -eq 2 && $got == *"invalid choice: 10"* ]]
	result $? "more batches than there can be are refused"
	got=$(selftests/bench/profile smp_wake 2>&1)
	[[ $? -eq 1 && $got == *"smp_wake: of several CPUs there is no profile" ]]
	result $? "a row of several CPUs is refused"
}

echo "KTAP version 1"
test_places
test_batches
test_profile
test_reader
test_lines
test_refused
echo "1..$number"
exit $failed
