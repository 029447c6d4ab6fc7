#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# balloon.sh [N]: a Linux domain of 512 MiB goes on with 128, and has all of it back, N
# times (3), as KTAP: what it has written is there each time, and the host has the rest.
# shellcheck disable=SC2086,SC2154,SC2181,SC2317
set -u
. /tests/host/common.sh
# shellcheck disable=SC2034  # for guest() of common.sh
GUEST=g
rounds=${1:-3}

has() {
	[ "$(domctl -j show g | $JSON memory_actual)" = "$1" ]
}

resident() {
	awk '/^VmRSS:/ { print $2 }' /proc/$holder/status
}

below() {
	[ "$(resident)" -lt "$1" ]
}

# same STATUS PATTERN OPTION...: of domctl set g, refused, and the target stays
same() {
	status=$1 pattern=$2
	shift 2
	target=$(domctl -j show g | $JSON memory_target)
	domctl set g "$@" > $DIR/out 2> $DIR/err
	got=$?
	[ $got -eq "$status" ] && [ "$(wc -l < $DIR/err)" = 1 ] && grep -Eqx "$pattern" $DIR/err &&
		[ "$(domctl -j show g | $JSON memory_target)" = "$target" ] && return
	note "status $got: $(cat $DIR/err $DIR/out)"
	return 1
}

begin
domctl create g --kernel /boot/bzImage --initrd /boot/initrd.cpio --memory 128M \
	--max-memory 512M --vcpus 2 --log $DIR/log --append "console=hvc0 loglevel=5 norandmaps" > /dev/null
within 100 grep -q 'domus guest ready' $DIR/log
needed "a domain of 512 MiB that begins with 128"
holder=$(holder_of g)
within 100 has 134217728
needed "its balloon takes the rest"
domctl list | grep -q '^g .* 128M  *512M ' && domctl show g | grep -qx 'Memory: 128M' &&
	domctl show g | grep -qx 'Max memory: 512M'
result "list and show have both"
guest 'dd if=/dev/urandom of=/tmp/f bs=1M count=24 && md5sum /tmp/f > /tmp/s'
needed "it writes 24 MiB"
same 2 'Error: memory: 513M is more than the domain may have \(512M\)' --memory 513M
result "more than its maximum"
same 2 'Error: memory: 16M is less than the guest needs \([0-9.]+M of the 128M that it has\)' --memory 16M
result "less than it needs: refused, with the numbers"
domctl balloon g 16M > $DIR/out 2> $DIR/err
[ $? -eq 2 ] && grep -Eqx 'Error: size: 16M is less than the guest needs \([0-9.]+M of the 128M that it has\)' \
	$DIR/err && [ "$(domctl -j show g | $JSON memory_target)" = 134217728 ]
result "domctl balloon likewise"
same 2 'Error: memory: 4M is less than the guest needs \(.*\)' --memory 4M --weight 50 &&
	! domctl -j show g | $JSON weight > /dev/null 2>&1
result "and nothing else is changed"
round=0
while [ $round -lt $rounds ]; do
	round=$((round + 1))
	domctl set g --memory 512M && within 100 has 536870912 &&
		guest 'dd if=/dev/zero of=/tmp/z bs=1M count=100 && md5sum -c /tmp/s && rm /tmp/z'
	result "round $round: 512 MiB, of which it uses 100 more"
	full=$(resident)
	domctl set g --memory 128M && within 100 has 134217728 && guest 'md5sum -c /tmp/s'
	result "round $round: 128 MiB, and what it has written is as it was"
	within 20 below $((full - 71680))
	got=$?
	note "resident: $full KiB, then $(resident) KiB"
	[ $got -eq 0 ]
	result "round $round: the host has more than 70 MiB back"
	[ "$verdict" = ok ] || break
done
domctl destroy g && nothing_left
result "nothing is left"
finish
