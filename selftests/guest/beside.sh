#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# beside [--meanwhile COMMAND] IMAGE [OPTION...]: runs a hostile guest beside a neighbour.
# PRELOAD in the environment is a library for the holder.
# beside --run COMMAND: the same for what starts its guests itself.
#
# The guest /tests/guest/IMAGE runs as a domain while another one takes timer events
# and minds its memory. COMMAND runs again and again until the guest has ended; $name
# is the guest's name and $pid its holder. In the end the neighbour must answer, with
# its memory as it was. The exit status is the guest's: that of "domctl create --wait".
meanwhile='' run=''
[ "$1" = --meanwhile ] && { meanwhile=$2; shift 2; }
[ "$1" = --run ] && { run=$2; shift; }
image=$1
shift
neighbour=neighbour-$$
name=$image-$$
to=/tmp/$neighbour.to
from=/tmp/$neighbour.from

# ask QUESTION: the neighbour answers it, within what is long for the slowest machine.
ask() {
	echo "$1" >&3
	timeout $((30 * ${SLOW:-1})) awk -v answer="well $1," \
		'index($0, answer) == 1 { good = 1; exit } { print } END { exit !good }' <&4 && return
	echo "the neighbour does not answer '$1'"
	domctl list
	# Twice: does anything move?
	for _ in 1 2; do
		grep -A 12 " $neighbour " /sys/kernel/debug/domus/domains
		for task in /proc/[0-9]*/task/*; do
			grep -q "^Name:.*domus:neighb" "$task/status" || continue
			cat "$task/wchan" && echo && cat "$task/stack"
		done 2> /dev/null
		sleep 1
	done
	return 1
}

mkfifo "$to" "$from" || exit 1
exec 3<> "$to" 4<> "$from"
domctl create "$neighbour" --kernel /tests/guest/neighbour --memory 8M --console \
	< "$to" > "$from" 2>&1 &
ask before || exit 1

if [ -n "$run" ]; then
	sh -c "$run" 3>&- 4>&- &
else
	LD_PRELOAD=$PRELOAD domctl create "$name" --kernel "/tests/guest/$image" --memory 16M \
		--wait "$@" 3>&- 4>&- &
fi
job=$!
if [ -n "$meanwhile" ]; then
	pid=
	while kill -0 $job 2> /dev/null && [ -z "$pid" ]; do
		pid=$(domctl -j show "$name" 2> /dev/null | tr ',{' '\n\n' | sed -n 's/.*"pid": *//p')
	done
	export pid name
	while kill -0 $job 2> /dev/null; do
		sh -c "$meanwhile" 3>&- 4>&-
	done
fi
wait $job
status=$?

ask after || exit 1
domctl destroy "$neighbour" || exit 1
rm -f "$to" "$from"
exit $status
