#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# netsums.sh: has anything come with a wrong checksum?  Its sender sends it again, and no
# program sees it.
awk '
	$1 in names {
		nr = split(names[$1], name)
		for (i = 2; i <= nr; i++) {
			if (name[i] != "InCsumErrors")
				continue
			seen++
			if ($i > 0) {
				print $1, $i, "wrong checksums"
				bad = 1
			}
		}
		next
	}
	{ names[$1] = $0 }
	END { exit bad || seen < 3 }' /proc/net/snmp
