# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh disable=SC2086,SC2034
#
# netlib.sh: what tests of network interfaces share; common.sh comes first. busybox
# prefers its own programs to those of the path: hence /bin/ip.
#
#   1. Linux domains with a shell that is told what to do
#   2. interfaces
#   3. sizes there and back
#   4. what an operation takes

IP=/bin/ip
PEER=/tests/linux/netpeer

# ---- 1. Domains ---------------------------------------------------------------

# guest_start NAME OPTION...: with a shell on its console
guest_start() {
	name=$1
	shift
	domctl create $name --kernel /boot/bzImage --initrd /boot/initrd.cpio --memory 128M \
		--append "console=hvc0 loglevel=5 norandmaps" --log $DIR/$name.log "$@" > /dev/null &&
		within 120 grep -q "^domus guest ready" $DIR/$name.log
}

steps=0

# guest_begins NAME COMMAND: does not wait for its end; $step names it. A holder that the
# load keeps from answering has not been told anything: it is asked again.
guest_begins() {
	steps=$((steps + 1))
	step=DONE-$steps
	for _ in 1 2 3; do
		printf '%s\recho %s-$?\r\035' "$2" $step |
			domctl console $1 > /dev/null 2> $DIR/begins && return
		note "$1: $(cat $DIR/begins)"
	done
	return 1
}

# The statuses that are told behind STEP, which its kernel may have put a message before, or
# behind; the command, which is shown as it was typed, has none.
statuses() {
	tr -d '\r' < $DIR/$1.log | sed -n "s/.*$2-\([0-9][0-9]*\).*/\1/p"
}

has_ended() {
	[ -n "$(statuses $1 $2)" ]
}

# guest_ended NAME STEP [SECONDS]: it has; the status is the command's
guest_ended() {
	if ! within ${3:-60} has_ended $1 $2; then
		note "$1: $2 does not end; $(tail -n 15 $DIR/$1.log)"
		return 1
	fi
	return "$(statuses $1 $2 | tail -n 1)"
}

# guest NAME COMMAND [SECONDS]: its status
guest() {
	guest_begins $1 "$2" && guest_ended $1 $step ${3:-}
}

# works NAME COMMAND [SECONDS]: as guest, and what it said if it fails
works() {
	guest "$@" && return
	note "$1: $(tail -n 12 $DIR/$1.log | tr -d '\r')"
	return 1
}

# reboots NAME COMMAND: what begins last is cut off by a reboot; the new one is there
reboots() {
	guest_begins $1 "$2; reboot -f" &&
		within 60 sh -c "[ \$(domctl -j show $1 | $JSON reboots) = 1 ]" &&
		within 120 sh -c "[ \$(grep -c '^domus guest ready' $DIR/$1.log) = 2 ]" && return
	note "$(domctl show $1 -s); $1: $(tail -n 15 $DIR/$1.log | tr -d '\r')"
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

# counter NAME WHAT: of the host's end of the domain's interface
counter() {
	ethtool -S $1-net0 | awk -v what="pair0_$2:" '$1 == what { print $2 }'
}

# ---- 3. Sizes -----------------------------------------------------------------

# offloads DOMAIN on|off: checksums, segments, scatter-gather, of both ends to send
offloads() {
	works $1 "netpeer offload eth0 $2" && ethtool -K $1-net0 tx $2 sg $2 tso $2 > /dev/null
}

# sweep DOMAIN|host WORDS: of netpeer sweep
sweep() {
	if [ $1 = host ]; then
		timeout 900 /tests/linux/netpeer sweep $2 > $DIR/out || { note "$(cat $DIR/out)" && false; }
	else
		works $1 "netpeer sweep $2" 900
	fi
}

# sweeps DOMAIN|host ADDRESS PORT STEP [WHAT]: from there, what comes back is compared. Where
# steps are small, each size up to a page's, in which all that is at the edge of a frame lies.
sweeps() {
	for protocol in tcp udp icmp; do
		end=65535
		[ $protocol = tcp ] || end=65507
		first=1
		[ $4 -gt 100 ] || { sweep $1 "$2 $3 $protocol 1 4096 1" && first=4097; } &&
			sweep $1 "$2 $3 $protocol $first $end $4"
		result "$protocol: sizes${5:-}"
	done
}

# sums_well DOMAIN...: no checksum was wrong, there and on the host
sums_well() {
	/tests/linux/netsums.sh > $DIR/out || { note "$(cat $DIR/out)" && return 1; }
	for name; do
		works $name netsums.sh || return
	done
}

# ---- 4. Operations --------------------------------------------------------------

# counts DOMAIN disk|net: full exits of its vCPU; doorbells, interrupts of its devices
counts() {
	domctl show $1 -js | $JSON vcpu.0.exits
	domctl -p $2 list $1 | awk '/"kicks":/ { kicks += $2 } /"signals":/ { signals += $2 }
		END { print kicks; print signals }'
}

# for_each N BEFORE AFTER: the difference of two counts, of N operations
for_each() {
	echo $2 $3 | awk -v n=$1 '{
		printf "%.2f full exits, %.2f doorbells, %.2f interrupts",
			($4 - $1) / n, ($5 - $2) / n, ($6 - $3) / n }'
}
