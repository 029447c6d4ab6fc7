#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# roots.sh: of a guest that loads 10,000 roots the host keeps no more than its bound.
# What is bounded by memory comes first in a small domain; so this one is large.
set -u
domctl create roots --kernel /tests/guest/roots --memory 1536M || exit 1
domctl console roots < /dev/null
bound=4096
line=$(grep '^  shadow pages ' /sys/kernel/debug/domus/domains)
roots=$(echo "$line" | sed 's/.* roots \([0-9]*\).*/\1/')
evictions=$(echo "$line" | sed 's/.* evictions \([0-9]*\).*/\1/')
echo "# $roots roots are left, $evictions were evicted"
domctl destroy roots
[ "$roots" -gt $((bound / 2)) ] && [ "$roots" -le $bound ] &&
	[ $((roots + evictions)) -ge 10000 ]
