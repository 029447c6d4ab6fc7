#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# domain.sh: for scripts that do something to a running guest. Sourced.
#
# domain_start NAME IMAGE WORD [OPTION...]
#	starts /tests/guest/IMAGE and returns when it has said a line with WORD, which is
#	then in $line. $job is "domctl create", $pid the holder, /tmp/domain.end what the
#	former says. Nobody reads the console any more.
# domain_gone NAME
#	waits for the holder's end: is the domain gone, too?

domain_start() {
	name=$1 image=$2 word=$3
	shift 3
	[ -p /tmp/domain.in ] || mkfifo /tmp/domain.in /tmp/domain.out
	exec 7<> /tmp/domain.in 8<> /tmp/domain.out
	domctl create "$name" --kernel "/tests/guest/$image" --memory 16M --console "$@" \
		< /tmp/domain.in > /tmp/domain.out 2> /tmp/domain.end 7>&- 8>&- &
	# shellcheck disable=SC2034  # for who sources this
	job=$!
	# shellcheck disable=SC2034
	line=$(timeout $((30 * ${SLOW:-1})) grep -a -m 1 "$word" <&8)
	said=$?
	pid=$(domctl -j show "$name" | tr ',{' '\n\n' | sed -n 's/.*"pid": *//p')
	exec 7<&- 8<&-
	return $said
}

domain_gone() {
	while kill -0 "$pid" 2> /dev/null; do :; done
	! domctl show "$1" > /dev/null 2>&1
}
