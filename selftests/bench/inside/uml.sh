#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# uml.sh INITRD WORD...: a user-mode Linux that measures, and what it costs the host.
. /tests/bench/talk.sh
initrd=$1
shift

shared() {
	awk '/^Shmem:/ { print $2 }' /proc/meminfo
}

# Its memory is a file in /dev/shm.
hear() {
	[ "$1-$2" = ask-memory ] || return
	echo "bench: memory $((before - $(free_memory))) $(($(shared) - shared))"
}

export TMPDIR=/dev/shm
before=$(free_memory) shared=$(shared)
say created
talk linux.uml mem=256M initrd="$initrd" con0=fd:0,fd:1 con=null quiet -- "$@"
