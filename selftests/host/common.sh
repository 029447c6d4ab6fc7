# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh disable=SC2086,SC2181
#
# common.sh: what tests in shell share: KTAP, waiting, what domains leave behind.
# The name of the script is the test's in tests.cfg.
#
#   1. results
#   2. events
#   3. domains
#   4. other users
#   5. CPU time
#   6. nothing is left

TEST=${0##*/}
TEST=${TEST%.sh}
DIR=/tmp/$TEST
JSON=/tests/host/json
number=0
failed=0

# ---- 1. Results ---------------------------------------------------------------

begin() {
	mkdir -p $DIR
	echo "KTAP version 1"
}

finish() {
	echo "1..$number"
	rm -rf $DIR
	exit $failed
}

# result NAME: the status before the call decides
result() {
	if [ $? -eq 0 ]; then verdict=ok; else verdict="not ok" failed=1; fi
	number=$((number + 1))
	if [ "$verdict" != ok ]; then
		echo "# rerun: selftests/rig/run-tests --only $TEST"
	fi
	echo "$verdict $number - $1"
	progress "$number"
}

# progress WORDS: into the machine's log, which has the time and outlives the machine. For
# tests that take long, where results are seen at the end only.
progress() {
	echo "domus-test: $TEST: $*" > /dev/kmsg
}

# needed NAME: as result; without it there is no point in the rest
needed() {
	result "$1"
	[ "$verdict" != ok ] || return 0
	for name in $(domctl list | awk 'NR > 1 { print $1 }'); do
		domctl destroy "$name"
	done
	finish
}

note() {
	printf '%s\n' "$*" | sed 's/^/# /'
}

# expect STATUS LINE COMMAND...: both exactly, and nothing else on stderr
expect() {
	status=$1 line=$2
	shift 2
	"$@" > $DIR/out 2> $DIR/err
	got=$?
	[ $got -eq "$status" ] && [ "$(cat $DIR/err)" = "$line" ] && return
	note "status $got, expected $status; stderr and stdout:"
	note "$(cat $DIR/err $DIR/out)"
	return 1
}

# refuse STATUS LINE COMMAND...
refuse() {
	expect "$@" && nothing_left
	result "$2"
}

# ---- 2. Events ----------------------------------------------------------------

# within SECONDS COMMAND...: true once the command is, or false after that time
within() {
	tries=$(($1 * 10 * ${SLOW:-1}))
	shift
	until "$@"; do
		tries=$((tries - 1))
		[ $tries -gt 0 ] || return 1
		sleep 0.1
	done
}

soon() {
	within 10 "$@"
}

# above NUMBER COMMAND...: it prints more than that
above() {
	least=$1
	shift
	[ "$("$@")" -gt "$least" ]
}

# moves BY COMMAND...: the number that it prints grows, soon, by more than that
moves() {
	by=$1
	shift
	soon above $(($("$@") + by)) "$@"
}

# ---- 3. Domains ---------------------------------------------------------------

state() {
	domctl show "$1" 2> /dev/null | sed -n 's/^State: //p'
}

is_state() {
	[ "$(state "$1")" = "$2" ]
}

is_gone() {
	[ -z "$(state "$1")" ]
}

holder_of() {
	domctl show "$1" -j | $JSON pid
}

# guest COMMAND: run in the Linux domain $GUEST, whose shell is on the early console. The
# console shows its history first: each command ends with a word of its own.
commands=0
guest() {
	commands=$((commands + 1))
	/tests/host/pty raw '?# ' "=$1; echo s\$?t$commands.\\r" "?s0t$commands." '?# ' '=\035' \
		end -- domctl console $GUEST > $DIR/out 2>&1 && return
	note "$(tr -d '\r' < $DIR/out | tail -n 20)"
	return 1
}

# behind COMMAND: the same, and it goes on in the guest
behind() {
	guest "$1 > /dev/null 2>&1 & true"
}

# ---- 4. Other users -----------------------------------------------------------

# A user of group domus, "member", who may use the device; "nobody" may not.
make_member() {
	grep -q ^member: /etc/passwd || {
		echo "member:x:1000:1000::/:/bin/sh" >> /etc/passwd
		sed -i 's/^domus:.*:/&member/' /etc/group
	}
	chown root:domus /dev/domus
	chmod 660 /dev/domus
	chmod 1777 /tmp
	chmod 755 $DIR
}

# as USER COMMAND...: words without blanks
as() {
	user=$1
	shift
	su "$user" -c "$*"
}

# ---- 5. CPU time --------------------------------------------------------------

# CPU time of the first three domains at one moment, in ms, in the order in which they were made
cpu_times() {
	domctl -j list > $DIR/list
	for i in 0 1 2; do
		ns=$($JSON $i.runtime_ns < $DIR/list 2> /dev/null) && echo $((ns / 1000000))
	done
}

# measure MS: how much each has had when all have had MS more, into $shares, and $all
measure() {
	before=$(cpu_times | tr "\n" " ")
	all=0
	while [ $all -lt $1 ]; do
		sleep 0.2
		shares=$(cpu_times | awk -v before="$before" \
			'BEGIN { split(before, b) } { printf "%d ", $1 - b[NR] }')
		all=$(echo $shares | awk '{ print $1 + $2 + $3 }')
	done
}

# ---- 6. Nothing is left -------------------------------------------------------

# shellcheck disable=SC2009  # there is no pgrep here
holders() {
	ps -o comm | grep '^domus:'
}

clean() {
	[ "$(domctl list -j)" = "[]" ] && ! holders > /dev/null &&
		[ -z "$(ls /run/domus 2> /dev/null)" ] &&
		[ "$(cat /sys/module/domus/refcnt)" = 0 ]
}

nothing_left() {
	soon clean && return
	note "left behind: $(domctl list -j) $(holders) $(ls -A /run/domus)" \
	     "refs $(cat /sys/module/domus/refcnt)"
	return 1
}

# Kilobytes of slab and of tables that do not go away by themselves, after a rest.
slab() {
	echo 3 > /proc/sys/vm/drop_caches
	awk '/^SUnreclaim|^PageTables|^KernelStack|^Percpu/ { sum += $2 } END { print sum }' \
		/proc/meminfo
}

# slab_left BEFORE: it is as it was, but for what others of the host take
slab_left() {
	after=$(slab)
	note "not to be reclaimed: $1 kB before, $after kB after"
	# with KASAN nothing is free for a while; what is lost there kmemleak finds
	[ -e /sys/kernel/debug/kmemleak ] || [ $((after - $1)) -lt 2048 ]
}
