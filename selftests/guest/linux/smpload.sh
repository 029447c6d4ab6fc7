#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# smpload.sh SECONDS: all CPUs of a Debian domain at once, in three ways: stress-ng with
# --verify for that time, hackbench by processes and by threads, a parallel make of a C
# project of small files, whose program then says whether all of it is there.
#
# "load: N jobs, N failed" is the last line.
# shellcheck disable=SC2016
set -u
seconds=$1
cpus=$(nproc)
jobs=0 failed=0

job() {
	jobs=$((jobs + 1))
	"$@" > /tmp/job.out 2>&1 && return
	failed=$((failed + 1))
	echo "failed: $*"
	tail -n 20 /tmp/job.out
}

# stress SECONDS: what it skips, as what the kernel has not, takes no time
stress() {
	local kind out=/tmp/stress.out
	stress-ng --cpu "$cpus" --vm 2 --vm-bytes 32m --fork 2 --futex 2 --switch 2 --mmap 2 \
		--mmap-bytes 16m --tlb-shootdown 2 --verify --timeout "$1" --metrics-brief > $out 2>&1
	local status=$?
	cat $out
	for kind in cpu vm fork futex switch mmap tlb-shootdown; do
		grep -Eq "^stress-ng: metrc: \[[0-9]+\] $kind +[0-9]+ +[1-9]" $out ||
			{ echo "$kind was skipped"; status=1; }
	done
	return $status
}

# project FILES: each file has a function that adds its number
project() {
	local i sum=0
	rm -rf /tmp/project && mkdir /tmp/project && cd /tmp/project || return
	for i in $(seq "$1"); do
		printf '#include "all.h"\nint part%d(int n)\n{\n\treturn n + %d;\n}\n' "$i" "$i" > "part$i.c"
		echo "int part$i(int n);"
		sum=$((sum + i))
	done > all.h
	{
		printf '#include <stdio.h>\n#include "all.h"\nint main(void)\n{\n\tint n = 0;\n\n'
		for i in $(seq "$1"); do printf '\tn = part%d(n);\n' "$i"; done
		printf '\tprintf("%%d\\n", n);\n\treturn 0;\n}\n'
	} > main.c
	printf 'OBJECTS := $(patsubst %%.c,%%.o,$(wildcard *.c))\nall: $(OBJECTS)\n\ttcc -o $@ $^\n%%.o: %%.c all.h\n\ttcc -c -o $@ $<\n' > Makefile
	make -s -j $((cpus * 2)) && [ "$(./all)" = $sum ]
}

job stress "$seconds"
grep metrc /tmp/job.out | cut -c 1-100
job hackbench --pipe --groups 2 --fds 5 --loops $((seconds * 5))
job hackbench --threads --groups 2 --fds 5 --loops $((seconds * 5))
job project 60
echo "load: $jobs jobs, $failed failed"
