# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh
#
# talk.sh, sourced by what a host runs: a guest whose /init is "rows" (rows/rows.c), and
# its questions. The script has
#
#   hear ask|told NAME [OPERATIONS]	may print lines of "bench: "; the answer follows it
ROWS=/tests/bench/rows

# One huge page of zeroes, which all of a host share, is no guest's.
zero=/sys/kernel/mm/transparent_hugepage/use_zero_page
[ ! -e $zero ] || echo 0 > $zero

# talk COMMAND...: what it says is printed. Return: its status
talk() {
	rm -f /tmp/talk.in /tmp/talk.out
	mkfifo /tmp/talk.in /tmp/talk.out || return 1
	exec 7<> /tmp/talk.in 8<> /tmp/talk.out
	{
		"$@" < /tmp/talk.in > /tmp/talk.out 2>&1 7>&- 8>&-
		echo "the end $?" >&8
	} &
	while read -r line <&8; do
		case $line in
		"the end "*) break ;;
		"ask "* | "told "*)
			# shellcheck disable=SC2086
			hear $line
			echo >&7 ;;
		*) echo "$line" ;;
		esac
	done
	wait
	exec 7>&- 8>&-
	return "${line#the end }"
}

# say NAME [TICKS]: an event's time
say() {
	echo "bench: $1 ${2:-$($ROWS clock)}"
}

# Free memory in kB, with what CPUs keep of it for themselves, and what is kept only
# because there is room.
free_memory() {
	sync
	echo 3 > /proc/sys/vm/drop_caches
	awk '/^MemFree:/ { n += $2 } $1 == "count:" { n += $2 * 4 } END { print n }' \
		/proc/meminfo /proc/zoneinfo
}

# resident PID: of the 256 MiB that the process has for a guest, in kB
resident() {
	awk '/^Size:/ { size = $2 } /^Rss:/ && size == 262144 { sum += $2 } END { print sum + 0 }' \
		"/proc/$1/smaps"
}
