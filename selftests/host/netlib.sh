# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh disable=SC2086,SC2034
#
# netlib.sh: what tests of network interfaces share; common.sh comes first. busybox
# prefers its own programs to those of the path: hence /bin/ip.
#
#   1. Linux domains with a shell that is told what to do
#   2. interfaces

IP=/bin/ip
PEER=/tests/linux/netpeer

# ---- 1. Domains ---------------------------------------------------------------

# guest_start NAME OPTION...: with a shell on its console
guest_start() {
	name=$1
	shift
	domctl create $name --kernel /boot/bzImage --initrd /boot/initrd.cpio --memory 128M \
		--append "console=hvc0 loglevel=5" --log $DIR/$name.log "$@" > /dev/null &&
		within 120 grep -q "^domus guest ready" $DIR/$name.log
}

said() {
	tr -d '\r' < $DIR/$1.log | grep -q "^$2"
}

steps=0

# guest_begins NAME COMMAND: does not wait for its end; $step names it
guest_begins() {
	steps=$((steps + 1))
	step=DONE-$steps
	printf '%s\recho %s-$?\r\035' "$2" $step | domctl console $1 > /dev/null 2>&1
}

# guest_ended NAME STEP [SECONDS]: it has; the status is the command's
guest_ended() {
	if ! within ${3:-60} said $1 "$2-[0-9]"; then
		note "$1: $2 does not end; $(tail -n 15 $DIR/$1.log)"
		return 1
	fi
	return "$(tr -d '\r' < $DIR/$1.log | sed -n "s/^$2-\([0-9]*\)$/\1/p")"
}

# guest NAME COMMAND [SECONDS]: its status
guest() {
	guest_begins $1 "$2"
	guest_ended $1 $step ${3:-}
}

# works NAME COMMAND [SECONDS]: as guest, and what it said if it fails
works() {
	guest "$@" && return
	note "$1: $(tail -n 12 $DIR/$1.log | tr -d '\r')"
	return 1
}

# The guests' kernels have not complained.
guests_well() {
	for log in $DIR/*.log; do
		! grep -E 'WARNING: CPU|BUG: |Oops|Call Trace|INFO: task|INFO: rcu' $log || return 1
	done
}

# ---- 2. Interfaces ------------------------------------------------------------

# nic DOMAIN NAME MEMBER: of net list
nic() {
	domctl -p net list $1 | awk -v name="\"$2\"," -v key="\"$3\":" '
		$1 == "\"name\":" { found = ($2 == name) }
		found && $1 == key { sub(/,$/, "", $2); print $2; exit }' | tr -d '"'
}

# nic_is DOMAIN NAME MEMBER VALUE
nic_is() {
	[ "$(nic $1 $2 $3)" = "$4" ]
}

no_tables() {
	[ -z "$(nft list tables)" ]
}

# No device of a domain, no table is left on the host.
net_left() {
	nothing_left && no_tables && ! grep -E '^ *(one|two|flood|three)-' /proc/net/dev
}
