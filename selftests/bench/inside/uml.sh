#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# uml.sh INITRD WORD...: a user-mode Linux that measures.
. /tests/bench/talk.sh
initrd=$1
shift

# It asks nothing.
hear() { :; }

# where its memory is a file
export TMPDIR=/dev/shm
say created
talk linux.uml mem=256M initrd="$initrd" con0=fd:0,fd:1 con=null quiet -- "$@"
