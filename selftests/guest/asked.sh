# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh
#
# asked.sh, sourced: the guest asks on its console, and is answered there. The script has
#
#   answer LINE	prints the answer to a question, a line
#
# What runs beside such a script must not be its child, "(program &)": when a child ends
# while busybox's "read" waits for the rest of a line, it forgets the part that it has.

asked=/tmp/asked
IP=/bin/ip	# iproute2's: busybox prefers its own
preload=	# a library for domctl

# asked_by WORDS NAME OPTION...: runs a domain with these; what it says is printed, but for
# questions, which begin with one of WORDS. Return: the status of domctl, whose line of
# error comes last.
asked_by() {
	questions=" $1 "
	shift
	rm -f $asked.in $asked.out
	mkfifo $asked.in $asked.out || return 1
	exec 7<> $asked.in 8<> $asked.out
	{
		${preload:+env LD_PRELOAD=$preload} domctl create "$@" --console \
			< $asked.in > $asked.out 2> $asked.err 5>&- 6>&- 7>&- 8>&-
		status=$?
		echo "the end" >&8
		exit $status
	} &
	job=$!
	while read -r line <&8 && [ "$line" != "the end" ]; do
		# shellcheck disable=SC2086
		case $questions in
		*" ${line%% *} "*) answer $line >&7 ;;
		*) echo "$line" ;;
		esac
	done
	wait $job
	status=$?
	exec 7>&- 8>&-
	cat $asked.err
	rm -f $asked.in $asked.out $asked.err $asked.pid
	return $status
}

# because KIND NAME DOMAIN: why domctl says that the device is broken
because() {
	domctl show "$3" | awk -v kind="$1:" -v name="$2" '
		/^[A-Z]/ { mine = $1 == kind && $2 == name }
		mine && sub(/^  Because: /, "") { print; exit }'
}

# link_up DEVICE NETWORK MAC: the host is .1 there, the guest .2; there are no frames but
# those that are asked for.
link_up() {
	echo 1 > "/proc/sys/net/ipv6/conf/$1/disable_ipv6"
	$IP link set "$1" up && $IP addr replace "$2.1/24" dev "$1" &&
		$IP neigh replace "$2.2" lladdr "$3" dev "$1" nud permanent
}

# flood N BYTES: so many pings of 10.9.8.2, in place of those that are still to come
flood() {
	[ ! -e $asked.pid ] || kill "$(cat $asked.pid)" 2> /dev/null
	rm -f $asked.pid
	[ "$1" = 0 ] || (
		ping -c "$1" -i 0.01 -W 1 -s "$2" 10.9.8.2 > /dev/null 2>&1 7>&- 8>&- &
		echo $! > $asked.pid
	)
}
